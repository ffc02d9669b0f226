"""DASR's discriminator of SR images: a PatchGAN on high frequencies (codes/SRN, NLayerDiscriminator with 2 layers)."""

from torch import Tensor, nn

from pipeline.models.frequency import high, high_channels
from pipeline.models.layers import check_input, leaky

SMALLEST = 16  # pixels of the filtered image that leave a patch


def build(width: int, frequency: str) -> "FrequencyPatchGAN":
    """Discriminator on the high frequencies that `frequency` names (see `pipeline.models.frequency`). DASR's width: 64."""
    return FrequencyPatchGAN(width, frequency)


class FrequencyPatchGAN(nn.Module):
    """RGB (N, 3, H, W) in [0, 1] to logits (N, 1, h/4 - 2, w/4 - 2) with h, w the filtered size.

    Kaiming-normal weights, zero biases; no bias where an instance norm follows.
    """

    def __init__(self, width: int, frequency: str) -> None:
        super().__init__()
        self.frequency = frequency
        layers: list[nn.Module] = [nn.Conv2d(high_channels(frequency), width, 4, stride=2, padding=1), leaky()]
        for factor, stride in ((2, 2), (4, 1)):
            layers += [
                nn.Conv2d(width * factor // 2, width * factor, 4, stride=stride, padding=1, bias=False),
                nn.InstanceNorm2d(width * factor),
                leaky(),
            ]
        layers.append(nn.Conv2d(width * 4, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        filtered = high(x, self.frequency)
        expected = f"at least {SMALLEST}x{SMALLEST} after filtering. Use larger patches."
        check_input("frequency_patchgan", x, min(filtered.shape[2:]) >= SMALLEST, expected)
        return self.model(filtered)
