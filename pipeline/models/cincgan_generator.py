"""CinCGAN's translators (Yuan et al., CVPRW 2018): G1 and G2 from LR to LR, G3 from HR to LR.

There is no official code. Layers as in the re-implementations sangyun884 (c2605f9), boemd (ee98e64) and DengZeshuai
(0441ebf); where these differ: no normalisation (boemd, DengZeshuai), biases (DengZeshuai), linear output (boemd).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.models.hourglass import convolution
from pipeline.models.layers import check_input, divides, leaky

# Strides of the second and third convolution (sangyun884); x3 is ours: one convolution of stride 3.
STRIDES = {1: (1, 1), 2: (1, 2), 3: (1, 3), 4: (2, 2)}


def build(scale: int, width: int, blocks: int, skip: bool) -> "CinCGANGenerator":
    """Translator that divides the size by `scale` 1 (G1, G2) to 4. The paper's: width 64, blocks 6, no `skip`.

    With `skip` the network adds to its input (averaged over scale x scale pixels) instead of making the image anew: for
    schedules too short to learn the identity first. Raises UserError for another scale.
    """
    if scale not in STRIDES:
        raise UserError(
            f"network 'cincgan_generator': scale is {scale!r}; expected one of {', '.join(map(str, STRIDES))}."
        )
    return CinCGANGenerator(scale, width, blocks, skip)


class CinCGANGenerator(nn.Module):
    """RGB (N, 3, H, W) in [0, 1] to RGB (N, 3, H/s, W/s), not clamped; H and W multiples of the scale s."""

    multiple = 1

    def __init__(self, scale: int, width: int, blocks: int, skip: bool) -> None:
        super().__init__()
        self.scale = scale
        self.skip = skip
        second, third = STRIDES[scale]
        self.head = nn.Sequential(
            convolution(3, width, 7, bias=True),
            leaky(),
            nn.Conv2d(width, width, 3, stride=second, padding=1),
            leaky(),
            nn.Conv2d(width, width, 3, stride=third, padding=1),
            leaky(),
        )
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.tail = nn.Sequential(
            convolution(width, width, 3, bias=True),
            leaky(),
            convolution(width, width, 3, bias=True),
            leaky(),
            convolution(width, 3, 7, bias=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        expected = f"(N, 3, H, W) with H and W multiples of {self.scale}. Crop the image."
        check_input("cincgan_generator", x, divides(x, self.scale), expected)
        output = self.tail(self.blocks(self.head(x)))
        return F.avg_pool2d(x, self.scale) + output if self.skip else output


class _Block(nn.Module):
    """3x3, LReLU, 3x3, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = convolution(width, width, 3, bias=True)
        self.conv2 = convolution(width, width, 3, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.leaky_relu(self.conv1(x), 0.2))
