"""Networks, one file each, found by file name: `build({"name": "cdc", "scale": 4, ...})`."""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

from torch import nn

from pipeline.errors import UserError


def build(spec: dict) -> nn.Module:
    """The network that `spec` names: `pipeline/models/<spec["name"]>.py`, its `build` called with the other entries.

    Raises UserError for a name without a file, a file that builds no network, and missing or unknown arguments.
    """
    make, arguments = _builder(spec)
    _bind(inspect.Signature.bind, spec, make, arguments)
    return make(**arguments)


def scaled(spec: dict, scale: int) -> dict:
    """`spec` with `scale` added if its network takes a scale, else `spec`. Raises UserError for a name without a file."""
    make, _ = _builder(spec)
    return {**spec, "scale": scale} if "scale" in inspect.signature(make).parameters else spec


def missing(spec: dict) -> list[str]:
    """Names of required arguments that `spec` does not give, such as those that a stage adds.

    Raises UserError for a name without a file and for arguments that the network does not know.
    """
    make, arguments = _builder(spec)
    _bind(inspect.Signature.bind_partial, spec, make, arguments)
    parameters = inspect.signature(make).parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.name not in arguments]


def _builder(spec: dict) -> tuple[Callable[..., nn.Module], dict]:
    """(`build` function of the network, arguments in `spec`)."""
    arguments = dict(spec)
    name = arguments.pop("name", None)
    folder = Path(__file__).parent
    file = folder / f"{name}.py"
    known = ", ".join(sorted(path.stem for path in folder.glob("[a-z]*.py")))
    if not isinstance(name, str) or not name.isidentifier() or not file.is_file():
        raise UserError(f"network {name!r}: there is no {file}, only {known}. Name one of them, or add that file.")
    make = getattr(importlib.import_module(f"pipeline.models.{name}"), "build", None)
    if make is None:
        raise UserError(f"network {name!r}: {file} has no function `build`. Add it, or name one of {known}.")
    return make, arguments


def _bind(bind: Callable, spec: dict, make: Callable, arguments: dict) -> None:
    signature = inspect.signature(make)
    try:
        bind(signature, **arguments)
    except TypeError as error:
        file = Path(__file__).parent / f"{spec['name']}.py"
        raise UserError(
            f"network {spec['name']!r}: {error}. {file} takes build{signature}; params.yaml gives {sorted(arguments)}."
        ) from error
