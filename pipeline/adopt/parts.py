"""Data model of an adoption: parts of a data set, images that belong to them, and what is known of each part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """One row of a report. `group`: camera, or kind of images; `scale`: None for HR that serves every scale."""

    group: str
    scale: int | None
    split: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.group, self.scale and f"x{self.scale}", self.split)))


class Image(NamedTuple):
    """A file that belongs to a part. `kind`: HR or LR; LR and HR of one pair have the same `key`."""

    part: Part
    kind: str
    key: str
    path: Path

    @property
    def name(self) -> str:
        """Name that does not depend on folders: the same for every copy of the data set."""
        scale = f"x{self.part.scale}" if self.part.scale else ""
        return "/".join(filter(None, (self.part.group, scale, self.part.split, self.kind, self.key)))


@dataclass
class Inventory:
    """Contents of a folder: images of the data set, and all other files → why they are not counted."""

    images: list[Image] = field(default_factory=list)
    strays: dict[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What a source states about a part: number of images or pairs, their keys (None: not stated), name of the source."""

    count: int
    names: frozenset[str] | None
    source: str


@dataclass(frozen=True)
class Layout:
    """A data set as it is known. `scan` reads a folder; `partner` gives the part that holds the HR of an LR part.

    `required`: parts that a complete copy has; others count only if they exist. `together`: a group is usable only with all
    its splits. `exact`: HR is at least `scale` times LR and less than one LR pixel larger; else HR may also be smaller by that.
    `one_size`: splits whose images all have one size; `size`: (H, W) of every HR. `grey`: grey images are allowed. `check`:
    finds known traps of this data set in (part → its row, images, path → look), may add faults, and returns notes.
    """

    title: str
    heading: str
    get: str
    scan: Callable[[Path], Inventory]
    expected: Mapping[Part, Expected]
    required: frozenset[Part]
    partner: Callable[[Part], Part | None]
    together: bool = False
    exact: bool = False
    one_size: frozenset[str] = frozenset()
    grey: bool = False
    size: tuple[int, int] | None = None
    check: Callable[[dict, list[Image], dict], list[str]] = lambda rows, images, looks: []
