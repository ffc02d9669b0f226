"""8-bit LR to 8-bit SR with the generator of a job: what jobs do that show SR without measuring it."""

from dataclasses import dataclass

import numpy as np
import torch

from pipeline import models
from pipeline.errors import UserError
from pipeline.images.rgb import to_uint8
from pipeline.images.tiles import upscale_tiled
from pipeline.provenance.job import Job
from pipeline.reproducibility import autocast, prepare
from pipeline.weights.checkpoints import load_network


@dataclass(frozen=True)
class Settings:
    """As in `pipeline.jobs.evaluate`: `network` only without a generator file; `expect`: the network's name; LR pixels."""

    scale: int
    network: dict | None
    expect: str
    tile: int
    margin: int
    whole_below: int
    compute: dict


class Enlarger:
    """The generator of a job, ready on its device; UserError when it is not the one that the settings expect."""

    def __init__(self, job: Job, chosen: Settings):
        self.chosen = chosen
        self.device = prepare(chosen.compute, seed=0)
        if chosen.network is None:
            network = load_network(job.input("generator"), expect=chosen.expect)
        else:
            network = models.build(chosen.network).eval()
        if network.scale != chosen.scale:
            raise UserError(f"{chosen.expect}: a network of scale {network.scale}, expected scale {chosen.scale}.")
        self.network = network.to(self.device)

    def __call__(self, name: str, lr: np.ndarray) -> np.ndarray:
        """uint8 (h, w, 3) → uint8 (s·h, s·w, 3), clamped and rounded as stored crops are; UserError for NaN."""
        chosen = self.chosen
        tensor = torch.from_numpy(lr).permute(2, 0, 1)[None].float().div_(255)
        with autocast(self.device, chosen.compute["precision"]):
            sr = upscale_tiled(self.network, tensor, chosen.tile, chosen.margin, chosen.whole_below, device=self.device)
        if not torch.isfinite(sr).all():
            raise UserError(f"image {name}: the SR image holds NaN or infinity. The network diverged; train it again.")
        return to_uint8(sr[0].permute(1, 2, 0).numpy())
