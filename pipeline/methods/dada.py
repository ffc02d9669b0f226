"""DADA: Xu et al., "Dual Adversarial Adaptation for Cross-Device Real-World Image Super-Resolution", CVPR 2022.

Three stages: `up` (CDC on source pairs), `circle` (CDC and a down-sampler on source pairs), `adapt` (two branches, four
discriminators, target LR without HR). Reference code: lonelyhope/DADA at 0ac22cc. Where text and code disagree the
behaviour is a named setting; the presets `code` and `paper` in params.yaml choose.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline import models
from pipeline.features.vgg19 import vgg19
from pipeline.losses.adversarial import discriminator_loss, generator_loss, luma
from pipeline.losses.content import ContentLoss
from pipeline.losses.perceptual import perceptual_l1
from pipeline.losses.pixel import l1
from pipeline.methods.base import Stage, Supervised
from pipeline.models.cdc import Components
from pipeline.sampling.patches import Batch


@dataclass(frozen=True)
class CircleLoss:
    """Content of the SR image and L1 between the LR image and the SR image sampled down again."""

    content: ContentLoss
    cycle_weight: float


@dataclass(frozen=True)
class AdaptLoss:
    """Weights of the paper's equation 8, and one switch for each point where the released code differs."""

    content: ContentLoss
    target_source_weight: float  # content of the target branch on source pairs: in the code, not in the text
    pseudo_label_weight: float
    detach_pseudo_label: bool  # whether the target's content term leaves the source branch alone
    reconstruction_weight: float
    reconstructions: tuple[
        Literal["source/source", "source/target", "target/source", "target/target"], ...
    ]  # branch/input
    perceptual_weight: float
    perceptual_layer: Literal["conv5_3", "conv5_4"]
    adversarial_weight: float
    inter_adversarial: bool  # InterAA
    intra_adversarial: bool  # IntraAA
    domain_invariant_attention: bool  # DIA: masks of the frozen source model in both branches
    target_output_is_real: bool  # D_t^inter and D_t^intra as printed; the code has the target's output as fake
    intra_cooperative: (
        bool  # both branches fool the intra discriminators, as the text says; in the code only the target's
    )


class Circle(Stage):
    """Up-sampler and down-sampler together on source pairs (the code's `--module circle`)."""

    Loss = CircleLoss

    def set_up(self) -> None:
        self.trainable["generator"] = self.start("generator")
        self.trainable["downsampler"] = self.new("downsampler")
        self.optimisers["both"] = self.adam(*self.trainable.values())

    def step(self, batch: Batch) -> dict:
        with self.autocast():
            components = self.trainable["generator"].components(batch.source_lr)
            again = self.trainable["downsampler"](components.final)
            terms = {
                "content": self.loss.content(components, batch.source_hr),
                "cycle": self.loss.cycle_weight * l1(again, batch.source_lr),
            }
        return self.update(self.optimisers["both"], terms)

    def results(self) -> dict:
        return {role: (network, self.specs[role]) for role, network in self.trainable.items()}


