"""How kernels are drawn: zero white, on one colour scale per column, the middle of an LR cell marked."""

from collections.abc import Sequence

import numpy as np

from pipeline.figures.plots import INK
from pipeline.figures.sheet import GAP, Sheet
from pipeline.images.kernels import DIGITS

CELL = (300, 300)
# Zero is white: sharpening in the camera makes kernels negative around their middle.
PALETTE = "RdBu_r"


def sheet(columns: int, rows: Sequence[tuple[float, float]], simulated: bool) -> Sheet:
    """A sheet of kernels, in a column more the colour bar beside the last row."""
    note = ["+ middle of the LR pixel", *(["simulated cameras"] if simulated else [])]
    drawn = Sheet(CELL, columns + 1, rows, 15 * GAP, note)
    drawn.colour_bar(len(rows) - 1, columns, PALETTE, ("−1", "0", "1"), "share of the column's\nlargest value")
    return drawn


def show(drawn: Sheet, row: int, column: int, kernel: np.ndarray, scale: int, like: np.ndarray | None = None) -> None:
    """A kernel in the colours of `like`, or its own; a cross where a camera without phase samples the scene."""
    largest = np.abs(kernel if like is None else like).max()
    axes = drawn.picture(row, column, kernel, cmap=PALETTE, vmin=-largest, vmax=largest)
    middle = len(kernel) // 2 - (scale - 1) / 2
    axes.plot(middle, middle, "+", color=INK, markersize=7, markeredgewidth=0.7)
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)


def plain(kernel: np.ndarray) -> list[list[float]]:
    """For JSON, rounded as estimates are."""
    return [[round(float(value), DIGITS) + 0.0 for value in row] for row in kernel]
