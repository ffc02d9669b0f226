"""Where the tensors of a published file lie: authors wrap a state dict in other things, and a wrong guess would go unseen.

Nothing is guessed: `inside` (params, params_ema, state_dict, model.up, …) names the place, `strip` the beginning that
every name has (module. of DataParallel). A file that is laid out otherwise is refused with what it holds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

PARALLEL = "module."
SHOWN = 6


def state(content: object, path: str | Path, inside: str | None, strip: str | None) -> dict[str, "Tensor"]:
    """The named tensors of a file's content; UserError where they do not lie exactly there.

    `inside`: dotted names of the wrappings from the outermost on, None for a file that is the state dict itself.
    """
    place = ""
    for name in inside.split(".") if inside else ():
        if not isinstance(content, Mapping) or name not in content:
            raise UserError(
                f"{path}: has no '{place}{name}'; {place or 'it '}holds {_told(content)}. {_advice(inside)}"
            )
        content, place = content[name], f"{place}{name}."
    if not _is_state(content):
        where = f"'{inside}'" if inside else "the file"
        raise UserError(f"{path}: {where} is no state dict; it holds {_told(content)}. {_advice(inside)}")
    return _stripped(dict(content), path, strip)


def differences(wanted: Mapping, found: Mapping) -> list[str]:
    """What is missing, left over or of another shape between two state dicts; the first few names of each."""
    shapes = [
        f"{name} is {tuple(found[name].shape)}, expected {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    lists = {
        "missing": [name for name in wanted if name not in found],
        "unexpected": [name for name in found if name not in wanted],
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


def _told(content: object) -> str:
    """What something from a file is, in a few words."""
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    names = [str(name) for name in content]
    return f"{', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''}" if names else "nothing"


def _advice(inside: str | None) -> str:
    now = f"`inside: {inside}`" if inside else "no `inside`"
    return f"Its entry in data/sources.yaml says {now}; name the part with the network's tensors."
