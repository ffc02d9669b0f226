"""DIV2K (Agustsson and Timofte, CVPRW 2017) and Flickr2K (Lim et al., CVPRW 2017) from a folder of the user's.

Photographs without a camera of their own: HR is given, LR is the published bicubic one or is made from HR. "Camera" is
the name of the set. Layout: `DIV2K_train_HR/0001.png`, `DIV2K_valid_HR`, `Flickr2K_HR/000001.png`, `DF2K/HR` (training
images of both) and `DIV2K_train_LR_bicubic/X4/0001x4.png`, each at any depth. Settings: `train` {sub_images: {size,
stride, threshold} in HR pixels, or null for whole photographs; lr: published or bicubic}, `val` {images, seed}: training
photographs that become the validation split.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets import Split
from pipeline.datasets.folders import inside
from pipeline.datasets.photographs import Photograph, folders, hold_out, split
from pipeline.datasets.subimages import rule
from pipeline.errors import UserError


class Source(NamedTuple):
    """A set: label; split -> (possible HR folders, number of images); pattern of image names; licence; page."""

    label: str
    parts: dict[str, tuple[tuple[str, ...], int]]
    name: str
    licence: str
    page: str


SOURCES = {
    "div2k": Source(
        "DIV2K",
        {"train": (("DIV2K_train_HR", "DF2K/HR"), 800), "test": (("DIV2K_valid_HR",), 100)},
        r"\d{4}",
        "DIV2K: academic research only, no redistribution",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/",
    ),
    "flickr2k": Source(
        "Flickr2K",
        {"train": (("Flickr2K_HR", "DF2K/HR"), 2650)},
        r"\d{6}",
        "Flickr2K: no licence stated by its collectors; research use, no redistribution",
        "https://github.com/limbee/NTIRE2017 (its links were dead in 2024; copies lie on Hugging Face)",
    ),
}
PUBLISHED = (2, 3, 4)


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """Splits of one set: train and val in sub-images of different photographs, test whole (none in Flickr2K)."""
    if reason := missing(folder, [camera], scale):
        raise UserError(reason)
    source, place, train = SOURCES[camera], Path(folder), settings["train"]
    squares = rule(train["sub_images"], scale)
    photographs = {}
    for part, (hr, _) in source.parts.items():
        files = _images(place, hr, source.name)
        lr = _published(place, source.name, hr, files, scale) if train["lr"] == "published" else {}
        photographs[part] = [Photograph(name, files[name], lr.get(name)) for name in sorted(files)]
    counts = {part: count for part, (_, count) in source.parts.items()}
    held_out, kept = hold_out(photographs["train"], **settings["val"], whose=f"{folder}: photographs of {source.label}")
    return [
        split("train", kept, scale, squares, place, source.licence, counts["train"] - len(held_out)),
        split("val", held_out, scale, squares, place, source.licence, None),
        split("test", photographs.get("test", []), scale, None, place, source.licence, counts.get("test")),
    ]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """Message about the first missing set (its HR), with its page and setting; None if none is missing. LR is not checked."""
    for name in cameras:
        if name not in SOURCES:
            raise UserError(
                f"unknown photo set {name}, expected one of {', '.join(SOURCES)}. Correct params/domains.yaml."
            )
        source = SOURCES[name]
        if folder is None:
            reason = f"`adopt.{name}` names no folder"
        elif not Path(folder).is_dir():
            reason = f"{folder} is not a folder"
        else:
            lacking = [" or ".join(hr) for hr, _ in source.parts.values() if not _images(folder, hr, source.name)]
            if not lacking:
                continue
            reason = f"{folder} holds no images in {', none in '.join(lacking)}"
        return (
            f"{source.label} is missing: {reason}. Get it from {source.page}, unpack it, and set `adopt.{name}` in "
            "params.yaml to the folder that holds it."
        )
    return None


def lr_folder(hr: str) -> str:
    """Folder of the published bicubic LR of a folder of HR; it holds one folder per scale."""
    return f"{hr.removesuffix('HR')}LR_bicubic"


def _images(root: str | Path, endings: Iterable[str], name_of: str) -> dict[str, Path]:
    """Name -> file of images that match `name_of` in folders whose path has one of `endings`; UserError for duplicates."""
    files: dict[str, Path] = {}
    ends = tuple(f"/{end}".lower() for end in endings)
    for place, names in folders(root):
        if not f"/{inside(root, place)}".lower().endswith(ends):
            continue
        for file in (place / name for name in names):
            if not re.fullmatch(name_of, file.stem):
                continue
            if file.stem in files:
                raise UserError(f"{file} and {files[file.stem]}: the same image twice. Leave only one of the folders.")
            files[file.stem] = file
    return files


def _published(root: Path, name: str, places: Iterable[str], hr: dict[str, Path], scale: int) -> dict[str, Path]:
    """Name of an HR image -> its published bicubic LR, in any folder: authors publish LR as a separate archive."""
    if scale not in PUBLISHED:
        raise UserError(
            f"train.lr: no LR was published for scale {scale}. Set it to `bicubic`, which makes LR from HR."
        )
    ends = [f"{lr_folder(place)}/X{scale}" for place in places]
    lr = _images(root, ends, rf"{name}x{scale}")
    if absent := [one for one in sorted(hr) if f"{one}x{scale}" not in lr]:
        raise UserError(
            f"{root}: {ends[0]}/{absent[0]}x{scale}.png: the published LR of {hr[absent[0]]} is missing. Unpack it below this "
            "folder, or set `train.lr` to `bicubic`."
        )
    return {one: lr[f"{one}x{scale}"] for one in hr}
