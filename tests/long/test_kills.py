"""kill -9 at random moments of every kind of job; after the next plain `snakemake` everything is as if nothing had happened."""

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable

import pytest
import torch
from filelock import FileLock

from tests.long.finished import shared_folder
from tests.long.killing import Call, assert_same, assert_whole, contents, killed, remove, seconds_of
from tests.workflow.workspace import CROSS, REPORT, TABLE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

RUNS = "results/runs/simcam_x4/real"
TRAININGS = {
    "source_only": f"{RUNS}/panasonic/source_only/train/seed0/generator.safetensors",
    "circle": f"{RUNS}/panasonic/dada/circle/seed0/generator.safetensors",
    "adapt": f"{RUNS}/panasonic-sony/dada/adapt/seed0/generator.safetensors",
}
SHORT = {
    "pack": "results/manifests/simcam_x4/panasonic.csv",
    "evaluate": f"{RUNS}/panasonic-sony/dada/adapt/seed0/metrics_sony.json",
    "table": TABLE,
    "report": REPORT,
}
CONTINUED = re.compile(r"^continued after step (\d+)$", re.MULTILINE)


def longer(params: dict) -> None:
    """Trainings of some seconds that save their state every few steps."""
    params["datasets"]["simcam"]["crops"] = {"astronaut": [80, 168, 96, 96]}
    params["editions"]["small"]["training"]["state_minutes"] = 0.003
    for block in params["methods"].values():
        for stage in block.get("stages", {}).values():
            stage["schedule"]["small"]["steps"] = 50


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, worker_id) -> Workspace:
    """After one complete run that nobody interrupted; one for all workers."""
    folder = shared_folder(tmp_path_factory, worker_id).with_name("uninterrupted")
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "done").exists():
            workspace = Workspace.create(folder / "repo")
            workspace.change(longer)
            workspace.snakemake("-c2", "--", TABLE, CROSS, REPORT)
            (folder / "done").touch()
    return Workspace(folder / "repo")


@pytest.fixture(scope="session")
def right(uninterrupted) -> dict[str, object]:
    return contents(uninterrupted)


@pytest.fixture
def place(uninterrupted, tmp_path) -> Workspace:
    """A copy to kill in."""
    shutil.copytree(uninterrupted.folder, tmp_path / "repo", symlinks=True)
    return Workspace(tmp_path / "repo")


def saved(workspace: Workspace, target: str) -> int:
    """Step of the saved state of a training, 0 when there is none."""
    path = (workspace.folder / target).with_name("state.pt")
    return torch.load(path, weights_only=True)["step"] if path.exists() else 0


def log_of(workspace: Workspace, target: str) -> str:
    return (workspace.folder / target).with_name("log.txt").read_text(errors="replace")


def again(workspace: Workspace, target: str) -> str:
    """The same line typed again: it ends well, nothing is locked, and its output is returned."""
    call = Call(workspace, target)
    assert call.wait() == 0, call.said.read_text()
    assert "unlock" not in call.said.read_text()
    return call.said.read_text()


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Until it holds; a test that waits too long fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def moments(kind: str, longest: float, count: int) -> list[float]:
    """Seeded moments after the start of a job's process."""
    chance = random.Random(f"kill {kind}")
    return [chance.uniform(0, longest) for _ in range(count)]


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_killed_training_goes_on_from_its_last_state(place, right, kind):
    target = TRAININGS[kind]
    for delay in moments(kind, seconds_of(place, target) + 1, 4):
        killed(place, target, "all", delay, lambda: remove(place, target, right)).wait()
        assert_whole(place, target, right)
        step, whole = saved(place, target), (place.folder / f"{target}.receipt.json").exists()
        assert ("rule train_" in again(place, target)) != whole
        assert whole or CONTINUED.findall(log_of(place, target)) == ([str(step)] if step else [])
        assert_same(contents(place), right)


