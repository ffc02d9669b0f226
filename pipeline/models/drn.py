"""DRN, the dual regression network (Guo et al., CVPR 2020): the up-sampler P of DRN-Adapt.

A U-Net on the bicubically enlarged image: stride-convolutions down to LR size, channel-attention blocks and pixel shuffles
up again, an image at every size. Source: guoyongcs/DRN at 39917f4, model/drn.py and model/common.py. It works in 0 to 255.
Names of parameters are those of the released weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.models.hourglass import convolution

# Factor of each level. The reference has powers of two only; x3, one level of stride 3, is ours.
LEVELS = {2: (2,), 3: (3,), 4: (2, 2)}
RANGE = 255.0
MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K; a start value, see `_shift`
SLOPE = 0.2


def build(scale: int, width: int, blocks: int, reduction: int, skip: bool) -> "DRN":
    """DRN for `scale` 2, 3 or 4. DRN-S: width 16, blocks 30; DRN-L: width 20, blocks 40; both reduction 16, no `skip`.

    With `skip` the image at every size adds to the bicubic enlargement of the input, instead of to DIV2K's mean colour:
    for schedules too short to learn that first. Raises UserError for another scale, and for a `reduction` that leaves
    channel attention without a channel.
    """
    if scale not in LEVELS:
        raise UserError(f"network 'drn': scale is {scale!r}; expected one of {', '.join(map(str, LEVELS))}.")
    widest = width * 2 ** len(LEVELS[scale])
    if not 1 <= reduction <= widest:
        raise UserError(
            f"network 'drn': reduction is {reduction}; expected 1 to {widest}, the channels of its blocks at width {width}."
        )
    return DRN(scale, width, blocks, reduction, skip)


class Down(nn.Module):
    """One or more bias-free 3x3 convolutions `inputs` -> `width` that divide the size by `factors`, then a 3x3.

    Factor 3 needs no padding: its taps are centred on their output pixel. This is our definition, as the reference has no x3.
    """

    def __init__(self, inputs: int, width: int, outputs: int, factors: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels, factor in zip((inputs, *(width for _ in factors)), factors, strict=False):
            shrink = nn.Conv2d(channels, width, 3, stride=factor, padding=int(factor == 2), bias=False)
            layers.append(nn.Sequential(shrink, nn.LeakyReLU(SLOPE, inplace=True)))
        self.dual_module = nn.Sequential(*layers, convolution(width, outputs, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.dual_module(x)


class DRN(nn.Module):
    """(N, 3, H, W) in [0, 1] to (N, 3, sH, sW), not clamped, of any size; PyTorch's own initial values."""

    multiple = 1

    def __init__(self, scale: int, width: int, blocks: int, reduction: int, skip: bool) -> None:
        super().__init__()
        self.scale = scale
        self.skip = skip
        factors = LEVELS[scale]
        channels = [width * 2**level for level in range(len(factors) + 1)]  # at full size first, at LR size last
        self.sub_mean, self.add_mean = _shift(-1), nn.Identity() if skip else _shift(1)
        self.head = convolution(3, width, 3, bias=True)
        # Down-sampling takes the levels in the order of `factors`, up-sampling in the reverse one.
        self.down = nn.ModuleList(
            Down(channels[level], channels[level], channels[level + 1], (factor,))
            for level, factor in enumerate(factors)
        )
        self.up_blocks, tail = nn.ModuleList(), [convolution(channels[-1], 3, 3, bias=True)]
        for level in reversed(range(len(factors))):
            # After the innermost level, features of the way down are concatenated to those of the way up.
            wide = channels[-1] if level == len(factors) - 1 else 2 * channels[level + 1]
            body = (_Residual(wide, reduction) for _ in range(blocks))
            self.up_blocks.append(nn.Sequential(*body, *_up(wide, channels[level], factors[level])))
            tail.append(convolution(2 * channels[level], 3, 3, bias=True))
        self.tail = nn.ModuleList(tail)

    def forward(self, x: Tensor) -> Tensor:
        """The super-resolved image (N, 3, sH, sW)."""
        return self.levels(x)[-1]

    def levels(self, x: Tensor) -> list[Tensor]:
        """Images at LR size, at every size between (x4: x2), and at full size last."""
        if x.dim() != 4 or x.shape[1] != 3:
            raise UserError(f"network 'drn': the input is {tuple(x.shape)}; expected (N, 3, H, W).")
        size = [self.scale * side for side in x.shape[2:]]
        features = F.interpolate(x * RANGE, size=size, mode="bicubic", align_corners=False)
        features = self.head(self.sub_mean(features))
        skips = []
        for down in self.down:
            skips.append(features)
            features = down(features)
        images = [self._image(0, features)]
        for index, up in enumerate(self.up_blocks):
            features = torch.cat((up(features), skips.pop()), dim=1)
            images.append(self._image(index + 1, features))
        if self.skip:
            sizes = [image.shape[2:] for image in images]
            images = [
                F.interpolate(x, size=size, mode="bicubic") + image for size, image in zip(sizes, images, strict=True)
            ]
        return images

    def _image(self, index: int, features: Tensor) -> Tensor:
        return self.add_mean(self.tail[index](features)) / RANGE


def _shift(sign: int) -> nn.Conv2d:
    """Subtracts or adds DIV2K's mean colour, as a 1x1 convolution.

    The reference tries to freeze it, but sets the flag on the module, where it has no effect. So it is trained, here as well.
    """
    layer = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
        layer.bias.copy_(torch.tensor(MEAN) * RANGE * sign)
    return layer


def _up(inputs: int, outputs: int, factor: int) -> tuple[nn.Module, ...]:
    shuffle = nn.Sequential(convolution(inputs, inputs * factor**2, 3, bias=True), nn.PixelShuffle(factor))
    return shuffle, convolution(inputs, outputs, 1, bias=True)


class _Residual(nn.Module):
    """3x3, ReLU, 3x3, channel attention, plus the input (the RCAB of RCAN)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(width, width, 3, bias=True),
            nn.ReLU(inplace=True),
            convolution(width, width, 3, bias=True),
            _Attention(width, reduction),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x


class _Attention(nn.Module):
    """Multiply every channel by a weight that a small network computes from the means of all channels."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            convolution(width, width // reduction, 1, bias=True),
            nn.ReLU(inplace=True),
            convolution(width // reduction, width, 1, bias=True),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv_du(x.mean(dim=(2, 3), keepdim=True))
