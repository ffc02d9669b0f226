"""The exact kernels of simulated cameras and of bicubic reduction, in the convention of `pipeline.images.kernels`."""

import math

import numpy as np

from pipeline.datasets import cameras
from pipeline.images.rgb import imresize


def camera_response(recipe: dict, scale: int, side: int) -> np.ndarray:
    """How a camera without noise, rounding and clipping spreads a point: float64 (side, side), larger parts cut off.

    Its blur, `cameras.kernel`, followed by unsharp masking against the 1 2 1 average of LR neighbours.
    """
    blur = cameras.kernel(recipe, scale) / cameras.ONE
    sharpen = -recipe["sharpen"] * np.outer([1, 2, 1], [1, 2, 1]) / 16
    sharpen[1, 1] += 1 + recipe["sharpen"]
    size = len(blur)
    weights = np.zeros((size + 2 * scale, size + 2 * scale))
    for row in range(3):
        for column in range(3):
            place = slice(row * scale, row * scale + size), slice(column * scale, column * scale + size)
            weights[place] += sharpen[row, column] * blur
    # Where the window of `cameras.kernel` begins, one LR pixel earlier for the sharpening.
    first = [math.floor((scale - 1) / 2 + shift * scale) - size // 2 + 1 - scale for shift in recipe["phase"]]
    return _cut(weights, first, side)


def bicubic_response(scale: int, side: int) -> np.ndarray:
    """How `images.bicubic` without rounding spreads a point: float64 (side, side), larger parts cut off.

    Its axes are independent, and a point at HR pixel s·i - u leaves k[u] in LR pixel i.
    """
    reach, middle = side // 2, side
    points = np.eye(2 * side * scale)[:, scale * middle - np.arange(-reach, reach + 1)]
    line = np.array([imresize(points[:, [place]], 1 / scale)[middle, 0] for place in range(side)])
    return np.outer(line, line)


def _cut(weights: np.ndarray, first: list[int], side: int) -> np.ndarray:
    """The convolution kernel (side, side) of weights whose first one belongs to HR pixel `first` of the cell."""
    window = np.zeros((side, side))
    places = [np.arange(length) + start + side // 2 for length, start in zip(weights.shape, first, strict=True)]
    inside = [(place >= 0) & (place < side) for place in places]
    window[np.ix_(*(place[kept] for place, kept in zip(places, inside, strict=True)))] = weights[np.ix_(*inside)]
    return window[::-1, ::-1]
