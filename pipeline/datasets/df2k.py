"""DIV2K (Agustsson and Timofte, CVPRW 2017) and Flickr2K (Lim et al., CVPRW 2017) from a folder of the user's.

Photographs without a camera of their own: HR is given, LR is the published bicubic one or is made from HR. "Camera" is
the name of the set. Layout: `DIV2K_train_HR/0001.png`, `DIV2K_valid_HR`, `Flickr2K_HR` at any depth, and beside them
`DIV2K_train_LR_bicubic/X4/0001x4.png`. Settings: `train` {sub_images: {size, stride, threshold} in HR pixels, or null for
whole photographs; lr: published or bicubic}, `val` {images, seed}: training photographs that become the validation split.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets import Split
from pipeline.datasets.photographs import Photograph, folders, hold_out, split
from pipeline.datasets.subimages import rule
from pipeline.errors import UserError


class Source(NamedTuple):
    """A set: for each split the folder of its HR and how many images its authors count; whose, under which terms."""

    label: str
    parts: dict[str, tuple[str, int]]
    licence: str
    page: str


SOURCES = {
    "div2k": Source(
        "DIV2K",
        {"train": ("DIV2K_train_HR", 800), "test": ("DIV2K_valid_HR", 100)},
        "DIV2K: academic research only, no redistribution",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/",
    ),
    "flickr2k": Source(
        "Flickr2K",
        {"train": ("Flickr2K_HR", 2650)},
        "Flickr2K: no licence stated by its collectors; research use, no redistribution",
        "https://github.com/limbee/NTIRE2017 (its links were dead in 2024; copies lie on Hugging Face)",
    ),
}
PUBLISHED = (2, 3, 4)


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """Splits of one set: train and val in sub-images of different photographs, test whole (none in Flickr2K)."""
    if reason := missing(folder, [camera], scale):
        raise UserError(reason)
    source, place, made = SOURCES[camera], Path(folder), settings["train"]
    squares = rule(made["sub_images"], scale)
    found = {
        part: [
            Photograph(name, file, _published(file, scale) if made["lr"] == "published" else None)
            for name, file in sorted(_images(place, hr).items())
        ]
        for part, (hr, _) in source.parts.items()
    }
    counts = {part: count for part, (_, count) in source.parts.items()}
    held_out, kept = hold_out(found["train"], **settings["val"], whose=f"{folder}: photographs of {source.label}")
    return [
        split("train", kept, scale, squares, place, source.licence, counts["train"] - len(held_out)),
        split("val", held_out, scale, squares, place, source.licence, None),
        split("test", found.get("test", []), scale, None, place, source.licence, counts.get("test")),
    ]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """What is lacking of these sets, where to get it, where to say so; None when all is there. LR is looked for later."""
    for name in cameras:
        if name not in SOURCES:
            raise UserError(f"there is no photo set {name}; there are {', '.join(SOURCES)}. Correct params.yaml.")
        source = SOURCES[name]
        if folder is None:
            reason = f"`adopt.{name}` names no folder"
        elif not Path(folder).is_dir():
            reason = f"{folder} is not a folder"
        else:
            lacking = [hr for hr, _ in source.parts.values() if not _images(folder, hr)]
            if not lacking:
                continue
            reason = f"{folder} holds no images in {', none in '.join(lacking)}"
        return (
            f"{source.label} is missing: {reason}. Get it from {source.page}, unpack it, and set `adopt.{name}` in "
            "params.yaml to the folder that holds it."
        )
    return None


def _images(root: str | Path, wanted: str) -> dict[str, Path]:
    """Name -> file of all images in the folders of that name; UserError when an image is there twice."""
    found: dict[str, Path] = {}
    for place, names in folders(root):
        if place.name.lower() != wanted.lower():
            continue
        for file in (place / name for name in names):
            if file.stem in found:
                raise UserError(f"{file} and {found[file.stem]}: the same image twice. Leave only one of the folders.")
            found[file.stem] = file
    return found


def _published(hr: Path, scale: int) -> Path:
    """The bicubic LR that the authors made of an HR image."""
    if scale not in PUBLISHED:
        raise UserError(
            f"train.lr: no LR was published for scale {scale}. Set it to `bicubic`, which makes LR from HR."
        )
    lr = hr.parent.with_name(hr.parent.name.replace("_HR", "_LR_bicubic")) / f"X{scale}" / f"{hr.stem}x{scale}.png"
    if not lr.is_file():
        raise UserError(f"{lr}: the published LR of {hr} is not there. Unpack it, or set `train.lr` to `bicubic`.")
    return lr
