"""The learned down-sampler HR -> LR (`De_resnet` of DASR's first stage), used by DADA to close the cycle."""

from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.models.hourglass import convolution
from pipeline.models.layers import check_input, divides

# Strides of the down-sampling convolutions. The reference has x2 and x4 only; x3, one convolution of stride 3, is ours.
STRIDES = {2: (2,), 3: (3,), 4: (2, 2)}


def build(scale: int, width: int, blocks: int) -> "DeResnet":
    """Down-sampler for `scale` 2, 3 or 4. DADA's: width 64, blocks 8. Raises UserError for another scale."""
    if scale not in STRIDES:
        raise UserError(f"network 'de_resnet': scale is {scale!r}; expected one of {', '.join(map(str, STRIDES))}.")
    return DeResnet(scale, width, blocks)


class DeResnet(nn.Module):
    """RGB (N, 3, H, W) to RGB (N, 3, H/s, W/s) in (0, 1), by a sigmoid; H and W multiples of the scale.

    Every convolution has a bias, every PReLU one shared slope; PyTorch's own initial values, as in the reference.
    """

    def __init__(self, scale: int, width: int, blocks: int) -> None:
        super().__init__()
        self.scale = scale
        self.block_input = nn.Sequential(convolution(3, width, 3, bias=True), nn.PReLU())
        self.res_blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.down_sample = nn.Sequential(
            *(
                layer
                for stride in STRIDES[scale]
                for layer in (nn.Conv2d(width, width, 3, stride=stride, padding=1), nn.PReLU())
            )
        )
        self.block_output = convolution(width, 3, 3, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        expected = f"(N, 3, H, W) with H and W multiples of {self.scale}. Crop the image."
        check_input("de_resnet", x, divides(x, self.scale), expected)
        return self.block_output(self.down_sample(self.res_blocks(self.block_input(x)))).sigmoid()


class _Block(nn.Module):
    """3x3, PReLU, 3x3, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = convolution(width, width, 3, bias=True)
        self.prelu = nn.PReLU()
        self.conv2 = convolution(width, width, 3, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.prelu(self.conv1(x)))
