"""Check settings that only training code understands, before any job starts: losses, schedules, networks, metrics, recipes.

`python -m pipeline.training.check` reads JSON from standard input (see `problems`) and prints one line per problem. Nothing
is trained, no file is opened.
"""

import importlib
import json
import sys
from collections.abc import Callable

import torch
from torch.overrides import TorchFunctionMode

from pipeline import models, settings
from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS
from pipeline.files import canonical_json
from pipeline.methods.base import stage_class


def problems(asked: dict) -> list[str]:
    """`place: message` of everything that a job would refuse, each entry of `asked` being named by its `place`.

    `losses`: [{place, method (its module), stage, loss}]; `schedules`: [{place, method, stage, schedule}];
    `networks`: [{place, spec, scale}]; `metrics`: [{place, name}]; `recipes`: [{place, module, recipe}].
    """
    judged: dict[str, str | None] = {}

    def judge(place: str, check: Callable[..., object], *arguments) -> list[str]:
        key = f"{check.__name__} {canonical_json(arguments)}"
        if key not in judged:
            try:
                check(*arguments)
                judged[key] = None
            except UserError as error:
                judged[key] = str(error)
        return [f"{place}: {judged[key]}"] if judged[key] else []

    lines = []
    for entry in asked.get("losses", []):
        lines += judge(entry["place"], _loss, entry["method"], entry["stage"], entry["loss"])
    for entry in asked.get("schedules", []):
        lines += judge(entry["place"], _schedule, entry["method"], entry["stage"], entry["schedule"])
    for entry in asked.get("networks", []):
        lines += judge(entry["place"], _network, entry["spec"], entry["scale"])
    for entry in asked.get("metrics", []):
        lines += judge(entry["place"], _metric, entry["name"])
    for entry in asked.get("recipes", []):
        lines += judge(entry["place"], _recipe, entry["module"], entry["recipe"])
    return lines


def _loss(method: str, stage: str, loss: dict) -> None:
    settings.build(stage_class(method, stage).Loss, loss, "loss")


def _schedule(method: str, stage: str, schedule: dict) -> None:
    settings.build(stage_class(method, stage).Schedule, schedule, "schedule")


def _network(spec: dict, scale: int) -> None:
    """Build a network without memory or values. Where a stage gives it arguments itself, only the others' names are checked."""
    spec = models.scaled(spec, scale)
    if models.missing(spec):
        return
    try:
        with _WithoutValues():
            models.build(spec)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise UserError(f"network {spec['name']!r}: cannot be built with {canonical_json(spec)} ({error}).") from error


class _WithoutValues(TorchFunctionMode):
    """Parameters get no memory (torch's "meta" device) and no initial values, about which torch would think for seconds."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, getattr(function, "__name__", "")
        if name.endswith("_") and not name.startswith("__"):  # in place: kaiming_uniform_, normal_, mul_, …
            return (*args, *kwargs.values())[0]
        if function is torch.empty:
            kwargs["device"] = "meta"
        return function(*args, **kwargs)


def _metric(name: str) -> None:
    if name not in METRICS:
        raise UserError(f"metric '{name}' does not exist; metrics are {', '.join(METRICS)}.")


def _recipe(module: str, recipe: dict) -> None:
    importlib.import_module(f"pipeline.datasets.{module}").check(recipe)


if __name__ == "__main__":
    for line in problems(json.load(sys.stdin)):
        print(line)
