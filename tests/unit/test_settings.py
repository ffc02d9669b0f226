"""Dataclasses from keys: nothing missing, nothing unknown, nothing of another type."""

from dataclasses import dataclass
from typing import Literal

import pytest

from pipeline.errors import UserError
from pipeline.settings import build


@dataclass(frozen=True)
class Inner:
    weight: float


@dataclass(frozen=True)
class Outer:
    steps: int
    name: Literal["a", "b"]
    flag: bool
    inner: Inner
    weights: tuple[float, ...]
    extra: dict | None


GOOD = {"steps": 3, "name": "a", "flag": True, "inner": {"weight": 1}, "weights": [1, 2.5], "extra": None}


def test_values_are_converted_and_frozen():
    built = build(Outer, GOOD)
    assert built == Outer(3, "a", True, Inner(1.0), (1.0, 2.5), None)
    assert isinstance(built.inner.weight, float)
    with pytest.raises(AttributeError):
        built.steps = 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": "3"}, "settings.steps: '3', expected int"),
        ({"steps": 3.0}, "settings.steps: 3.0, expected int"),
        ({"steps": True}, "settings.steps: True, expected int"),
        ({"name": "c"}, "settings.name: 'c', expected "),
        ({"flag": 1}, "settings.flag: 1, expected bool"),
        ({"inner": {"weight": "1e-4"}}, "settings.inner.weight: '1e-4', expected float"),
        ({"inner": {"weight": 1, "wieght": 2}}, "settings.inner.wieght: unknown setting; Inner has weight"),
        ({"inner": {}}, "settings.inner.weight: missing; Inner needs this setting"),
        ({"weights": [1, "2"]}, r"settings.weights\[1\]: '2', expected float"),
        ({"weights": 1}, "settings.weights: 1, expected "),
        ({"extra": 3}, "settings.extra: 3, expected dict"),
    ],
)
def test_mistakes_are_named(change, message):
    with pytest.raises(UserError, match=message):
        build(Outer, GOOD | change)
