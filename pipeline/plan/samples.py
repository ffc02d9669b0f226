"""Kind `samples`: crops of what a generator makes of a camera's test images, for reports and figures."""

from pipeline.plan import generators, paths
from pipeline.plan.kind import TORCH, Kind, Wildcards


def crops(params: dict, dataset: str, scale: int | str, camera: str) -> dict[str, list[int]]:
    """Image -> [top, left, height, width] in HR pixels: a camera's own crops where it has LR alone, else its data set's."""
    block = params["datasets"][dataset]
    frames = block["cameras"][camera].get("frames")
    if frames:
        return {name: [int(scale) * value for value in box] for name, box in frames["crops"].items()}
    return block["crops"]


def _settings(params: dict, wildcards: Wildcards) -> dict:
    dataset, scale, camera = (wildcards[name] for name in ("dataset", "scale", "camera"))
    return {
        "enlarge": generators.enlarging(params, wildcards),
        "crops": crops(params, dataset, scale, camera),
        "complete": "frames" in params["datasets"][dataset]["cameras"][camera],
    }


KIND = Kind(
    wildcards=generators.WILDCARDS,
    inputs=generators.inputs,
    outputs=lambda params, wildcards: {
        "samples": paths.samples_file(generators.folder(wildcards), wildcards["camera"])
    },
    settings=_settings,
    modules=generators.modules,
    packages=lambda params, wildcards: TORCH,
    resources="evaluate",
)
