"""RealSR version 3 (Cai et al., ICCV 2019) from a folder of the user's: pairs of two cameras, registered by the authors.

Layout: `{Canon,Nikon}/{Train,Test}/{2,3,4}` at any depth, in it `Canon_001_HR.png` beside `Canon_001_LR4.png`. Versions 1
and 2 have HR and LR of equal size and are refused. Settings: `train` {sub_images: {size, stride, threshold} in HR pixels,
or null for whole photographs}, `val` {images, seed}: how many training photographs become the validation split.
"""

from collections.abc import Iterable
from pathlib import Path

from pipeline.datasets import Split
from pipeline.datasets.folders import Part, Rule, reason, scan
from pipeline.datasets.photographs import hold_out, pairs, split
from pipeline.datasets.subimages import rule
from pipeline.errors import UserError

CAMERAS = {"canon": "Canon", "nikon": "Nikon"}
# The camera's folder, above these, does not count: every file name has the camera.
RULES = [
    Rule(rf"(?i:(?P<split>train|test)/(?P<scale>[234])/(?P<key>{camera}_[^/]+)_{kind}\.png)", kind[:2], camera)
    for camera in CAMERAS.values()
    for kind in ("HR", "LR(?P=scale)")
]
# Test pairs per camera and scale; the number of training pairs per scale is not published.
TEST = 50
LICENCE = "RealSR: no licence stated; research use, no redistribution"
PAGE = "https://github.com/csjcai/RealSR"
DRIVE = "https://drive.google.com/file/d/17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM"


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """The camera's splits: train and val in sub-images of different photographs, test whole."""
    if lack := missing(folder, [camera], scale):
        raise UserError(lack)
    squares, place = rule(settings["train"]["sub_images"], scale), Path(folder)
    files = scan(place, RULES)
    of_part = {
        part: pairs(file for file in files if file.part == (CAMERAS[camera], scale, part)) for part in ("train", "test")
    }
    held_out, kept = hold_out(
        of_part["train"], **settings["val"], whose=f"{folder}: photographs of {camera} at x{scale}"
    )
    return [
        split("train", kept, scale, squares, place, LICENCE, None),
        split("val", held_out, scale, squares, place, LICENCE, None),
        split("test", of_part["test"], scale, None, place, LICENCE, TEST),
    ]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """Message about files that these cameras lack at this scale: where to get them and which setting to set; else None."""
    cameras = list(cameras)

    def lacks(place: Path) -> str:
        present = {file.part for file in scan(place, RULES)}
        wanted = [(camera, part) for camera in cameras for part in ("train", "test")]
        absent = [f"no {part} pairs of {one}" for one, part in wanted if Part(CAMERAS[one], scale, part) not in present]
        return ", ".join(absent)

    why = reason("realsr", folder, cameras, CAMERAS, lacks)
    return why and (
        f"RealSR x{scale} is missing: {why}. Get RealSR(V3).tar.gz from {PAGE} (Google Drive {DRIVE}; versions 1 and 2 are "
        "other data), unpack it, and set `adopt.realsr` in site.yaml to the folder that holds Canon and Nikon."
    )
