"""Distance between images in the features of a fixed network."""

import torch
from torch import Tensor, nn

from pipeline.losses.pixel import l1


def perceptual_l1(features: nn.Module, image: Tensor, reference: Tensor) -> Tensor:
    """Mean |features(image) - features(reference)|; the reference gets no gradient. Images (N, 3, H, W) in [0, 1]."""
    with torch.no_grad():
        expected = features(reference)
    return l1(features(image), expected)
