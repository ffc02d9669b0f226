"""What a data set offers: its edition, and the cameras whose images the user's copy has."""

from collections.abc import Iterable

from pipeline.errors import UserError


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


def require_available(params: dict, dataset: str, cameras: Iterable[str], what: str) -> None:
    """Raise UserError if `what` needs images of cameras that this copy does not have."""
    absent = [camera for camera in dict.fromkeys(cameras) if camera not in available(params, dataset)]
    if absent:
        raise UserError(
            f"{what} needs images of {', '.join(absent)}, which this copy lacks: datasets.{dataset}.available "
            f"names {', '.join(params['datasets'][dataset]['available'])}. Complete the copy, then name the camera there."
        )


def label(params: dict, dataset: str, camera: str) -> str:
    """A camera's name as people write it."""
    return params["datasets"][dataset]["cameras"][camera]["label"]
