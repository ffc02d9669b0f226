"""Kind `pack_frames`: frames of a camera that has LR alone, packed with their manifest."""

from pipeline.plan import paths
from pipeline.plan.kind import IMAGES, Kind, Wildcards


def _frames(params: dict, wildcards: Wildcards) -> dict:
    return params["datasets"][wildcards["dataset"]]["cameras"][wildcards["camera"]]["frames"]


def _outputs(params: dict, wildcards: Wildcards) -> dict[str, str]:
    return {"manifest": paths.manifest_file(**wildcards), **paths.frames_files(**wildcards)}


def _settings(params: dict, wildcards: Wildcards) -> dict:
    return {name: value for name, value in _frames(params, wildcards).items() if name != "crops"}


KIND = Kind(
    wildcards=("dataset", "scale", "camera"),
    outputs=_outputs,
    settings=_settings,
    modules=lambda params, wildcards: [f"pipeline.datasets.{_frames(params, wildcards)['module']}"],
    packages=lambda params, wildcards: IMAGES,
    resources="pack",
)
