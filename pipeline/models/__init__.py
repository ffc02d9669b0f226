"""Networks, one file each, found by file name: `build({"name": "cdc", "scale": 4, ...})`."""

import importlib
import inspect
from pathlib import Path

from torch import nn

from pipeline.errors import UserError


def build(spec: dict) -> nn.Module:
    """The network that `spec` names: `pipeline/models/<spec["name"]>.py`, its `build` called with the other entries.

    Raises UserError for a name without a file, a file that builds no network, and missing or unknown arguments.
    """
    arguments = dict(spec)
    name = arguments.pop("name", None)
    folder = Path(__file__).parent
    file = folder / f"{name}.py"
    known = ", ".join(sorted(path.stem for path in folder.glob("[a-z]*.py")))
    if not isinstance(name, str) or not name.isidentifier() or not file.is_file():
        raise UserError(
            f"network {name!r}: looked for {file}. Files there: {known}. Name one of them, or add that file."
        )
    make = getattr(importlib.import_module(f"pipeline.models.{name}"), "build", None)
    if make is None:
        raise UserError(f"network {name!r}: {file} has no function `build`. Files there: {known}.")
    signature = inspect.signature(make)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UserError(
            f"network {name!r}: {error}. {file} takes build{signature}; given were {sorted(arguments)}."
        ) from error
    return make(**arguments)
