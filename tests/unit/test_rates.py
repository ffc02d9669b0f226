"""Learning rates: every parameter group of every optimiser keeps its own, along the schedule and over a resumed run."""

import pytest
import torch
from torch import nn

from pipeline.methods.base import Schedule, Stage
from pipeline.methods.drn_adapt import Cosine

SETTINGS = {
    "scale": 4,
    "networks": {},
    "loss": {},
    "schedule": {
        **{"steps": 9, "batch": 1, "patch": 8, "lr": 1e-3, "betas": [0.9, 0.999], "milestones": [3, 6], "gamma": 0.3}
    },
    "compute": {"device": "cpu", "threads": 1, "precision": "fp32"},
    "weights": {},
}


class TwoRates(Stage):
    """A network whose bias learns ten times faster than its weights."""

    Loss = type("Loss", (), {})

    def set_up(self) -> None:
        torch.manual_seed(0)
        self.trainable["generator"] = network = nn.Linear(3, 1)
        groups = [{"params": [network.weight]}, {"params": [network.bias], "lr": 1e-2}]
        self.optimisers["both"] = torch.optim.SGD(groups, lr=self.schedule.lr)

    def step(self, batch):
        return self.update(self.optimisers["both"], {"sum": self.trainable["generator"](batch).sum()})

    def results(self) -> dict:
        return {}


@pytest.fixture
def stage(monkeypatch):
    monkeypatch.setattr("pipeline.methods.base.settings.build", lambda cls, values, _: values and Schedule(**values))
    return lambda: TwoRates(SETTINGS, {}, {}, torch.device("cpu"))


def moved(stage: Stage, step: int) -> tuple[float, float]:
    """By how much a step changes weights and bias; their gradients are 1 and 1."""
    weight, bias = (value.detach().clone() for value in stage.trainable["generator"].parameters())
    stage.set_rates(step)
    stage.step(torch.ones(1, 3))
    after = stage.trainable["generator"]
    return (weight - after.weight)[0, 0].item(), (bias - after.bias).item()


@pytest.mark.parametrize(("step", "factor"), [(0, 1), (2, 1), (3, 0.3), (5, 0.3), (6, 0.09), (8, 0.09)])
def test_each_group_trains_at_its_own_rate(stage, step, factor):
    assert moved(stage(), step) == pytest.approx((1e-3 * factor, 1e-2 * factor), rel=1e-3)


def test_a_resumed_run_keeps_both_rates(stage):
    whole, first = stage(), stage()
    for step in range(9):
        moved(whole, step)
    for step in range(4):
        moved(first, step)
    second = stage()
    second.load_state_dict(first.state_dict())
    assert moved(second, 4) == pytest.approx((3e-4, 3e-3), rel=1e-3)
    for step in range(5, 9):
        moved(second, step)
    for name, value in whole.trainable["generator"].state_dict().items():
        assert torch.equal(value, second.trainable["generator"].state_dict()[name])


@pytest.mark.parametrize("schedule", [Schedule, lambda **values: Cosine(**values, floor=1e-7)])
def test_a_group_at_the_rate_of_the_schedule_gets_exactly_that(stage, schedule):
    made = stage()
    made.schedule = schedule(**SETTINGS["schedule"])
    for step in range(9):
        made.set_rates(step)
        assert made.optimisers["both"].param_groups[0]["lr"] == made.schedule.rate(step)
