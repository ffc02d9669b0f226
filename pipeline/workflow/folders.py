"""The user's own folders that jobs read, checked before any job starts; none of them is part of a key."""

from pathlib import Path

from pipeline.adopt import checks
from pipeline.datasets import load, reds
from pipeline.errors import UserError
from pipeline.plan import domains, paths, weights


def of_pack(params: dict, wildcards: dict[str, str]) -> dict[str, str]:
    """The copy of a data set that no script can fetch; UserError if it is not complete and the camera not yet packed."""
    dataset, scale = wildcards["dataset"], int(wildcards["scale"])
    if dataset not in params["adopt"]:
        return {}
    named = params["adopt"][dataset]
    folder = checks.place(dataset, named)
    if not _is_packed(wildcards):
        block = params["datasets"][dataset]
        cameras = [one for one in domains.available(params, dataset) if "frames" not in block["cameras"][one]]
        cameras += [wildcards["camera"]] if wildcards["camera"] not in cameras else []
        _refuse(checks.problem(dataset, named, checks.scale_read(block, scale), cameras))
        _refuse(load(block["module"]).missing(folder, cameras, scale))
    return {"raw": str(folder)}


def of_pack_frames(params: dict, wildcards: dict[str, str]) -> dict[str, str]:
    """The copy of frames of a camera that has LR alone, adopted under the name of their data module."""
    block = params["datasets"][wildcards["dataset"]]["cameras"][wildcards["camera"]]["frames"]
    named = params["adopt"].get(block["module"])
    folder = checks.place(block["module"], named)
    if not _is_packed(wildcards):
        _refuse(checks.problem(block["module"], named, None, None))
        _refuse(reds.missing(block, folder))
    return {"raw": str(folder)}


def of_fetch_weights(params: dict, wildcards: dict[str, str]) -> dict[str, str]:
    """The user's folder of pretrained files, if there is one; UserError for a file that can be had from nowhere."""
    folder, file = params["adopt"]["weights"], wildcards["file"]
    if folder and not Path(folder).is_dir():
        raise UserError(f"adopt.weights: {folder} is no folder. Name the one that holds {file}, or null.")
    page = weights.by_file(file)["by_hand"]
    if page and not (folder and (Path(folder) / file).is_file()):
        raise UserError(
            f"{file}: it lies in {page}, which no script can fetch. Open that page, put the file into "
            f"{folder or 'a folder'} under this name, and name the folder in adopt.weights."
        )
    return {"weights": folder} if folder else {}


def _is_packed(wildcards: dict[str, str]) -> bool:
    """Whether a camera's images are here: then the user's folder is not needed any more."""
    return Path(paths.receipt_file(paths.manifest_file(**wildcards))).exists()


def _refuse(problem: str | None) -> None:
    if problem:
        raise UserError(problem)
