"""Cut crops out of pictures, and measure the PSNR of a crop as `pipeline.evaluation.metrics` does, without torch."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.errors import UserError
from pipeline.images.luma import LUMA
from pipeline.sampling.packed import Packed


def cut(pixels: np.ndarray, box: Sequence[int], place: str) -> np.ndarray:
    """The part (height, width, 3) of a picture (H, W, 3) that `box`, [top, left, height, width], names; a view.

    Raises UserError, beginning with `place`, for a box that is empty or leaves the picture.
    """
    top, left, height, width = box
    rows, columns = pixels.shape[:2]
    if min(top, left) < 0 or min(height, width) < 1 or top + height > rows or left + width > columns:
        raise UserError(
            f"{place}: the crop [top, left, height, width] is {list(box)}, expected a box inside the picture, "
            f"which is {rows}x{columns} (height x width). Correct `crops` in params/domains.yaml."
        )
    return pixels[top : top + height, left : left + width]


def reduced(box: Sequence[int], scale: int, place: str) -> tuple[int, ...]:
    """A box of HR pixels in LR pixels. Raises UserError, beginning with `place`, when `scale` does not divide it."""
    if any(value % scale for value in box):
        raise UserError(
            f"{place}: the crop {list(box)} must be multiples of the scale {scale}. Correct `crops` in params/domains.yaml."
        )
    return tuple(value // scale for value in box)


def crop(path: str, image: str, box: Sequence[int], scale: int = 1) -> np.ndarray:
    """uint8 (height, width, 3) cut out of a packed picture; `box` is in pixels of a picture `scale` times as large.

    Raises UserError for a picture that is not there and for a box that leaves it or does not divide.
    """
    place = f"{path}, {image}"
    return cut(picture(path, image), reduced(box, scale, place), place)


def sample(path: str, image: str, like: np.ndarray | None) -> np.ndarray:
    """The stored crop of SR of an image. Raises UserError when it is not there or not as large as `like`."""
    pixels = picture(path, f"sr/{image}")
    if like is not None and pixels.shape != like.shape:
        raise UserError(
            f"{path}: the crop of {image} is {pixels.shape[:2]}, HR's is {like.shape[:2]}. "
            f"Delete {path}; snakemake makes it again."
        )
    return pixels


def picture(path: str, name: str) -> np.ndarray:
    """A packed picture, uint8 (H, W, 3). Raises UserError naming those that are there."""
    packed = Packed(path)
    if name not in packed.names:
        raise UserError(f"{path}: holds no {name}, only {', '.join(packed.names[:12]) or 'nothing'}.")
    return packed[packed.names.index(name)]


def psnr_y(sr: np.ndarray, hr: np.ndarray) -> float:
    """PSNR in dB of the luma of two uint8 crops, all pixels, 100 for equal ones: as `pipeline.evaluation.metrics.psnr_y`.

    Nothing is left out at the border, which is none of the picture's.
    """
    error = ((sr.astype(np.float64) - hr) / 255) @ (np.array(LUMA) / 256)
    mean = float(np.square(error).mean())
    return 100.0 if mean < 1e-17 else -10 * math.log10(mean)
