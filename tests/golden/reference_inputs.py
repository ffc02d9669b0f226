"""Weights and images by formula, for which the reference code of DADA was run: the golden values come from that run."""

import numpy as np
import torch
from torch import Tensor, nn


def image(channels: int, height: int, width: int, phase: float = 0.0, dtype: torch.dtype = torch.float64) -> Tensor:
    """(1, C, H, W): 0.5 + 0.5 sin(0.7 c + 0.31 h + 0.17 w + 0.05 h w / 8 + phase), computed in `dtype`."""
    c = torch.arange(channels, dtype=dtype)[:, None, None]
    h = torch.arange(height, dtype=dtype)[:, None]
    w = torch.arange(width, dtype=dtype)
    return (0.5 + 0.5 * torch.sin(0.7 * c + 0.31 * h + 0.17 * w + 0.05 * h * w / 8 + phase))[None]


def noise(position: int, count: int) -> np.ndarray:
    """`count` values in [-1, 1) for the tensor at `position` of the sorted state dict."""
    index = np.arange(1, count + 1, dtype=np.float64)
    value = 43758.5453 * np.sin(12.9898 * index + 78.233 * (position + 1))
    return 2 * (value - np.floor(value)) - 1


def fill(network: nn.Module) -> nn.Module:
    """The network in float64 with every tensor set by formula: scaled like Kaiming where 4-D, by 0.1 elsewhere."""
    state = network.state_dict()
    for position, key in enumerate(sorted(state)):
        shape = state[key].shape
        scale = np.sqrt(2 / (shape[1] * shape[2] * shape[3])) if len(shape) == 4 else 0.1
        state[key] = torch.from_numpy(scale * noise(position, state[key].numel())).reshape(shape)
    network.double().load_state_dict(state)
    return network
