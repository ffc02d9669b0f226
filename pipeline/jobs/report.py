"""Job: one self-contained page with a table, what it means, pictures of every pair and the curves of every run.

inputs: table_html, csv, samples, metrics, test_lr, test_hr, history (the last five several), crossdevice_html (optional)
· output: html. Settings: `pipeline.reports.settings.ReportSettings`.
"""

import json
from html import escape
from pathlib import Path

from pipeline.errors import UserError
from pipeline.figures import plots
from pipeline.files import read_csv, write_text
from pipeline.images.pictures import embedded
from pipeline.printing import html as tables_html
from pipeline.printing.document import signed
from pipeline.provenance import job
from pipeline.reports import strips
from pipeline.reports.settings import ReportSettings
from pipeline.settings import build


def work(task: job.Job) -> dict:
    """Write the page. UserError names the picture, run or input that is missing."""
    settings = build(ReportSettings, task.settings)
    found = gains(settings, read_csv(task.input("csv")))
    body = [
        f"<h1>{escape(settings.title)}{tables_html.badge(settings.simulated)}</h1>",
        *(f'<p class="lead">{escape(headline(settings, setting, points))}</p>' for setting, points in found.items()),
        _gain_figure(settings, found),
        f"<h2>Table{tables_html.badge(settings.simulated)}</h2>",
        tables_html.between(task.input("table_html").read_text(encoding="utf-8")),
        f"<h2>Pictures{tables_html.badge(settings.simulated)}</h2>",
        strips.section(settings, task),
    ]
    if "crossdevice_html" in task.inputs:
        table = tables_html.between(task.input("crossdevice_html").read_text(encoding="utf-8"))
        body += [f"<h2>Every model on every camera{tables_html.badge(settings.simulated)}</h2>", table]
    body += ["<h2>Training curves</h2>", *_curves(settings, task)]
    body.append(_footer(settings))
    write_text(task.outputs["html"], tables_html.page(settings.title, "\n".join(body), strips.STYLE))
    return {"megabytes": round(task.outputs["html"].stat().st_size / 1e6, 2)}


def gains(settings: ReportSettings, rows: list[dict]) -> dict[str, list[plots.GainPoint]]:
    """Setting → the gain of every pair as the table's CSV says it (over seeds: their mean)."""
    name = f"{settings.gain.method} - {settings.gain.over}"
    found = {}
    for setting in settings.settings:
        points = []
        for pair in settings.pairs:
            place = {"setting": setting, "source": pair.source, "target": pair.target, "method": name}
            place["metric"] = settings.metric.name
            fitting = [row for row in rows if all(row[key] == value for key, value in place.items())]
            over_seeds = [row for row in fitting if row["seed"] == "mean"] or fitting
            if len(over_seeds) != 1:
                raise UserError(
                    f"report of {settings.table}: the table's CSV has no one gain for {place}. Make it again."
                )
            numbers = [
                float(over_seeds[0][key]) if over_seeds[0][key] else None
                for key in ("value", "low", "high", "reported")
            ]
            points.append(plots.GainPoint(pair.label, *numbers))
        found[setting] = points
    return found


def headline(settings: ReportSettings, setting: str, points: list[plots.GainPoint]) -> str:
    """The result in one sentence, losses included."""
    labels = {column.name: column.label for column in settings.methods}
    ours, over = (labels.get(name, name) for name in (settings.gain.method, settings.gain.over))
    sign, metric = (1 if settings.metric.better == "higher" else -1), settings.metric
    better = sum(sign * point.value > 0 for point in points)
    sure = sum(p.low is not None and min(sign * p.low, sign * p.high) > 0 for p in points)
    parts = [f"{point.label} {signed(point.value, metric.digits)}" for point in points]
    where = " of simulated cameras" if settings.simulated else ""
    certain = f", on {sure} with a {settings.level * 100:g} % interval beyond zero" if points[0].low is not None else ""
    unit = f" {metric.unit}" if metric.unit else ""
    return (
        f"{settings.setting_labels[setting]}: {ours} is better than {over} on {better} of {len(points)} pairs{where}"
        f"{certain}. {metric.label} gain in{unit or ' its own unit'}: {', '.join(parts)}."
    )


def _gain_figure(settings: ReportSettings, found: dict[str, list[plots.GainPoint]]) -> str:
    groups = {settings.setting_labels[setting]: points for setting, points in found.items()}
    several = next(iter(found.values()))[0].low is None
    ours = "ours, mean over seeds" if several else f"ours, {settings.level * 100:g} % interval over test images"
    ours += " (simulated cameras)" if settings.simulated else ""
    axis = f"{settings.metric.label} gain" + (f" ({settings.metric.unit})" if settings.metric.unit else "")
    drawn = plots.gains(groups, axis, ours, "reported in the paper, on its own cameras")
    return _figure(drawn, "Gain per camera pair, measured and reported.")


def _curves(settings: ReportSettings, task: job.Job) -> list[str]:
    stages: dict[str, dict[str, list[dict]]] = {}
    for history in settings.histories:
        stages.setdefault(history.stage, {})[history.label] = _history(task.file("history", history.path))
    parts = []
    for stage, runs in stages.items():
        parts.append(f"<h3>{escape(stage)}</h3>")
        terms = {key for lines in runs.values() for line in lines for key in line} - {"step"}
        width = plots.curves_width(len(terms))
        parts.append(_figure(plots.curves(runs), f"Loss terms of {stage} over training steps.", width))
    return parts


def _figure(content: bytes, alternative: str, width: float = 1.0) -> str:
    source = embedded(content, "image/svg+xml")
    image = f'<img class="plot" style="width: {width:.0%}" src="{source}" alt="{escape(alternative)}">'
    return f"<figure>{image}</figure>"


def _history(path: str) -> list[dict]:
    try:
        lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: a line is not JSON ({error}). Delete it and train again.") from error
    if not lines or any("step" not in line for line in lines):
        raise UserError(f"{path}: no steps in it; a history has one JSON object with `step` per line. Train again.")
    return lines


def _footer(settings: ReportSettings) -> str:
    notes = "".join(f"<li>{escape(note)}</li>\n" for note in settings.notes)
    credits = "".join(f"<li>{escape(credit)}</li>\n" for credit in settings.credits)
    text = f'<h3>Notes</h3>\n<ul class="notes">\n{notes}</ul>\n' if notes else ""
    text += f'<h3>Photographs</h3>\n<ul class="notes">\n{credits}</ul>\n' if credits else ""
    return f"<footer>\n{text}</footer>" if text else ""


if __name__ == "__main__":
    job.run(work)
