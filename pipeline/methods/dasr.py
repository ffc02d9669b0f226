"""DASR: Wei et al., "Unsupervised Real-world Image Super Resolution via Domain-distance Aware Training", CVPR 2021, as
the baseline of DADA's Table 1. Reference code: ShuhangGu/DASR at 32d5d71, where *source* is our target (real LR to be
super-resolved) and *target* our source (clean HR): the words here are ours.

Three stages: `pretrain` (RRDB on source pairs: DADA's files name their DASR run "with_sr_pretrian"), `dsn` (HR to LR that
looks like the target camera's), `sr` (RRDB on HR and such LR, weighted by how much it looks like the target, and
adversarially on real target LR). Unlike the reference, which writes the generated LR to files first, `sr` makes it as it
goes; on patches this differs at their borders only.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.features.lpips import lpips_network
from pipeline.features.vgg19 import vgg19
from pipeline.losses.adversarial import discriminator_loss, generator_loss
from pipeline.losses.domain_distance import distance_map, weighted_l1
from pipeline.losses.perceptual import perceptual_l1
from pipeline.losses.pixel import l1
from pipeline.methods.base import Stage
from pipeline.models.frequency import low
from pipeline.sampling.patches import Batch

FEATURES = {"lpips": "alexnet", "vgg19": "vgg19"}
LPIPS_SMALLEST = 31  # leaves one pixel after AlexNet's second pooling


@dataclass(frozen=True)
class PretrainLoss:
    """Plain L1."""

    pixel_weight: float


@dataclass(frozen=True)
class DegradationLoss:
    """DSN's terms (codes/DSN/loss.py)."""

    frequency: str  # what the discriminator sees and the colour term leaves out: pipeline.models.frequency
    colour_weight: float  # L1 of low frequencies of generated and source LR
    texture_weight: float  # adversarial
    perceptual_weight: float  # LPIPS of generated and source LR
    surrogate_weight: float  # L1 of the two for editions without AlexNet, where no other term ties details to the HR


@dataclass(frozen=True)
class SuperResolutionLoss:
    """SRN's terms (codes/SRN/models/DASR_model.py)."""

    frequency: str
    pixel_weight: float  # the code multiplies by it twice; every published configuration has 1
    distance_weighting: bool
    map_field: int  # side of the square that a discriminator's output is spread over
    eight_bit: bool  # generated LR clamped to [0, 1] and rounded to 8 bits, as the reference does by saving it
    low_weight: float  # L1 of low frequencies, not weighted by distance
    feature: Literal["lpips", "vgg19"]  # LPIPS, or L1 of conv5_4
    feature_weight: float
    adversarial_weight: float


class Pretrain(Stage):
    """RRDB on source pairs."""

    Loss = PretrainLoss

    def set_up(self) -> None:
        self.trainable["generator"] = self.new("rrdb")
        self.optimisers["generator"] = self.adam(self.trainable["generator"])

    def step(self, batch: Batch) -> dict[str, Tensor]:
        with self.autocast():
            sr = self.trainable["generator"](batch.source_lr)
            terms = {"pixel": self.loss.pixel_weight * l1(sr, batch.source_hr)}
        return self.update(self.optimisers["generator"], terms)

    def results(self) -> dict:
        return {"generator": (self.trainable["generator"], self.specs["rrdb"])}


class Degradation(Stage):
    """DSN: HR to LR with the source LR's colours and the target LR's high frequencies. Networks: `degrader` and
    `domain_discriminator`, for which target LR is real."""

    Loss = DegradationLoss

    def set_up(self) -> None:
        self.trainable["degrader"] = self.new("degrader")
        self.trainable["domain_discriminator"] = self.new("domain_discriminator", frequency=self.loss.frequency)
        self.optimisers |= {name: self.adam(network) for name, network in self.trainable.items()}
        if "alexnet" in self.weights and self.loss.perceptual_weight > 0:
            self.frozen["lpips"] = _lpips(self, self.schedule.patch)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        generator, discriminator = self.trainable["degrader"], self.trainable["domain_discriminator"]
        with self.autocast():
            fake = generator(batch.source_hr)
            # The reference adds the two cross-entropies, without the half.
            value = 2 * discriminator_loss(discriminator(batch.target_lr), discriminator(fake.detach()))
        values = self.update(self.optimisers["domain_discriminator"], {"domain_discriminator": value})
        discriminator.requires_grad_(False)
        with self.autocast():
            # The reference goes back through the graph of the discriminator as it was before its step.
            terms = {
                "colour": self.loss.colour_weight * self._colour(fake, batch.source_lr),
                "texture": self.loss.texture_weight * generator_loss(discriminator(fake)),
            }
            if "lpips" in self.frozen:
                distance = self.frozen["lpips"](fake, batch.source_lr, normalize=True).mean()
                terms["perceptual"] = self.loss.perceptual_weight * distance
            if "alexnet" not in self.weights:
                terms["surrogate"] = self.loss.surrogate_weight * l1(fake, batch.source_lr)
        values |= self.update(self.optimisers["degrader"], terms)
        discriminator.requires_grad_(True)
        return values

    def _colour(self, fake: Tensor, reference: Tensor) -> Tensor:
        return l1(*(low(image, self.loss.frequency, border=False) for image in (fake, reference)))

    def results(self) -> dict:
        discriminator = {**self.specs["domain_discriminator"], "frequency": self.loss.frequency}
        return {
            "degrader": (self.trainable["degrader"], self.specs["degrader"]),
            "domain_discriminator": (self.trainable["domain_discriminator"], discriminator),
        }


