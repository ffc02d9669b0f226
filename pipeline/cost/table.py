"""One line of a cost plan, and all lines as aligned text with sums or as CSV."""

import csv
import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.printing.columns import aligned

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
NOTE = (
    "steps: images, for evaluate; kept: what stays of all runs; state: what one run needs while it lasts, to go on from"
)


@dataclass(frozen=True)
class Row:
    """One line of the plan. `steps`: of one run, images for evaluations; `flop`: of a step or image; bytes: of all runs."""

    dataset: str
    scale: int
    method: str
    what: str  # the label of the method
    stage: str
    runs: int
    steps: int = 0
    flop: int = 0
    seconds: float = 0.0  # of a step
    origin: str = ""  # of the seconds
    device: str = ""
    bytes_kept: int = 0
    bytes_state: int = 0  # of one run while it lasts

    @property
    def total_flop(self) -> int:
        """Operations of all runs."""
        return self.runs * self.steps * self.flop

    @property
    def hours(self) -> float:
        """Hours of all runs, one after the other."""
        return self.runs * self.steps * self.seconds / 3600

    @property
    def is_training(self) -> bool:
        """Whether it is neither packed data nor an evaluation."""
        return self.stage not in ("pack", "evaluate")


CSV = [*(field.name for field in dataclasses.fields(Row)), "total_flop", "hours"]


def as_csv(rows: Iterable[Row]) -> str:
    """Every row with all digits; sizes in bytes, `flop` and `seconds` of one step, `hours` of all runs."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: getattr(row, name) for name in CSV} for row in rows)
    return stream.getvalue()


def as_text(rows: list[Row], tables: list[str], tflops: dict[str, float]) -> str:
    """What the terminal shows: one line per stage, sums, and what the numbers rest on."""
    rates = ", ".join(f"{rate:g} TFLOP/s on {device}" for device, rate in tflops.items())
    notes = [
        f"tables {', '.join(tables)}; every run once",
        f"*: measured, from receipts; other seconds: counted operations at {rates} (declared, good to a factor of two)",
        NOTE,
    ]
    return "\n".join([*aligned([COLUMNS, *map(_line, rows)], left=3), "", *_sums(rows), "", *notes])


def _line(row: Row) -> list[str]:
    begin = [f"{row.dataset} x{row.scale}", row.what, row.stage, str(row.runs)]
    sizes = [_size(size) if size else "" for size in (row.bytes_kept, row.bytes_state)]
    if not row.steps:
        return [*begin, *[""] * 6, *sizes]
    operations = [_short(row.flop / 1e9), _short(row.total_flop / 1e15)]
    seconds = f"{row.seconds:.3g}{'*' if row.origin.startswith('measured') else ''}"
    return [*begin, f"{row.steps:,}", *operations, seconds, f"{row.hours:,.2f}", row.device, *sizes]


def _sums(rows: list[Row]) -> list[str]:
    lines = []
    for device in dict.fromkeys(row.device for row in rows if row.device):
        training, evaluation = (
            sum(row.hours for row in rows if row.device == device and row.is_training == trained)
            for trained in (True, False)
        )
        unit = "GPU-hours" if device == "cuda" else "core-hours"
        lines.append(f"{training + evaluation:,.1f} {unit} (training {training:,.1f}, evaluation {evaluation:,.1f})")
    trained = [row for row in rows if row.is_training]
    runs, steps = sum(row.runs for row in trained), sum(row.runs * row.steps for row in trained)
    flop, kept = sum(row.total_flop for row in rows), sum(row.bytes_kept for row in rows)
    return [*lines, f"{runs} trainings, {steps:,} steps, {flop / 1e15:,.1f} PFLOP, {_size(kept)} kept"]


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _size(count: int) -> str:
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}"
