"""Find the state dict inside a published checkpoint. Its place is stated in params.yaml, never guessed.

`inside` (params, params_ema, state_dict, model.up, …) names the place, `strip` the beginning that every name has
("module." of DataParallel). A file with another structure is refused, with a list of what it holds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

PARALLEL = "module."
SHOWN = 6


def find_state_dict(content: object, path: str | Path, inside: str | None, strip: str | None) -> dict[str, "Tensor"]:
    """The state dict in the content of a file, name -> tensor; UserError if it is not where `inside` and `strip` say.

    `inside`: dotted keys from the outermost on, None for a file that is the state dict itself.
    """
    place = ""
    for name in inside.split(".") if inside else ():
        if not isinstance(content, Mapping) or name not in content:
            raise UserError(
                f"{path}: has no '{place}{name}'; {place or 'it '}holds {_summary(content)}. {_advice(inside)}"
            )
        content, place = content[name], f"{place}{name}."
    if not _is_state(content):
        where = f"'{inside}'" if inside else "the file"
        raise UserError(f"{path}: {where} is not a state dict; it holds {_summary(content)}. {_advice(inside)}")
    return _stripped(dict(content), path, strip)


def differences(expected: Mapping, actual: Mapping) -> list[str]:
    """Sentences about missing, unexpected and differently shaped tensors of two state dicts, with the first few names."""
    shapes = [
        f"{name} is {tuple(actual[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in expected
        if name in actual and actual[name].shape != expected[name].shape
    ]
    lists = {
        "missing": [name for name in expected if name not in actual],
        "unexpected": [name for name in actual if name not in expected],
        "of another shape": shapes,
    }
    return [
        f"{len(names)} tensors {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in lists.items()
        if names
    ]


def _is_state(content: object) -> bool:
    import torch

    named = isinstance(content, Mapping) and all(isinstance(name, str) for name in content)
    return named and bool(content) and all(isinstance(value, torch.Tensor) for value in content.values())


def _stripped(tensors: dict[str, "Tensor"], path: str | Path, strip: str | None) -> dict[str, "Tensor"]:
    if strip is None:
        if all(name.startswith(PARALLEL) for name in tensors):
            raise UserError(
                f"{path}: every name begins with '{PARALLEL}'. Set `strip: {PARALLEL}` of this file in data/sources.yaml."
            )
        return tensors
    others = [name for name in tensors if not name.startswith(strip)]
    if others:
        raise UserError(
            f"{path}: not every name begins with '{strip}' ({', '.join(others[:3])}). Correct `strip` in data/sources.yaml."
        )
    return {name.removeprefix(strip): value for name, value in tensors.items()}


def _summary(content: object) -> str:
    """Short description of a part of a file: its type, or the first names in it."""
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    names = [str(name) for name in content]
    return f"{', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''}" if names else "nothing"


def _advice(inside: str | None) -> str:
    setting = f"`inside: {inside}`" if inside else "no `inside`"
    return f"Its entry in data/sources.yaml says {setting}; name the part with the network's tensors."
