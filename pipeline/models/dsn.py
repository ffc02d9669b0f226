"""DASR's first network (DSN, `De_resnet`): HR to LR that looks like the target camera's."""

from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models import de_resnet


def build(scale: int, width: int, blocks: int, skip: bool) -> "DSN":
    """Degradation network for `scale` 2, 3 or 4 (see `de_resnet`). DASR's: width 64, blocks 8, no `skip`.

    With `skip` the network changes HR averaged over scale x scale pixels by at most 0.5, instead of making the LR image
    anew: for schedules too short to learn plain down-sampling first.
    """
    return DSN(de_resnet.build(scale, width, blocks), skip)


class DSN(nn.Module):
    """RGB (N, 3, H, W) in [0, 1] to RGB (N, 3, H/s, W/s), in (0, 1) without `skip`; H and W multiples of the scale s."""

    def __init__(self, network: de_resnet.DeResnet, skip: bool) -> None:
        super().__init__()
        self.scale = network.scale
        self.network = network
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        output = self.network(x)
        return F.avg_pool2d(x, self.scale) + output - 0.5 if self.skip else output
