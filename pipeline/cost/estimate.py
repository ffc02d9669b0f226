"""Command: what tables cost before anything is run. `python -m pipeline.cost [TABLE ...] [--csv FILE] [--jobs] [--seeds N ...]`.

Runs, steps, operations, bytes and hours of every training below the tables, each run counted once however many tables and
pairs share it; evaluation and packed data; sums. Operations are counted (`pipeline.cost.operations`), seconds per step taken
from receipts of the same training where there are any, else from the rate that params.yaml declares in `plan`.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath

from pipeline.cost import cluster
from pipeline.cost import table as cost_table
from pipeline.cost.operations import Work, of_image, of_training
from pipeline.errors import UserError
from pipeline.files import read_json, write_text
from pipeline.plan import cells, domains, keys, params, paths, runs

# What may differ between two runs whose steps take equally long.
PACE = ("networks", "loss", "scale", "weights", "compute")


@dataclass(frozen=True)
class Row:
    """One line of the plan. `steps`: of one run, images for evaluations; `flop`: of a step or image; bytes: of all runs."""

    dataset: str
    scale: int
    what: str
    stage: str
    runs: int
    steps: int
    flop: int
    seconds: float  # of a step
    origin: str  # of the seconds
    device: str
    bytes_kept: int
    bytes_state: int  # of one run while it lasts

    @property
    def total_flop(self) -> int:
        """Operations of all runs."""
        return self.runs * self.steps * self.flop

    @property
    def hours(self) -> float:
        """Hours of all runs, one after the other."""
        return self.runs * self.steps * self.seconds / 3600


def rows(settings: dict, tables: list[str]) -> list[Row]:
    """Everything below the tables, in the order in which it would be run; UserError for an unknown table."""
    unknown = [name for name in tables if name not in settings["tables"]]
    if unknown:
        raise UserError(f"table {', '.join(unknown)}: params.yaml knows {', '.join(settings['tables'])}.")
    trainings = {folder: run for name in tables for folder, run in cells.training_runs(settings, name).items()}
    groups: dict[tuple, dict[str, dict]] = {}
    for folder, run in trainings.items():
        groups.setdefault((run["dataset"], int(run["scale"]), run["method"], run["stage"]), {})[folder] = run
    counted = _Counted(settings)
    trained = [_training(settings, counted, *place, group) for place, group in groups.items()]
    return [*_data(settings, tables), *trained, *_evaluations(settings, counted, tables)]


class _Counted:
    """Work of stages, each counted once."""

    def __init__(self, settings: dict):
        self.settings = settings
        self.known: dict[tuple, Work] = {}

    def job(self, dataset: str, scale: int, method: str, stage: str) -> dict:
        """Settings of a training job; cameras and seed do not change what it costs."""
        wildcards = {"dataset": dataset, "scale": str(scale), "method": method, "stage": stage, "seed": "0"}
        return keys.kind("train").settings(self.settings, wildcards)

    def work(self, dataset: str, scale: int, method: str, stage: str) -> Work:
        """One training of a stage, the stages that it starts from looked at first."""
        place = (dataset, scale, method, stage)
        if place not in self.known:
            block = runs.stage_block(self.settings, method, stage)
            origins = {name: origin.split("/") for name, origin in block["starts"].items()}
            starts = {name: self.work(dataset, scale, *origin).specs[name] for name, origin in origins.items()}
            self.known[place] = of_training(self.job(*place), block["reads"], starts)
        return self.known[place]


def _training(settings: dict, counted: _Counted, dataset, scale, method, stage, runs: dict[str, dict]) -> Row:
    work, job = counted.work(dataset, scale, method, stage), counted.job(dataset, scale, method, stage)
    device = _device(job["compute"])
    measured = [pace for folder in runs if (pace := _measured(folder, job)) is not None]
    if measured:
        seconds, origin = statistics.median(measured), f"measured ({len(measured)} of {len(runs)} runs)"
    else:
        seconds, origin = work.step / _rate(settings, device), "estimated"
    kept = len(runs) * sum(work.files.values())
    steps = job["schedule"]["steps"]
    label = settings["methods"][method]["label"]
    return Row(dataset, scale, label, stage, len(runs), steps, work.step, seconds, origin, device, kept, work.state)


def _measured(folder: str, job: dict) -> float | None:
    """Seconds per step that a run's receipt tells, if it is of a training with the same steps."""
    for path in sorted(Path(folder).glob("*.safetensors.receipt.json")):
        receipt = read_json(path)
        then = receipt.get("key", {}).get("settings", {})
        shape = [then.get("schedule", {}).get(name) for name in ("batch", "patch")]
        same = all(then.get(name) == job[name] for name in PACE)
        if same and shape == [job["schedule"][name] for name in ("batch", "patch")]:
            return receipt.get("run", {}).get("seconds_per_step")
    return None


