"""DIV2K (Agustsson and Timofte, CVPRW 2017) and Flickr2K (Lim et al., CVPRW 2017) from a folder of the user's.

Photographs without a camera of their own: HR is given, LR is the published bicubic one or is made from HR. "Camera" is
the name of the set. Layout: `DIV2K_train_HR/0001.png`, `DIV2K_valid_HR`, `Flickr2K_HR/000001.png`, `DF2K/HR` (training
images of both) and `DIV2K_train_LR_bicubic/X4/0001x4.png`, each at any depth. Settings: `train` {sub_images: {size,
stride, threshold} in HR pixels, or null for whole photographs; lr: published or bicubic}, `val` {images, seed}: training
photographs that become the validation split.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets import Split
from pipeline.datasets.folders import Rule, named, reason, scan
from pipeline.datasets.photographs import Photograph, hold_out, split
from pipeline.datasets.subimages import rule
from pipeline.errors import UserError


class Source(NamedTuple):
    """A set: label; split -> (possible HR folders, number of images); digits of an image's name; licence; page."""

    label: str
    parts: dict[str, tuple[tuple[str, ...], int]]
    digits: int
    licence: str
    page: str


SOURCES = {
    "div2k": Source(
        "DIV2K",
        {"train": (("DIV2K_train_HR", "DF2K/HR"), 800), "valid": (("DIV2K_valid_HR",), 100)},
        4,
        "DIV2K: academic research only, no redistribution",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/ (DIV2K_train_HR.zip, DIV2K_valid_HR.zip, DIV2K_*_LR_bicubic_X*.zip)",
    ),
    "flickr2k": Source(
        "Flickr2K",
        {"train": (("Flickr2K_HR", "DF2K/HR"), 2650)},
        6,
        "Flickr2K: no licence stated by its collectors; research use, no redistribution",
        "https://github.com/limbee/NTIRE2017 (its links were dead in 2024; a copy: goodfellowliu/Flickr2K on Hugging Face)",
    ),
}
PUBLISHED = (2, 3, 4)


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """Splits of one set: train and val in sub-images of different photographs, test whole (none in Flickr2K)."""
    if lack := missing(folder, [camera], scale):
        raise UserError(lack)
    source, place, train = SOURCES[camera], Path(folder), settings["train"]
    squares = rule(train["sub_images"], scale)
    if train["lr"] == "published" and scale not in PUBLISHED:
        raise UserError(
            f"train.lr: no LR was published for scale {scale}. Set it to `bicubic`, which makes LR from HR."
        )
    files, photographs = scan(place, rules(camera)), {}
    for part, (folders, _) in source.parts.items():
        hr = named(file for file in files if file.part == ("HR", None, part))
        lr = {}
        if train["lr"] == "published":
            lr = named(file for file in files if file.part == ("bicubic", scale, part))
            if absent := [name for name in hr if name not in lr]:
                where = f"{_reduced(folders[0])}_bicubic/X{scale}/{absent[0]}x{scale}.png"
                raise UserError(
                    f"{place}: {where}: the published LR of {hr[absent[0]]} is missing. Unpack it below this folder, or set "
                    "`train.lr` to `bicubic`."
                )
        photographs[part] = [Photograph(name, hr[name], lr.get(name)) for name in hr]
    counts = {part: count for part, (_, count) in source.parts.items()}
    held_out, kept = hold_out(photographs["train"], **settings["val"], whose=f"{folder}: photographs of {source.label}")
    return [
        split("train", kept, scale, squares, place, source.licence, counts["train"] - len(held_out)),
        split("val", held_out, scale, squares, place, source.licence, None),
        split("test", photographs.get("valid", []), scale, None, place, source.licence, counts.get("valid")),
    ]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """Message about the first missing set (its HR), with its page and setting; None if none is missing. LR is not checked."""
    for name in cameras:
        if why := reason(name, folder, [name], SOURCES, partial(_lacks, name)):
            source = SOURCES[name]
            return (
                f"{source.label} is missing: {why}. Get it from {source.page}, unpack it, and set `adopt.{name}` in "
                "site.yaml to the folder that holds it."
            )
    return None


def _lacks(name: str, place: Path) -> str:
    present = {file.part for file in scan(place, rules(name))}
    parts = SOURCES[name].parts.items()
    return ", ".join(f"no images in {' or '.join(hr)}" for part, (hr, _) in parts if ("HR", None, part) not in present)


def rules(name: str) -> list[Rule]:
    """Rules for the images of a set: HR and bicubic LR, which packing reads, and the authors' other reductions."""
    source, result = SOURCES[name], []
    key = rf"(?P<key>\d{{{source.digits}}})"
    for part, (folders, _) in source.parts.items():
        for hr in folders:
            small = rf"(?i:{_reduced(hr)}_(?:%s)/X)(?P<scale>[234])/{key}x(?P=scale)\.png"
            result += [Rule(rf"(?i:{hr})/{key}\.(?i:png|jpe?g)", "HR", "HR", split=part)]
            result += [Rule(small % kind, "LR", kind, split=part) for kind in ("bicubic", "unknown")]
            result += [Rule(rf"{_reduced(hr)}_x8/{key}x8\.png", "LR", "x8", 8, part)]
    return result


def _reduced(hr: str) -> str:
    """Beginning of the names of the LR folders that belong to a folder of HR."""
    return f"{hr.removesuffix('HR')}LR"
