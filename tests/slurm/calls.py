"""Calls of `snakemake --profile slurm`, and what SLURM says of their jobs."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.cluster import Cluster
from tests.workflow.workspace import ENVIRONMENT, Workspace

SECONDS = 800
RUNS = "results/runs/simcam_x4/real"
TRAINING = f"{RUNS}/panasonic/source_only/train/seed0/generator.safetensors"
# Asks SLURM more often than the profile does, for jobs of seconds; --jobs and all else stay the profile's.
IMPATIENT = ("--slurm-init-seconds-before-status-checks", "3")
CONTINUED = re.compile(r"^continued after step (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """One job of SLURM: its number, state, what it is, how often it was put back in the queue."""

    number: str
    state: str
    comment: str


class Call:
    """`snakemake --profile slurm [words] TARGET`, in a session of its own."""

    def __init__(self, workspace: Workspace, *words: str):
        self.workspace = workspace
        self.file = workspace.folder / f".snakemake/said{time.monotonic_ns()}.txt"
        self.file.parent.mkdir(exist_ok=True)
        with open(self.file, "w") as stream:
            self.process = subprocess.Popen(
                ["snakemake", "--profile", "slurm", *words],
                cwd=workspace.folder,
                env=ENVIRONMENT,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Its output so far."""
        return self.file.read_text()

    def ends(self, code: int = 0) -> str:
        """Wait until it ends with this exit code; its output."""
        assert self.process.wait(timeout=SECONDS) == code, self.said[-5000:]
        return self.said

    def kill(self) -> None:
        """SIGKILL: it can tell nobody, its jobs go on."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def jobs(site: Cluster, workspace: Workspace, kind: str = "") -> list[Job]:
    """This workspace's jobs whose rule or group has `kind` in its name, finished ones too, the oldest first."""
    lines = site.say("squeue", "--states=all", "-h", "-o", "%i|%T|%Z|%k", "--sort=i").splitlines()
    rows = [line.split("|") for line in lines]
    return [
        Job(number, state, comment)
        for number, state, folder, comment in rows
        if Path(folder) == workspace.folder and kind in comment
    ]


def accounted(site: Cluster, number: str, *fields: str) -> list[str]:
    """What SLURM's accounts say of a job."""
    line = site.say("sacct", "-X", "-n", "-P", "-j", number, f"--format={','.join(fields)}").splitlines()[-1]
    return line.split("|")


def until(condition: Callable[[], object], what: str, seconds: float = 180) -> object:
    """Wait for a true answer; it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not after {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return found


def running(site: Cluster, workspace: Workspace, kind: str) -> str:
    """Number of the job of this kind, once it runs."""

    def found() -> list[str]:
        return [job.number for job in jobs(site, workspace, kind) if job.state == "RUNNING"]

    return until(found, f"{kind} runs")[0]


def step(workspace: Workspace, target: str = TRAINING) -> int:
    """How far a training is, 0 before it has told; it tells every second."""
    path = (workspace.folder / target).with_name("progress.json")
    told = re.search(r'"step": (\d+)', path.read_text()) if path.exists() else None
    return int(told[1]) if told else 0


def log(workspace: Workspace, target: str = TRAINING) -> str:
    """What the last attempt of a training says; a new one begins the file again."""
    path = (workspace.folder / target).with_name("log.txt")
    return path.read_text(errors="replace") if path.exists() else ""


def continued(workspace: Workspace, target: str = TRAINING) -> int:
    """The step after which the last attempt of a training went on."""
    return int(([0, *CONTINUED.findall(log(workspace, target))])[-1])


def processes(workspace: Workspace, module: str, without: str = "") -> list[int]:
    """Live processes `python -m module ...` of the workspace, but those with another word in their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            own = words[1:3] == [b"-m", module.encode()] and without.encode() not in words[3:-1]
            if own and (place / "cwd").resolve() == workspace.folder:
                found.append(int(place.name))
        except OSError:
            continue
    return found
