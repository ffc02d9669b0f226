"""A tiny tree with DRealSR's layout and names, for tests and dry runs: random colours, small sizes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.images.rgb import write_png

PREFIX = {"panasonic": "panasonic_", "sony": "sony_", "olympus": "P114", "nikon": "DSC_", "canon": "Canon_"}


def write_fake_drealsr(
    folder: Path,
    scale: int = 4,
    patches: int = 4,
    photos: int = 2,
    cameras: Sequence[str] = ("panasonic", "sony", "olympus"),
    patch_size: int = 16,
) -> Path:
    """Write `patches` training pairs and `photos` test pairs per camera below `folder`/x{scale}; returns `folder`.

    LR patches are patch_size x patch_size, LR photographs 20x24 and a little larger.
    """
    random = np.random.default_rng(0)

    def pair(split: str, scene: str, patch: str, height: int, width: int) -> None:
        for kind, times, factor in (("HR", scale, scale), ("LR", 1, 1)):
            # Double nesting occurs in the wild, after unzipping Test_x4.zip into Test_x4.
            place = folder / f"x{scale}" / f"{split}_x{scale}" / f"{split}_x{scale}" / f"{split.lower()}_{kind}"
            pixels = random.integers(0, 256, (height * factor, width * factor, 3), dtype=np.uint8)
            write_png(place / f"{scene}_x{times}{patch}.png", pixels)

    for camera in cameras:
        for number in range(patches):
            pair("Train", f"{PREFIX[camera]}{100 + number // 3}", f"_{number % 3 + 1}", patch_size, patch_size)
        for number in range(photos):
            pair("Test", f"{PREFIX[camera]}{500 + number}", "", 20 + number, 24)
    return folder
