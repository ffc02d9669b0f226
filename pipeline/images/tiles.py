"""Run a network over an image of any size, in overlapping tiles."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import UserError


def to_tensor(pixels: np.ndarray) -> Tensor:
    """8-bit (H, W, C) or (H, W) → float32 (1, C, H, W) in [0, 1]."""
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None].float().div_(255)


def taken_whole(network: nn.Module, height: int, width: int, whole_below: int) -> bool:
    """Whether an image goes through in one piece: it is small in both dimensions, or the network asks for it."""
    return getattr(network, "whole_image", False) or (height < whole_below and width < whole_below)


def count_tiles(network: nn.Module, height: int, width: int, tile: int, whole_below: int) -> int:
    """How many forward passes `upscale_tiled` makes for an LR image of this size."""
    return 1 if taken_whole(network, height, width, whole_below) else -(-height // tile) * -(-width // tile)


def upscale_tiled(
    network: nn.Module,
    lr: Tensor,
    tile: int,
    margin: int,
    whole_below: int,
    device: torch.device | None = None,
    progress: Callable[[], object] | None = None,
) -> Tensor:
    """SR (N, C, scale*H, scale*W) float32 of `lr` (N, C, H, W), on lr's device; not clamped.

    The image is cut into cores of `tile` LR pixels, each seen with `margin` pixels more on every side; beyond the
    image, and in the last tiles up to the full size, the border pixel is repeated. Only the cores are kept, unblended.
    Images below `whole_below` in both dimensions are padded to a multiple of `network.multiple`, run whole and cropped.
    `network` (attributes `scale`, `multiple`) lies on `device` (default: lr's); at most one tile is there at a time.
    `progress` is called after every forward pass. Raises UserError when the tile size does not suit the network.
    Source: the code of DADA (CVPR 2022), modules/model_tools.py, get_patch_out.
    """
    device = device or lr.device
    height, width = lr.shape[2:]
    scale, multiple = network.scale, network.multiple
    progress = progress or (lambda: None)
    with torch.no_grad():
        if taken_whole(network, height, width, whole_below):
            padded = functional.pad(lr, (0, -width % multiple, 0, -height % multiple), mode="replicate")
            sr = network(padded.to(device)).to(lr.device, torch.float32)
            progress()
            return sr[:, :, : scale * height, : scale * width]
        if tile < 1 or margin < 0 or (tile + 2 * margin) % multiple:
            raise UserError(
                f"tile {tile} with margin {margin}: tile + 2 * margin is {tile + 2 * margin}, "
                f"expected a multiple of {multiple} for this network. Change one of the two."
            )
        sr = torch.empty(*lr.shape[:2], scale * height, scale * width, device=lr.device)
        inner = slice(scale * margin, scale * (margin + tile))
        for top in range(0, height, tile):
            rows = _clamped(top, tile, margin, height, lr.device)
            for left in range(0, width, tile):
                columns = _clamped(left, tile, margin, width, lr.device)
                piece = lr.index_select(2, rows).index_select(3, columns).to(device)
                target = sr[:, :, scale * top : scale * (top + tile), scale * left : scale * (left + tile)]
                core = network(piece)[:, :, inner, inner]
                target.copy_(core[:, :, : target.shape[2], : target.shape[3]])
                progress()
    return sr


def _clamped(start: int, tile: int, margin: int, size: int, device: torch.device) -> Tensor:
    """Indices start-margin … start+tile+margin-1, held inside the image: both replicate paddings of the reference."""
    return torch.arange(start - margin, start + tile + margin, device=device).clamp_(0, size - 1)
