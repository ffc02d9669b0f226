"""The folder of a run taken apart and put together: the one place that knows the order of its parts."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError

RUNS = "results/runs"
_FOLDER = re.compile(
    rf"{RUNS}/(?P<dataset>[^/]+)_x(?P<scale>\d+)/"
    r"(?:(?P<setting>[^/]+)/(?P<cameras>[^/]+)/(?P<trained>[^/]+)/(?P<stage>[^/]+)/seed(?P<seed>\d+)|(?P<untrained>[^/]+))"
    r"(?:/[^/]*\.[^/]*)?"  # a file in the folder
)


@dataclass(frozen=True)
class Run:
    """One run folder. A method without training has a folder of metrics alone: no setting, cameras, stage or seed."""

    dataset: str
    scale: int
    method: str
    setting: str | None = None
    cameras: str | None = None  # `source`, or `source-target` where the stage reads the target's LR
    stage: str | None = None
    seed: int | None = None

    @classmethod
    def of(cls, path: str | Path) -> "Run":
        """The run that a folder or a file directly in it belongs to; UserError for a path that is in no run folder."""
        found = _FOLDER.fullmatch(Path(path).as_posix())
        if found is None:
            raise UserError(
                f"{path}: not a run folder; expected {RUNS}/DATASET_xSCALE/SETTING/CAMERAS/METHOD/STAGE/seedN, or "
                f"{RUNS}/DATASET_xSCALE/METHOD for a method without training, or a file in one of them."
            )
        seed = found["seed"] if found["seed"] is None else int(found["seed"])
        method = found["trained"] or found["untrained"]
        return cls(
            found["dataset"], int(found["scale"]), method, found["setting"], found["cameras"], found["stage"], seed
        )

    @property
    def group(self) -> str:
        """The folder of all runs of one data set and scale, below results/runs."""
        return f"{self.dataset}_x{self.scale}"

    @property
    def name(self) -> str:
        """The rest of the path, below `group`."""
        if self.stage is None:
            return self.method
        return f"{self.setting}/{self.cameras}/{self.method}/{self.stage}/seed{self.seed}"

    @property
    def folder(self) -> str:
        """The whole path."""
        return f"{RUNS}/{self.group}/{self.name}"

    @property
    def source(self) -> str | None:
        """The camera with HR that the run learns from; None without training."""
        return self.cameras and self.cameras.partition("-")[0]

    @property
    def target(self) -> str | None:
        """The camera whose LR the run adapts to; None where it reads none."""
        return (self.cameras or "").partition("-")[2] or None
