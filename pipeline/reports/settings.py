"""Settings of a report job, built from its key by `pipeline.settings.build`: all fields are required."""

from dataclasses import dataclass

from pipeline.tables.settings import Camera, Gain, Metric, Pair


@dataclass(frozen=True)
class Column:
    """A method shown between LR and HR."""

    name: str
    label: str


@dataclass(frozen=True)
class Shown:
    """Files with the crops and per-image values of a method on a pair."""

    method: str
    source: str
    target: str
    samples: str
    metrics: str


@dataclass(frozen=True)
class TestImages:
    """Packed test images of a camera."""

    camera: str
    lr: str
    hr: str


@dataclass(frozen=True)
class History:
    """A training run: the figure that shows it, the label of its line, its history file."""

    stage: str
    label: str
    path: str


@dataclass(frozen=True)
class ReportSettings:
    """`setting`: whose pictures are shown; `settings`: whose gains are. `crops`: image → [top, left, height, width] in HR
    pixels. `level`: of the intervals in the table."""

    title: str
    table: str
    scale: int
    simulated: bool
    cameras: tuple[Camera, ...]
    pairs: tuple[Pair, ...]
    setting: str
    settings: tuple[str, ...]
    setting_labels: dict
    gain: Gain
    metric: Metric
    level: float
    methods: tuple[Column, ...]
    crops: dict
    shown: tuple[Shown, ...]
    tests: tuple[TestImages, ...]
    histories: tuple[History, ...]
    notes: tuple[str, ...]
    credits: tuple[str, ...]
