"""DADA's adversarial terms: non-saturating cross-entropy on logits, and the luma its inter discriminators see."""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.images.luma import LUMA


def generator_loss(logits_fake: Tensor) -> Tensor:
    """Mean over the patch map of -log sigmoid: small when the discriminator takes the generated image for real."""
    return _entropy(logits_fake, 1.0)


def discriminator_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Half the sum of the two cross-entropies: real as 1, fake as 0."""
    return 0.5 * (_entropy(logits_real, 1.0) + _entropy(logits_fake, 0.0))


def luma(rgb: Tensor) -> Tensor:
    """Y (N, 1, H, W) of RGB (N, 3, H, W) in [0, 1], range 0 to 0.8588."""
    red, green, blue = rgb.split(1, dim=1)
    weights = [weight / 256 for weight in LUMA]
    return weights[0] * red + weights[1] * green + weights[2] * blue


def _entropy(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
