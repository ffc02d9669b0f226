"""Packed files as tests write them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.files import read_csv
from pipeline.sampling import manifest
from pipeline.sampling.packed import writer


def write_stack(path: str | Path, names: Sequence[str], images: Iterable[np.ndarray]) -> None:
    """Write images of one size; `images` is (N, H, W, 3) or a list of (H, W, 3), uint8."""
    images = list(images)
    with writer(path, names, [image.shape[:2] for image in images], stack=True) as write:
        for image in images:
            write(image)


def read_manifest(path: Path) -> list[manifest.Row]:
    """The rows of a manifest."""
    sizes = ("height", "width")
    return [
        manifest.Row(**{key: int(text) if key in sizes else text for key, text in row.items()})
        for row in read_csv(path)
    ]
