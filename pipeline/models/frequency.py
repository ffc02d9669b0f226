"""Splitting images into low and high frequencies as DASR does (Wei et al., CVPR 2021): in its discriminators and losses.

A split is named by one word: `gaussian_5` and `average_5` (any odd size) filter with a window of that many pixels,
`wavelet` is one level of Haar at half the resolution. Source: codes/DSN/model.py, loss.py, SRN/models/DASR_model.py.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.errors import UserError


def parse(frequency: str) -> tuple[str, int]:
    """(kind, window size) of a split's name; UserError for another name."""
    kind, _, size = frequency.partition("_")
    if frequency == "wavelet":
        return kind, 2
    if kind not in ("gaussian", "average") or not size.isdigit() or int(size) % 2 == 0:
        raise UserError(
            f"frequency is {frequency!r}; expected 'wavelet', or 'gaussian_' or 'average_' with an odd size: gaussian_5."
        )
    return kind, int(size)


def high_channels(frequency: str) -> int:
    """Channels of `high` for RGB images."""
    return 9 if parse(frequency)[0] == "wavelet" else 3


def low(x: Tensor, frequency: str, border: bool) -> Tensor:
    """Low frequencies of (N, C, H, W). With `border` zeros are padded and the size stays (wavelet: is halved); without,
    only windows inside the image count. The wavelet's are half of LL: the mean of 2x2 pixels."""
    kind, size = parse(frequency)
    if kind == "wavelet":
        return _haar(x)[0] / 2
    margin = size // 2 if border else 0
    if kind == "average":
        return F.avg_pool2d(x, size, stride=1, padding=margin, count_include_pad=False)
    return _gaussian(F.pad(x, (margin,) * 4), size)


def high(x: Tensor, frequency: str) -> Tensor:
    """High frequencies around 0.5: 0.5 + (x - low) / 2, or 0.5 + band / 2 of the three Haar bands, concatenated."""
    if frequency == "wavelet":
        return 0.5 + torch.cat(_haar(x)[1:], dim=1) / 2
    return 0.5 + (x - low(x, frequency, border=True)) / 2


def _gaussian(x: Tensor, size: int) -> Tensor:
    """Gaussian of deviation size/6, valid windows only. Plain sums stay float32 where convolutions are allowed TF32."""
    weights = [math.exp(-((tap - size // 2) ** 2) / (2 * (size / 6) ** 2)) for tap in range(size)]
    for axis in (2, 3):
        length = x.shape[axis] - size + 1
        x = sum(weight / sum(weights) * x.narrow(axis, tap, length) for tap, weight in enumerate(weights))
    return x


def _haar(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Orthonormal Haar: LL and the horizontal, vertical and diagonal details, each (N, C, H/2, W/2)."""
    if x.shape[2] % 2 or x.shape[3] % 2:
        raise UserError(f"wavelet: the image is {x.shape[2]}x{x.shape[3]}; expected even sizes. Use an even patch.")
    top, bottom = x[..., ::2, :], x[..., 1::2, :]
    a, b, c, d = top[..., ::2], top[..., 1::2], bottom[..., ::2], bottom[..., 1::2]
    return (a + b + c + d) / 2, (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2
