"""The cluster that `make test-slurm` started, and workspaces for it, each made once for all workers."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.long.finished import shared_folder
from tests.slurm.calls import TRAINING
from tests.slurm.cluster import Cluster
from tests.workflow.workspace import TABLE, Workspace

STEPS = 400  # eight seconds of a core


@pytest.fixture(scope="session")
def site() -> Cluster:
    folder = os.environ.get("SLURM_TEST_FOLDER")
    assert folder, "these tests need a cluster: run `make test-slurm`"
    return Cluster(Path(folder))


@pytest.fixture(autouse=True)
def turn(site, request) -> Iterator[None]:
    """Tests run beside each other, but one that asks for `alone`: it waits for those that run, the next ones wait for it."""
    kind = fcntl.LOCK_EX if "alone" in request.fixturenames else fcntl.LOCK_SH
    with open(site.folder / "turn.lock", "a") as stream:
        with FileLock(site.folder / "queue.lock"):
            fcntl.flock(stream, kind)
        yield


@pytest.fixture
def alone() -> None:
    """For a test that would disturb the others: a slurmctld that is killed forgets what ended in the last seconds."""


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id) -> Callable:
    """A workspace by name, made by one worker while the others wait."""

    def made(name: str, make: Callable[[Workspace], None]) -> Workspace:
        folder = shared_folder(tmp_path_factory, worker_id).with_name(name)
        folder.mkdir(exist_ok=True)
        with FileLock(folder / "lock"):
            if not (folder / "done").exists():
                make(Workspace.create(folder / "repo"))
                (folder / "done").touch()
        return Workspace(folder / "repo")

    return made


@pytest.fixture(scope="session")
def here(once) -> Workspace:
    """The table, made on this machine without SLURM."""
    return once("here", lambda workspace: workspace.snakemake("-c2", "--", TABLE))


@pytest.fixture(scope="session")
def whole(once) -> Workspace:
    """A training that nobody interrupted, one that saves its state about every second."""

    def make(workspace: Workspace) -> None:
        def longer(params: dict) -> None:
            params["editions"]["small"]["training"]["state_minutes"] = 0.02
            params["methods"]["source_only"]["stages"]["train"]["schedule"]["small"]["steps"] = STEPS

        workspace.change(longer)
        workspace.snakemake("-c2", "--", TRAINING)

    return once("whole", make)


@pytest.fixture
def copied(tmp_path) -> Callable[[Workspace], Workspace]:
    """A copy of a workspace without its runs."""

    def copy(workspace: Workspace) -> Workspace:
        shutil.copytree(workspace.folder, tmp_path / "repo", symlinks=True)
        shutil.rmtree(tmp_path / "repo/results/runs")
        return Workspace(tmp_path / "repo")

    return copy
