"""Layers and checks that several networks share."""

from torch import Tensor, nn

from pipeline.errors import UserError


def leaky() -> nn.LeakyReLU:
    """The activation of every discriminator here."""
    return nn.LeakyReLU(0.2, inplace=True)


def check_input(network: str, x: Tensor, fits: bool, expected: str) -> None:
    """UserError with the shape of the input and what was expected, unless it fits."""
    if not fits:
        raise UserError(f"network '{network}': the input is {tuple(x.shape)}; expected {expected}")


def divides(x: Tensor, side: int) -> bool:
    """Whether this is an RGB batch (N, 3, H, W) with H and W multiples of `side`."""
    return x.dim() == 4 and x.shape[1] == 3 and x.shape[2] % side == 0 and x.shape[3] % side == 0
