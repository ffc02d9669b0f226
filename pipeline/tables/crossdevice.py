"""The cross-device table (Xu et al., CVPR 2022, Figure 3): a model of each camera tested on each camera."""

from pipeline.errors import UserError
from pipeline.printing.document import Document, Panel, Row, Section, fixed, ranked
from pipeline.tables import notes as table_notes
from pipeline.tables.comparison import ARROW, cell, shown
from pipeline.tables.scores import Scores, Value
from pipeline.tables.settings import Camera, Method, Metric, Pair


def document(scores: Scores) -> Document:
    """One panel per metric; bold: best model of a column, underlined: best test camera of a row."""
    settings = scores.settings
    if len(settings.settings) != 1:
        raise UserError(f"table {settings.name}: a crossdevice table shows one setting, not {list(settings.settings)}.")
    metrics = shown(scores, None)
    panels = tuple(_panel(scores, metric) for metric in metrics)
    notes = [_finding(scores, metric) for metric in metrics]
    if settings.simulated:
        notes.insert(0, "Simulated cameras: every number of this table was measured on simulated cameras.")
    notes.append("Bold: best model for a test camera (column); underlined: best test camera of a model (row).")
    notes += [table_notes.trust(scores), *table_notes.protocols(scores, metrics)]
    return Document(
        settings.name, settings.title, settings.caption, settings.simulated, panels, (*notes, *settings.notes)
    )


def _panel(scores: Scores, metric: Metric) -> Panel:
    settings = scores.settings
    trained = [method for method in settings.methods if method.trained]
    lines: list[tuple[str, Method, Camera]] = []
    for method in settings.methods:
        for camera in settings.cameras if method.trained else settings.cameras[:1]:
            name = camera.label if len(trained) == 1 else f"{method.label}, {camera.label}"
            lines.append((name if method.trained else method.label, method, camera))
    values = [
        [_value(scores, method, camera, tested, metric) for tested in settings.cameras] for _, method, camera in lines
    ]
    columns = [
        [mark[0] for mark in ranked([value and value.mean for value in column], metric.digits, metric.better)]
        for column in zip(*values, strict=True)
    ]
    rows, previous = [], None
    for index, ((label, method, _), row) in enumerate(zip(lines, values, strict=True)):
        best_in_row = ranked([value and value.mean for value in row], metric.digits, metric.better)
        cells = tuple(
            cell(value, column[index], best, metric.digits, inline=True)
            for value, column, (best, _) in zip(row, columns, best_in_row, strict=True)
        )
        rows.append(Row((label,), cells, gap=previous not in (None, method)))
        previous = method
    unit = f" ({metric.unit})" if metric.unit else ""
    return Panel(
        heading="",
        labels=("Model trained on",),
        groups=((f"{metric.label}{unit} {ARROW[metric.better]} on test images of", len(settings.cameras)),),
        columns=tuple(camera.label for camera in settings.cameras),
        sections=(Section("", tuple(rows)),),
    )


def _value(scores: Scores, method: Method, trained: Camera, tested: Camera, metric: Metric) -> Value | None:
    """Value of a cell, None if a camera that it needs is not available."""
    setting, pair = scores.settings.settings[0], Pair(trained.name, tested.name, "")
    value = scores.value(method, setting, pair, metric.name)
    if value is None and not scores.absent(method, setting, pair):
        raise UserError(f"table {scores.settings.name}: {metric.name} was measured on some test cameras only.")
    return value


def _finding(scores: Scores, metric: Metric) -> str:
    """Sentence on the gap between cameras: how often a camera's own model is the best on its images."""
    method = next(method for method in scores.settings.methods if method.trained)
    cameras = [camera for camera in scores.settings.cameras if _value(scores, method, camera, camera, metric)]
    wins, losses = 0, []
    for tested in cameras:
        values = {c.name: _value(scores, method, c, tested, metric).mean for c in cameras}
        own_score = values.pop(tested.name)
        sign = 1 if metric.better == "higher" else -1
        wins += all(sign * (own_score - other) > 0 for other in values.values())
        losses += [sign * (own_score - other) for other in values.values()]
    unit = f" {metric.unit}" if metric.unit else ""
    low, high = (fixed(value, metric.digits) for value in (min(losses), max(losses)))
    return (
        f"The camera’s own model is the best on {wins} of {len(cameras)} cameras ({metric.label}); "
        f"another camera’s model costs {low} to {high}{unit}."
    )
