"""Dual regression (DRN, CVPR 2020): losses of images at every size, and of images scaled down again."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.losses.pixel import l1


@torch.no_grad()
def labels(lr: Tensor, hr: Tensor, images: Sequence[Tensor]) -> list[Tensor]:
    """Labels of `images`, which range from LR size to full size: `lr`, then antialiased bicubic reductions of `hr`, then `hr`.

    Bicubic has a = -0.5 as MATLAB's, with which DRN's own intermediate images were made; in [0, 1], not rounded.
    """
    between = (
        F.interpolate(hr.float(), size=image.shape[2:], mode="bicubic", antialias=True).clamp(0, 1)
        for image in images[1:-1]
    )
    return [lr, *between, hr]


def primal(images: Sequence[Tensor], targets: Sequence[Tensor], intermediate_weight: float) -> Tensor:
    """L1 at full size, plus weighted L1 at every smaller size (`trainer.py` of DRN's code: weight 1)."""
    *smaller, full = (l1(image.float(), label) for image, label in zip(images, targets, strict=True))
    return full + intermediate_weight * sum(smaller)


def dual(reduced: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Sum of the L1 between images scaled down again and the label of the same size."""
    return sum(l1(image.float(), label) for image, label in zip(reduced, targets, strict=True))
