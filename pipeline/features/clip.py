"""CLIP's image features (Radford et al., ICML 2021; ViT-B/32 of OpenAI), from a verified local file.

The weights were trained with QuickGELU, x·sigmoid(1.702 x). open_clip's `ViT-B-32` builds plain GELU around them and only
warns: features come out slightly wrong. Here the configuration is always the `-quickgelu` one.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.weights.pretrained import fill, open_weights

MODEL = "ViT-B-32-quickgelu"
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
VISUAL = "visual."


class ClipFeatures(nn.Module):
    """RGB (N, 3, H, W) in [0, 1], clamped or not, to unit vectors (N, 512). Frozen, always in eval mode.

    The whole image is squeezed to 224 x 224 (bicubic, antialiased), not cropped: every pixel counts, and gets a gradient.
    """

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "ClipFeatures":
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        side = self.tower.image_size
        x = F.interpolate(x, size=side, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        return F.normalize(self.tower((x - self.mean) / self.deviation), dim=-1)


def clip_features(path: str | Path, spec: dict) -> ClipFeatures:
    """Features with the weights of a local file, described by `spec` (see `pipeline.weights.pretrained`); no download.

    The file is open_clip's, with text and image tower; the text tower is left out. UserError for any other file.
    """
    tensors = open_weights(path, spec)
    state = {name.removeprefix(VISUAL): value for name, value in tensors.items() if name.startswith(VISUAL)}
    with torch.device("meta"):  # without memory for the text tower
        tower = image_tower(configuration())
    fill(tower, state, path, f"the image tower of {MODEL} (names visual.*)")
    return ClipFeatures(tower)


def configuration() -> dict:
    """open_clip's configuration of the model: embed_dim, quick_gelu, vision_cfg, text_cfg."""
    import open_clip

    return open_clip.get_model_config(MODEL)


def image_tower(config: dict) -> nn.Module:
    """open_clip's image tower of a configuration, untrained; (N, 3, side, side), normalised, to (N, embed_dim)."""
    import open_clip

    return open_clip.CLIP(**config).visual
