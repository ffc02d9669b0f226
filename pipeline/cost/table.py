"""The rows of a cost plan as aligned text with sums, and as CSV."""

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cost.estimate import Row

COLUMNS = [
    "dataset",
    "method",
    "stage",
    "runs",
    "steps",
    "GFLOP/step",
    "PFLOP",
    "s/step",
    "hours",
    "on",
    "kept",
    "state",
]
CSV = [
    "dataset",
    "scale",
    "what",
    "stage",
    "runs",
    "steps",
    "flop",
    "total_flop",
    "seconds",
    "origin",
    "device",
    "hours",
]
CSV += ["bytes_kept", "bytes_state"]


def as_csv(rows: Iterable["Row"]) -> str:
    """Every row with all digits; sizes in bytes, `flop` and `seconds` of one step, `hours` of all runs."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: getattr(row, name) for name in CSV} for row in rows)
    return stream.getvalue()


def as_text(rows: list["Row"], tables: list[str], tflops: dict[str, float]) -> str:
    """What the terminal shows: one line per stage, sums, and what the numbers rest on."""
    lines = [COLUMNS, *(_line(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    shown = ["  ".join(_align(*cell) for cell in zip(line, widths, range(len(line)), strict=True)) for line in lines]
    rates = ", ".join(f"{rate:g} TFLOP/s on {device}" for device, rate in tflops.items())
    notes = [
        f"tables {', '.join(tables)}; every run once",
        f"*: measured, from receipts; other seconds: counted operations at {rates} (declared, good to a factor of two)",
        "steps: images, for evaluate; kept: what stays of all runs; state: what one run needs while it lasts, to go on from",
    ]
    return "\n".join([*shown, "", *_sums(rows), "", *notes])


def _line(row: "Row") -> list[str]:
    dataset = f"{row.dataset} x{row.scale}"
    if not row.steps:
        return [dataset, row.what, row.stage, str(row.runs), *[""] * 6, _size(row.bytes_kept), ""]
    mark = "*" if row.origin.startswith("measured") else ""
    return [
        *(dataset, row.what, row.stage, str(row.runs), f"{row.steps:,}"),
        *(_short(row.flop / 1e9), _short(row.total_flop / 1e15)),
        *(f"{row.seconds:.3g}{mark}", f"{row.hours:,.2f}", row.device),
        *(_size(row.bytes_kept) if row.bytes_kept else "", _size(row.bytes_state) if row.bytes_state else ""),
    ]


def _sums(rows: list["Row"]) -> list[str]:
    trained = [row for row in rows if row.steps and row.stage != "evaluate"]
    lines = []
    for device in dict.fromkeys(row.device for row in rows if row.device):
        hours = {
            name: sum(row.hours for row in rows if row.device == device and (row.stage == "evaluate") == measured)
            for name, measured in (("training", False), ("evaluation", True))
        }
        unit = "GPU-hours" if device == "cuda" else "core-hours"
        parts = ", ".join(f"{name} {value:,.1f}" for name, value in hours.items())
        lines.append(f"{sum(hours.values()):,.1f} {unit} ({parts})")
    runs, steps = sum(row.runs for row in trained), sum(row.runs * row.steps for row in trained)
    flop, kept = sum(row.total_flop for row in rows), sum(row.bytes_kept for row in rows)
    lines.append(f"{runs} trainings, {steps:,} steps, {flop / 1e15:,.1f} PFLOP, {_size(kept)} kept")
    return lines


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _align(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column < 3 else text.rjust(width)


def _size(count: int) -> str:
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}"
