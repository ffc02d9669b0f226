"""Flat, edge and corner masks of an image by Harris' detector, as CDC trains its three components with.

Source: `cdc_tools.py` of DADA's code, which calls OpenCV's `cornerHarris` image by image on the CPU; here the same
arithmetic runs on the whole batch, on the device of the images.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

# The detector's constants: they define what a "corner" is in this method and are not settings.
RED, BLUE, OFFSET = 0.257, 0.098, 16 / 255
K = 0.04
SCALE = 1 / 12  # OpenCV's for a 3x3 Sobel and a 3x3 box; no mask depends on it but through rounding
CORNER, EDGE = 0.01, -0.001


@torch.no_grad()
def harris_masks(hr: Tensor, green: float) -> tuple[Tensor, Tensor, Tensor]:
    """(flat, edge, corner), each (N, 1, H, W) of 0 and 1 in the dtype of `hr`, from RGB (N, 3, H, W) in [0, 1].

    `green` is the weight of green in the luma: the code's 0.564, or BT.601's 0.504. Thresholds are relative to the
    largest response of each image and strict: a pixel equal to one is in no mask, and an image without any corner
    response has neither flat nor corner pixels.
    """
    response = harris_response(luma_255(hr, green))
    peak = response.amax(dim=(1, 2, 3), keepdim=True)
    upper, lower = CORNER * peak, EDGE * peak
    flat = (response > lower) & (response < upper)
    return tuple(mask.to(hr.dtype) for mask in (flat, response < lower, response > upper))


def luma_255(rgb: Tensor, green: float) -> Tensor:
    """The luma the detector sees, (N, 1, H, W) float32, about 16 to 251."""
    red, greens, blue = rgb.float().unbind(dim=1)
    return ((red * RED + greens * green + blue * BLUE + OFFSET) * 255).unsqueeze(1)


def harris_response(luma: Tensor) -> Tensor:
    """det - K trace^2 of the structure tensor, (N, 1, H, W) float32: Sobel 3x3, box sum 3x3, mirrored borders."""
    padded = F.pad(luma, (1, 1, 1, 1), mode="reflect")
    across = padded[..., 2:] - padded[..., :-2]
    across = (across[..., :-2, :] + across[..., 2:, :]) * SCALE + across[..., 1:-1, :] * (2 * SCALE)
    smooth = (padded[..., :-2] + padded[..., 2:]) * SCALE + padded[..., 1:-1] * (2 * SCALE)
    down = smooth[..., 2:, :] - smooth[..., :-2, :]
    products = torch.cat((across * across, across * down, down * down), dim=1)
    # OpenCV sums the box in double precision.
    sums = F.pad(products, (1, 1, 1, 1), mode="reflect").double()
    sums = sums[..., :-2] + sums[..., 1:-1] + sums[..., 2:]
    sums = (sums[..., :-2, :] + sums[..., 1:-1, :] + sums[..., 2:, :]).float()
    xx, xy, yy = sums.split(1, dim=1)
    trace = xx + yy
    return xx * yy - xy * xy - K * trace * trace
