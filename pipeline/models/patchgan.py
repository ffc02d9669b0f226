"""The 70x70 PatchGAN discriminator (Isola et al., CVPR 2017) as DADA uses it: on luma (inter) and on RGB (intra)."""

from torch import Tensor, nn

from pipeline.models.layers import check_input, leaky

SMALLEST = 24  # anything smaller leaves no patch for the last convolution


def build(channels: int, width: int) -> "PatchGAN":
    """Discriminator of images with `channels` channels. DADA's: channels 1 or 3, width 64."""
    return PatchGAN(channels, width)


class PatchGAN(nn.Module):
    """(N, channels, H, W) to logits (N, 1, H/8 - 2, W/8 - 2), no sigmoid; H and W at least 24.

    Weights start from a normal of deviation 0.02, biases from 0. Instance norm has neither parameters nor statistics.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = [_convolution(channels, width, 2), leaky()]
        for factor, stride in ((2, 2), (4, 2), (8, 1)):
            layers += [
                _convolution(width * factor // 2, width * factor, stride),
                nn.InstanceNorm2d(width * factor),
                leaky(),
            ]
        layers.append(_convolution(width * 8, 1, 1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        fits = x.dim() == 4 and x.shape[1] == self.channels and min(x.shape[2:]) >= SMALLEST
        expected = f"(N, {self.channels}, H, W) with H and W at least {SMALLEST}. Use larger patches."
        check_input("patchgan", x, fits, expected)
        return self.model(x)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1)
    nn.init.normal_(layer.weight, 0.0, 0.02)
    nn.init.zeros_(layer.bias)
    return layer
