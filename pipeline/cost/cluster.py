"""Tables as jobs of a cluster: how many, in how many submissions, how long in all and at least.

Jobs are counted as Snakemake will count them (a test compares the two); hours are those of the cost plan.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from pipeline.plan import runs as plan
from pipeline.plan import weights

if TYPE_CHECKING:
    from pipeline.cost.estimate import Row

GPUS = 8  # for which the sums say how long it takes


@dataclass(frozen=True)
class Jobs:
    """All jobs of one rule; hours are zero where the plan estimates none."""

    rule: str
    jobs: int
    submissions: (
        int  # sbatch calls: small jobs that share their fate are one (slurm/config.yaml); 0 where Snakemake runs
    )
    gpu_hours: float = 0.0
    core_hours: float = 0.0
    longest: float = 0.0  # of one job
    attempts: int = 1  # that the longest job needs within its time limit


def with_seeds(settings: dict, tables: Iterable[str], seeds: list[int]) -> dict:
    """The settings with these tables measured over these seeds."""
    changed = {name: settings["tables"][name] | {"seeds": seeds} for name in tables if name in settings["tables"]}
    return settings | {"tables": settings["tables"] | changed}


def jobs(settings: dict, tables: list[str], rows: list["Row"]) -> list[Jobs]:
    """One line per rule. `rows`: what `pipeline.cost` counted for the same settings and tables."""
    blocks = [settings["tables"][name] for name in tables]
    cameras = {(b["dataset"], b["scale"], camera) for b in blocks for pair in plan.cell_cameras(b) for camera in pair}
    fetched = {path for name in tables for path in _weights(settings, name)}
    return [
        Jobs("pack", len(cameras), len({place[:2] for place in cameras})),
        *([Jobs("fetch_weights", len(fetched), 0)] if fetched else []),
        *_trainings(settings, rows),
        *_evaluations(settings, tables, rows),
        Jobs("table", len(tables), 0),
    ]


def longest_chain(settings: dict, rows: list["Row"]) -> float:
    """Hours of the trainings that wait for each other: with any number of GPUs it takes no less."""
    one = {(row.dataset, row.scale, *_method(settings, row)): row.hours / row.runs for row in _trained(rows)}

    def chain(dataset: str, scale: int, method: str, stage: str) -> float:
        origins = (origin.split("/") for origin in plan.stage_block(settings, method, stage)["starts"].values())
        before = max((chain(dataset, scale, *origin) for origin in origins), default=0.0)
        return one[dataset, scale, method, stage] + before

    return max((chain(*place) for place in one), default=0.0)


def as_text(found: list[Jobs], chain: float) -> str:
    """What the terminal shows: one line per rule, and the sums."""
    lines = [["rule", "jobs", "submissions", "GPU-hours", "core-hours", "longest", "attempts"], *map(_line, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join([line[0].ljust(widths[0]), *(map(str.rjust, line[1:], widths[1:]))]).rstrip() for line in lines]
    gpu, core = sum(row.gpu_hours for row in found), sum(row.core_hours for row in found)
    return "\n".join(
        [
            *shown,
            "",
            f"{sum(row.jobs for row in found):,} jobs, {sum(row.submissions for row in found):,} submissions, "
            f"{gpu:,.0f} GPU-hours, {core:,.0f} core-hours",
            f"not less than {chain:,.1f} hours, however many GPUs; about {max(chain, gpu / GPUS):,.0f} on {GPUS}",
            "",
            "core-hours: cpus_per_task while a job runs; longest: hours of one job; attempts: what it needs within its `runtime`",
        ]
    )


def _line(row: Jobs) -> list[str]:
    hours = [f"{value:,.1f}" if value else "" for value in (row.gpu_hours, row.core_hours, row.longest)]
    return [
        row.rule,
        f"{row.jobs:,}",
        f"{row.submissions:,}" if row.submissions else "local",
        *hours,
        str(row.attempts),
    ]


def _trainings(settings: dict, rows: list["Row"]) -> list[Jobs]:
    found: dict[str, list[Row]] = {}
    for row in _trained(rows):
        found.setdefault("_".join(["train", *_method(settings, row)]), []).append(row)
    return [_sum(settings, rule, "train", parts, sum(row.runs for row in parts)) for rule, parts in found.items()]


def _evaluations(settings: dict, tables: list[str], rows: list["Row"]) -> list[Jobs]:
    metrics = {cell["metrics"] for name in tables for cell in plan.table_cells(settings, name)}
    trained = {path for path in metrics if PurePath(path).parent.name.startswith("seed")}
    measured = [row for row in rows if row.stage == "evaluate"]
    found = [_sum(settings, "evaluate", "evaluate", measured, _folders(trained))] if trained else []
    untrained = metrics - trained
    return [*found, *([Jobs("evaluate_untrained", len(untrained), _folders(untrained))] if untrained else [])]


def _folders(paths: Iterable[str]) -> int:
    return len({PurePath(path).parent for path in paths})


def _sum(settings: dict, rule: str, kind: str, rows: list["Row"], submissions: int) -> Jobs:
    asked = [plan.edition(settings, row.dataset)["resources"][kind] for row in rows]
    pairs = list(zip(rows, asked, strict=True))
    return Jobs(
        rule,
        sum(row.runs for row in rows),
        submissions,
        sum(row.hours for row, ask in pairs if ask["gpu"]),
        sum(row.hours * ask["cpus_per_task"] for row, ask in pairs),
        max(row.hours / row.runs for row in rows),
        max(math.ceil(60 * row.hours / row.runs / ask["runtime"]) for row, ask in pairs),
    )


def _trained(rows: list["Row"]) -> list["Row"]:
    return [row for row in rows if row.steps and row.stage != "evaluate"]


def _method(settings: dict, row: "Row") -> tuple[str, str]:
    """Name of the method and stage of a training; rows tell its label."""
    return next(name for name, block in settings["methods"].items() if block["label"] == row.what), row.stage


def _weights(settings: dict, table: str) -> set[str]:
    """Pretrained files that trainings and evaluations of a table read."""
    dataset = settings["tables"][table]["dataset"]
    runs = plan.training_runs(settings, table).values()
    names = {name for run in runs for name in plan.stage_weights(settings, dataset, run["method"], run["stage"])}
    names |= {"alexnet"} & set(plan.edition(settings, dataset)["weights"])  # LPIPS
    return {weights.file_of(name) for name in names}
