"""What the plan says of one kind of job, as one object: `KIND` in `pipeline/plan/<kind>.py`."""

from collections.abc import Callable
from dataclasses import dataclass

Params = dict
Wildcards = dict[str, str]
Files = dict[str, str | list[str]]

IMAGES = ("numpy", "pillow", "safetensors")
TORCH = ("torch", "numpy", "safetensors")
LPIPS = ("lpips", "scipy", "torchvision")
DRAWING = ("numpy", "pillow", "matplotlib")


def nothing(params: Params, wildcards: Wildcards) -> dict:
    """For kinds that have no inputs or options."""
    return {}


@dataclass(frozen=True)
class Kind:
    """One kind of job: `rules/<kind>.smk` runs `pipeline/jobs/<kind>.py` with what this object says.

    All functions take (params, wildcards). Only `options` are no part of the job's key.
    """

    # Names that tell one job of this kind from another.
    wildcards: tuple[str, ...]
    # Name -> path. The receipt is named after the first.
    outputs: Callable[[Params, Wildcards], dict[str, str]]
    # What the job is told of params.yaml; UserError for settings that contradict each other.
    settings: Callable[[Params, Wildcards], dict]
    # Name -> path, or paths where the settings say what each of them is.
    inputs: Callable[[Params, Wildcards], Files] = nothing
    # Modules that the job finds by name; what `pipeline/jobs/<kind>.py` imports is followed by itself.
    modules: Callable[[Params, Wildcards], list[str]] = lambda params, wildcards: []
    # Names in requirements.lock on whose versions the result rests.
    packages: Callable[[Params, Wildcards], tuple[str, ...]] = lambda params, wildcards: ()
    # What the job asks of the machine, or the name of the job size in the edition.
    resources: dict[str, int] | str = "train"
    # What the job is told besides, because no result depends on it.
    options: Callable[[Params, Wildcards], dict] = nothing


SMALL = {"runtime": 10, "mem_mb": 1000, "cpus_per_task": 1}
