"""Panels of the methods' comparison: scores of three pairs side by side, and the gain of one method over another."""

from dataclasses import replace

from pipeline.errors import UserError
from pipeline.printing.document import DASH, Cell, Document, Origin, Panel, Row, Section, fixed, ranked, signed
from pipeline.tables import notes as table_notes
from pipeline.tables.scores import Reported, Scores, Value
from pipeline.tables.settings import Gain, Method, Metric, Pair

ARROW = {"higher": "↑", "lower": "↓"}
PAIRS_ABREAST = 3
# With more columns there is no room for a deviation beside each value, so it gets its own line.
INLINE_DEVIATIONS = 6

Marked = list[tuple[Value | None, bool, bool]]


def document(scores: Scores, reported: Reported | None) -> Document:
    """The whole comparison. A simulated edition is compared with a paper by its gains alone, never by its levels."""
    settings = scores.settings
    beside = None if settings.simulated else reported
    metrics = shown(scores, beside)
    pairs = settings.pairs
    halves = [pairs[start : start + PAIRS_ABREAST] for start in range(0, len(pairs), PAIRS_ABREAST)]
    panels = [_score_panel(scores, half, metrics, beside) for half in halves]
    if settings.gain:
        panels.append(_gain_panel(scores, metrics, reported))
    notes = table_notes.comparison(scores, metrics, beside, reported)
    return Document(settings.name, settings.title, settings.caption, settings.simulated, tuple(panels), notes)


def shown(scores: Scores, beside: Reported | None) -> list[Metric]:
    """Metrics that have a column: measured at least once, or reported beside ours."""
    return [m for m in scores.settings.metrics if beside or len(scores.missing(m.name)) < len(scores.files)]


def _score_panel(scores: Scores, pairs: tuple[Pair, ...], metrics: list[Metric], beside: Reported | None) -> Panel:
    columns = [(pair, metric) for pair in pairs for metric in metrics]
    apart = len(scores.settings.seeds) > 1 and len(columns) > INLINE_DEVIATIONS
    sections = []
    for setting in scores.settings.settings:
        methods = [method for method in scores.settings.methods if setting in method.settings]
        ours = {method.name: [_ours(scores, method, setting, *place) for place in columns] for method in methods}
        printed = {method.name: [_printed(beside, method, setting, *place) for place in columns] for method in methods}
        blocks = [
            _block(scores, method, columns, rows, apart=apart, kinds=bool(beside) or apart)
            for method, rows in zip(methods, _marked(methods, columns, ours, printed), strict=True)
        ]
        sections.append(Section(scores.settings.setting_labels[setting], _set_off(methods, blocks)))
    return Panel(
        heading="",
        labels=("Method", "") if beside or apart else ("Method",),
        groups=tuple((pair.label, len(metrics)) for pair in pairs),
        columns=tuple(f"{metric.label} {ARROW[metric.better]}" for _, metric in columns),
        sections=tuple(sections),
    )


def _ours(scores: Scores, method: Method, setting: str, pair: Pair, metric: Metric) -> Value | None:
    return scores.value(method, setting, pair, metric.name) if method.run else None


def _printed(beside: Reported | None, method: Method, setting: str, pair: Pair, metric: Metric) -> Value | None:
    number = beside.value(method.name, setting, pair, metric.name) if beside else None
    if number is None:
        return None
    return Value(number, beside.origin("printed in the paper", [method.name], setting, pair, metric.name))


def _marked(methods: list[Method], columns: list, *sources: dict[str, list[Value | None]]) -> list[list[Marked]]:
    """Per method one row per source (ours, reported) of (value, best, second best among the ranked of its source)."""
    rows: dict[str, list[Marked]] = {method.name: [[] for _ in sources] for method in methods}
    for number, values in enumerate(sources):
        for index, (_, metric) in enumerate(columns):
            column = [values[method.name][index] for method in methods]
            means = [value.mean if value and m.ranked else None for value, m in zip(column, methods, strict=True)]
            for method, value, mark in zip(methods, column, ranked(means, metric.digits, metric.better), strict=True):
                rows[method.name][number].append((value, *mark))
    return list(rows.values())


def _block(scores: Scores, method: Method, columns: list, rows: list[Marked], *, apart: bool, kinds: bool) -> list[Row]:
    """Lines of one method, as far as available: reported, ours, deviation over seeds, difference with verdict."""
    ours, printed = rows
    digits = [metric.digits for _, metric in columns]
    lines: list[tuple[str, tuple[Cell, ...]]] = []
    if any(value for value, _, _ in printed):
        kind = "reported" if method.run else "reported†"
        lines.append((kind, tuple(cell(*mark, n, inline=False) for mark, n in zip(printed, digits, strict=True))))
    if method.run:
        lines.append(("ours", tuple(cell(*mark, n, inline=not apart) for mark, n in zip(ours, digits, strict=True))))
        if apart and method.trained:
            lines.append(("over seeds", tuple(_deviation(v, n) for (v, _, _), n in zip(ours, digits, strict=True))))
        if len(lines) > 1 and lines[0][0] == "reported":
            pairs = zip(ours, printed, columns, strict=True)
            lines.append(("difference", tuple(_difference(scores, a[0], b[0], metric) for a, b, (_, metric) in pairs)))
    labels = [method.label] + [""] * len(lines)
    return [
        Row((label, kind) if kinds else (label,), cells, quiet=kind.startswith(("reported", "over")))
        for label, (kind, cells) in zip(labels, lines, strict=False)
    ]


