"""DASR's frequency-separation discriminator of LR images ("FSD", codes/DSN/model.py): it tells target LR from other LR."""

from torch import Tensor, nn

from pipeline.models.frequency import high, high_channels
from pipeline.models.hourglass import convolution

FIELD = 13  # pixels of the filtered image that one logit sees: 5x5, 5x5, 5x5, 1x1


def build(width: int, frequency: str) -> "DomainDiscriminator":
    """Discriminator on the high frequencies that `frequency` names (see `pipeline.models.frequency`). DASR's width: 64."""
    return DomainDiscriminator(width, frequency)


class DomainDiscriminator(nn.Module):
    """RGB (N, 3, H, W) in [0, 1] to logits (N, 1, H, W), for the wavelet (N, 1, H/2, W/2). PyTorch's initial values."""

    def __init__(self, width: int, frequency: str) -> None:
        super().__init__()
        self.frequency = frequency
        self.net = nn.Sequential(
            convolution(high_channels(frequency), width, 5, bias=True),
            nn.LeakyReLU(0.2),
            convolution(width, 2 * width, 5, bias=True),
            nn.InstanceNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            convolution(2 * width, 4 * width, 5, bias=True),
            nn.InstanceNorm2d(4 * width),
            nn.LeakyReLU(0.2),
            convolution(4 * width, 1, 1, bias=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(high(x, self.frequency))