class SuperResolution(Stage):
    """SRN: `generator` and its `frequency_discriminator`, with DSN's networks frozen. The HR images of the batch are pairs
    of generated LR and, no target LR being made from them, the unpaired real HR of the discriminator."""

    Loss = SuperResolutionLoss

    def set_up(self) -> None:
        self.trainable["generator"] = self.start("generator", expect=self.specs["rrdb"])
        self.trainable["frequency_discriminator"] = self.new("frequency_discriminator", frequency=self.loss.frequency)
        self.optimisers |= {name: self.adam(network) for name, network in self.trainable.items()}
        self.frozen["degrader"] = self.start("degrader")
        kind = self.specs["domain_discriminator"]["name"]
        self.frozen["domain_discriminator"] = self.start("domain_discriminator", expect=kind)
        if self.loss.feature_weight > 0 and self.weights:
            if (needed := FEATURES[self.loss.feature]) not in self.weights:
                raise UserError(
                    f"feature: {self.loss.feature} needs {needed}, but the stage's `weights` are {', '.join(self.weights)}. "
                    "Add it to `weights` of the preset, or set feature_weight to 0."
                )
            if needed == "alexnet":
                self.frozen["lpips"] = _lpips(self, self.schedule.patch * self.specs["rrdb"]["scale"])
            else:
                self.frozen["vgg19"] = vgg19(self.weights["vgg19"], "conv5_4", self.weight_specs["vgg19"])

    def step(self, batch: Batch) -> dict[str, Tensor]:
        discriminator = self.trainable["frequency_discriminator"]
        fake_lr, weights = self.generated(batch.source_hr)
        discriminator.requires_grad_(False)
        with self.autocast():
            paired, target = self.trainable["generator"](torch.cat([fake_lr, batch.target_lr])).chunk(2)
            terms = self._supervised(paired, batch.source_hr, weights)
            terms["adversarial"] = self.loss.adversarial_weight * generator_loss(discriminator(target))
        values = self.update(self.optimisers["generator"], terms)
        discriminator.requires_grad_(True)
        with self.autocast():
            value = discriminator_loss(discriminator(batch.source_hr), discriminator(target.detach()))
        return values | self.update(self.optimisers["frequency_discriminator"], {"frequency_discriminator": value})

    @torch.no_grad()
    def generated(self, hr: Tensor) -> tuple[Tensor, Tensor]:
        """Target-like LR of HR images and the weight of each HR pixel: (N, 3, h, w) and (N, 1, H, W)."""
        with self.autocast():
            lr = self.frozen["degrader"](hr).float()
            weights = self._distance(lr, hr) if self.loss.distance_weighting else torch.ones_like(hr[:, :1])
        return (lr.clamp(0, 1) * 255).round() / 255 if self.loss.eight_bit else lr, weights

    def _distance(self, lr: Tensor, hr: Tensor) -> Tensor:
        """Domain-distance map (N, 1, H, W) of LR before rounding, as in the reference and in `dsn`."""
        logits = self.frozen["domain_discriminator"](lr)
        return distance_map(logits, self.loss.map_field, (lr.shape[2], lr.shape[3]), hr.shape[2] // lr.shape[2])

    def _supervised(self, sr: Tensor, hr: Tensor, weights: Tensor) -> dict[str, Tensor]:
        bands = [low(image, self.loss.frequency, border=True) for image in (sr, hr)]
        terms = {
            "pixel": self.loss.pixel_weight * weighted_l1(sr, hr, weights),
            "low": self.loss.low_weight * l1(*bands),
        }
        if "lpips" in self.frozen:
            terms["feature"] = self.loss.feature_weight * self.frozen["lpips"](sr, hr, normalize=True).mean()
        if "vgg19" in self.frozen:
            terms["feature"] = self.loss.feature_weight * perceptual_l1(self.frozen["vgg19"], sr, hr)
        return terms

    def results(self) -> dict:
        return {"generator": (self.trainable["generator"], self.specs["rrdb"])}


def _lpips(stage: Stage, pixels: int) -> nn.Module:
    """LPIPS for images of pixels x pixels; UserError where they are too small for AlexNet."""
    if pixels < LPIPS_SMALLEST:
        raise UserError(
            f"schedule.patch: LPIPS would see images of {pixels} pixels; expected at least {LPIPS_SMALLEST}. Use larger "
            "patches, or set the term's weight to 0."
        )
    return lpips_network(stage.weights["alexnet"], stage.weight_specs["alexnet"])


STAGES = {"pretrain": Pretrain, "dsn": Degradation, "sr": SuperResolution}
