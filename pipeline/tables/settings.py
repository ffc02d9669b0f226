"""Settings of a table job, built from its key by `pipeline.settings.build`: all fields are required."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Method:
    """A row; `run`: measured here, else reported only; `ranked`: competes for best; `settings`: where it is printed."""

    name: str
    label: str
    trained: bool
    ranked: bool
    run: bool
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Camera:
    name: str
    label: str


@dataclass(frozen=True)
class Pair:
    source: str
    target: str
    label: str


@dataclass(frozen=True)
class Metric:
    name: str
    label: str
    better: Literal["higher", "lower"]
    digits: int
    unit: str


@dataclass(frozen=True)
class Bootstrap:
    samples: int
    seed: int
    level: float


@dataclass(frozen=True)
class Gain:
    """Which method's gain over which other is tabulated."""

    method: str
    over: str


@dataclass(frozen=True)
class CellSource:
    """A cell and its metrics file; `metrics` is None if the cell needs a camera that the data set's copy lacks."""

    method: str
    setting: str
    source: str
    target: str
    seed: int
    metrics: str | None


@dataclass(frozen=True)
class TableSettings:
    """All settings of a table job."""

    name: str
    kind: Literal["comparison", "crossdevice"]
    title: str
    caption: str
    dataset: str
    scale: int
    simulated: bool
    cameras: tuple[Camera, ...]
    methods: tuple[Method, ...]
    pairs: tuple[Pair, ...]
    settings: tuple[str, ...]
    setting_labels: dict
    seeds: tuple[int, ...]
    metrics: tuple[Metric, ...]
    reported: str | None
    gain: Gain | None
    tolerance: dict
    bootstrap: Bootstrap
    notes: tuple[str, ...]
    cells: tuple[CellSource, ...]
