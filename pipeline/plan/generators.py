"""What jobs share that run a stored generator, or a network without training: `evaluate`, `samples`, `sr_kernel`."""

from pipeline.plan import domains, paths, runs
from pipeline.plan.kind import Wildcards

# A job's place: the generator's run, and the camera whose images it is shown.
WILDCARDS = ("dataset", "scale", "setting", "cameras", "method", "stage", "seed", "camera")
# What the place of a method without training, such as bicubic, does not have.
OF_TRAINING = ("setting", "cameras", "stage", "seed")
TILES = ("tile", "margin", "whole_below")


def folder(wildcards: Wildcards) -> str:
    """Where the generator lies, and what is made with it."""
    return paths.generator_folder(**{name: value for name, value in wildcards.items() if name != "camera"})


def inputs(params: dict, wildcards: Wildcards) -> dict[str, str]:
    """The generator of a method that is trained, and the LR that it is shown."""
    trained = {"generator": paths.generator_file(folder(wildcards))} if "stage" in wildcards else {}
    return trained | {"test_lr": test_file(wildcards, "lr")}


def test_file(wildcards: Wildcards, image: str) -> str:
    """Packed test images of the job's camera."""
    return paths.data_file(wildcards["dataset"], wildcards["scale"], wildcards["camera"], "test", image)


def network(params: dict, wildcards: Wildcards) -> dict:
    """`network`: the specification of a network without training, None where a file holds it; the name to `expect`."""
    name = runs.network_name(params, wildcards["dataset"], wildcards["method"])
    untrained = "network" in params["methods"][wildcards["method"]]
    return {"network": {"name": name, "scale": int(wildcards["scale"])} if untrained else None, "expect": name}


def modules(params: dict, wildcards: Wildcards) -> list[str]:
    """The module of the generator's network, which is found by its name."""
    return [f"pipeline.models.{network(params, wildcards)['expect']}"]


def enlarging(params: dict, wildcards: Wildcards) -> dict:
    """Settings of `pipeline.evaluation.generator`."""
    edition = domains.edition(params, wildcards["dataset"])
    tiles = {key: edition["evaluate"][key] for key in TILES}
    return {"scale": int(wildcards["scale"]), **network(params, wildcards), **tiles, "compute": edition["compute"]}
