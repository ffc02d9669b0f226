"""The rows of a cost plan: packed data, trainings and evaluations below tables, each counted once."""

import statistics
from collections.abc import Iterable
from pathlib import Path

from pipeline.cost.operations import Work, of_image, of_training
from pipeline.cost.table import Row
from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.plan import cells, domains, keys, paths, runs
from pipeline.plan.run import Run

# What may differ between two runs whose steps take equally long.
PACE = ("networks", "loss", "scale", "weights", "compute")


def rows(settings: dict, tables: list[str]) -> list[Row]:
    """Everything below the tables, in the order in which it would be run; UserError for an unknown table."""
    unknown = [name for name in tables if name not in settings["tables"]]
    if unknown:
        raise UserError(f"table {', '.join(unknown)}: params.yaml knows {', '.join(settings['tables'])}.")
    counted = Counted(settings)
    folders = dict.fromkeys(folder for name in tables for folder in cells.training_runs(settings, name))
    trained = [_training(settings, counted, stage, group) for stage, group in _by_stage(folders).items()]
    metrics = dict.fromkeys(cell["metrics"] for name in tables for cell in cells.table_cells(settings, name))
    measured = [_evaluation(settings, counted, stage, group) for stage, group in _by_stage(metrics).items() if stage[3]]
    return [*_data(settings, tables), *trained, *measured]


def _by_stage(files: Iterable[str]) -> dict[tuple, list[Run]]:
    """(data set, scale, method, stage) -> the runs that the files belong to; in their order, a run once for each path."""
    groups: dict[tuple, list[Run]] = {}
    for run in map(Run.of, files):
        groups.setdefault((run.dataset, run.scale, run.method, run.stage), []).append(run)
    return groups


class Counted:
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


def _training(settings: dict, counted: Counted, stage: tuple, runs: list[Run]) -> Row:
    work, job = counted.work(*stage), counted.job(*stage)
    device = _device(job["compute"])
    seconds, origin = work.step / _rate(settings, device), "estimated"
    if measured := [pace for run in runs if (pace := _measured(run.folder, job)) is not None]:
        seconds, origin = statistics.median(measured), f"measured ({len(measured)} of {len(runs)} runs)"
    dataset, scale, method, name = stage
    what, steps = settings["methods"][method]["label"], job["schedule"]["steps"]
    sizes = {"bytes_kept": len(runs) * sum(work.files.values()), "bytes_state": work.state}
    return Row(dataset, scale, method, what, name, len(runs), steps, work.step, seconds, origin, device, **sizes)


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


def _evaluation(settings: dict, counted: Counted, stage: tuple, runs: list[Run]) -> Row:
    """The generators that a stage leaves, on every camera that a table measures them on."""
    dataset, scale, method, _ = stage
    edition, assumed = domains.edition(settings, dataset), _assumed(settings, dataset)
    side = edition["evaluate"]["tile"] + 2 * edition["evaluate"]["margin"]
    flop = assumed["tiles"] * of_image(counted.work(*stage).specs["generator"], side)
    device, images = _device(edition["compute"]), assumed["test_images"]
    what, seconds = settings["methods"][method]["label"], flop / _rate(settings, device)
    return Row(dataset, scale, method, what, "evaluate", len(runs), images, flop, seconds, "estimated", device)


def _data(settings: dict, tables: list[str]) -> list[Row]:
    """Packed images of every camera, of the size that lies there; nobody knows it before."""
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
        size = sum(path.stat().st_size for path in there if path.is_file())
        sizes.setdefault((dataset, scale), []).append(size)
    return [
        Row(dataset, scale, "", "packed images", "pack", len(found), bytes_kept=sum(found))
        for (dataset, scale), found in sizes.items()
    ]


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
