"""What a data set consists of: parts, images with their place in them, and what is known of each part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """One row of a report. `group`: camera, or kind of images; `scale`: None where HR serves every scale."""

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
        """The image's name wherever its folder lies: the same for every copy of the data set."""
        scale = f"x{self.part.scale}" if self.part.scale else ""
        return "/".join(filter(None, (self.part.group, scale, self.part.split, self.kind, self.key)))


@dataclass
class Inventory:
    """What a folder holds: images of the data set, and other files with the reason why they are none."""

    images: list[Image] = field(default_factory=list)
    strays: dict[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What somebody states about a part: how many images or pairs, their keys where these are known, and who says so."""

    count: int
    names: frozenset[str] | None
    source: str


@dataclass(frozen=True)
class Layout:
    """A data set as it is known. `scan` takes the folder; `partner` names the part that has the HR of a part's LR.

    `required`: parts without which a copy is not whole; all others only count where they are there. `together`: a group
    is of use with all its splits alone. `exact`: HR is no smaller than `scale` times LR and no LR pixel larger, else within one.
    `one_size`: splits whose images are all of one size; `size`: (H, W) of every HR. `grey`: grey images are fine. `check`:
    looks for the traps of this data set in (part → its row, images, path → look), may add faults, and returns notes.
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
