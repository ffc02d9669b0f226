"""The dual networks D of DRN: they learn the down-sampling that turns an image back into the next smaller one.

Source: guoyongcs/DRN at 39917f4, `DownBlock` of model/common.py (one per level). `direct`, one network for the whole way
down, is the unused `Down_net` that DADA's code left behind: a hint that its DRN-Adapt row was made with it.
"""

from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.models.drn import LEVELS, RANGE, Down


def build(scale: int, width: int, direct: bool) -> "DualNets":
    """Dual networks for `scale` 2, 3 or 4: one per level, or a `direct` one. DRN-S: width 16; DRN-L: width 20."""
    if scale not in LEVELS:
        raise UserError(f"network 'drn_dual': scale is {scale!r}; expected one of {', '.join(map(str, LEVELS))}.")
    return DualNets(scale, width, direct)


class DualNets(nn.Module):
    """Images (N, 3, H, W) in [0, 1] to images smaller by each network's factor, not clamped; sizes are multiples of it.

    `nets` in the order of the way up: the first makes LR size. Bias-free; PyTorch's own initial values.
    """

    def __init__(self, scale: int, width: int, direct: bool) -> None:
        super().__init__()
        steps = [LEVELS[scale]] if direct else [(factor,) for factor in LEVELS[scale]]
        self.nets = nn.ModuleList(Down(3, width, 3, factors) for factors in steps)

    def forward(self, images: list[Tensor]) -> list[Tensor]:
        """Each network on its image: the outputs of `DRN.levels`, counted from the largest, made smaller."""
        return [self.down(image, index) for index, image in enumerate(images[-len(self.nets) :])]

    def down(self, image: Tensor, index: int) -> Tensor:
        """One network alone."""
        return self.nets[index](image * RANGE) / RANGE

    def chain(self, image: Tensor) -> Tensor:
        """A full-size image all the way down to LR size."""
        for net in reversed(self.nets):
            image = net(image * RANGE) / RANGE
        return image
