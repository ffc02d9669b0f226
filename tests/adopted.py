"""Tiny copies of data sets as users have them, and what an adoption says of them."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.adopt import drealsr
from pipeline.adopt.__main__ import adopt
from pipeline.adopt.parts import Expected, Layout
from pipeline.datasets.folders import Part

LISTS = Path(__file__).parents[1] / "data" / "lists"


def picture(path: Path, height: int = 8, width: int = 8, seed: int | None = None) -> Path:
    """Write random colours; every path its own unless seeds are given."""
    random = np.random.default_rng(abs(hash_of(path)) if seed is None else seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not through write_png, which waits for the disk.
    Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return path


def hash_of(path: Path) -> int:
    """A number of the path's last three parts: the same in every copy of a tree."""
    return int.from_bytes("/".join(path.parts[-3:]).encode()[-24:], "little")


def report(name: str, folder: Path, **changes) -> tuple[dict, str]:
    """(report as data, as printed) of a folder; one process, everything decoded."""
    return adopt(name, folder, **{"decode": None, "workers": 1, "shown": 3} | changes)


def part(found: dict, group: str, scale: int | None, split: str) -> dict:
    """One row of a report."""
    (row,) = [one for one in found["parts"] if (one["group"], one["scale"], one["split"]) == (group, scale, split)]
    return row


def listing(folder: Path) -> dict[str, tuple]:
    """Everything below a folder with what any writing would change."""
    found = {}
    for place, inside, files in os.walk(folder):
        for name in (*inside, *files, "."):
            status = (Path(place) / name).lstat()
            found[f"{place}/{name}"] = (
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_size,
                status.st_mode,
                status.st_ino,
            )
    return found


def short_drealsr() -> Layout:
    """DRealSR's layout with lists of what `write_fake_drealsr(patches=5, photos=2)` writes."""
    tails = {"train": [(100 + number // 3, f"_x4_{number % 3 + 1}") for number in range(5)]}
    tails["test"] = [(500, "_x4"), (501, "_x4")]
    expected = {}
    for camera, head in {"panasonic": "panasonic_", "sony": "sony_", "olympus": "P114"}.items():
        for split, names in tails.items():
            keys = frozenset(f"{head}{number}{tail}" for number, tail in names)
            expected[Part(camera, 4, split)] = Expected(len(keys), keys, "a short list")
    return replace(drealsr.layout(LISTS), expected=expected, required=frozenset(expected))
