"""Bicubic up-sampling as MATLAB's imresize does it: a row of the table without training."""

import torch
from torch import Tensor, nn

from pipeline.errors import UserError


def cubic(x: float) -> float:
    """Keys' cubic convolution kernel with a = -0.5 (R. Keys, IEEE Trans. ASSP 1981, eq. 15)."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


def phases(scale: int) -> list[list[float]]:
    """Five taps (input pixels i-2 … i+2) for each of the `scale` output pixels that lie inside input pixel i."""
    table = []
    for phase in range(scale):
        offset = (phase + 0.5) / scale - 0.5
        table.append([cubic(tap - offset) for tap in range(-2, 3)])
    return table


class Bicubic(nn.Module):
    """MATLAB-style bicubic up-sampling by an integer factor, mirrored at the borders, clamped to [0, 1].

    `whole_image`: it is cheap at any size, and tiles would change the result at their borders.
    """

    multiple = 1
    whole_image = True

    def __init__(self, scale: int):
        super().__init__()
        self.scale = scale
        self.taps = phases(scale)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, scale*H, scale*W) in [0, 1]."""
        return self._resize(self._resize(x, 2), 3).clamp(0, 1)

    def _resize(self, x: Tensor, axis: int) -> Tensor:
        size = x.shape[axis]
        # MATLAB mirrors with the edge pixel repeated; the modulus handles images of one or two pixels.
        mirror = torch.arange(-2, size + 2, device=x.device) % (2 * size)
        padded = x.index_select(axis, torch.minimum(mirror, 2 * size - 1 - mirror))
        # Plain sums, not a convolution: they stay float32 where convolutions are allowed TF32.
        rows = [sum(w * padded.narrow(axis, k, size) for k, w in enumerate(taps)) for taps in self.taps]
        return torch.stack(rows, dim=axis + 1).flatten(axis, axis + 1)


def build(scale: int) -> Bicubic:
    """The parameter-free network; UserError unless `scale` is a whole number above zero."""
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 1:
        raise UserError(f"network bicubic: scale is {scale!r}, expected a whole number of at least 1.")
    return Bicubic(scale)
