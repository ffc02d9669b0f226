"""The cost plan as jobs of a cluster: how many, in how many submissions, how long in all and at least.

Jobs are counted as Snakemake will count them (a test compares the two); hours are those of the cost plan.
"""

import math
from collections.abc import Iterable

from pipeline.cost.table import Row
from pipeline.plan import cells, domains, runs, weights
from pipeline.plan.run import Run
from pipeline.printing.columns import aligned

GPUS = 8  # for which the sums say how long it takes
COLUMNS = ["rule", "jobs", "submissions", "GPU-hours", "core-hours", "longest", "attempts"]
NOTE = "core-hours: cpus_per_task while a job runs; longest: hours of one job; attempts: what it needs within its `runtime`"


def jobs(settings: dict, tables: list[str], rows: list[Row]) -> dict[str, tuple[int, int, list[Row]]]:
    """Rule -> number of its jobs, number of sbatch calls (0 where Snakemake runs them itself), and `rows` with its hours.

    `rows`: the cost plan of the same settings and tables. Small jobs that share their fate are one call (slurm/config.yaml).
    """
    blocks = [settings["tables"][name] for name in tables]
    cameras = {(b["dataset"], b["scale"], camera) for b in blocks for pair in cells.camera_pairs(b) for camera in pair}
    found = {"pack": (len(cameras), len({place[:2] for place in cameras}), [])}
    if fetched := {path for name in tables for path in _weights(settings, name)}:
        found["fetch_weights"] = (len(fetched), 0, [])
    for row in (row for row in rows if row.is_training):
        rule = f"train_{row.method}_{row.stage}"
        number, _, others = found.get(rule, (0, 0, []))
        found[rule] = (number + row.runs, number + row.runs, [*others, row])
    metrics = {cell["metrics"] for name in tables for cell in cells.table_cells(settings, name)}
    for rule, trained in (("evaluate", True), ("evaluate_untrained", False)):
        runs = [run for run in map(Run.of, metrics) if (run.stage is not None) == trained]
        if runs:
            found[rule] = (len(runs), len(set(runs)), [row for row in rows if trained and row.stage == "evaluate"])
    return {**found, "table": (len(tables), 0, [])}


def longest_chain(settings: dict, rows: list[Row]) -> float:
    """Hours of the trainings that wait for each other: with any number of GPUs it takes no less."""
    one = {(row.dataset, row.scale, row.method, row.stage): row.hours / row.runs for row in rows if row.is_training}

    def chain(dataset: str, scale: int, method: str, stage: str) -> float:
        origins = (origin.split("/") for origin in runs.stage_block(settings, method, stage)["starts"].values())
        before = max((chain(dataset, scale, *origin) for origin in origins), default=0.0)
        return one[dataset, scale, method, stage] + before

    return max((chain(*place) for place in one), default=0.0)


def as_text(settings: dict, tables: list[str], rows: list[Row]) -> str:
    """What the terminal shows: one line per rule, and the sums."""
    found, chain = jobs(settings, tables, rows), longest_chain(settings, rows)
    hours = {rule: hours_of(settings, rule, timed) for rule, (_, _, timed) in found.items()}
    lines = [
        [rule, f"{number:,}", f"{calls:,}" if calls else "local"]
        + [f"{value:,.1f}" if value else "" for value in hours[rule][:3]]
        + [str(hours[rule][3])]
        for rule, (number, calls, _) in found.items()
    ]
    numbers, calls, gpu, core = (
        sum(values) for values in zip(*(f[:2] + hours[r][:2] for r, f in found.items()), strict=True)
    )
    sums = f"{numbers:,} jobs, {calls:,} submissions, {gpu:,.0f} GPU-hours, {core:,.0f} core-hours"
    least = f"not less than {chain:,.1f} hours, however many GPUs; about {max(chain, gpu / GPUS):,.0f} on {GPUS}"
    return "\n".join([*aligned([COLUMNS, *lines], left=1), "", sums, least, "", NOTE])


def hours_of(settings: dict, rule: str, rows: Iterable[Row]) -> tuple[float, float, float, int]:
    """GPU-hours, core-hours, hours of the longest job, and attempts that this one needs within its time limit."""
    kind = "evaluate" if rule == "evaluate" else "train"
    asked = [(row, row.hours / row.runs, domains.edition(settings, row.dataset)["resources"][kind]) for row in rows]
    return (
        sum(row.hours for row, _, ask in asked if ask["gpu"]),
        sum(row.hours * ask["cpus_per_task"] for row, _, ask in asked),
        max((one for _, one, _ in asked), default=0.0),
        max((math.ceil(60 * one / ask["runtime"]) for _, one, ask in asked), default=1),
    )


def _weights(settings: dict, table: str) -> set[str]:
    """Pretrained files that trainings and evaluations of a table read."""
    dataset = settings["tables"][table]["dataset"]
    trainings = map(Run.of, cells.training_runs(settings, table))
    names = {name for run in trainings for name in runs.stage_weights(settings, dataset, run.method, run.stage)}
    names |= {"alexnet"} & set(domains.edition(settings, dataset)["weights"])  # LPIPS
    return {weights.file_of(name) for name in names}
