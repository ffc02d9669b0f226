"""Which training runs exist and what feeds what: read off the settings, no torch, no Snakemake.

A run is named by the wildcards of its folder: dataset, scale, setting, cameras, method, stage, seed.
"""

from pipeline.errors import UserError
from pipeline.plan import domains, paths, weights


def stage_block(params: dict, method: str, stage: str) -> dict:
    """The settings of one training stage; UserError for a stage that the method does not have."""
    stages = params["methods"][method].get("stages", {})
    if stage not in stages:
        raise UserError(f"methods.{method} has no stage '{stage}'; it has {', '.join(stages) or 'none'}.")
    return stages[stage]


def stage_cameras(params: dict, method: str, stage: str, source: str, target: str) -> str:
    """The {cameras} part of a stage's folder: stages that never see the target are shared by all its pairs."""
    return f"{source}-{target}" if "target_lr" in stage_block(params, method, stage)["reads"] else source


def source_target(cameras: str) -> tuple[str, str | None]:
    """Split a {cameras} wildcard into source and target (None for stages of the source alone)."""
    source, _, target = cameras.partition("-")
    return source, target or None


def images_read(params: dict, run: dict[str, str]) -> dict[str, tuple[str, str, str]]:
    """Role -> (camera, split, image) of the images that a run is given: what its block `reads`, and nothing else.

    UserError for a role that the run's cameras cannot fill.
    """
    source, target = source_target(run["cameras"])
    roles = {
        "source_lr": (source, "train", "lr" if run["setting"] == "real" else "bicubic"),
        "source_hr": (source, "train", "hr"),
    }
    if target:
        roles["target_lr"] = (target, "train", "lr")
    reads = stage_block(params, run["method"], run["stage"])["reads"]
    if unknown := [role for role in reads if role not in roles]:
        place = f"methods.{run['method']}.stages.{run['stage']}.reads"
        raise UserError(f"{place}: {unknown} cannot be given to a run of '{run['cameras']}'.")
    return {role: roles[role] for role in reads}


def start_runs(params: dict, run: dict[str, str]) -> dict[str, dict[str, str]]:
    """Network -> the run whose network of that name a run starts from: same data set, scale, setting, source and seed."""
    source, target = source_target(run["cameras"])
    starts = {}
    for network, origin in stage_block(params, run["method"], run["stage"])["starts"].items():
        method, stage = origin.split("/")
        cameras = stage_cameras(params, method, stage, source, target or "")
        starts[network] = {**run, "cameras": cameras, "method": method, "stage": stage}
    return starts


def stage_weights(params: dict, dataset: str, method: str, stage: str) -> list[str]:
    """Pretrained files that the stage asks for and the data set or its edition provides."""
    provided = domains.edition(params, dataset)["weights"]
    spared = params["datasets"][dataset].get("weights_except", {})
    return [
        name
        for name in asked_weights(params, method, stage)
        if name in provided and f"{method}/{stage}" not in spared.get(name, [])
    ]


def asked_weights(params: dict, method: str, stage: str) -> list[str]:
    """Pretrained files that the stage's loss terms can use under the method's preset."""
    asked = stage_block(params, method, stage).get("weights", [])
    return asked[params["methods"][method]["preset"]] if isinstance(asked, dict) else asked


def generator_run(params: dict, dataset, scale, setting, source, target, method, seed) -> dict[str, str] | None:
    """The run whose generator stands for `method` on a pair; None for a method without training.

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
    run = {"dataset": dataset, "scale": str(scale), "setting": setting}
    run["cameras"] = stage_cameras(params, method, block["final"], source, target)
    return run | {"method": method, "stage": block["final"], "seed": str(seed)}


def result_folder(params: dict, dataset, scale, setting, source, target, method, seed) -> str:
    """Where a method's metrics on the target camera lie: beside its generator, or in its own folder without training."""
    run = generator_run(params, dataset, scale, setting, source, target, method, seed)
    return paths.run_folder(**run) if run else paths.untrained_folder(dataset, scale, method)


def network_name(params: dict, dataset: str, method: str) -> str:
    """The network in a method's generator file: it says which module's code its SR rests on."""
    block = params["methods"][method]
    if "same_as" in block:
        return network_name(params, dataset, block["same_as"]["method"])
    if not block.get("stages"):
        return block["network"]
    final = block["stages"][block["final"]]
    return final.get("generator", domains.edition(params, dataset)["networks"]["generator"]["name"])


def weights_read(params: dict, run: dict[str, str]) -> dict[str, str]:
    """Name -> path of the pretrained files that a run is given."""
    return {name: weights.file_of(name) for name in stage_weights(params, run["dataset"], run["method"], run["stage"])}