class Adapt(Stage):
    """Dual adversarial adaptation. Networks: `masks` U_0 (frozen), `source` U_s, `target` U_t, their down-samplers, and
    the discriminators inter_source, inter_target (on luma) and intra_source, intra_target (on RGB)."""

    Loss = AdaptLoss

    def set_up(self) -> None:
        self.frozen["masks"] = self.start("generator")
        branches = {
            "source": self.start("generator"),
            "target": self.start("generator"),
            "down_source": self.start("downsampler"),
            "down_target": self.start("downsampler"),
        }
        self.trainable |= branches
        self.optimisers["generators"] = self.adam(*branches.values())
        kinds = {"inter": (1, self.loss.inter_adversarial), "intra": (3, self.loss.intra_adversarial)}
        self.discriminators = [
            f"{kind}_{side}" for kind, (_, used) in kinds.items() if used for side in ("source", "target")
        ]
        for name in self.discriminators:
            self.trainable[name] = self.new("discriminator", channels=kinds[name.partition("_")[0]][0])
            self.optimisers[name] = self.adam(self.trainable[name])
        if "vgg19" in self.weights and self.loss.perceptual_weight > 0:
            self.frozen["vgg19"] = vgg19(self.weights["vgg19"], self.loss.perceptual_layer, self.weight_specs["vgg19"])

    def step(self, batch: Batch) -> dict:
        self._train_discriminators(False)
        with self.autocast():
            outputs = self._branches(torch.cat([batch.source_lr, batch.target_lr]))
            finals = {name: components.final for name, components in outputs.items()}
            terms = self._content(batch, outputs) | self._adversarial(finals) | self._reconstruction(batch, finals)
            if "vgg19" in self.frozen:
                with torch.no_grad():
                    reference = self.frozen["masks"](batch.target_lr)
                distance = perceptual_l1(self.frozen["vgg19"], finals["target", "target"], reference)
                terms["perceptual"] = self.loss.perceptual_weight * distance
        values = self.update(self.optimisers["generators"], terms)
        self._train_discriminators(True)
        return values | self._discriminate({name: image.detach() for name, image in finals.items()})

    def _branches(self, both: Tensor) -> dict[tuple[str, str], Components]:
        """(branch, input) -> components, for source LR and target LR stacked as `both` (2N, 3, h, w)."""
        masks = None
        if self.loss.domain_invariant_attention:
            with torch.no_grad():
                masks = self.frozen["masks"].component_masks(both)
        outputs = {}
        for branch in ("source", "target"):
            *images, used = self.trainable[branch].components(both, masks)
            for index, lr in enumerate(("source", "target")):
                half = (image.chunk(2)[index] for image in images)
                outputs[branch, lr] = Components(*half, tuple(mask.chunk(2)[index] for mask in used))
        return outputs

    def _content(self, batch: Batch, outputs: dict) -> dict[str, Tensor]:
        pseudo_label = outputs["source", "target"].final
        if self.loss.detach_pseudo_label:
            pseudo_label = pseudo_label.detach()
        terms = {"source_content": self.loss.content(outputs["source", "source"], batch.source_hr)}
        if self.loss.target_source_weight > 0:
            content = self.loss.content(outputs["target", "source"], batch.source_hr)
            terms["target_source_content"] = self.loss.target_source_weight * content
        content = self.loss.content(outputs["target", "target"], pseudo_label)
        terms["target_content"] = self.loss.pseudo_label_weight * content
        return terms

    def _reconstruction(self, batch: Batch, finals: dict) -> dict[str, Tensor]:
        inputs = {"source": batch.source_lr, "target": batch.target_lr}
        terms = {}
        for term in self.loss.reconstructions:
            branch, lr = term.split("/")
            again = self.trainable[f"down_{branch}"](finals[branch, lr])
            terms[f"reconstruction_{branch}_{lr}"] = self.loss.reconstruction_weight * l1(again, inputs[lr])
        return terms

    def _roles(self, name: str, finals: dict) -> tuple[Tensor, Tensor]:
        """(real, fake) images of a discriminator; finals[branch, input]."""
        kind, side = name.split("_")
        if kind == "inter":
            real, fake = finals[side, "source"], finals[side, "target"]
        else:
            real, fake = finals["source", side], finals["target", side]
        if side == "target" and self.loss.target_output_is_real:
            real, fake = fake, real
        return (luma(real), luma(fake)) if kind == "inter" else (real, fake)

    def _adversarial(self, finals: dict) -> dict[str, Tensor]:
        terms = {}
        for name in self.discriminators:
            real, fake = self._roles(name, finals)
            loss = generator_loss(self.trainable[name](fake))
            if self.loss.intra_cooperative and name.startswith("intra"):
                loss = loss + generator_loss(-self.trainable[name](real))
            terms[f"adversarial_{name}"] = self.loss.adversarial_weight * loss
        return terms

    def _discriminate(self, finals: dict) -> dict[str, Tensor]:
        """One step of every discriminator on the same images, which the generators' step did not change."""
        terms = {}
        for name in self.discriminators:
            real, fake = self._roles(name, finals)
            with self.autocast():
                logits_real, logits_fake = self.trainable[name](real), self.trainable[name](fake)
                loss = {f"discriminator_{name}": discriminator_loss(logits_real, logits_fake)}
            terms |= self.update(self.optimisers[name], loss)
        return terms

    def _train_discriminators(self, train: bool) -> None:
        for name in self.discriminators:
            self.trainable[name].requires_grad_(train)

    def results(self) -> dict:
        target, spec = self.trainable["target"], self.specs["generator"]
        if not self.loss.domain_invariant_attention:
            return {"generator": (target, spec)}
        pair_spec = {**spec, "name": "cdc_pair"}
        return {"generator": (pair(self.frozen["masks"], target, pair_spec), pair_spec)}


def pair(masks: torch.nn.Module, images: torch.nn.Module, spec: dict) -> torch.nn.Module:
    """U_0 and U_t as the one network that turns target LR into SR (the released code forgets to store U_0)."""
    network = models.build(spec)
    network.masks.load_state_dict(masks.state_dict())
    network.images.load_state_dict(images.state_dict())
    return network


STAGES = {"up": Supervised, "circle": Circle, "adapt": Adapt}
