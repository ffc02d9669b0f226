"""What Snakemake has planned, is running and has done, read off its own output; no torch, no Snakemake."""

import collections
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

GUESS = 3.0  # seconds that a job without steps is taken to last until one of its rule has finished

START = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
DETAIL = re.compile(r"^    (\w+): (.*)$")
FINISH = re.compile(r"^Finished jobid: (\d+) ")


@dataclass
class Planned:
    """One job: `units` is its training steps, or 1; jobs of one `kind` cost about the same for each unit."""

    rule: str
    kind: str = ""
    units: int = 1
    folder: Path | None = None
    label: str = ""
    started: float | None = None
    seconds: float | None = None
    seen: int = 0

    def describe(self, details: dict[str, str]) -> None:
        """Take over what Snakemake prints below `rule NAME:`."""
        steps = re.search(r"\bsteps=(\d+)", details.get("resources", ""))
        values = dict(part.split("=", 1) for part in details.get("wildcards", "").split(", ") if "=" in part)
        self.units = max(1, int(steps[1])) if steps else 1
        self.kind = "/".join([self.rule, *(values[name] for name in ("method", "stage") if name in values)])
        named = (values.get(name) for name in ("method", "stage", "setting", "cameras", "camera", "table"))
        self.label = " ".join([self.rule, *filter(None, named)])
        if steps and details.get("output"):
            self.folder = Path(details["output"].split(", ")[0]).parent

    def progress(self) -> tuple[int, float | None]:
        """(units done, units per second): of a running training as its loop wrote them, (0, None) before it did.

        A training removes what it wrote when it is complete, a moment before Snakemake says so.
        """
        if self.seconds is not None:
            return self.units, None
        if self.started is None or self.folder is None:
            return 0, None
        try:
            state = json.loads((self.folder / "progress.json").read_text())
        except FileNotFoundError:
            return self.units if self.seen else 0, None
        except json.JSONDecodeError:
            return self.seen, None
        self.seen = min(int(state["step"]), self.units)
        return self.seen, state.get("rate")


@dataclass
class Board:
    """What is planned, running and done: fed with Snakemake's output line by line."""

    jobs: dict[str, Planned] = field(default_factory=dict)  # by first output: job numbers differ between two calls
    _number: dict[str, str] = field(default_factory=dict)
    _rule: str | None = None
    _details: dict[str, str] = field(default_factory=dict)
    _busiest: int = 1

    def plan(self, line: str) -> None:
        """A line of the dry run."""
        self._read(line, None)

    def feed(self, line: str, now: float) -> None:
        """A line of the run itself."""
        self._read(line, now)
        finished = FINISH.match(line)
        if finished and finished[1] in self._number:
            job = self.jobs[self._number[finished[1]]]
            job.seconds = now - job.started
        self._busiest = max(self._busiest, len(self.running))

    def _read(self, line: str, now: float | None) -> None:
        if begin := START.match(line):
            self._rule, self._details = begin[1], {}
        elif self._rule and (detail := DETAIL.match(line)):
            self._details[detail[1]] = detail[2]
            if "jobid" in self._details:
                self._describe(now)
        else:
            self._rule = None

    def _describe(self, now: float | None) -> None:
        name = self._details.get("output", self._rule).split(", ")[0]
        job = self.jobs.setdefault(name, Planned(self._rule))
        job.describe(self._details)
        if now is not None:
            self._number[self._details["jobid"]] = name
            job.started = now if job.started is None else job.started

    @property
    def running(self) -> list[Planned]:
        """Jobs that have started and not finished."""
        return [job for job in self.jobs.values() if job.started is not None and job.seconds is None]

    @property
    def done(self) -> int:
        """Number of finished jobs."""
        return sum(job.seconds is not None for job in self.jobs.values())

    def fraction(self) -> float:
        """Share of the planned units (training steps, and one for every other job) that is done."""
        total = sum(job.units for job in self.jobs.values())
        return sum(job.progress()[0] for job in self.jobs.values()) / total if total else 0.0

    def remaining(self, now: float) -> float | None:
        """Seconds left, from what a unit of each kind has cost so far; None until a training has shown its pace."""
        spent: dict[str, list[float]] = collections.defaultdict(lambda: [0.0, 0.0])
        left: dict[str, float] = collections.defaultdict(float)
        trains = set()
        for job in self.jobs.values():
            units, rate = job.progress()
            if units:
                spent[job.kind][0] += units / rate if rate else job.seconds or now - job.started
                spent[job.kind][1] += units
            left[job.kind] += job.units - units
            if job.units > 1:
                trains.add(job.kind)
        known = {kind: seconds / units for kind, (seconds, units) in spent.items()}
        paces = [known[kind] for kind in trains if kind in known]
        if not paces and any(left[kind] for kind in trains):
            return None
        mean = sum(paces) / len(paces) if paces else GUESS
        seconds = sum(n * known.get(kind, mean if kind in trains else GUESS) for kind, n in left.items())
        return seconds / self._busiest

    def line(self, elapsed: float, now: float) -> str:
        """The one line."""
        parts = [f"{self.fraction():4.0%}", f"{self.done}/{len(self.jobs)} jobs", f"{clock(elapsed)} elapsed"]
        left = self.remaining(now)
        parts.append("remaining time not known yet" if left is None else f"about {clock(left)} left")
        active = self.running
        for job in active[:4]:
            step, rate = job.progress()
            pace = f" {step}/{job.units}" + (f" ({rate:.3g} steps/s)" if rate else "") if job.units > 1 else ""
            parts.append(f"{job.label}{pace}")
        if len(active) > 4:
            parts.append(f"and {len(active) - 4} more")
        return " | ".join(parts)


def clock(seconds: float) -> str:
    """1:05 or 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
