"""Which runs exist, where their files lie and what feeds what: read off params.yaml, no torch, no Snakemake."""

from collections.abc import Iterable

from pipeline.errors import UserError
from pipeline.plan import weights

DATA_SPLITS = {"train": ("lr", "hr", "bicubic"), "val": ("lr", "hr", "bicubic"), "test": ("lr", "hr", "bicubic")}


def data_file(dataset: str, scale: int | str, camera: str, split: str, kind: str) -> str:
    """Packed images of one camera; LR and HR are separate files, so that a job can be given one without the other."""
    return f"data/packed/{dataset}_x{scale}/{camera}/{split}_{kind}.safetensors"


def packed_files(dataset: str, scale: int | str, camera: str) -> dict[str, str]:
    """Name (split_kind) -> path of everything that is packed for a camera."""
    return {
        f"{split}_{kind}": data_file(dataset, scale, camera, split, kind)
        for split, kinds in DATA_SPLITS.items()
        for kind in kinds
    }


def frames_files(dataset: str, scale: int | str, camera: str) -> dict[str, str]:
    """The same of a camera that has LR alone."""
    return {f"{split}_lr": data_file(dataset, scale, camera, split, "lr") for split in ("train", "test")}


def manifest_file(dataset: str, scale: int | str, camera: str) -> str:
    """The list of a camera's images with the hash of every one."""
    return f"results/manifests/{dataset}_x{scale}/{camera}.csv"


def receipt_file(first_output: str) -> str:
    """The receipt of the job that makes `first_output`."""
    return f"{first_output}.receipt.json"


def edition(params: dict, dataset: str) -> dict:
    """The size at which a data set is run: networks, pretrained files (its own, if any), machine, evaluation, job sizes."""
    block = params["datasets"][dataset]
    size = params["editions"][block["edition"]]
    return {**size, "weights": block["weights"]} if "weights" in block else size


def available(params: dict, dataset: str) -> list[str]:
    """Cameras whose images this copy has: all, or those that `datasets.<dataset>.available` names."""
    block = params["datasets"][dataset]
    named = block.get("available")
    return [
        camera
        for camera in block["cameras"]
        if named is None or camera in named or "frames" in block["cameras"][camera]
    ]


def require(params: dict, dataset: str, cameras: Iterable[str], what: str) -> None:
    """UserError when `what` needs images of cameras that this copy does not have."""
    absent = [camera for camera in dict.fromkeys(cameras) if camera not in available(params, dataset)]
    if absent:
        raise UserError(
            f"{what} needs images of {', '.join(absent)}, which this copy lacks: params.yaml, datasets.{dataset}.available "
            f"names {', '.join(params['datasets'][dataset]['available'])}. Complete the copy, then name the camera there."
        )


def stage_block(params: dict, method: str, stage: str) -> dict:
    """The block of one training stage in params.yaml."""
    stages = params["methods"][method].get("stages", {})
    if stage not in stages:
        raise UserError(f"params.yaml: methods.{method} has no stage '{stage}'; it has {', '.join(stages) or 'none'}.")
    return stages[stage]


def run_folder(dataset, scale, setting, cameras, method, stage, seed) -> str:
    """The folder of one training run; `cameras` is `source`, or `source-target` where the target's LR is read."""
    return f"results/runs/{dataset}_x{scale}/{setting}/{cameras}/{method}/{stage}/seed{seed}"


def stage_cameras(params: dict, method: str, stage: str, source: str, target: str) -> str:
    """The {cameras} part of a stage's folder: stages that never see the target are shared by all its pairs."""
    return f"{source}-{target}" if "target_lr" in stage_block(params, method, stage)["reads"] else source


def source_target(cameras: str) -> tuple[str, str | None]:
    """Split a {cameras} wildcard into source and target (None for stages of the source alone)."""
    source, _, target = cameras.partition("-")
    return source, target or None


