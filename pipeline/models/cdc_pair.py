"""DADA's generator at test time: one CDC gives the masks, another the images (Fig. 2 and `Adaptation.py` of DADA)."""

from torch import Tensor, nn

from pipeline.models import cdc


def build(
    scale: int, width: int, hourglasses: int, poolings: int, mid: int, tail: int, gain: float, skip: bool
) -> "CDCPair":
    """Two CDCs of the same shape; arguments as for `cdc`."""
    arguments = (scale, width, hourglasses, poolings, mid, tail, gain, skip)
    return CDCPair(cdc.build(*arguments), cdc.build(*arguments))


class CDCPair(nn.Module):
    """(N, 3, H, W) in [0, 1] to (N, 3, sH, sW), not clamped: the components of `images` (U_t) mixed by the masks of
    `masks` (U_0). H and W multiples of `multiple`."""

    def __init__(self, masks: cdc.CDC, images: cdc.CDC) -> None:
        super().__init__()
        self.masks = masks
        self.images = images
        self.scale = images.scale
        self.multiple = images.multiple

    def forward(self, x: Tensor) -> Tensor:
        return self.images.components(x, self.masks.component_masks(x)).final