@pytest.mark.parametrize("kind", TRAININGS)
def test_killed_again_and_again(place, right, kind):
    """No attempt begins before the state that an earlier one saved."""
    target, steps = TRAININGS[kind], [0]
    remove(place, target, right)
    for delay in moments(f"{kind} in a row", 0.4, 3):
        call = Call(place, target)
        job = call.started()
        assert job, call.said.read_text()
        deadline = time.monotonic() + delay + 60
        while saved(place, target) <= steps[-1] and time.monotonic() < deadline and job in call.jobs():
            time.sleep(0.02)
        time.sleep(delay)
        assert call.kill("all", job), "the training was over"
        call.wait()
        assert_whole(place, target, right)
        assert CONTINUED.findall(log_of(place, target)) == ([str(steps[-1])] if steps[-1] else [])
        steps.append(saved(place, target))
    assert steps == sorted(set(steps)), steps
    again(place, target)
    assert CONTINUED.findall(log_of(place, target)) == [str(steps[-1])]
    assert_same(contents(place), right)


@pytest.mark.parametrize("kind", SHORT)
def test_a_killed_job_is_done_again_as_a_whole(place, right, kind):
    target = SHORT[kind]
    for delay in moments(kind, seconds_of(place, target) + 1, 3):
        killed(place, target, "all", delay, lambda: remove(place, target, right)).wait()
        assert_whole(place, target, right)
        whole = (place.folder / f"{target}.receipt.json").exists()
        assert (f"rule {kind}:" in again(place, target)) != whole
        assert_same(contents(place), right)


@pytest.mark.parametrize("kind", ["adapt", *SHORT])
def test_only_the_job_is_killed(place, right, kind):
    """As by the system when memory is short. Trainings are started again by their rule, others by the next call."""
    target = (TRAININGS | SHORT)[kind]
    delay = moments(f"{kind} job", seconds_of(place, target) + 1, 1)[0]
    call = killed(place, target, "job", delay, lambda: remove(place, target, right))
    assert (call.wait() == 0) == (kind in TRAININGS), call.said.read_text()
    again(place, target)
    assert_same(contents(place), right)


@pytest.mark.parametrize("kind", [*TRAININGS, *SHORT])
def test_only_snakemake_is_killed(place, right, kind):
    """Its job goes on alone. The next call waits for it instead of doing the same work beside it."""
    target = (TRAININGS | SHORT)[kind]
    delay = moments(f"{kind} snakemake", seconds_of(place, target), 1)[0]
    orphan = killed(place, target, "snakemake", delay, lambda: remove(place, target, right))
    receipt = place.folder / f"{target}.receipt.json"
    # Stopped at its work until the next call has come to the same job: else there may be nothing to wait for.
    wait_for(lambda: receipt.with_name(f".{receipt.name}.lock").exists() or not orphan.jobs())
    alone = orphan.jobs()
    for process in alone:
        os.kill(process, signal.SIGSTOP)
    waits = kind in TRAININGS and alone and not receipt.exists()
    call = Call(place, target)
    assert call.started() or not waits
    if waits:
        wait_for(lambda: "another process makes it; waiting" in log_of(place, target))
    for process in alone:
        os.kill(process, signal.SIGCONT)
    assert call.wait() == 0, call.said.read_text()
    wait_for(lambda: orphan.jobs() == [])
    if waits:
        assert "the other process finished this job" in log_of(place, target)
    assert_same(contents(place), right)


def test_a_dry_run_after_a_kill_plans_what_is_left(place, right):
    target = TRAININGS["source_only"]
    killed(place, target, "all", 2.0, lambda: remove(place, target, right)).wait()
    done = place.snakemake("-n", "--", target)
    text = done.stdout + done.stderr
    assert "Another Snakemake" not in text and "rule train_source_only_train:" in text
    again(place, target)
    assert_same(contents(place), right)


def test_of_two_calls_after_a_kill_one_works(place, right):
    target = TRAININGS["adapt"]
    killed(place, target, "all", 2.0, lambda: remove(place, target, right)).wait()
    calls = [Call(place, target) for _ in range(2)]
    codes = sorted(call.wait() for call in calls)
    assert codes[0] == 0, calls[0].said.read_text()
    again(place, target)
    assert_same(contents(place), right)


def test_a_second_call_is_refused_while_the_first_lives(place, right):
    target = TRAININGS["adapt"]
    remove(place, target, right)
    first = Call(place, target)
    assert first.started()
    second = place.snakemake("-c1", "--", target, check=False)
    told = second.stdout + second.stderr
    assert second.returncode == 1
    assert f"Another Snakemake works in this folder: process {first.process.pid} on" in told
    assert first.wait() == 0
    assert_same(contents(place), right)
