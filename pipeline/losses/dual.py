"""Dual regression (DRN, CVPR 2020): images of every size against their labels, and images made small again against LR."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.losses.pixel import l1


@torch.no_grad()
def labels(lr: Tensor, hr: Tensor, images: Sequence[Tensor]) -> list[Tensor]:
    """What `images`, at LR size, at sizes between and at full size, should be: `lr`, antialiased bicubic of `hr`, `hr`.

    Bicubic has a = -0.5 as MATLAB's, with which DRN's own intermediate images were made; in [0, 1], not rounded.
    """
    between = (
        F.interpolate(hr.float(), size=image.shape[2:], mode="bicubic", antialias=True).clamp(0, 1)
        for image in images[1:-1]
    )
    return [lr, *between, hr]


def primal(images: Sequence[Tensor], wanted: Sequence[Tensor], intermediate_weight: float) -> Tensor:
    """L1 at full size, plus weighted L1 at every smaller size (`trainer.py` of DRN's code: weight 1)."""
    *smaller, full = (l1(image.float(), label) for image, label in zip(images, wanted, strict=True))
    return full + intermediate_weight * sum(smaller)


def dual(again: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Sum over images made small again of their L1 to the image of that size."""
    return sum(l1(image.float(), label) for image, label in zip(again, wanted, strict=True))
