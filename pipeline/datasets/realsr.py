"""RealSR version 3 (Cai et al., ICCV 2019) from a folder of the user's: pairs of two cameras, registered by the authors.

Layout: `{Canon,Nikon}/{Train,Test}/{2,3,4}` at any depth, in it `Canon_001_HR.png` beside `Canon_001_LR4.png`. Versions 1
and 2 have HR and LR of equal size and are refused. Settings: `train` {sub_images: {size, stride, threshold} in HR pixels,
or null for whole photographs}, `val` {images, seed}: how many training photographs become the validation split.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.datasets import Split
from pipeline.datasets.photographs import Photograph, folders, hold_out, split
from pipeline.datasets.subimages import rule
from pipeline.errors import UserError

CAMERAS = {"canon": "Canon_", "nikon": "Nikon_"}
# Test pairs per camera and scale; the number of training pairs per scale is not published.
TEST = 50
LICENCE = "RealSR: no licence stated; research use, no redistribution"
PAGE = "https://github.com/csjcai/RealSR"
DRIVE = "https://drive.google.com/file/d/17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM"


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """The camera's splits: train and val in sub-images of different photographs, test whole."""
    if reason := missing(folder, [camera], scale):
        raise UserError(reason)
    squares, place = rule(settings["train"]["sub_images"], scale), Path(folder)
    pairs = {part: _pairs(place, camera, part, scale) for part in ("train", "test")}
    held_out, kept = hold_out(pairs["train"], **settings["val"], whose=f"{folder}: photographs of {camera} at x{scale}")
    return [
        split("train", kept, scale, squares, place, LICENCE, None),
        split("val", held_out, scale, squares, place, LICENCE, None),
        split("test", pairs["test"], scale, None, place, LICENCE, TEST),
    ]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """Message about files that these cameras lack at this scale: where to get them and which setting to set; else None."""
    cameras = list(cameras)
    if unknown := [camera for camera in cameras if camera not in CAMERAS]:
        raise UserError(
            f"RealSR has no camera {', '.join(unknown)}; it has {', '.join(CAMERAS)}. Correct params/domains.yaml."
        )
    if folder is None:
        reason = "`adopt.realsr` names no folder"
    elif not Path(folder).is_dir():
        reason = f"{folder} is not a folder"
    else:
        absent = [
            f"{part} pairs of {camera}"
            for camera in cameras
            for part in ("train", "test")
            if not any(_names(names, camera, scale) for _, names in _places(folder, part, scale))
        ]
        if not absent:
            return None
        reason = f"{folder} holds no {', no '.join(absent)}"
    return (
        f"RealSR x{scale} is missing: {reason}. Get RealSR(V3).tar.gz from {PAGE} (Google Drive {DRIVE}; versions 1 and 2 are "
        "other data), unpack it, and set `adopt.realsr` in params.yaml to the folder that holds Canon and Nikon."
    )


def _places(root: str | Path, part: str, scale: int) -> list[tuple[Path, list[str]]]:
    """(folder, names of images) of every `<Train or Test>/<scale>` below the root."""
    return [
        (place, names)
        for place, names in folders(root)
        if place.name == str(scale) and place.parent.name.lower() == part
    ]


def _names(names: Iterable[str], camera: str, scale: int) -> dict[str, dict[str, str]]:
    """Scene -> {"HR": name, "LR": name} of one camera, either of which may be absent."""
    pattern = re.compile(rf"(?P<scene>{CAMERAS[camera]}.+)_(?P<kind>HR|LR{scale})\.png", re.IGNORECASE)
    names_of: dict[str, dict[str, str]] = {}
    for match in filter(None, map(pattern.fullmatch, names)):
        names_of.setdefault(match["scene"], {})[match["kind"][:2].upper()] = match.string
    return names_of


def _pairs(root: Path, camera: str, part: str, scale: int) -> list[Photograph]:
    photographs: dict[str, Photograph] = {}
    for place, names in _places(root, part, scale):
        for scene, files in _names(names, camera, scale).items():
            if len(files) == 1:
                (name,) = files.values()
                other = "HR" if "LR" in files else f"LR{scale}"
                raise UserError(
                    f"{place / name}: its partner {scene}_{other}.png does not exist beside it. Unpack RealSR again, completely."
                )
            if scene in photographs:
                raise UserError(
                    f"{place / files['HR']} and {photographs[scene].hr}: the same photograph twice. Leave only one folder."
                )
            photographs[scene] = Photograph(scene, place / files["HR"], place / files["LR"])
    return [photographs[scene] for scene in sorted(photographs)]
