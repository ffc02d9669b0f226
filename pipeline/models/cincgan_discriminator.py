"""CinCGAN's discriminators (Yuan et al., CVPRW 2018): D1 on LR images (stride 1), D2 on HR images (stride 2)."""

from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.models.layers import check_input, divides, leaky

SMALLEST = {1: 6, 2: 24}  # stride -> the size that leaves one patch


def build(width: int, stride: int) -> "CinCGANDiscriminator":
    """PatchGAN whose first three convolutions have `stride` 1 (D1) or 2 (D2). The paper's width: 64."""
    if stride not in SMALLEST:
        raise UserError(f"network 'cincgan_discriminator': stride is {stride!r}; expected 1 or 2.")
    return CinCGANDiscriminator(width, stride)


class CinCGANDiscriminator(nn.Module):
    """RGB (N, 3, H, W) to scores (N, 1, h, w) for least squares; h is H - 5 (stride 1) or H/8 - 2 (stride 2).

    Padding 1 and biases where no batch norm follows, as in DengZeshuai's code (sangyun884 pads by 0, boemd to equal
    size). The batch norm always uses the batch: nothing here is ever evaluated alone.
    """

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.smallest = SMALLEST[stride]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=stride, padding=1), leaky()]
        for factor, step in ((2, stride), (4, stride), (8, 1)):
            layers += [
                nn.Conv2d(width * factor // 2, width * factor, 4, stride=step, padding=1, bias=False),
                nn.BatchNorm2d(width * factor, track_running_stats=False),
                leaky(),
            ]
        layers.append(nn.Conv2d(width * 8, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        fits = divides(x, 1) and min(x.shape[2:]) >= self.smallest
        expected = f"(N, 3, H, W) with H and W at least {self.smallest}. Use larger patches."
        check_input("cincgan_discriminator", x, fits, expected)
        return self.model(x)
