"""What Snakemake has planned, is running and has done, and how long the rest will take; no torch, no Snakemake."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.workflow.estimates import BEGIN, Estimates

# A job that has lasted longer than estimated is taken to last this much longer, as a share of what it has lasted.
OVERDUE = 0.1
# Wildcards that tell one job of a rule from another, for the eye.
SHOWN = ("method", "stage", "task", "setting", "roles", "cameras", "camera", "table")


@dataclass
class Job:
    """One planned job. `uses` is how much it takes of each limited resource, `needs` the jobs that it waits for."""

    rule: str
    wildcards: dict[str, str]
    steps: int | None = None
    folder: str | None = None
    uses: dict[str, int] = field(default_factory=dict)
    needs: list[int] = field(default_factory=list)
    started: float | None = None
    finished: float | None = None
    step: int = 0
    rate: float | None = None

    @property
    def label(self) -> str:
        """Short, for the line."""
        return " ".join([self.rule, *(self.wildcards[name] for name in SHOWN if name in self.wildcards)])

    @property
    def kind(self) -> tuple:
        """What its duration is estimated from."""
        return self.rule, self.wildcards, self.steps

    def look(self) -> None:
        """Read how far a running training is, as its loop wrote it.

        A training removes that file when it is complete, a moment before Snakemake says so.
        """
        if not self.folder or not self.steps:
            return
        try:
            state = json.loads((Path(self.folder) / "progress.json").read_text())
        except FileNotFoundError:
            self.step = self.steps if self.step else 0
            return
        except json.JSONDecodeError:
            return
        self.step, self.rate = min(int(state["step"]), self.steps), state.get("rate")

    def left(self, estimate: float, now: float) -> float:
        """Seconds until it has finished; `estimate` is for the whole job."""
        if self.finished is not None:
            return 0.0
        if self.started is None:
            return estimate
        if self.steps and self.rate:
            return (self.steps - self.step) / self.rate
        lasted = now - self.started
        return max(estimate - lasted, OVERDUE * lasted)


@dataclass
class Board:
    """All planned jobs, fed with the events of pipeline/workflow/job_events.py. Times are those of time.time()."""

    estimates: Estimates = field(default_factory=Estimates)
    jobs: dict[int, Job] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    failures: list[dict] = field(default_factory=list)

    def feed(self, event: dict) -> None:
        """Take over one event."""
        match event:
            case {"event": "plan"}:
                self.limits = event["limits"]
                self.jobs = {told.pop("id"): Job(**told) for told in event["jobs"]}
            case {"event": "start", "id": number}:
                # Once more after a failure, when its rule has retries.
                job = self.jobs[number]
                job.started, job.step, job.rate = event["time"], 0, None
            case {"event": "finish", "id": number}:
                job = self.jobs[number]
                job.finished = event["time"]
                self.estimates.learn(*job.kind, job.finished - job.started)
            case {"event": "fail" | "error"}:
                self.failures.append(event)

    @property
    def running(self) -> list[Job]:
        """Jobs that have started and not finished."""
        return [job for job in self.jobs.values() if job.started is not None and job.finished is None]

    @property
    def done(self) -> int:
        """Number of finished jobs."""
        return sum(job.finished is not None for job in self.jobs.values())

    def look(self, now: float) -> None:
        """See how far the running jobs are, and what that says of others like them."""
        for job in self.running:
            job.look()
            whole = BEGIN + job.steps / job.rate if job.rate else (1 + OVERDUE) * (now - job.started)
            if job.rate or whole > self.estimates.seconds(*job.kind):
                self.estimates.expect(*job.kind, whole)

    def measure(self, now: float) -> tuple[float, float]:
        """(share of the estimated seconds of all jobs that is done, seconds until the last job has finished).

        No schedule is shorter than the work divided by each resource that runs out, nor than the longest chain of jobs that
        wait for each other; with the priorities that the rules set, it is hardly longer.
        """
        total, left, work = 0.0, {}, dict.fromkeys(self.limits, 0.0)
        for number, job in self.jobs.items():
            estimate = self.estimates.seconds(*job.kind)
            left[number] = job.left(estimate, now)
            total += job.finished - job.started if job.finished is not None else max(estimate, left[number])
            for name, amount in job.uses.items():
                work[name] += left[number] * amount
        seconds = [work[name] / limit for name, limit in self.limits.items() if limit]
        share = 1 - sum(left.values()) / total if total else 1.0
        return share, max([*seconds, *self._chains(left).values()], default=0.0)

    def line(self, elapsed: float, now: float) -> str:
        """The one line."""
        share, seconds = self.measure(now)
        percent = 100 if self.done == len(self.jobs) else min(99, int(100 * share))
        parts = [f"{percent:3}%", f"{self.done}/{len(self.jobs)} jobs", f"{clock(elapsed)} elapsed"]
        parts.append(f"about {clock(seconds)} left")
        running = self.running
        for job in running[:4]:
            rate = f" ({job.rate:.3g} steps/s)" if job.rate else ""
            parts.append(job.label + (f" {job.step}/{job.steps}{rate}" if job.steps else ""))
        if len(running) > 4:
            parts.append(f"and {len(running) - 4} more")
        return " | ".join(parts)

    def _chains(self, left: dict[int, float]) -> dict[int, float]:
        """Job -> seconds until it has finished if it waited for nothing but the jobs that it needs."""
        ends: dict[int, float] = {}
        waiting = list(self.jobs)
        while waiting:
            number = waiting[-1]
            missing = [need for need in self.jobs[number].needs if need not in ends]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            ends[number] = left[number] + max((ends[need] for need in self.jobs[number].needs), default=0.0)
        return ends


def clock(seconds: float) -> str:
    """1:05 or 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
