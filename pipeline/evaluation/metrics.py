"""Image quality metrics. A metric's name is its whole protocol; nothing is cropped, converted or rounded beyond it.

All take SR and HR as (1, 3, H, W) float32 RGB in [0, 1], equal in size, SR clamped by the caller, not rounded.
They run on the CPU in float32 or better, whatever made the SR image: a table must not depend on a card's precision.
Source: the code of DADA (CVPR 2022), tools/Metrics.py, tools/pytorch_ssim.py and its copy of LPIPS.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import UserError
from pipeline.features.lpips import lpips_network
from pipeline.images.luma import LUMA

Measure = Callable[[Tensor, Tensor], float]
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Metrics:
    """The metrics of one evaluation: name → function, name → reason why not, name → protocol in one line."""

    measures: dict[str, Measure]
    missing: dict[str, str]
    protocol: dict[str, str]

    def measure(self, name: str, sr: Tensor, hr: Tensor) -> dict[str, float]:
        """All metrics of the image called `name`; UserError naming it for unequal sizes or a non-finite SR."""
        if sr.shape != hr.shape:
            raise UserError(
                f"image {name}: SR is {_size(sr)}, HR is {_size(hr)} (height x width). Expected equal sizes; pack the pair again."
            )
        if not torch.isfinite(sr).all():
            raise UserError(
                f"image {name}: the SR image holds NaN or infinity. The network diverged, or its file is damaged; "
                "train it again."
            )
        return {metric: measure(sr, hr) for metric, measure in self.measures.items()}


@dataclass(frozen=True)
class Metric:
    """What a metric's name stands for. `protocol`: one line, in which {scale} is filled in.

    `open(scale, weights, weights_spec)` returns the function that measures; `without_weights`: why it is not measured
    where there is no file of pretrained weights (None: it needs none).
    """

    protocol: str
    open: Callable[[int, str | Path | None, dict | None], Measure]
    without_weights: str | None = None


def open_metrics(names: Sequence[str], scale: int, weights: str | Path | None, weights_spec: dict | None) -> Metrics:
    """The metrics called `names`; those that need the file `weights` go to `missing` without it.

    Raises UserError for an unknown name.
    """
    measures: dict[str, Measure] = {}
    missing: dict[str, str] = {}
    for name in names:
        if name not in METRICS:
            raise UserError(f"metric '{name}' does not exist; metrics are {', '.join(METRICS)}.")
        metric = METRICS[name]
        if metric.without_weights and (weights is None or weights_spec is None):
            missing[name] = metric.without_weights
        else:
            measures[name] = metric.open(scale, weights, weights_spec)
    return Metrics(measures, missing, {name: METRICS[name].protocol.format(scale=scale) for name in names})


def psnr_y(sr: Tensor, hr: Tensor, shave: int) -> float:
    """PSNR of the limited-range luma difference without `shave` border pixels; 100 for (nearly) equal images.

    The coefficients sum to 0.8588, so values lie 1.32 dB above those of a luma with unit sum.
    """
    height, width = sr.shape[2:]
    if min(height, width) <= 2 * shave:
        raise UserError(f"psnr_y: an image of {height}x{width} has nothing left inside a border of {shave} pixels.")
    inner = (sr.double() - hr.double())[:, :, shave : height - shave, shave : width - shave]
    weights = torch.tensor(LUMA, dtype=torch.float64, device=sr.device).view(1, 3, 1, 1) / 256
    error = (inner * weights).sum(dim=1).square().mean().item()
    return 100.0 if error < 1e-17 else -10 * math.log10(error)


def ssim_rgb(sr: Tensor, hr: Tensor) -> float:
    """Mean of the SSIM map over pixels and colours (Wang et al., IEEE TIP 2004, eq. 13)."""
    # Channel by channel: a 20-megapixel photograph fits into memory.
    channels = [
        ssim_map(sr[:, c : c + 1].float(), hr[:, c : c + 1].float()).double().mean() for c in range(sr.shape[1])
    ]
    return torch.stack(channels).mean().item()


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """SSIM at every pixel, (N, 1, H, W) float32; windows reach over the border into zeros."""
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    cov = _blur(a * b) - mean_a * mean_b
    return ((2 * mean_a * mean_b + C1) * (2 * cov + C2)) / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))


def _blur(x: Tensor) -> Tensor:
    """Gaussian window, zero-padded; two passes of one dimension equal the 11x11 window."""
    distance = torch.arange(WINDOW, dtype=torch.float64, device=x.device) - WINDOW // 2
    kernel = torch.exp(-(distance**2) / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).to(x.dtype)
    rows = functional.conv2d(x, kernel.view(1, 1, -1, 1), padding=(WINDOW // 2, 0))
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1), padding=(0, WINDOW // 2))


def lpips_alex(weights: str | Path, spec: dict) -> Measure:
    """LPIPS with AlexNet as a function of two images; see `pipeline.features.lpips`."""
    model = lpips_network(weights, spec)

    def measure(sr: Tensor, hr: Tensor) -> float:
        with torch.no_grad():
            return model(sr.float(), hr.float(), normalize=True).item()

    return measure


def _size(image: Tensor) -> str:
    return f"{image.shape[2]}x{image.shape[3]}"


# Every metric that settings may name.
METRICS = {
    "psnr_y": Metric(
        "PSNR (dB) of limited-range luma, (65.738 R + 129.057 G + 25.064 B)/256, without {scale} border pixels",
        lambda scale, *_: partial(psnr_y, shave=scale),
    ),
    "ssim_rgb": Metric(
        "SSIM of R, G, B averaged, 11x11 Gaussian (sigma 1.5), zero padding, whole image, C1 1e-4, C2 9e-4",
        lambda *_: ssim_rgb,
    ),
    "lpips_alex": Metric(
        "LPIPS 0.1 with AlexNet features and the linear heads of lpips 0.1.4, whole image",
        lambda _, weights, spec: lpips_alex(weights, spec),
        without_weights="not measured: this edition runs without the pretrained AlexNet that LPIPS rests on",
    ),
}
