"""DRN-Adapt: Guo et al., "Closed-loop Matters: Dual Regression Networks for Single Image Super-Resolution", CVPR 2020.

A dual network D turns SR images back into LR ones, so an LR image without HR can train the up-sampler P: what P makes of
it must come back as it was. Two stages: `pretrain` (P and D on source pairs, as guoyongcs/DRN at 39917f4, trainer.py) and
`adapt` (the paper's Algorithm 1, for which no code was published): unpaired target LR among the source pairs.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.losses.dual import dual, labels, primal
from pipeline.methods.base import Schedule, Stage
from pipeline.sampling.patches import Batch


@dataclass(frozen=True)
class Cosine(Schedule):
    """The rate falls from `lr` to `floor` along half a cosine over the whole stage, as DRN's code does epoch by epoch."""

    floor: float

    def rate(self, step: int) -> float:
        return self.floor + (super().rate(step) - self.floor) * (1 + math.cos(math.pi * step / self.steps)) / 2


@dataclass(frozen=True)
class PretrainLoss:
    """Weights of the images below full size and of the dual loss (lambda)."""

    intermediate_weight: float
    dual_weight: float


@dataclass(frozen=True)
class AdaptLoss(PretrainLoss):
    """Settings of Algorithm 1, including those that the paper does not state."""

    unpaired_fraction: float  # rho: share of target LR in a batch
    primal_average: Literal["batch", "paired"]  # the algorithm sums over the batch; `paired`: over those with HR
    unpaired_dual: tuple[Literal["first", "chain"], ...]  # see `Adapt._unpaired`
    updates: Literal["in_turn", "together"]  # see `Adapt.step`


class Pretrain(Stage):
    """P and D on source pairs; one Adam over both is one Adam for each, as in the code."""

    Loss, Schedule = PretrainLoss, Cosine

    def set_up(self) -> None:
        self.trainable |= {"primal": self.new("drn"), "dual": self.new("drn_dual")}
        self.optimisers["both"] = self.adam(*self.trainable.values())

    def step(self, batch: Batch) -> dict[str, Tensor]:
        with self.autocast():
            images = self.trainable["primal"].levels(batch.source_lr)
            targets = labels(batch.source_lr, batch.source_hr, images)
            terms = {
                "primal": primal(images, targets, self.loss.intermediate_weight),
                "dual": self.loss.dual_weight * self._paired(images, targets),
            }
        return self.update(self.optimisers["both"], terms)

    def _paired(self, images: list[Tensor], targets: list[Tensor]) -> Tensor:
        """Dual loss of source pairs: every network's output against the label one level below its input."""
        again = self.trainable["dual"](images)
        return dual(again, targets[: len(again)])

    def results(self) -> dict:
        return {"generator": (self.trainable["primal"], self.specs["drn"])} | {
            "dual": (self.trainable["dual"], self.specs["drn_dual"])
        }


class Adapt(Pretrain):
    """Continue to train P and D, with the share rho of target LR without HR in every batch."""

    Loss = AdaptLoss

    def set_up(self) -> None:
        self.trainable["primal"] = self.start("generator", self.specs["drn"])
        self.trainable["dual"] = self.start("dual", self.specs["drn_dual"])
        if self.loss.updates == "together":
            self.optimisers["both"] = self.adam(*self.trainable.values())
        else:
            self.optimisers |= {name: self.adam(network) for name, network in self.trainable.items()}
        if not self.loss.unpaired_dual:
            raise UserError(
                "loss.unpaired_dual: empty; expected first, chain or both, as no other term uses target LR."
            )
        batch = self.schedule.batch
        self.unpaired = round(self.loss.unpaired_fraction * batch)
        if not 0 < self.unpaired < batch:
            raise UserError(
                f"loss.unpaired_fraction: {self.loss.unpaired_fraction} of a batch of {batch} are {self.unpaired} images; "
                "expected at least one with and one without HR. Use a larger batch or another fraction."
            )

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """P, then D on the images of the new P (Algorithm 1: `in_turn`), or both on those of the old P (`together`, as
        DRN's supervised training does; the same as in turn without looking again, since neither sees the other's change).
        """
        paired = self.schedule.batch - self.unpaired
        lr = torch.cat([batch.source_lr[:paired], batch.target_lr[: self.unpaired]])
        hr = batch.source_hr[:paired]
        if self.loss.updates == "together":
            images = self._images(lr)
            return self.update(self.optimisers["both"], self._primal(images, lr, hr) | self._dual(images, lr, hr))
        self.trainable["dual"].requires_grad_(False)
        images = self._images(lr)
        values = self.update(self.optimisers["primal"], self._primal(images, lr, hr) | self._dual(images, lr, hr))
        self.trainable["dual"].requires_grad_(True)
        with torch.no_grad():
            images = self._images(lr)
        terms = self._dual(images, lr, hr)
        return values | self.update(self.optimisers["dual"], {f"{name}_of_dual": term for name, term in terms.items()})

    def _images(self, lr: Tensor) -> list[Tensor]:
        with self.autocast():
            return self.trainable["primal"].levels(lr)

    def _primal(self, images: list[Tensor], lr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        count = len(hr)
        with_hr = [image[:count] for image in images]
        term = primal(with_hr, labels(lr[:count], hr, with_hr), self.loss.intermediate_weight)
        return {"primal": term * (count / len(lr) if self.loss.primal_average == "batch" else 1)}

    def _dual(self, images: list[Tensor], lr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Weighted dual loss, the mean over the batch, as separate terms for images with and without HR."""
        count, share = len(hr), self.loss.dual_weight / len(lr)
        with_hr = [image[:count] for image in images]
        with self.autocast():
            paired = self._paired(with_hr, labels(lr[:count], hr, with_hr))
            unpaired = self._unpaired([image[count:] for image in images], lr[count:])
        return {"dual_paired": share * count * paired, "dual_unpaired": share * (len(lr) - count) * unpaired}

    def _unpaired(self, images: list[Tensor], lr: Tensor) -> Tensor:
        """Dual loss without HR, hence without labels between: the `first` network on the image one level above LR,
        and the full-size image through the `chain` of all; where there is one network they are the same."""
        network = self.trainable["dual"]
        again = {"first": lambda: network.down(images[1], 0), "chain": lambda: network.chain(images[-1])}
        ways = self.loss.unpaired_dual if len(network.nets) > 1 else ("chain",)
        return dual([again[way]() for way in ways], [lr] * len(ways))

    def results(self) -> dict:
        return {"generator": (self.trainable["primal"], self.specs["drn"])}


STAGES = {"pretrain": Pretrain, "adapt": Adapt}
