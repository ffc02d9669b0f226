"""What is known of a data set and each of its parts, and what a folder holds of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets.folders import File, Part, is_junk, walk
from pipeline.fetch.unpack import IMAGES

PICTURES = {*IMAGES, ".webp"}
ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.gz|rar|7z)(\.\d{3})?$", re.IGNORECASE)


@dataclass(frozen=True)
class Expected:
    """What somebody states about a part: how many images or pairs, their keys where these are known, and who says so."""

    count: int
    names: frozenset[str] | None
    source: str


@dataclass(frozen=True)
class Layout:
    """A data set as it is known. `scan`: folder → its images, and why other files are none, where more is known of them.

    `partner` names the part that has the HR of a part's LR. `required`: parts without which a copy is not whole; all
    others only count where they are there. `together`: a group is of use with all its splits alone. `exact`: HR is no
    smaller than `scale` times LR and no LR pixel larger, else within one. `one_size`: splits whose images are all of one
    size; `size`: (H, W) of every HR. `grey`: grey images are fine. `check`: looks for the traps of this data set in (part
    → its row, images, path → look), may add faults, and returns notes.
    """

    title: str
    get: str
    scan: Callable[[Path], tuple[list[File], dict[Path, str]]]
    expected: Mapping[Part, Expected]
    required: frozenset[Part]
    partner: Callable[[Part], Part | None] = lambda part: part
    together: bool = False
    exact: bool = False
    one_size: frozenset[str] = frozenset()
    grey: bool = False
    size: tuple[int, int] | None = None
    check: Callable[[dict, list[File], dict], list[str]] = lambda rows, images, looks: []


class Inventory(NamedTuple):
    """What a folder holds: images of the data set, and paths below it of other files with the reason why they are none."""

    images: list[File]
    strays: dict[str, str]


def inventory(layout: Layout, root: Path) -> Inventory:
    """Every file below the folder."""
    images, others = layout.scan(root)
    known = {image.path for image in images}
    rest = sorted(place / name for place, _, names in walk(root) for name in names if place / name not in known)
    return Inventory(images, {path.relative_to(root).as_posix(): _stray(path, others.get(path)) for path in rest})


def _stray(path: Path, why: str | None) -> str:
    """Why a file does not count; `why` is said of images."""
    if is_junk(path):
        return "left by an operating system"
    if ARCHIVE.search(path.name):
        return "an archive"
    return why or "an image of no part that is known" if path.suffix.lower() in PICTURES else "no image"
