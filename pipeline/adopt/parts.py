"""Data model of an adoption: what is known of a data set and each of its parts, and what a folder holds of them."""

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
    """What a source states about a part: number of images or pairs, their keys (None: not stated), name of the source."""

    count: int
    names: frozenset[str] | None
    source: str


@dataclass(frozen=True)
class Layout:
    """A data set as it is known. `scan`: folder → its images, and reasons why other files are not counted, if it knows one.

    `partner` gives the part that holds the HR of an LR part. `required`: parts that a complete copy has; others count only
    if they exist. `together`: a group is usable only with all its splits. `exact`: HR is at least `scale` times LR and less
    than one LR pixel larger; else HR may also be smaller by that. `one_size`: splits whose images all have one size; `size`:
    (H, W) of every HR. `grey`: grey images are allowed. `check`: finds known traps of this data set in (part → its row,
    images, path → look), may add faults, and returns notes.
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
    """Contents of a folder: images of the data set, and paths below it of all other files → why they are not counted."""

    images: list[File]
    strays: dict[str, str]


def inventory(layout: Layout, root: Path) -> Inventory:
    """Contents of a folder; every file below it is an image or a stray."""
    images, others = layout.scan(root)
    used = {image.path for image in images}
    rest = sorted(place / name for place, _, names in walk(root) for name in names if place / name not in used)
    return Inventory(images, {path.relative_to(root).as_posix(): _stray(path, others.get(path)) for path in rest})


def _stray(path: Path, why: str | None) -> str:
    """Reason why a file is not counted; `why` is the reason for images."""
    if is_junk(path):
        return "left by an operating system"
    if ARCHIVE.search(path.name):
        return "an archive"
    return why or "an image of no part that is known" if path.suffix.lower() in PICTURES else "no image"