def train_inputs(params: dict, dataset, scale, setting, cameras, method, stage, seed) -> dict[str, str]:
    """Name -> path of everything a training stage reads: exactly the data its block declares, and its start networks."""
    block = stage_block(params, method, stage)
    source, target = source_target(cameras)
    source_kind = "lr" if setting == "real" else "bicubic"
    files = {
        "source_lr": data_file(dataset, scale, source, "train", source_kind),
        "source_hr": data_file(dataset, scale, source, "train", "hr"),
    }
    if target:
        files["target_lr"] = data_file(dataset, scale, target, "train", "lr")
    unknown = [name for name in block["reads"] if name not in files]
    if unknown:
        raise UserError(f"methods.{method}.stages.{stage}.reads: {unknown} cannot be given to a run of '{cameras}'.")
    inputs = {name: files[name] for name in block["reads"]}
    for network, origin in block["starts"].items():
        start_method, start_stage = origin.split("/")
        start_cameras = stage_cameras(params, start_method, start_stage, source, target or "")
        folder = run_folder(dataset, scale, setting, start_cameras, start_method, start_stage, seed)
        inputs[f"start_{network}"] = f"{folder}/{network}.safetensors"
    for name in stage_weights(params, dataset, method, stage):
        inputs[name] = weights.file_of(name)
    return inputs


def stage_weights(params: dict, dataset: str, method: str, stage: str) -> list[str]:
    """Pretrained files that the stage asks for and the data set or its edition provides."""
    provided, spared = edition(params, dataset)["weights"], params["datasets"][dataset].get("weights_except", {})
    return [
        name
        for name in asked_weights(params, method, stage)
        if name in provided and f"{method}/{stage}" not in spared.get(name, [])
    ]


def asked_weights(params: dict, method: str, stage: str) -> list[str]:
    """Pretrained files that the stage's loss terms can use under the method's preset."""
    asked = stage_block(params, method, stage).get("weights", [])
    return asked[params["methods"][method]["preset"]] if isinstance(asked, dict) else asked


def train_outputs(params: dict, dataset, scale, setting, cameras, method, stage, seed) -> dict[str, str]:
    """Name -> path of what a training stage leaves: networks, the one that carries the receipt first, and the history."""
    folder = run_folder(dataset, scale, setting, cameras, method, stage, seed)
    networks = {name: f"{folder}/{name}.safetensors" for name in stage_block(params, method, stage)["produces"]}
    return {**networks, "history": f"{folder}/history.jsonl"}


def generator_run(params: dict, dataset, scale, setting, source, target, method, seed) -> str | None:
    """Folder of the run whose generator stands for `method` on a pair; None for a method without training.

    A method with `same_as` is another method's run under its own label: Target Only is Source Only's real-setting model
    of the target camera. Nothing is trained twice.
    """
    block = params["methods"][method]
    if "same_as" in block:
        same = block["same_as"]
        camera = target if same["camera"] == "target" else source
        return generator_run(params, dataset, scale, same["setting"], camera, camera, same["method"], seed)
    if not block.get("stages"):
        return None
    stage = block["final"]
    cameras = stage_cameras(params, method, stage, source, target)
    return run_folder(dataset, scale, setting, cameras, method, stage, seed)


def result_folder(params: dict, dataset, scale, setting, source, target, method, seed) -> str:
    """Where a method's metrics on the target camera lie: beside its generator, or in its own folder without training."""
    run = generator_run(params, dataset, scale, setting, source, target, method, seed)
    return run or untrained_folder(dataset, scale, method)


def untrained_folder(dataset: str, scale: int | str, method: str) -> str:
    """Where the metrics of a method without training lie."""
    return f"results/runs/{dataset}_x{scale}/{method}"


def metrics_file(folder: str, camera: str) -> str:
    """Measured metrics of a result folder on one test camera."""
    return f"{folder}/metrics_{camera}.json"


def samples_file(folder: str, camera: str) -> str:
    """Crops of the SR images for figures."""
    return f"{folder}/samples_{camera}.safetensors"


def kernel_file(folder: str, camera: str) -> str:
    """Kernel between the SR of a result folder's generator and the camera's LR."""
    return f"{folder}/kernel_{camera}.json"


def frames_file(folder: str, camera: str) -> str:
    """Crops of the SR of a camera that has no HR."""
    return f"{folder}/frames_{camera}.safetensors"


def evaluation_network(params: dict, dataset: str, scale: int | str, method: str) -> dict:
    """Specification of the network that evaluates a method: says which module's code the numbers rest on."""
    block = params["methods"][method]
    if "same_as" in block:
        return evaluation_network(params, dataset, scale, block["same_as"]["method"])
    if not block.get("stages"):
        return {"name": block["network"], "scale": int(scale)}
    spec = {**edition(params, dataset)["networks"]["generator"], "scale": int(scale)}
    return {**spec, "name": block["stages"][block["final"]].get("generator", spec["name"])}