def _set_off(methods: list[Method], blocks: list[list[Row]]) -> tuple[Row, ...]:
    """All rows; a gap before every block of several lines and wherever ranked rows meet others."""
    rows: list[Row] = []
    for index, (method, block) in enumerate(zip(methods, blocks, strict=True)):
        change = index and (methods[index - 1].ranked != method.ranked or len(block) > 1 or len(blocks[index - 1]) > 1)
        rows += [replace(row, gap=bool(change) and number == 0) for number, row in enumerate(block)]
    return tuple(rows)


def cell(value: Value | None, best: bool, second: bool, digits: int, *, inline: bool) -> Cell:
    """A mean, with its deviation beside it where `inline`; a dash for None."""
    if value is None:
        return Cell(DASH)
    small = f"±{value.std:.{digits}f}" if inline and value.std is not None else ""
    return Cell(fixed(value.mean, digits), small, best, second, value.origin)


def _deviation(value: Value | None, digits: int) -> Cell:
    return Cell(DASH) if value is None else Cell(f"±{value.std:.{digits}f}", origin=value.origin)


def _difference(scores: Scores, ours: Value | None, printed: Value | None, metric: Metric) -> Cell:
    if ours is None or printed is None:
        return Cell(DASH)
    near = verdict(scores, ours.mean, printed.mean, metric) == "reproduced"
    origin = Origin("ours less the printed number", ours.origin.fields + printed.origin.fields)
    return Cell(signed(ours.mean - printed.mean, metric.digits), "✓" if near else "×", origin=origin)


def verdict(scores: Scores, ours: float, reported: float, metric: Metric) -> str:
    """`reproduced` when the printed difference is within the table's stated tolerance, else `not reproduced`."""
    if metric.name not in scores.settings.tolerance:
        raise UserError(
            f"table {scores.settings.name}: tolerance of {metric.name} is missing. Add it to the table in params.yaml."
        )
    near = abs(round(ours - reported, metric.digits)) <= scores.settings.tolerance[metric.name] + 1e-9
    return "reproduced" if near else "not reproduced"


def _gain_panel(scores: Scores, metrics: list[Metric], reported: Reported | None) -> Panel:
    settings = scores.settings
    several = len(scores.seeds(scores.method(settings.gain.method))) > 1
    spread = "± over seeds" if several else f"{settings.bootstrap.level * 100:g} % interval"
    sections = []
    for setting in settings.settings:
        rows = []
        for pair in settings.pairs:
            cells = []
            for metric in metrics:
                cells += _gain_cells(scores.gain(setting, pair, metric.name), metric.digits)
                if reported:
                    cells.append(_reported_gain(reported, settings.gain, setting, pair, metric))
            rows.append(Row((pair.label,), tuple(cells)))
        sections.append(Section(settings.setting_labels[setting], tuple(rows)))
    columns = ("ours", spread, *(["reported"] if reported else []))
    units = [f"{metric.label} ({metric.unit})" if metric.unit else metric.label for metric in metrics]
    beside = f": ours on simulated cameras, reported on {reported.content['dataset_label']}" if reported else ""
    names = [scores.method(name).label for name in (settings.gain.method, settings.gain.over)]
    return Panel(
        heading=f"Gain of {names[0]} over {names[1]}" + (beside if settings.simulated and reported else ""),
        labels=("Source → target",),
        groups=tuple((f"{unit} {ARROW[m.better]}", len(columns)) for unit, m in zip(units, metrics, strict=True)),
        columns=columns * len(metrics),
        sections=tuple(sections),
    )


def _gain_cells(value: Value | None, digits: int) -> list[Cell]:
    if value is None:
        return [Cell(DASH), Cell(DASH)]
    mean = Cell(signed(value.mean, digits), origin=value.origin)
    if value.std is not None:
        return [mean, _deviation(value, digits)]
    interval = Origin(f"bootstrap interval of the {value.origin.how}", value.origin.fields)
    return [mean, Cell(f"[{signed(value.low, digits)}, {signed(value.high, digits)}]", origin=interval)]


def _reported_gain(reported: Reported, gain: Gain, setting: str, pair: Pair, metric: Metric) -> Cell:
    printed = reported.gain(gain, setting, pair, metric.name)
    if printed is None:
        return Cell(DASH)
    origin = reported.origin("difference of two printed numbers", (gain.method, gain.over), setting, pair, metric.name)
    return Cell(signed(printed, metric.digits), origin=origin)
