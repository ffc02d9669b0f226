"""What jobs rest on that run a stored network: modules, settings, packages. Part of `pipeline.plan.keys`."""

from pipeline.plan import figure, weights
from pipeline.plan import runs as plan

TORCH = ["torch", "numpy", "safetensors"]
LPIPS = ["lpips", "scipy", "torchvision"]
TILES = ("tile", "margin", "whole_below")


def packages(lpips: bool) -> list[str]:
    """Packages of a job with torch, with or without LPIPS."""
    return [*TORCH, *LPIPS] if lpips else TORCH


def evaluate(params: dict, wildcards: dict):
    """Metrics of a generator, or of a network without training, on a camera."""
    dataset = wildcards["dataset"]
    edition = plan.edition(params, dataset)
    modules, network = _network(params, wildcards)
    settings = {
        "dataset": dataset,
        "scale": int(wildcards["scale"]),
        "camera": wildcards["camera"],
        **network,
        "lpips_weights": weights.spec("alexnet") if "alexnet" in edition["weights"] else None,
        "compute": edition["compute"],
        "crops": params["datasets"][dataset]["crops"],
        **edition["evaluate"],
    }
    return sorted({"pipeline.jobs.evaluate", *modules}), settings, packages(lpips=True)


def sr_kernel(params: dict, wildcards: dict):
    """Kernel between the SR of a generator and the LR of a camera."""
    modules, enlarge = _enlarge(params, wildcards)
    settings = {"enlarge": enlarge, "estimation": figure.estimation(params, wildcards["scale"])}
    return sorted({"pipeline.jobs.sr_kernel", *modules}), settings, packages(lpips=False)


def frames(params: dict, wildcards: dict):
    """SR of a camera that has no HR."""
    modules, enlarge = _enlarge(params, wildcards)
    block = params["datasets"][wildcards["dataset"]]["cameras"][wildcards["camera"]]["frames"]
    settings = {"enlarge": enlarge, "crops": block["crops"]}
    return sorted({"pipeline.jobs.frames", *modules}), settings, packages(lpips=False)


def _enlarge(params: dict, wildcards: dict) -> tuple[list[str], dict]:
    """Modules and settings of `pipeline.evaluation.generator`."""
    edition = plan.edition(params, wildcards["dataset"])
    modules, network = _network(params, wildcards)
    tiles = {key: edition["evaluate"][key] for key in TILES}
    return modules, {"scale": int(wildcards["scale"]), **network, **tiles, "compute": edition["compute"]}


def _network(params: dict, wildcards: dict) -> tuple[list[str], dict]:
    """Modules of the network that a method is measured with; `network` (None: in a file) and the name to `expect`."""
    network = plan.evaluation_network(params, wildcards["dataset"], int(wildcards["scale"]), wildcards["method"])
    trained = "network" not in params["methods"][wildcards["method"]]
    modules = ["pipeline.models.cdc"] if trained else []
    settings = {"network": None if trained else network, "expect": network["name"]}
    return [*modules, f"pipeline.models.{network['name']}"], settings
