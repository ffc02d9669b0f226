"""RRDBNet (ESRGAN, Wang et al., ECCVW 2018) as DASR uses it for super-resolution; names of parameters as in its code.

Source: ShuhangGu/DASR at 32d5d71, codes/SRN/models/modules/{architecture,block}.py.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.models.hourglass import convolution

STEPS = {2: (2,), 3: (3,), 4: (2, 2)}  # factors of the up-sampling steps; the reference's own x3 is one step


def build(scale: int, width: int, blocks: int, growth: int, gain: float, skip: bool) -> "RRDBNet":
    """RRDBNet for `scale` 2, 3 or 4. DASR's: width 64, blocks 23, growth 32, no `skip`; `gain` 0.1 of Kaiming's values.

    With `skip` the network adds to the bicubic enlargement of its input: for schedules too short to learn that first.
    Raises UserError for another scale.
    """
    if scale not in STEPS:
        raise UserError(f"network 'rrdb': scale is {scale!r}; expected one of {', '.join(map(str, STEPS))}.")
    return RRDBNet(scale, width, blocks, growth, gain, skip)


class RRDBNet(nn.Module):
    """RGB (N, 3, H, W) in [0, 1] to RGB (N, 3, sH, sW), not clamped."""

    multiple = 1

    def __init__(self, scale: int, width: int, blocks: int, growth: int, gain: float, skip: bool) -> None:
        super().__init__()
        self.scale = scale
        self.skip = skip
        steps = [
            layer
            for factor in STEPS[scale]
            for layer in (nn.Upsample(scale_factor=factor), convolution(width, width, 3, bias=True), _leaky())
        ]
        self.model = nn.Sequential(
            convolution(3, width, 3, bias=True),
            _Shortcut(*(RRDB(width, growth) for _ in range(blocks)), convolution(width, width, 3, bias=True)),
            *steps,
            convolution(width, width, 3, bias=True),
            _leaky(),
            convolution(width, 3, 3, bias=True),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                module.weight.data.mul_(gain)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        output = self.model(x)
        return F.interpolate(x, scale_factor=self.scale, mode="bicubic") + output if self.skip else output


class _Shortcut(nn.Module):
    """The layers' output plus their input."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.sub = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sub(x)


class RRDB(nn.Module):
    """Three dense blocks; a fifth of their output plus the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.RDB1, self.RDB2, self.RDB3 = (_Dense(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return 0.2 * self.RDB3(self.RDB2(self.RDB1(x))) + x


class _Dense(nn.Module):
    """Five 3x3 convolutions, each on all that came before; a fifth of the last plus the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for index in range(1, 5):
            layer = nn.Sequential(convolution(width + (index - 1) * growth, growth, 3, bias=True), _leaky())
            self.add_module(f"conv{index}", layer)
        self.conv5 = nn.Sequential(convolution(width + 4 * growth, width, 3, bias=True))

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            features = torch.cat((features, layer(features)), dim=1)
        return 0.2 * self.conv5(features) + x


def _leaky() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.2, inplace=True)
