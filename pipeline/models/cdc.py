"""CDC, the component divide-and-conquer up-sampler (Wei et al., ECCV 2020), as DADA uses it.

A chain of hourglasses feeds three heads (flat, edge, corner). Each head up-samples an image and a mask; the result is
the sum of mask x image. Names of parameters are those of the released checkpoints.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.models.hourglass import LEVELS, Hourglass, convolution
from pipeline.models.layers import check_input, divides

NAMES = ("flat", "edge", "corner")
Masks = tuple[Tensor, Tensor, Tensor]


class Components(NamedTuple):
    """What each head makes: four images (N, 3, sH, sW), and three masks of that shape that sum to 1 per colour."""

    flat: Tensor
    edge: Tensor
    corner: Tensor
    final: Tensor
    masks: Masks


def build(
    scale: int, width: int, hourglasses: int, poolings: int, mid: int, tail: int, gain: float, skip: bool
) -> "CDC":
    """CDC for `scale` 1 to 4. The paper's: width 64, hourglasses 6, poolings 4, mid 2, tail 2, no `skip`; `gain` 0.1.

    `gain`: see `_initialise`. With `skip` every head's image adds to the bicubic enlargement of the input, for schedules
    too short to learn that first; as the masks sum to 1, the result adds to it as well.

    Raises UserError for a value out of range.
    """
    limits = {
        "scale": (scale, 1, 4),
        "width": (width, 1, None),
        "hourglasses": (hourglasses, 2, None),
        "poolings": (poolings, 1, len(LEVELS)),
        "mid": (mid, 0, None),
        "tail": (tail, 0, None),
    }
    for name, (value, low, high) in limits.items():
        if not isinstance(value, int) or value < low or (high is not None and value > high):
            expected = f"{low} or more" if high is None else f"{low} to {high}"
            raise UserError(f"network 'cdc': {name} is {value!r}; expected an integer, {expected}.")
    return CDC(scale, width, hourglasses, poolings, mid, tail, gain, skip)


class CDC(nn.Module):
    """Low-resolution RGB (N, 3, H, W) in [0, 1] to RGB (N, 3, sH, sW), not clamped; H and W multiples of `multiple`."""

    def __init__(
        self, scale: int, width: int, hourglasses: int, poolings: int, mid: int, tail: int, gain: float, skip: bool
    ) -> None:
        super().__init__()
        self.scale = scale
        self.skip = skip
        self.multiple = 2**poolings
        self.hourglasses = hourglasses
        # The reference's indices 1, n//2, n-1 (6 hourglasses: 1, 3, 5); with two or three hourglasses the flat head
        # moves to the first one, so that the heads still sit at different depths (0, 1, 1 and 0, 1, 2).
        self.taps = (min(1, hourglasses // 2 - 1), hourglasses // 2, hourglasses - 1)
        self.conv_in = nn.Sequential(convolution(3, width, 3, bias=True))
        for index in range(hourglasses):
            last = index == hourglasses - 1
            self.add_module(f"HG_{index}", Hourglass(width, poolings, mid, 0 if last else tail))
        for name in NAMES:
            self.add_module(f"upsample_{name}", _head(width, scale, final_kernel=3))
            self.add_module(f"{name}_map", _head(width, scale, final_kernel=3 if scale == 3 else 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                _initialise(module, gain)

    def forward(self, x: Tensor) -> Tensor:
        """The super-resolved image (N, 3, sH, sW)."""
        return self.components(x).final

    def components(self, x: Tensor, masks: Masks | None = None) -> Components:
        """All images and masks. Given `masks` replace the network's own, which are then not computed."""
        features = self._features(x)
        if masks is None:
            masks = self._masks(features)
        images = [self.get_submodule(f"upsample_{name}")(part) for name, part in zip(NAMES, features, strict=True)]
        if self.skip:
            enlarged = F.interpolate(x, scale_factor=self.scale, mode="bicubic")
            images = [enlarged + image for image in images]
        final = sum(mask * image for mask, image in zip(masks, images, strict=True))
        return Components(*images, final, tuple(masks))

    def component_masks(self, x: Tensor) -> Masks:
        """The masks of `components(x)` alone, without the work for the images."""
        return self._masks(self._features(x))

    def _features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of the three heads, each (N, width, H, W)."""
        advice = "Pad or crop the image, or use a network with fewer poolings."
        expected = f"(N, 3, H, W) with H and W multiples of {self.multiple}. {advice}"
        check_input("cdc", x, divides(x, self.multiple), expected)
        if x.device.type == "cpu":
            # Channels last: measured, a training step is a fifth to a third faster; the outputs keep this layout.
            x = x.contiguous(memory_format=torch.channels_last)
        first = self.conv_in(x)
        inters = []
        out = first
        for index in range(self.hourglasses):
            inter, out = self.get_submodule(f"HG_{index}")(out)
            inters.append(inter)
        flat, edge, _ = self.taps
        return inters[flat], inters[edge], 0.2 * out + first

    def _masks(self, features: tuple[Tensor, Tensor, Tensor]) -> Masks:
        """For each colour by itself, the softmax over the three components."""
        logits = [self.get_submodule(f"{name}_map")(part) for name, part in zip(NAMES, features, strict=True)]
        return tuple(torch.stack(logits).softmax(dim=0))


class _UpConvolution(nn.Conv2d):
    """Nearest-neighbour up-sampling followed by a 3x3 convolution with zero padding, with the weights of the latter.

    The two are one transposed convolution, whose kernel is the flipped 3x3 one summed over a box of `factor`: the same
    result up to rounding at 4/9 (x2) of the products, and twice as fast as the two steps, measured on a CPU.
    """

    def __init__(self, width: int, factor: int) -> None:
        super().__init__(width, width, 3, padding=1)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.flip(2, 3).transpose(0, 1)
        steps = range(self.factor)
        kernel = sum(F.pad(kernel, (step, self.factor - 1 - step)) for step in steps)
        kernel = sum(F.pad(kernel, (0, 0, step, self.factor - 1 - step)) for step in steps)
        return F.conv_transpose2d(x, kernel, self.bias, stride=self.factor, padding=1)


def _head(width: int, scale: int, final_kernel: int) -> nn.Sequential:
    """An up-sampling stack (N, width, H, W) -> (N, 3, sH, sW). At x3 the released names have no level for the step."""

    def block(*layers: nn.Module) -> nn.Sequential:
        return nn.Sequential(*layers)

    def up(factor: int) -> list[nn.Module]:
        # In the released names index 0 is the parameter-free up-sampling.
        return [nn.Identity(), _UpConvolution(width, factor), nn.LeakyReLU(0.2, inplace=True)]

    steps = up(3) if scale == 3 else [block(*up(2)) for _ in range(scale.bit_length() - 1)]
    return nn.Sequential(
        block(convolution(width, width, 3, bias=True)),
        *steps,
        block(convolution(width, width, 3, bias=True), nn.LeakyReLU(0.2, inplace=True)),
        block(convolution(width, 3, final_kernel, bias=True)),
    )


def _initialise(module: nn.Conv2d, gain: float) -> None:
    """Kaiming-normal weights x `gain` and zero biases; the reference starts every convolution with 0.1.

    With 0.1 it takes hundreds of steps until a signal reaches the output; short schedules need a larger gain.
    """
    nn.init.kaiming_normal_(module.weight, a=0, mode="fan_in")
    with torch.no_grad():
        module.weight.mul_(gain)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
