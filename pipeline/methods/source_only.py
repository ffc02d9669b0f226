"""Source Only: CDC trained on one camera's labelled pairs, used on another camera as it is. The floor of DADA's Table 1.

Network and loss: Wei et al., "Component Divide-and-Conquer for Real-World Image Super-Resolution", ECCV 2020; as a baseline
and as the start of DADA: Xu et al., CVPR 2022, section 4. Target Only is this run on the target camera (params.yaml: same_as).
"""

from dataclasses import dataclass

from pipeline.datasets.patches import Batch
from pipeline.losses.content import ContentLoss
from pipeline.methods.base import Stage


@dataclass(frozen=True)
class SupervisedLoss:
    """The content loss alone."""

    content: ContentLoss


class Train(Stage):
    """Supervised training of the up-sampler on source LR and HR."""

    Loss = SupervisedLoss

    def set_up(self) -> None:
        self.trainable["generator"] = self.new("generator")
        self.optimisers["generator"] = self.adam(self.trainable["generator"])

    def step(self, batch: Batch) -> dict:
        with self.autocast():
            components = self.trainable["generator"].components(batch.source_lr)
            terms = {"content": self.loss.content(components, batch.source_hr)}
        return self.update(self.optimisers["generator"], terms)

    def results(self) -> dict:
        return {"generator": (self.trainable["generator"], self.specs["generator"])}


STAGES = {"train": Train}
