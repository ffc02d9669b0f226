"""The hourglass of CDC: bias-free residual blocks around max-pooling, with processed skips at every level."""

from torch import Tensor, cat, nn
from torch.nn import functional as F

# Channels after each pooling level, outermost first, in units of the width (the paper: 128, 128, 256, 256 at width 64).
# Fewer poolings keep the outer levels and drop the innermost ones.
LEVELS = (2, 2, 4, 4)


def convolution(inputs: int, outputs: int, kernel: int, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps the size, with zero padding."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)


def _leaky() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.2, inplace=True)


class Residual(nn.Module):
    """1x1, 3x3, 1x1 plus the identity, or a 1x1 projection of it; no activation after the sum."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.res = nn.Sequential(
            convolution(inputs, outputs, 1),
            _leaky(),
            convolution(outputs, outputs, 3),
            _leaky(),
            convolution(outputs, outputs, 1),
        )
        self.identity = convolution(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        return self.res(x) + (x if self.identity is None else self.identity(x))


class Inception(nn.Module):
    """Three branches of growing depth, merged by a 1x1, plus the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.res1 = nn.Sequential(convolution(width, width, 1), _leaky())
        self.res2 = nn.Sequential(convolution(width, width, 1), convolution(width, width, 3), _leaky())
        self.res3 = nn.Sequential(
            convolution(width, width, 1), convolution(width, width, 3), _leaky(), convolution(width, width, 3), _leaky()
        )
        self.filter_concat = convolution(3 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.filter_concat(cat((self.res1(x), self.res2(x), self.res3(x)), dim=1)) + x


class _Down(nn.Module):
    """Residual, kept as a skip, then a 2x2 max-pool."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.res_block = Residual(inputs, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        skip = self.res_block(x)
        return skip, F.max_pool2d(skip, 2)


class _Up(nn.Module):
    """Nearest x2, plus the skip, then Residual."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.res_block = Residual(inputs, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.res_block(F.interpolate(x, scale_factor=2, mode="nearest") + skip)


class Hourglass(nn.Module):
    """(N, width, H, W) -> (inter, out), both of the input's shape; `out` is `inter` where there is no tail.

    Levels are counted from 1, the outermost: `down1` first, `up1` innermost; `skip_conv0` is on the input.
    """

    def __init__(self, width: int, poolings: int, mid: int, tail: int) -> None:
        super().__init__()
        channels = [width, *(units * width for units in LEVELS[:poolings])]
        self.poolings = poolings
        for level in range(1, poolings + 1):
            self.add_module(f"down{level}", _Down(channels[level - 1], channels[level]))
            self.add_module(f"up{level}", _Up(channels[poolings + 1 - level], channels[poolings - level]))
        for level in range(poolings + 1):
            self.add_module(f"skip_conv{level}", Residual(channels[level], channels[level]))
        self.mid_res = nn.Sequential(*(Residual(channels[-1], channels[-1]) for _ in range(mid)))
        self.tail = nn.Sequential(*(Inception(width) for _ in range(tail)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        skips = []
        out = x
        for level in range(1, self.poolings + 1):
            skip, out = self.get_submodule(f"down{level}")(out)
            skips.append(self.get_submodule(f"skip_conv{level}")(skip))
        out = self.mid_res(out)
        for level in range(1, self.poolings + 1):
            out = self.get_submodule(f"up{level}")(out, skips.pop())
        inter = self.get_submodule("skip_conv0")(x) + out
        return inter, self.tail(inter)
