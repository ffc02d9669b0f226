"""Draw kernels: zero is white, one colour scale per column, a cross at the middle of the LR pixel."""

from collections.abc import Sequence

import numpy as np

from pipeline.figures.plots import INK
from pipeline.figures.sheet import GAP, Sheet
from pipeline.images.kernels import DIGITS

CELL = (300, 300)
# Zero is white: sharpening in the camera makes kernels negative around their middle.
PALETTE = "RdBu_r"


def sheet(columns: int, rows: Sequence[tuple[float, float]], simulated: bool) -> Sheet:
    """A sheet of kernels; an extra column holds the colour bar, in the last row."""
    note = ["+ middle of the LR pixel", *(["simulated cameras"] if simulated else [])]
    drawn = Sheet(CELL, columns + 1, rows, 15 * GAP, note)
    drawn.colour_bar(len(rows) - 1, columns, PALETTE, ("−1", "0", "1"), "share of the column's\nlargest value")
    return drawn


def show(drawn: Sheet, row: int, column: int, kernel: np.ndarray, scale: int, like: np.ndarray | None = None) -> None:
    """Draw a kernel in the colour scale of `like` (default: its own); a cross marks where a camera without phase samples."""
    largest = np.abs(kernel if like is None else like).max()
    axes = drawn.picture(row, column, kernel, cmap=PALETTE, vmin=-largest, vmax=largest)
    middle = len(kernel) // 2 - (scale - 1) / 2
    axes.plot(middle, middle, "+", color=INK, markersize=7, markeredgewidth=0.7)
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)


def plain(kernel: np.ndarray) -> list[list[float]]:
    """The kernel as lists for JSON, rounded like estimates."""
    return [[round(float(value), DIGITS) + 0.0 for value in row] for row in kernel]
