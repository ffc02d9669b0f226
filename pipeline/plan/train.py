"""Kind `train`: one stage of a method, trained on what its block `reads`."""

from pipeline.plan import domains, paths, runs, weights
from pipeline.plan.kind import LPIPS, TORCH, Kind, Wildcards


def inputs(params: dict, run: Wildcards) -> dict[str, str]:
    """Name -> path of everything a run reads: exactly the images that its block declares, and its start networks."""
    images = {
        role: paths.data_file(run["dataset"], run["scale"], *place)
        for role, place in runs.images_read(params, run).items()
    }
    starts = {
        f"start_{network}": f"{paths.run_folder(**start)}/{network}.safetensors"
        for network, start in runs.start_runs(params, run).items()
    }
    return {**images, **starts, **runs.weights_read(params, run)}


def outputs(params: dict, run: Wildcards) -> dict[str, str]:
    """Name -> path of what a run leaves: networks, the one that carries the receipt first, and the history."""
    folder = paths.run_folder(**run)
    networks = runs.stage_block(params, run["method"], run["stage"])["produces"]
    return {name: f"{folder}/{name}.safetensors" for name in networks} | {"history": paths.history_file(folder)}


def steps(params: dict, run: Wildcards) -> int:
    """How many steps a run has."""
    return _schedule(params, run)["steps"]


def priority(params: dict, method: str, stage: str) -> int:
    """The earlier in a chain of trainings, the higher: others wait for it, and a late start would leave cores idle."""
    origins = (origin.split("/") for origin in runs.stage_block(params, method, stage)["starts"].values())
    return min((priority(params, *origin) - 10 for origin in origins), default=100)


def _schedule(params: dict, run: Wildcards) -> dict:
    edition = params["datasets"][run["dataset"]]["edition"]
    return runs.stage_block(params, run["method"], run["stage"])["schedule"][edition]


def _networks(params: dict, run: Wildcards) -> dict[str, dict]:
    offered = domains.edition(params, run["dataset"])["networks"]
    return {role: offered[role] for role in runs.stage_block(params, run["method"], run["stage"])["networks"]}


def _weights(params: dict, run: Wildcards) -> list[str]:
    return runs.stage_weights(params, run["dataset"], run["method"], run["stage"])


def _module(params: dict, run: Wildcards) -> str:
    return params["methods"][run["method"]].get("module", run["method"])


def _settings(params: dict, run: Wildcards) -> dict:
    block = runs.stage_block(params, run["method"], run["stage"])
    return {
        "method": _module(params, run),
        "stage": run["stage"],
        "scale": int(run["scale"]),
        "seed": int(run["seed"]),
        "networks": _networks(params, run),
        "loss": block["loss"][params["methods"][run["method"]]["preset"]],
        "schedule": _schedule(params, run),
        "selection": block["selection"],
        "weights": {name: weights.spec(name) for name in _weights(params, run)},
        "compute": domains.edition(params, run["dataset"])["compute"],
    }


def _modules(params: dict, run: Wildcards) -> list[str]:
    block = runs.stage_block(params, run["method"], run["stage"])
    names = {spec["name"] for spec in _networks(params, run).values()} | {block.get("generator")} - {None}
    return [f"pipeline.methods.{_module(params, run)}", *(f"pipeline.models.{name}" for name in sorted(names))]


KIND = Kind(
    wildcards=("dataset", "scale", "setting", "cameras", "method", "stage", "seed"),
    inputs=inputs,
    outputs=outputs,
    settings=_settings,
    modules=_modules,
    packages=lambda params, run: (*TORCH, *LPIPS) if "alexnet" in _weights(params, run) else TORCH,
    # How often a run reports and saves its state changes no result.
    options=lambda params, run: {"training": domains.edition(params, run["dataset"])["training"]},
    resources="train",
)
