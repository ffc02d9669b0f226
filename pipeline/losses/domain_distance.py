"""DASR's domain-distance map and the loss that it weights (Wei et al., CVPR 2021, section 3.3)."""

from torch import Tensor
from torch.nn import functional as F

from pipeline.errors import UserError


def distance_map(logits: Tensor, field: int, lr_size: tuple[int, int], scale: int) -> Tensor:
    """(N, 1, H, W) in [0, 1] at HR size: how much each pixel looks like the target, from a discriminator's patch map.

    Every probability (N, 1, h, w) is spread over the `field` x `field` pixels that the patch saw, and averaged per pixel.
    The map is then enlarged bilinearly to the LR size, if it is smaller, and by `scale`.
    Source: codes/DSN/receptive_cal.py, create_dataset_modified.py; SRN's dataset and DASR_model.feed_data. UserError for
    an even `field`, which has no middle.
    """
    if field % 2 == 0:
        raise UserError(f"map_field: {field}; expected an odd number of pixels, so that it has a middle one.")
    spread = F.avg_pool2d(logits.float().sigmoid(), field, stride=1, padding=field // 2, count_include_pad=False)
    at_lr = F.interpolate(spread, size=lr_size, mode="bilinear", align_corners=False)
    return F.interpolate(at_lr, scale_factor=scale, mode="bilinear", align_corners=False)


def weighted_l1(image: Tensor, reference: Tensor, weights: Tensor) -> Tensor:
    """Mean of weight x |difference| over every element; `weights` (N, 1, H, W) are not normalised, as in the reference."""
    return (weights * (image - reference).abs()).mean()
