"""CinCGAN at test time, SR(G1(x)): a translator from target LR to source LR, then a CDC as the SR network."""

from torch import Tensor, nn

from pipeline.models import cdc, cincgan_generator


def build(scale: int, translator: dict, upscaler: dict) -> "CinCGANPair":
    """G1 and the SR network; `translator` and `upscaler` are the arguments of `cincgan_generator` and `cdc` but the scale."""
    return CinCGANPair(cincgan_generator.build(scale=1, **translator), cdc.build(scale=scale, **upscaler))


class CinCGANPair(nn.Module):
    """(N, 3, H, W) in [0, 1] to (N, 3, sH, sW), not clamped; H and W multiples of `multiple`."""

    def __init__(self, translator: cincgan_generator.CinCGANGenerator, upscaler: cdc.CDC) -> None:
        super().__init__()
        self.translator = translator
        self.upscaler = upscaler
        self.scale = upscaler.scale
        self.multiple = upscaler.multiple

    def forward(self, x: Tensor) -> Tensor:
        return self.upscaler(self.translator(x))
