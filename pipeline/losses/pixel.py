"""Losses between images: plain L1, CDC's gradient-weighted L1, and CDC's whole component loss."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from pipeline.errors import UserError

GRADIENT_WEIGHT = 4  # CDC, Eq. 4: part of what "GW" means


def l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference over every element."""
    return F.l1_loss(a, b)


def gradient_weighted(a: Tensor, b: Tensor) -> Tensor:
    """CDC's GW: mean of (1 + 4 |Sx a - Sx b|)(1 + 4 |Sy a - Sy b|) |a - b| for (N, C, H, W) images.

    Sx, Sy are the 3x3 Sobel filters, not normalised, per channel, with zero padding. The gradient also flows through
    the weights. Source: CDC (ECCV 2020), `GW_loss` of its code.
    """
    difference = a - b
    # Sobel is linear, so the difference is filtered once; separable sums are exact in any matmul precision.
    padded = F.pad(difference, (1, 1, 1, 1))
    across = padded[..., 2:] - padded[..., :-2]
    across = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    down = padded[..., 2:, :] - padded[..., :-2, :]
    down = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    weight = (1 + GRADIENT_WEIGHT * across.abs()) * (1 + GRADIENT_WEIGHT * down.abs())
    return (weight * difference.abs()).mean()


def component_loss(
    components: Sequence[Tensor],
    hr: Tensor,
    masks: Sequence[Tensor],
    weights: Sequence[float],
    final: Literal["gw", "l1"],
    final_weight: float,
) -> Tensor:
    """CDC's training loss: weighted L1 of flat, edge and corner image inside their masks, plus the final image's loss.

    `components` starts with flat, edge, corner, final (as `CDC.components` returns them), each (N, 3, H, W) like `hr`;
    `masks` are the (N, 1, H, W) Harris masks of the label. Pixels outside a mask count in the mean, as in the
    reference. The paper's weights are (1, 2, 5), final_weight 1. Raises UserError for another `final` or number of weights.
    """
    losses = {"gw": gradient_weighted, "l1": l1}
    if final not in losses:
        raise UserError(f"component loss: final is {final!r}; expected one of {', '.join(losses)}.")
    if len(weights) != 3:
        raise UserError(f"component loss: component_weights {list(weights)}; expected three: flat, edge, corner.")
    flat, edge, corner, image = components[:4]
    total = final_weight * losses[final](image, hr)
    for weight, part, mask in zip(weights, (flat, edge, corner), masks, strict=True):
        total = total + weight * l1(mask * part, mask * hr)
    return total
