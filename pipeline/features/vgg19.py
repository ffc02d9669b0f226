"""VGG-19 features for perceptual losses: up to conv5_4 (DADA's code) or conv5_3 (its paper), before the ReLU."""

from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.weights.pretrained import fill, open_weights

# Convolutions per block and their channels (Simonyan & Zisserman, configuration E).
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
LAYERS = {"conv5_3": 32, "conv5_4": 34}  # positions in torchvision's `features`
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class VGG19(nn.Module):
    """RGB (N, 3, H, W) in [0, 1], clamped or not, to features (N, 512, H/16, W/16). Frozen, always in eval mode."""

    def __init__(self, layer: str) -> None:
        super().__init__()
        if layer not in LAYERS:
            raise UserError(f"VGG-19 features: layer is {layer!r}; expected one of {', '.join(LAYERS)}.")
        layers: list[nn.Module] = []
        inputs = 3
        for count, channels in BLOCKS:
            for _ in range(count):
                # Not in place: the last layer kept is a convolution whose output the caller sees.
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[: LAYERS[layer] + 1])
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "VGG19":
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.features((x - self.mean) / self.deviation)


def vgg19(path: str | Path, layer: str, spec: dict) -> VGG19:
    """Features with torchvision's ImageNet weights from a local file, described by `spec` (see `pipeline.weights.pretrained`).

    Raises UserError for a missing file, another hash, or a file without VGG-19's convolutions.
    """
    network, state = VGG19(layer), open_weights(path, spec)
    own = {name: state[name] for name in network.state_dict() if name in state}
    fill(network, own, path, "torchvision's VGG-19, vgg19-dcbb9e9d.pth")
    return network
