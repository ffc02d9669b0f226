"""Degradation kernels from pairs of images: the k that minimises sum ||(HR * k)↓s - LR||² + smoothness · ||∇k||².

Xu et al., CVPR 2022, Fig. 2: * is a convolution and ↓s takes the upper-left item of every s x s grid. The middle of k
therefore lies on the cell's first pixel, and a camera that samples the middle of its cells has its kernel's centre of mass
(s - 1) / 2 pixels up and left of the middle of k, 1.5 at x4. The paper minimises with USRNet; the problem is a linear
one, so here it is solved exactly, by normal equations over all pixels whose window lies inside the image.

Luma, because one kernel is drawn per camera: where the colours share a kernel it is luma's too, where they do not it
is their mean by what an eye sees. The penalty is on the gradient, not on the values: what the images do not tell is
filled in smoothly, and the sum, the camera's gain, is hardly pulled towards zero as a ridge would.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.errors import UserError

# BT.601 in 1/256: luma of 8-bit pixels is a whole number, and so are all sums, exact in float64 in whatever order.
LUMA = (77, 150, 29)
WHITE = 255 * sum(LUMA)
# Kernels are rounded so that the last bits of a machine's solver do not show.
DIGITS = 6


@dataclass(frozen=True)
class Estimation:
    """`side`: pixels, odd. `smoothness`: of the penalty, in mean squares of HR. `equations`: LR pixels used at most."""

    side: int
    smoothness: float
    equations: int


class NormalEquations:
    """Sums of HR windows over LR pixels; `add` image after image, then `solve`.

    `sizes`: (H, W) of every LR image that will be added. Where they hold more pixels than `equations`, every n-th row
    is used, counted through all images. Raises UserError when no window fits into any image.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], scale: int, estimation: Estimation):
        if estimation.side % 2 == 0:
            raise UserError(f"kernel side {estimation.side}: expected an odd number, so that the kernel has a middle.")
        self.scale, self.estimation = scale, estimation
        self.reach = estimation.side // 2
        pixels = sum(math.prod(self._inside(*size)) for size in sizes)
        if pixels == 0:
            raise UserError(
                f"kernel side {estimation.side}: no window fits into LR images of {sizes[:1]} at scale {scale}. "
                "Choose a smaller side or larger images."
            )
        self.every = -(-pixels // estimation.equations)
        self.rows = self.count = 0
        cells = estimation.side**2
        self.gram, self.moment = np.zeros((cells, cells), np.int64), np.zeros(cells, np.int64)

    def add(self, hr: np.ndarray, lr: np.ndarray) -> None:
        """One pair, uint8 (s·h, s·w, 3) and (h, w, 3); UserError when the sizes do not fit."""
        height, width = lr.shape[:2]
        if hr.shape[:2] != (self.scale * height, self.scale * width):
            raise UserError(f"kernel: HR {hr.shape[:2]} is not {self.scale} times LR {lr.shape[:2]} (height, width).")
        rows, columns = self._inside(height, width)
        if 0 in (rows, columns):
            return
        margin, side = self._margin, self.estimation.side
        chosen = np.arange(-self.rows % self.every, rows, self.every)
        self.rows += rows
        first = margin * self.scale - self.reach
        windows = sliding_window_view(luma(hr), (side, side))[first :: self.scale, first :: self.scale]
        seen = windows[chosen, :columns].reshape(-1, side * side)
        wanted = luma(lr)[margin + chosen, margin : margin + columns].ravel()
        self.gram += (seen.T @ seen).astype(np.int64)
        self.moment += (seen.T @ wanted).astype(np.int64)
        self.count += len(wanted)

    def solve(self) -> np.ndarray:
        """The kernel, float64 (side, side), as in a convolution: a point of HR at the middle is spread like this.

        UserError when all HR is black: nothing can be said then.
        """
        if not self.gram.any():
            raise UserError("kernel: every HR pixel of the pairs is black; expected photographs. Look at the data set.")
        side = self.estimation.side
        gram = self.gram / (self.count * WHITE**2)
        moment = self.moment / (self.count * WHITE**2)
        weight = self.estimation.smoothness * np.trace(gram) / side**2
        weights = np.linalg.solve(gram + weight * _gradient(side), moment).reshape(side, side)
        return np.round(weights[::-1, ::-1], DIGITS) + 0.0

    @property
    def _margin(self) -> int:
        """LR pixels at each border whose windows leave the image."""
        return -(-self.reach // self.scale)

    def _inside(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of LR pixels whose windows lie inside the image."""
        last = ((self.scale * side - 1 - self.reach) // self.scale for side in (height, width))
        rows, columns = (max(0, place - self._margin + 1) for place in last)
        return rows, columns


def estimate(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], sizes: Sequence[tuple[int, int]], scale: int, estimation: Estimation
) -> np.ndarray:
    """Kernel of (HR, LR) pairs whose LR sizes are known: see `NormalEquations`."""
    equations = NormalEquations(sizes, scale, estimation)
    for hr, lr in pairs:
        equations.add(hr, lr)
    return equations.solve()


def luma(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) → whole numbers 0..65280 as float64 (H, W)."""
    return image.astype(np.float64) @ np.array(LUMA, np.float64)


def centre_of_mass(kernel: np.ndarray) -> tuple[float, float]:
    """(down, right) of the kernel's middle, in HR pixels."""
    offset = np.arange(len(kernel)) - len(kernel) // 2
    total = kernel.sum()
    return float(offset @ kernel.sum(axis=1) / total), float(offset @ kernel.sum(axis=0) / total)


def relative_error(kernel: np.ndarray, truth: np.ndarray) -> float:
    """Length of the difference over the length of the truth."""
    return float(np.linalg.norm(kernel - truth) / np.linalg.norm(truth))


def compared(kernel: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """How far a kernel is from another: `relative_error`, and `shift` of the centre of mass in HR pixels."""
    here, there = centre_of_mass(kernel), centre_of_mass(truth)
    shift = math.hypot(here[0] - there[0], here[1] - there[1])
    return {"relative_error": round(relative_error(kernel, truth), 4), "shift": round(shift, 3)}


def _gradient(side: int) -> np.ndarray:
    """Matrix of the sum of squared differences between neighbours of a (side, side) kernel, zero around it."""
    step = np.diff(np.eye(side + 2), axis=0)[:, 1:-1]
    once, eye = step.T @ step, np.eye(side)
    return np.kron(once, eye) + np.kron(eye, once)
