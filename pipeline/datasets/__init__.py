"""Data sets: one module per kind, found by its name; each turns its settings into splits of LR/HR pairs.

A module defines `collect(settings, camera, scale, folder) -> list[Split]`: `settings` are `train`, `val` and `test` of
the data set's block in params/domains.yaml and, as `recipe`, this camera's block; `folder` is the user's with raw data, or None.
A set that users provide also has `missing(folder, cameras, scale) -> str | None`, called before any job is planned.
"""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

import numpy as np

from pipeline.errors import UserError


class Item(NamedTuple):
    """An image before it is read: name, size (H, W) of its HR, origin and licence."""

    name: str
    size: tuple[int, int]
    origin: str
    licence: str


@dataclass(frozen=True)
class Split:
    """Images of one split (train, val or test), and their pixels, read or made one pair at a time.

    `pairs` yields (lr, hr), uint8 (H/scale, W/scale, 3) and (H, W, 3), in the order of `items`; a third element is the
    bicubic LR if that is not the bicubic of `hr` alone. `workers.Tasks` lets several be made at once. `stack`: all images have
    one size. `sub_images`: photograph -> number of items cut from it. `listed`: number of photographs (of items, if none was
    cut) in the authors' list, None if there is no list.
    """

    name: str
    stack: bool
    items: list[Item]
    pairs: Iterable[tuple[np.ndarray, ...]]
    listed: int | None = None
    sub_images: dict[str, int] | None = None


def load(module: str) -> ModuleType:
    """The data set module `pipeline/datasets/<module>.py`; UserError when it does not exist or has no `collect`."""
    name = f"{__name__}.{module}"
    if not module.isidentifier() or importlib.util.find_spec(name) is None:
        raise UserError(
            f"data set module {module!r}: there is no pipeline/datasets/{module}.py. Check `module` in params/domains.yaml."
        )
    loaded = importlib.import_module(name)
    if not hasattr(loaded, "collect"):
        raise UserError(f"pipeline/datasets/{module}.py has no function `collect`, so it cannot be used as a data set.")
    return loaded
