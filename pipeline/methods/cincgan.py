"""CinCGAN: Yuan et al., "Unsupervised Image Super-Resolution using Cycle-in-Cycle Generative Adversarial Networks",
CVPR Workshops 2018, as the baseline of DADA's Table 1: source LR is the clean domain, the SR network is a CDC.

Two stages: `inner` (G1, G2, D1: target LR to source LR and back), `joint` (the same with the SR network, G3 and D2: target
LR to HR and back). There is no official code: where the re-implementations sangyun884 (c2605f9), boemd (ee98e64) and
DengZeshuai (0441ebf) differ, the behaviour is a named setting.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from pipeline import models
from pipeline.losses.least_squares import discriminator_ls, generator_ls, total_variation
from pipeline.losses.pixel import l1
from pipeline.methods.base import Stage
from pipeline.sampling.patches import Batch

DISTANCES = {"l1": l1, "mse": F.mse_loss}


@dataclass(frozen=True)
class CycleLoss:
    """Weights of one cycle. x: target LR, y: source LR, z: source HR, fake: G1(x) in the inner, SR(G1(x)) in the outer cycle."""

    adversarial_weight: float
    cycle_weight: float  # MSE of x and G2(fake) or G3(fake)
    identity_weight: float  # of y and G1(y), or of z and SR(y)
    identity: Literal["l1", "mse"]
    variation_weight: float  # of mean squared differences of rows and of columns
    real_label: float
    discriminator_weight: float  # of the sum of its two terms


@dataclass(frozen=True)
class InnerLoss:
    """Terms of the cycle between LR domains."""

    inner: CycleLoss


@dataclass(frozen=True)
class JointLoss:
    """Both cycles, trained as one sum."""

    inner: CycleLoss
    outer: CycleLoss


class Inner(Stage):
    """G1 `to_source`, G2 `to_target` and D1 `lr_discriminator`, on unpaired LR of both cameras."""

    Loss = InnerLoss

    def set_up(self) -> None:
        generators = {name: self.new("translator", scale=1) for name in ("to_source", "to_target")}
        self.trainable |= generators
        self.trainable["lr_discriminator"] = self.new("cycle_discriminator", stride=1)
        self.optimisers["generators"] = self.adam(*generators.values())
        self.optimisers["lr_discriminator"] = self.adam(self.trainable["lr_discriminator"])

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self._train_discriminators(False)
        with self.autocast():
            fake, terms = self._inner(batch)
        values = self.update(self.optimisers["generators"], terms)
        self._train_discriminators(True)
        return values | self._discriminate("lr_discriminator", batch.source_lr, fake, self.loss.inner)

    def _inner(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """G1(x) and the weighted terms of the inner cycle."""
        networks, loss = self.trainable, self.loss.inner
        fake = networks["to_source"](batch.target_lr)
        again, same = networks["to_target"](fake), networks["to_source"](batch.source_lr)
        scores = networks["lr_discriminator"](fake)
        return fake, _terms("inner", loss, fake, scores, (again, batch.target_lr), (same, batch.source_lr))

    def _discriminate(self, name: str, real: Tensor, fake: Tensor, loss: CycleLoss) -> dict[str, Tensor]:
        """One step of a discriminator on the images that the generators made before their step."""
        network = self.trainable[name]
        with self.autocast():
            value = discriminator_ls(network(real), network(fake.detach()), loss.real_label)
        return self.update(self.optimisers[name], {name: loss.discriminator_weight * value})

    def _train_discriminators(self, train: bool) -> None:
        for name, network in self.trainable.items():
            if name.endswith("discriminator"):
                network.requires_grad_(train)

    def results(self) -> dict:
        translator = {**self.specs["translator"], "scale": 1}
        specs = {"to_source": translator, "to_target": translator}
        specs["lr_discriminator"] = {**self.specs["cycle_discriminator"], "stride": 1}
        return {name: (self.trainable[name], spec) for name, spec in specs.items()}


class Joint(Inner):
    """The inner cycle's networks, the SR network `upscaler`, G3 `hr_to_target` and D2 `hr_discriminator`."""

    Loss = JointLoss

    def set_up(self) -> None:
        translator = {**self.specs["translator"], "scale": 1}
        generators = {name: self.start(name, expect=translator) for name in ("to_source", "to_target")}
        generators |= {"upscaler": self.start("generator"), "hr_to_target": self.new("translator")}
        discriminator = {**self.specs["cycle_discriminator"], "stride": 1}
        discriminators = {"lr_discriminator": self.start("lr_discriminator", expect=discriminator)}
        discriminators["hr_discriminator"] = self.new("cycle_discriminator", stride=2)
        self.trainable |= generators | discriminators
        self.optimisers["generators"] = self.adam(*generators.values())
        self.optimisers |= {name: self.adam(network) for name, network in discriminators.items()}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        networks = self.trainable
        self._train_discriminators(False)
        with self.autocast():
            fake_lr, terms = self._inner(batch)
            fake = networks["upscaler"](fake_lr)
            again, same = networks["hr_to_target"](fake), networks["upscaler"](batch.source_lr)
            scores = networks["hr_discriminator"](fake)
            terms |= _terms("outer", self.loss.outer, fake, scores, (again, batch.target_lr), (same, batch.source_hr))
        values = self.update(self.optimisers["generators"], terms)
        self._train_discriminators(True)
        values |= self._discriminate("lr_discriminator", batch.source_lr, fake_lr, self.loss.inner)
        return values | self._discriminate("hr_discriminator", batch.source_hr, fake, self.loss.outer)

    def results(self) -> dict:
        arguments = {
            role: {name: value for name, value in self.specs[role].items() if name not in ("name", "scale")}
            for role in ("translator", "generator")
        }
        spec = {"name": "cincgan_pair", "scale": self.specs["generator"]["scale"]}
        spec |= {"translator": arguments["translator"], "upscaler": arguments["generator"]}
        network = models.build(spec)
        network.translator.load_state_dict(self.trainable["to_source"].state_dict())
        network.upscaler.load_state_dict(self.trainable["upscaler"].state_dict())
        return {"generator": (network, spec)}


def _terms(
    cycle: str,
    loss: CycleLoss,
    fake: Tensor,
    scores: Tensor,
    again: tuple[Tensor, Tensor],
    same: tuple[Tensor, Tensor],
) -> dict[str, Tensor]:
    """Weighted terms of one cycle; `again` and `same` are (image, its label)."""
    return {
        f"{cycle}_adversarial": loss.adversarial_weight * generator_ls(scores, loss.real_label),
        f"{cycle}_cycle": loss.cycle_weight * F.mse_loss(*again),
        f"{cycle}_identity": loss.identity_weight * DISTANCES[loss.identity](*same),
        f"{cycle}_variation": loss.variation_weight * total_variation(fake),
    }


STAGES = {"inner": Inner, "joint": Joint}
