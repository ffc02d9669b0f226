"""Tiles against whole images, the reference's padding rule, and the bicubic network against MATLAB-style resizing."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pipeline import models
from pipeline.errors import UserError
from pipeline.images.rgb import imresize
from pipeline.images.tiles import count_tiles, upscale_tiled


class Local(nn.Module):
    """Nearest up-sampling, then a box blur with replicate padding that sees `reach` LR pixels around each pixel."""

    def __init__(self, scale: int, reach: int, multiple: int = 1):
        super().__init__()
        self.scale, self.reach, self.multiple = scale, reach, multiple
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        assert x.shape[2] % self.multiple == 0
        assert x.shape[3] % self.multiple == 0
        x = functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        pad = self.reach * self.scale
        return functional.avg_pool2d(functional.pad(x, [pad] * 4, mode="replicate"), 2 * pad + 1, stride=1)


def image(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(height * 1000 + width).random((1, 3, height, width), dtype=np.float32)
    )


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 32), (50, 71), (9, 70), (64, 96), (31, 8)])
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_tiled_equals_whole_when_the_margin_holds_the_receptive_field(height, width, scale):
    network = Local(scale, reach=3)
    lr = image(height, width)
    tiled = upscale_tiled(network, lr, tile=16, margin=3, whole_below=8)
    assert len(network.seen) == count_tiles(network, height, width, 16, 8) > 1
    assert set(network.seen) == {(1, 3, 22, 22)}
    torch.testing.assert_close(tiled, network(lr), rtol=0, atol=1e-6)


def test_a_margin_too_small_shows():
    network = Local(2, reach=3)
    lr = image(40, 40)
    assert (upscale_tiled(network, lr, tile=16, margin=2, whole_below=8) - network(lr)).abs().max() > 1e-3


def test_padding_is_the_reference_code_s():
    """Pad by the margin, cut, extend the last tiles to the right and bottom: step by step as the reference does it."""
    height, width, tile, margin = 37, 52, 16, 4
    pieces = []

    class Recorder(Local):
        def forward(self, x):
            pieces.append(x)
            return super().forward(x)

    lr = image(height, width)
    upscale_tiled(Recorder(1, 0), lr, tile, margin, whole_below=8)
    padded = functional.pad(lr, [margin] * 4, mode="replicate")
    expected = []
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            piece = padded[:, :, top : top + tile + 2 * margin, left : left + tile + 2 * margin]
            missing = [tile + 2 * margin - size for size in piece.shape[2:]]
            expected.append(functional.pad(piece, (0, missing[1], 0, missing[0]), mode="replicate"))
    assert len(pieces) == len(expected) == 12
    for found, wanted in zip(pieces, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("height", "width", "whole"), [(29, 29, True), (1, 17, True), (30, 29, False), (29, 30, False)]
)
def test_only_images_small_in_both_dimensions_go_whole(height, width, whole):
    network = Local(2, reach=0, multiple=8)
    sr = upscale_tiled(network, image(height, width), tile=20, margin=2, whole_below=30)
    assert sr.shape == (1, 3, 2 * height, 2 * width)
    rounded = (-(-height // 8) * 8, -(-width // 8) * 8)
    assert network.seen == ([(1, 3, *rounded)] if whole else [(1, 3, 24, 24)] * 4)
    torch.testing.assert_close(sr, functional.interpolate(image(height, width), scale_factor=2.0, mode="nearest"))


def test_memory_is_that_of_one_tile_and_progress_counts_them():
    network = Local(1, reach=0)
    calls = []
    upscale_tiled(network, image(200, 300), tile=32, margin=4, whole_below=8, progress=lambda: calls.append(1))
    assert max(shape[2] * shape[3] for shape in network.seen) == 40 * 40
    assert len(calls) == len(network.seen) == 7 * 10


def test_reduced_precision_comes_back_as_float32_without_gradients():
    network = Local(2, reach=0)
    network.forward = lambda x: functional.interpolate(x, scale_factor=2.0).bfloat16().requires_grad_()
    for whole_below in (8, 100):
        sr = upscale_tiled(network, image(20, 20), tile=16, margin=0, whole_below=whole_below)
        assert sr.dtype == torch.float32
        assert not sr.requires_grad


@pytest.mark.parametrize(("tile", "margin"), [(20, 3), (0, 8), (24, -4)])
def test_a_tile_that_does_not_suit_the_network_is_refused(tile, margin):
    with pytest.raises(UserError, match=f"tile {tile} with margin {margin}.*multiple of 16"):
        upscale_tiled(Local(2, 0, multiple=16), image(40, 40), tile, margin, whole_below=8)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 24)])
def test_bicubic_network_is_matlab_s_imresize(scale, size):
    x = image(*size)
    network = models.build({"name": "bicubic", "scale": scale})
    expected = imresize(x[0].permute(1, 2, 0).double().numpy(), scale).clip(0, 1)
    np.testing.assert_allclose(network(x)[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(network(x.double())[0].permute(1, 2, 0).numpy(), expected, atol=1e-12)


def test_bicubic_network_takes_every_image_whole():
    network = models.build({"name": "bicubic", "scale": 2})
    lr = image(50, 40)
    assert count_tiles(network, 50, 40, 16, 8) == 1
    assert torch.equal(upscale_tiled(network, lr, tile=16, margin=3, whole_below=8), network(lr))


def test_bicubic_in_tiles_differs_from_whole_at_the_mirrored_border_only():
    network = models.build({"name": "bicubic", "scale": 4})
    network.whole_image = False
    lr = image(50, 40)
    difference = (upscale_tiled(network, lr, tile=16, margin=2, whole_below=8) - network(lr)).abs()
    assert difference[:, :, 8:-8, 8:-8].max() < 1e-6
    assert difference.max() > 1e-3


@pytest.mark.parametrize("scale", [0, -2, 1.5, "4", True])
def test_bicubic_refuses_other_scales(scale):
    with pytest.raises(UserError, match="bicubic"):
        models.build({"name": "bicubic", "scale": scale})
