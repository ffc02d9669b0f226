"""What is done to a training in the tests of faults, and what is read off it afterwards."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch

from tests.slurm.calls import IMPATIENT, TRAINING, Call, continued, jobs, processes, running, step, until
from tests.workflow.workspace import Workspace

TRAIN = "rule_train_source_only_train"


def saved(workspace: Workspace) -> int:
    """Step of the saved state, 0 without one."""
    path = (workspace.folder / TRAINING).with_name("state.pt")
    return torch.load(path, weights_only=True)["step"] if path.exists() else 0


def begun(site, workspace: Workspace, *words: str) -> tuple[Call, str]:
    """A call whose training runs and has saved a state; the call and the number of SLURM's job."""
    call = Call(workspace, *IMPATIENT, *words, TRAINING)
    number = running(site, workspace, TRAIN)
    until(lambda: saved(workspace) > 0, "a saved state")
    return call, number


def states(site, workspace: Workspace) -> list[str]:
    """State of every attempt of the training."""
    return [job.state for job in jobs(site, workspace, TRAIN)]


def unlimited(site, workspace: Workspace, first: str) -> None:
    """Once the first attempt has ended in this state, let the second one last: its limit is too short for slow machines."""
    until(lambda: states(site, workspace)[0] == first, f"the first attempt is {first}")
    number = running(site, workspace, TRAIN)
    site.say("scontrol", "update", f"jobid={number}", "timelimit=30")


def note(record_property, told: int, workspace: Workspace) -> None:
    """Steps done twice, for the report of the tests."""
    repeated = max(0, told - continued(workspace))
    record_property("steps_repeated", repeated)
    print(f"told step {told}, went on after step {continued(workspace)}: {repeated} steps repeated")


def extra(workspace: Workspace, words: str) -> None:
    """Other words for sbatch in the workspace's profile."""
    path = workspace.folder / "slurm/config.yaml"
    text = path.read_text()
    assert "--signal=TERM@120" in text
    path.write_text(text.replace("--signal=TERM@120", words))


@contextmanager
def frozen(workspace: Workspace) -> Iterator[None]:
    """Meanwhile the training that runs stands still: it cannot end before what is tried on it."""
    (pid,) = processes(workspace, "pipeline.jobs.train")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def slowed(workspace: Workspace) -> Iterator[None]:
    """Meanwhile the training gets a tenth of the time, until it is told to end: it lasts until its limit on any machine."""
    done, logs = threading.Event(), workspace.folder / ".snakemake/slurm_logs"

    def told() -> bool:
        return any("Will exit after finishing" in path.read_text(errors="replace") for path in logs.rglob("*.log"))

    def brake() -> None:
        while not done.is_set() and not told():
            for number, seconds in ((signal.SIGSTOP, 0.2), (signal.SIGCONT, 0.02)):
                for pid in processes(workspace, "pipeline.jobs.train") if step(workspace) else []:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                time.sleep(seconds)

    thread = threading.Thread(target=brake)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def train_resources(**asked: int) -> Callable[[dict], None]:
    """An edit of params.yaml: what a training asks for, and more attempts than a slow machine needs."""

    def edit(params: dict) -> None:
        params["editions"]["small"]["resources"]["train"] |= asked
        params["retries"] = 9

    return edit
