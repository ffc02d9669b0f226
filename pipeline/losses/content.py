"""The content loss of CDC and DADA with its settings: masked L1 per component plus a loss on the final image."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from pipeline.losses.harris import harris_masks
from pipeline.losses.pixel import component_loss


@dataclass(frozen=True)
class ContentLoss:
    """Weights of the flat, edge and corner terms, the kind and weight of the final term, Harris's green coefficient.

    Source: CDC (ECCV 2020) and DADA's solver; DADA's text names the final GW term alone (component weights 0).
    """

    component_weights: tuple[float, ...]
    final: Literal["gw", "l1"]
    final_weight: float
    harris_green: float

    def __call__(self, components, hr: Tensor) -> Tensor:
        """Loss of a CDC's components against a label image (N, 3, H, W); masks are taken from the label, without gradient."""
        masks = harris_masks(hr.detach(), green=self.harris_green)
        images = [image.float() for image in components[:4]]  # bf16 forward passes are compared in full precision
        return component_loss(
            images, hr, masks, weights=self.component_weights, final=self.final, final_weight=self.final_weight
        )
