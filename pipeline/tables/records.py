"""Job: metrics.json files and a paper's reported numbers → one table as LaTeX, CSV and an HTML preview."""

from pipeline.files import csv_text
from pipeline.printing import html, latex
from pipeline.printing.document import Document
from pipeline.tables import comparison, crossdevice
from pipeline.tables.scores import Reported, Scores, Value
from pipeline.tables.settings import Method, Metric, Pair, TableSettings

WHERE = ["table", "setting", "pair", "source", "target", "method", "seed", "metric"]
WHAT = ["value", "low", "high", "images", "origin", "reported", "difference", "verdict"]


def document_of(scores: Scores, reported: Reported | None) -> Document:
    """The table as data, by its kind."""
    if scores.settings.kind == "crossdevice":
        return crossdevice.document(scores)
    return comparison.document(scores, reported)


def forms(document: Document, rows: list[dict]) -> dict[str, str]:
    """Suffix -> text of everything that is printed."""
    return {"tex": latex.render(document), "csv": as_csv(rows), "html": html.render(document)}


def records(scores: Scores, reported: Reported | None) -> list[dict]:
    """One record per number, unrounded: every run, mean and std over seeds, gains (method `a - b`)."""
    settings, rows = scores.settings, []
    for setting in settings.settings:
        for pair in settings.pairs:
            for method in (method for method in settings.methods if setting in method.settings):
                for metric in settings.metrics:
                    rows += _cell(scores, reported, method, setting, pair, metric)
            for metric in settings.metrics if settings.gain else ():
                rows += _gain(scores, reported, setting, pair, metric.name)
    return rows


def _cell(
    scores: Scores, reported: Reported | None, method: Method, setting: str, pair: Pair, metric: Metric
) -> list[dict]:
    settings, name = scores.settings, metric.name
    printed = reported.value(method.name, setting, pair, name) if reported else None
    base = _base(settings, setting, pair, method.name, name, printed)
    if not method.run:
        return [] if printed is None else [{**base, "origin": reported.path, "verdict": "no run"}]
    if scores.absent(method, setting, pair):
        return [] if printed is None else [{**base, "origin": reported.path, "verdict": "no data"}]
    value = scores.value(method, setting, pair, name)
    if value is None:
        return []
    rows = []
    for seed in scores.seeds(method):
        file = scores.file(method.name, setting, pair, seed)
        origin = scores.paths[method.name, setting, pair.source, pair.target, seed]
        low, high = scores.interval(origin, name)
        numbers = {"value": file["mean"][name], "low": low, "high": high, "images": len(file["images"])}
        rows.append({**base, "seed": seed, **numbers, "origin": origin})
    over_seeds = _over_seeds(base, rows, value)
    if printed is not None and not settings.simulated:
        judged = {
            "difference": value.mean - printed,
            "verdict": comparison.verdict(scores, value.mean, printed, metric),
        }
        (over_seeds or rows)[0].update(judged)
    return rows + over_seeds


def _gain(scores: Scores, reported: Reported | None, setting: str, pair: Pair, metric: str) -> list[dict]:
    gain = scores.settings.gain
    printed = reported.gain(gain, setting, pair, metric) if reported else None
    base = _base(scores.settings, setting, pair, f"{gain.method} - {gain.over}", metric, printed)
    rows = []
    for seed, value in (scores.gains(setting, pair, metric) or {}).items():
        over = scores.method(gain.over)
        over_seed = seed if over.trained else scores.seeds(over)[0]
        cells = ((gain.method, seed), (gain.over, over_seed))
        origins = [scores.paths[name, setting, pair.source, pair.target, number] for name, number in cells]
        images = len(scores.file(gain.method, setting, pair, seed)["images"])
        numbers = {"value": value.mean, "low": value.low, "high": value.high, "images": images}
        rows.append({**base, "seed": seed, **numbers, "origin": ";".join(origins)})
    return rows + (_over_seeds(base, rows, scores.gain(setting, pair, metric)) if rows else [])


def _base(settings: TableSettings, setting: str, pair: Pair, method: str, metric: str, printed: float | None) -> dict:
    place = {
        "table": settings.name,
        "setting": setting,
        "pair": pair.label,
        "source": pair.source,
        "target": pair.target,
    }
    return {**place, "method": method, "metric": metric, "reported": printed}


def _over_seeds(base: dict, runs: list[dict], value: Value) -> list[dict]:
    """Rows `mean` and `std` of a number from several seeds, else none."""
    if value.std is None:
        return []
    shared = {**base, "images": runs[0]["images"], "origin": ";".join(row["origin"] for row in runs)}
    return [{**shared, "seed": "mean", "value": value.mean}, {**shared, "seed": "std", "value": value.std}]


def as_csv(rows: list[dict]) -> str:
    """Long form with a fixed header; numbers with all their digits, absent ones empty."""
    texts = ({name: repr(value) if isinstance(value, float) else value for name, value in row.items()} for row in rows)
    return csv_text([*WHERE, *WHAT], texts)
