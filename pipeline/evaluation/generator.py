"""8-bit LR to SR with the network of a job: what every job does that measures or shows SR."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline import models
from pipeline.errors import UserError
from pipeline.images.rgb import to_uint8
from pipeline.images.tiles import to_tensor, upscale_tiled
from pipeline.provenance.job import Job
from pipeline.reproducibility import autocast, prepare
from pipeline.weights.checkpoints import load_network


@dataclass(frozen=True)
class Settings:
    """Which network, and how it is run. `network`: its specification, only without a generator file; `expect`: its name.

    `tile`, `margin`, `whole_below`: LR pixels, see pipeline.images.tiles.
    """

    scale: int
    network: dict | None
    expect: str
    tile: int
    margin: int
    whole_below: int
    compute: dict


class Enlarger:
    """The network of a job, ready on its `device`; `spec` is its specification."""

    def __init__(self, job: Job, chosen: Settings):
        """Load the input `generator`, or build `chosen.network`. Raises UserError unless exactly one of the two is given,
        and when the network is not the one that the settings expect or has another scale."""
        if ("generator" in job.inputs) == (chosen.network is not None):
            raise UserError("expected either a generator file or settings.network, not both and not neither.")
        self.chosen = chosen
        self.device = prepare(chosen.compute, seed=0)
        if chosen.network is None:
            origin = job.input("generator")
            network = load_network(origin, expect=chosen.expect)
            self.spec = network.spec
        else:
            network, self.spec, origin = models.build(chosen.network).eval(), chosen.network, "settings.network"
        if network.scale != chosen.scale:
            raise UserError(f"{origin}: a network of scale {network.scale}, expected scale {chosen.scale}.")
        self.network = network.to(self.device)

    def unrounded(self, name: str, lr: np.ndarray) -> Tensor:
        """uint8 (h, w, 3) → float32 (1, 3, s·h, s·w), clamped to [0, 1], on the CPU. Raises UserError for NaN or infinity."""
        chosen = self.chosen
        with autocast(self.device, chosen.compute["precision"]):
            sr = upscale_tiled(
                self.network, to_tensor(lr), chosen.tile, chosen.margin, chosen.whole_below, device=self.device
            )
        if not torch.isfinite(sr).all():
            raise UserError(
                f"image {name}: the SR image holds NaN or infinity. The network diverged, or its file is damaged; "
                "train it again."
            )
        return sr.clamp_(0, 1)

    def __call__(self, name: str, lr: np.ndarray) -> np.ndarray:
        """uint8 (h, w, 3) → uint8 (s·h, s·w, 3), rounded from `unrounded`."""
        return to_uint8(self.unrounded(name, lr)[0].permute(1, 2, 0).numpy())
