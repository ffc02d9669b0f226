"""Two results of one job set side by side: metrics image by image, networks tensor by tensor."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from pipeline.errors import UserError

MEASURED = ("images", "mean")
ABSENT = "nothing"


@dataclass(frozen=True)
class Row:
    """One metric of one evaluation: both means, and over all images the largest difference and where it is."""

    metric: str
    stored: float
    measured: float
    largest: float
    image: str
    images: int

    def __str__(self) -> str:
        where = f" ({self.image})" if self.largest else ""
        means = f"stored {self.stored:.6f}   measured {self.measured:.6f}"
        return f"{self.metric:<11} {means}   largest difference over {self.images} images {self.largest:.2g}{where}"


def metrics(stored: dict, measured: dict, allowed: dict[str, float]) -> list[str]:
    """What differs by more than `allowed` (metric -> difference), in words; every other word must be equal."""
    then, now = dict(_leaves(stored)), dict(_leaves(measured))
    complaints = []
    for place in then.keys() | now.keys():
        old, new = then.get(place, ABSENT), now.get(place, ABSENT)
        limit = allowed.get(_metric(place), 0) if place[0] in MEASURED else 0
        if type(old) is type(new) and old == new:
            continue
        if isinstance(old, int | float) and isinstance(new, int | float) and abs(old - new) <= limit:
            continue
        complaints.append(f"{_named(place)}: stored {old}, measured {new}" + (f", allowed {limit:g}" if limit else ""))
    # Images first: they say where a mean comes from.
    return sorted(complaints, key=lambda text: (not text.startswith("image "), text))


def rows(stored: dict, measured: dict) -> list[Row]:
    """One row per metric that both hold for at least one image; for people, `metrics` judges."""
    found, leaves = [], dict(_leaves(stored))
    for metric, mean in measured["mean"].items():
        now = {image: values[metric] for image, values in measured["images"].items()}
        then = {image: leaves.get(("images", image, metric)) for image in now}
        apart = {image: abs(now[image] - old) for image, old in then.items() if isinstance(old, int | float)}
        if apart:
            image, old = max(apart, key=apart.get), leaves.get(("mean", metric))
            old = float(old) if isinstance(old, int | float) else math.nan
            found.append(Row(metric, old, mean, apart[image], image, len(apart)))
    return found


def networks(stored: Path, trained: Path) -> tuple[float, str]:
    """How far apart two network files are: ‖trained - stored‖ / ‖stored‖ over all parameters, and the farthest tensor.

    UserError when they are not the same network: other names, shapes, kinds or specification.
    """
    (then, about), (now, about_now) = _tensors(stored), _tensors(trained)
    kinds = [{name: (value.shape, value.dtype.name) for name, value in side.items()} for side in (then, now)]
    if kinds[0] != kinds[1] or about != about_now:
        odd = sorted(name for name in then.keys() | now.keys() if kinds[0].get(name) != kinds[1].get(name))
        raise UserError(f"{stored}: is another network than the one trained again ({', '.join(odd[:3]) or about}).")
    squares = {name: float(np.square(now[name].astype(np.float64) - then[name]).sum()) for name in then}
    norm = math.sqrt(sum(float(np.square(value.astype(np.float64)).sum()) for value in then.values()))
    distance = math.sqrt(sum(squares.values())) / norm if norm else math.inf
    return distance, max(squares, key=squares.get)


def _tensors(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    try:
        with safe_open(path, framework="np") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata()  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a whole safetensors file ({error}). Fetch it again.") from error


def _leaves(value: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value of nested JSON with the names that lead to it."""
    if isinstance(value, dict | list) and value:
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(part, (*place, str(name)))
    else:
        yield place or ("everything",), value


def _metric(place: tuple[str, ...]) -> str | None:
    position = 2 if place[0] == "images" else 1
    return place[position] if len(place) > position else None


def _named(place: tuple[str, ...]) -> str:
    if place[0] == "images" and len(place) == 3:
        return f"image {place[1]}, {place[2]}"
    if place[0] == "mean" and len(place) == 2:
        return f"mean of {place[1]}"
    return ".".join(place)
