"""The interface of a training stage: networks, optimisers, one training step, and the networks that it leaves."""

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline import models, settings
from pipeline.errors import UserError
from pipeline.losses.content import ContentLoss
from pipeline.reproducibility import autocast
from pipeline.sampling.patches import Batch
from pipeline.weights.checkpoints import load_network


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a stage trains; `milestones` are steps after which the rate is multiplied by `gamma`."""

    steps: int
    batch: int
    patch: int  # LR pixels
    lr: float
    betas: tuple[float, ...]
    milestones: tuple[int, ...]
    gamma: float

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0: a function of the step, so that resuming cannot change it."""
        return self.lr * self.gamma ** sum(step >= milestone for milestone in self.milestones)


class NonFiniteLoss(UserError):
    """A loss term became NaN or infinite; the message names the terms."""

    def __init__(self, terms: list[str]):
        super().__init__(f"non-finite loss term {', '.join(terms)}")
        self.terms = terms


class Stage(ABC):
    """One training stage: subclasses fill `trainable`, `frozen` and `optimisers`, then say what one step does.

    Networks are kept by name; every network with parameters belongs to `trainable` or to `frozen`.
    """

    Loss: type  # frozen dataclass of the stage's loss settings
    Schedule: type = Schedule  # the same for its schedule

    def __init__(self, job_settings: dict, starts: dict[str, Path], weights: dict[str, Path], device: torch.device):
        self.specs = {
            role: models.scaled(spec, job_settings["scale"]) for role, spec in job_settings["networks"].items()
        }
        self.loss = settings.build(self.Loss, job_settings["loss"], "loss")
        self.schedule = settings.build(self.Schedule, job_settings["schedule"], "schedule")
        self.precision = job_settings["compute"]["precision"]
        self.starts, self.weights, self.device = starts, weights, device
        self.weight_specs = job_settings["weights"]
        self.trainable: dict[str, nn.Module] = {}
        self.frozen: dict[str, nn.Module] = {}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.set_up()
        for group in self._groups():
            # Stored in the saved state, too, because `lr` changes with the step.
            group["share"] = group["lr"] / self.schedule.lr
        for network in self.frozen.values():
            network.requires_grad_(False).eval()
        for network in [*self.trainable.values(), *self.frozen.values()]:
            # The samplers' batches have channels last; convolutions are about a third faster in that layout.
            network.to(device, memory_format=torch.channels_last)

    @abstractmethod
    def set_up(self) -> None:
        """Build the networks (new or from `starts`) and the optimisers."""

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on one batch; return name -> weighted loss term (scalar, detached)."""

    @abstractmethod
    def results(self) -> dict[str, tuple[nn.Module, dict]]:
        """Name -> (network, specification) of the files to write; `generator` is always one of them."""

    def new(self, role: str, **arguments) -> nn.Module:
        """A new network for a role; its initial values depend on the seed."""
        return models.build({**self.specs[role], **arguments})

    def start(self, name: str, expect: str | dict | None = None) -> nn.Module:
        """The network from an earlier stage; UserError unless it is the role's, or `expect` (see `load_network`)."""
        return load_network(self.starts[name], expect=expect or self.specs[name])

    def adam(self, *networks: nn.Module) -> torch.optim.Optimizer:
        """One Adam over the networks' parameters, with the schedule's betas."""
        parameters = [parameter for network in networks for parameter in network.parameters()]
        return torch.optim.Adam(parameters, lr=self.schedule.lr, betas=self.schedule.betas)

    def set_rates(self, step: int) -> None:
        """Set the rate of every parameter group: the schedule's rate times the group's initial share of `schedule.lr`."""
        for group in self._groups():
            group["lr"] = self.schedule.rate(step) * group["share"]

    def _groups(self) -> list[dict]:
        return [group for optimiser in self.optimisers.values() for group in optimiser.param_groups]

    def autocast(self):
        """Context manager for forward passes in the precision of the settings."""
        return autocast(self.device, self.precision)

    def update(self, optimiser: torch.optim.Optimizer, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """One optimiser step on the sum of the terms; return them detached. Raises NonFiniteLoss before any change."""
        total = torch.stack([term.float() for term in terms.values()]).sum()
        if not torch.isfinite(total):
            raise NonFiniteLoss([name for name, term in terms.items() if not torch.isfinite(term)] or ["sum"])
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()
        return {name: term.detach() for name, term in terms.items()}

    def state_dict(self) -> dict:
        """Everything a resumed run needs: the trained networks and the optimisers (frozen ones come from files)."""
        return {
            "networks": {name: network.state_dict() for name, network in self.trainable.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }

    def load_state_dict(self, state: dict) -> None:
        """Set the networks and optimisers to a state that `state_dict` returned."""
        for name, network in self.trainable.items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])


def stage_class(method: str, stage: str) -> type[Stage]:
    """The class of a stage, `STAGES[stage]` in pipeline/methods/<method>.py. Raises UserError when there is none."""
    try:
        stages = importlib.import_module(f"pipeline.methods.{method}").STAGES
    except ModuleNotFoundError as error:
        raise UserError(f"methods.{method}: cannot import pipeline/methods/{method}.py ({error}).") from error
    if stage not in stages:
        raise UserError(f"pipeline/methods/{method}.py has no stage '{stage}'; it has {', '.join(stages)}.")
    return stages[stage]


@dataclass(frozen=True)
class SupervisedLoss:
    """The content loss alone."""

    content: ContentLoss


class Supervised(Stage):
    """CDC's own training: the up-sampler on source LR and HR. Several methods start from it."""

    Loss = SupervisedLoss

    def set_up(self) -> None:
        self.trainable["generator"] = self.new("generator")
        self.optimisers["generator"] = self.adam(self.trainable["generator"])

    def step(self, batch: Batch) -> dict[str, Tensor]:
        with self.autocast():
            components = self.trainable["generator"].components(batch.source_lr)
            terms = {"content": self.loss.content(components, batch.source_hr)}
        return self.update(self.optimisers["generator"], terms)

    def results(self) -> dict[str, tuple[nn.Module, dict]]:
        return {"generator": (self.trainable["generator"], self.specs["generator"])}
