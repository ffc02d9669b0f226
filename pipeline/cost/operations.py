"""Floating-point operations and bytes of a training stage, counted by running one step of it without any numbers.

The stage is built as the training job builds it, with its real networks, batch and patch, but on torch's "meta" device,
where tensors have shapes and nothing else: forward and backward passes, frozen networks and discriminators run as they do
in training, and torch's FlopCounterMode adds up convolutions and matrix products. No file is read.
"""

import importlib
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline import models
from pipeline.errors import UserError
from pipeline.methods.base import Stage
from pipeline.sampling.patches import Batch
from pipeline.weights.pretrained import StandIn

META = torch.device("meta")


@dataclass(frozen=True)
class Work:
    """One training: operations of a step, bytes of its resume state; per network it leaves, bytes and specification."""

    step: int
    state: int
    files: dict[str, int]
    specs: dict[str, dict]


def of_training(settings: dict, reads: list[str], starts: dict[str, dict]) -> Work:
    """Count one step of the stage that a training job's `settings` describe; a multiplication and an addition are two.

    `starts`: name -> specification of the networks that earlier stages leave. Not counted: element-wise work
    (activations, losses, the optimiser), a few per cent. UserError for a stage that needs the numbers themselves.
    """
    with torch.device(META), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*meta parameter.*")
        stage = _stage(settings, starts)
        batch = _batch(settings, reads)
        try:
            with FlopCounterMode(display=False) as counter:
                stage.step(batch)
        except (NotImplementedError, RuntimeError) as error:
            # Torch has no class of its own for this; any other fault of the step is not for the reader of a plan to mend.
            if META.type not in str(error):
                raise
            place = f"{settings['method']}/{settings['stage']}"
            raise UserError(
                f"{place}: its step asks for the values of tensors and cannot be counted without ({error})."
            ) from error
        results = stage.results()
    return Work(
        step=counter.get_total_flops(),
        state=3 * sum(map(_bytes, stage.trainable.values())),  # Adam keeps two moments of every parameter
        files={name: _bytes(network) for name, (network, _) in results.items()},
        specs={name: spec for name, (_, spec) in results.items()},
    )


def of_image(spec: dict, side: int) -> int:
    """Operations of one forward pass of the network of a specification on an LR image of `side` x `side`."""
    with torch.device(META), torch.no_grad(), FlopCounterMode(display=False) as counter:
        models.build(spec).eval()(torch.empty(1, 3, side, side))
    return counter.get_total_flops()


def _stage(settings: dict, starts: dict[str, dict]) -> Stage:
    """The stage with networks on the meta device in place of its files: those of earlier stages, and torchvision's."""
    import torchvision

    weights = {
        name: StandIn(getattr(torchvision.models, name)(weights=None).state_dict()) for name in settings["weights"]
    }
    cls = importlib.import_module(f"pipeline.methods.{settings['method']}").STAGES[settings["stage"]]
    return type(cls.__name__, (_WithoutValues, cls), {})(settings, starts, weights, META)


class _WithoutValues:
    """Replaces what a stage does with files of earlier stages and with the values of its losses."""

    def start(self, name: str, expect: str | dict | None = None) -> nn.Module:
        """A network like the one that the earlier stage will leave."""
        return models.build(self.starts[name])

    def update(self, optimiser: torch.optim.Optimizer, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """The backward pass, without asking whether the loss is finite."""
        torch.stack([term.float() for term in terms.values()]).sum().backward()
        optimiser.zero_grad(set_to_none=True)
        return {name: term.detach() for name, term in terms.items()}


def _batch(settings: dict, reads: list[str]) -> Batch:
    """Images of the sizes that the sampler gives."""
    schedule, scale = settings["schedule"], settings["scale"]
    sides = {"source_lr": schedule["patch"], "source_hr": schedule["patch"] * scale, "target_lr": schedule["patch"]}
    shapes = {name: (schedule["batch"], 3, side, side) for name, side in sides.items() if name in reads}
    images = {name: torch.empty(shape).contiguous(memory_format=torch.channels_last) for name, shape in shapes.items()}
    return Batch([], *(images.get(name) for name in Batch._fields[1:]))


def _bytes(network: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
