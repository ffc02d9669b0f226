"""Crops of packed pictures, and PSNR of a crop as `pipeline.evaluation.metrics` measures it, without torch."""

import math

import numpy as np

from pipeline.errors import UserError
from pipeline.sampling.packed import Packed

# Limited-range luma in 1/256, as `pipeline.evaluation.metrics.LUMA`; a test holds the two together.
LUMA = (65.738, 129.057, 25.064)


def crop(path: str, image: str, box: tuple[int, ...], divisor: int = 1) -> np.ndarray:
    """uint8 (height, width, 3) cut out of a packed picture; `box` is (top, left, height, width), divided by `divisor`.

    UserError for a picture that is not there and for a box that leaves it or does not divide.
    """
    pixels = picture(path, image)
    if any(value % divisor for value in box):
        raise UserError(
            f"crop {list(box)} of {image}: expected multiples of the scale {divisor}. Correct params/domains.yaml."
        )
    top, left, height, width = (value // divisor for value in box)
    piece = pixels[top : top + height, left : left + width]
    if min(top, left) < 0 or piece.shape[:2] != (height, width):
        raise UserError(
            f"crop {list(box)} of {image}: leaves the picture of {pixels.shape[:2]} (height, width) in {path}. "
            "Correct `crops` in params/domains.yaml."
        )
    return piece


def sample(path: str, image: str, like: np.ndarray | None) -> np.ndarray:
    """The crop of SR that an evaluation stored; UserError when it is not there or not as large as `like`."""
    pixels = picture(path, f"sr/{image}")
    if like is not None and pixels.shape != like.shape:
        raise UserError(f"{path}: the crop of {image} is {pixels.shape[:2]}, HR's is {like.shape[:2]}. Evaluate again.")
    return pixels


def picture(path: str, name: str) -> np.ndarray:
    """A packed picture, uint8 (H, W, 3); UserError naming those that are there."""
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