def _evaluations(settings: dict, counted: _Counted, tables: list[str]) -> list[Row]:
    """Every trained generator on every camera that a table measures it on, each once."""
    files: dict[tuple, set[str]] = {}
    for name in tables:
        block = settings["tables"][name]
        for cell in cells.table_cells(settings, name):
            owner = settings["methods"][cell["method"]].get("same_as", {}).get("method", cell["method"])
            if settings["methods"][owner].get("stages"):
                files.setdefault((block["dataset"], block["scale"], owner), set()).add(cell["metrics"])
    found = []
    for (dataset, scale, method), measured in files.items():
        edition, assumed = domains.edition(settings, dataset), _assumed(settings, dataset)
        spec = counted.work(dataset, scale, method, settings["methods"][method]["final"]).specs["generator"]
        flop = assumed["tiles"] * of_image(spec, edition["evaluate"]["tile"] + 2 * edition["evaluate"]["margin"])
        device = _device(edition["compute"])
        label, images = settings["methods"][method]["label"], assumed["test_images"]
        seconds = flop / _rate(settings, device)
        found.append(
            Row(dataset, scale, label, "evaluate", len(measured), images, flop, seconds, "estimated", device, 0, 0)
        )
    return found


def _data(settings: dict, tables: list[str]) -> list[Row]:
    """Packed images of every camera, as they lie there or as they will."""
    cameras = {
        (block["dataset"], block["scale"], camera): None
        for block in (settings["tables"][name] for name in tables)
        for pair in cells.camera_pairs(block)
        for camera in pair
        if camera in domains.available(settings, block["dataset"])
    }
    sizes: dict[tuple, list[int]] = {}
    for dataset, scale, camera in cameras:
        there = [Path(path) for path in paths.packed_files(dataset, scale, camera).values()]
        packed = all(path.is_file() for path in there)
        size = sum(path.stat().st_size for path in there) if packed else _packed_bytes(settings, dataset, scale)
        sizes.setdefault((dataset, scale), []).append(size)
    return [
        Row(dataset, scale, "packed images", "pack", len(found), 0, 0, 0.0, "", "", sum(found), 0)
        for (dataset, scale), found in sizes.items()
    ]


def _packed_bytes(settings: dict, dataset: str, scale: int) -> int:
    """HR, LR and bicubic LR of every split of one camera, 3 bytes a pixel."""
    block, assumed = settings["datasets"][dataset], _assumed(settings, dataset)
    tile = domains.edition(settings, dataset)["evaluate"]["tile"]
    if "train" in block:
        pixels = sum(block[split]["patches"] * block[split]["size"] ** 2 for split in ("train", "val"))
    elif scale in assumed.get("patch", {}):
        pixels = assumed["patches"] * assumed["patch"][scale] ** 2
    else:
        raise UserError(
            f"params.yaml: plan.datasets.{dataset}.patch: expected the HR side of patches for scale {scale}."
        )
    pixels += assumed["test_images"] * assumed["tiles"] * (tile * scale) ** 2
    return round(3 * pixels * (1 + 2 / scale**2))


def _assumed(settings: dict, dataset: str) -> dict:
    """What the plan takes for granted about a data set."""
    known = settings["plan"]["datasets"]
    if dataset not in known:
        raise UserError(
            f"params.yaml: plan.datasets has no '{dataset}'; say there how many images of what size it has."
        )
    return known[dataset]


def _device(compute: dict) -> str:
    """Where an edition is meant to run: `auto` takes a GPU."""
    return "cpu" if compute["device"] == "cpu" else "cuda"


def _rate(settings: dict, device: str) -> float:
    """Declared operations per second."""
    return settings["plan"]["tflops"][device] * 1e12


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.cost", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="results/tables/NAME.tex or NAME (default: all)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--jobs", action="store_true", help="as jobs of a cluster: rules, submissions, hours")
    parser.add_argument(
        "--seeds", type=int, nargs="+", metavar="N", help="as if the tables were measured over these seeds"
    )
    arguments = parser.parse_args()
    try:
        settings = params.load()
        names = list(dict.fromkeys(PurePath(table).stem for table in arguments.tables or settings["tables"]))
        if arguments.seeds:
            settings = cluster.with_seeds(settings, names, arguments.seeds)
        found = rows(settings, names)
        if arguments.csv:
            write_text(arguments.csv, cost_table.as_csv(found))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.jobs:
        print(cluster.as_text(cluster.jobs(settings, names, found), cluster.longest_chain(settings, found)))
    else:
        print(cost_table.as_text(found, names, settings["plan"]["tflops"]))
    if left_out := sum(len(cells.absent_cells(settings, name)) for name in names):
        print(f"without {left_out} cells that need cameras which `available` of their data set leaves out")
    return 0