def table_cells(params: dict, table: str) -> list[dict]:
    """Every number group of a table: method, setting, source, target, seed and the metrics file it comes from.

    Without those that need images of a camera which this copy lacks: `absent_cells`.
    """
    return [cell for cell in all_cells(params, table) if cell["metrics"]]


def absent_cells(params: dict, table: str) -> list[dict]:
    """The number groups of a table that cannot be computed with this copy; their `metrics` is None."""
    return [cell for cell in all_cells(params, table) if not cell["metrics"]]


def all_cells(params: dict, table: str) -> list[dict]:
    """Both, in the order of the table."""
    block = params["tables"][table]
    dataset, scale = block["dataset"], block["scale"]
    there = set(available(params, dataset))
    cells = []
    for setting in block["settings"]:
        for method in block["methods"]:
            fixed = params["methods"][method].get("same_as", {}).get("setting", setting)
            if fixed != setting and fixed in block["settings"]:
                continue
            trained = "same_as" in params["methods"][method] or params["methods"][method].get("stages")
            for source, target in cell_cameras(block):
                for seed in block["seeds"] if trained else block["seeds"][:1]:
                    folder = result_folder(params, dataset, scale, setting, source, target, method, seed)
                    # Read off the folder, so that nobody else decides which cameras a run reads.
                    read = {*folder.split("/")[4].split("-"), target} if trained else {target}
                    path = metrics_file(folder, target) if read <= there else None
                    cells.append(
                        {"method": method, "setting": setting, "source": source, "target": target, "seed": seed}
                        | {"metrics": path}
                    )
    return cells


def cell_cameras(block: dict) -> list[tuple[str, str]]:
    """(trained on, tested on) of a table: its pairs, or every camera on every camera."""
    if block["kind"] == "crossdevice":
        return [(source, target) for source in block["cameras"] for target in block["cameras"]]
    return [tuple(pair) for pair in block["pairs"]]


def whole_pairs(params: dict, table: str) -> list[tuple[str, str]]:
    """The pairs of a table of which this copy has both cameras."""
    there = set(available(params, params["tables"][table]["dataset"]))
    return [pair for pair in cell_cameras(params["tables"][table]) if there.issuperset(pair)]


def training_runs(params: dict, table: str) -> dict[str, dict]:
    """Folder -> wildcards of every training run below a table, start stages included, each once."""
    block = params["tables"][table]
    found: dict[str, dict] = {}

    def add(setting, cameras, method, stage, seed):
        wildcards = {"dataset": block["dataset"], "scale": str(block["scale"]), "setting": setting}
        wildcards |= {"cameras": cameras, "method": method, "stage": stage, "seed": str(seed)}
        folder = run_folder(**wildcards)
        if folder in found:
            return
        source, target = source_target(cameras)
        for origin in stage_block(params, method, stage)["starts"].values():
            start_method, start_stage = origin.split("/")
            start = stage_cameras(params, start_method, start_stage, source, target or "")
            add(setting, start, start_method, start_stage, seed)
        found[folder] = wildcards

    for cell in table_cells(params, table):
        keys = ("setting", "source", "target", "method", "seed")
        folder = generator_run(params, block["dataset"], block["scale"], *(cell[key] for key in keys))
        if folder:
            setting, cameras, method, stage, seed = folder.split("/")[3:]
            add(setting, cameras, method, stage, seed.removeprefix("seed"))
    return found


def report_inputs(params: dict, report: str) -> dict:
    """What a report shows: crops and metrics of every method and pair, test images per target, histories of all runs."""
    table = params["tables"][params["reports"][report]["table"]]
    dataset, scale, setting, seed = table["dataset"], table["scale"], table["settings"][0], table["seeds"][0]
    pairs = whole_pairs(params, params["reports"][report]["table"])
    if not pairs:
        require(params, dataset, (camera for pair in table["pairs"] for camera in pair), f"report {report}")
    shown = []
    for source, target in pairs:
        for method in table["methods"]:
            folder = result_folder(params, dataset, scale, setting, source, target, method, seed)
            files = {"samples": samples_file(folder, target), "metrics": metrics_file(folder, target)}
            shown.append({"method": method, "source": source, "target": target, **files})
    targets = dict.fromkeys(target for _, target in pairs)
    tests = [
        {"camera": camera} | {kind: data_file(dataset, scale, camera, "test", kind) for kind in ("lr", "hr")}
        for camera in targets
    ]
    runs = training_runs(params, params["reports"][report]["table"])
    return {"shown": shown, "tests": tests, "histories": {f"{path}/history.jsonl": run for path, run in runs.items()}}
