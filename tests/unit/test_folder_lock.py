"""One Snakemake at a time in a folder: who is refused, who is not, and what a killed call leaves."""

import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from pipeline.workflow import folder_lock
from tests.workflow.workspace import ROOT

SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pipeline.workflow import folder_lock
if workflow.is_main_process:
    folder_lock.install()

rule all:
    input: "a.txt"

rule a:
    output: "a.txt"
    shell: "touch started; while [ ! -e go ]; do sleep 0.05; done; echo made > {{output}}"

rule b:
    output: "b.txt"
    shell: "echo made > {{output}}"
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts Snakemake in an empty folder with a rule that waits for the file `go`; what still runs at the end is killed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    started = []

    def start(*words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "snakemake", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, start_new_session=True, **pipes))
        return started[-1]

    yield start
    (tmp_path / "go").touch()
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def at_work(start, folder) -> subprocess.Popen:
    """A call whose job has begun."""
    first = start("-c1")
    deadline = time.monotonic() + 60
    while not (folder / "started").exists():
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.05)
    return first


def test_a_second_call_is_refused_and_told_who_works_there(start, tmp_path):
    first = at_work(start, tmp_path)
    second = start("-c1", "b.txt")
    said = second.communicate(timeout=60)[0]
    assert second.returncode == 1 and not (tmp_path / "b.txt").exists(), said
    named = f"Another Snakemake works in this folder: process {first.pid} on {socket.gethostname()}, since 2"
    assert named in said and "--unlock" not in said
    assert folder_lock.holder().startswith(f"process {first.pid} on ")
    (tmp_path / "go").touch()
    assert first.wait(timeout=60) == 0 and folder_lock.holder() is None
    assert start("-c1", "b.txt").wait(timeout=60) == 0


def test_a_dry_run_and_a_call_without_lock_work_beside_it(start, tmp_path):
    first = at_work(start, tmp_path)
    dry = start("-n", "b.txt")
    said = dry.communicate(timeout=60)[0]
    assert dry.returncode == 0 and re.search(r"^rule b:$", said, flags=re.M), said
    assert f"Another Snakemake works in this folder (process {first.pid} on" in said
    assert start("-c1", "--nolock", "b.txt").wait(timeout=60) == 0
    assert first.poll() is None and folder_lock.holder()


@pytest.mark.parametrize("whom", [os.kill, os.killpg], ids=["Snakemake alone", "with its jobs"])
def test_after_a_kill_the_next_call_goes_on_at_once(start, tmp_path, whom):
    """Also while the killed one's job still runs: no job inherits the lock."""
    first = at_work(start, tmp_path)
    whom(first.pid, signal.SIGKILL)
    first.wait(timeout=60)
    assert folder_lock.holder() is None
    (tmp_path / "go").touch()
    again = start("-c1", "--rerun-incomplete")
    said = again.communicate(timeout=60)[0]
    assert again.returncode == 0 and (tmp_path / "a.txt").read_text() == "made\n", said
    assert "lock" not in said.lower()


def test_unlock_harms_nobody(start, tmp_path):
    first = at_work(start, tmp_path)
    assert start("--unlock").wait(timeout=60) == 0
    assert folder_lock.holder().startswith(f"process {first.pid} on ")


def test_who_looks_for_a_moment_refuses_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with folder_lock._held():
        pass
    looking = os.open(folder_lock.LOCK, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(folder_lock.time, "sleep", lambda _seconds: fcntl.flock(looking, fcntl.LOCK_UN))
    with folder_lock._held() as supported:
        assert supported and folder_lock.holder()
    os.close(looking)


def test_without_locks_snakemakes_own_is_used(tmp_path, monkeypatch, caplog):
    def refuse(_descriptor, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with folder_lock._held() as supported:
        assert supported is False and folder_lock.holder() is None
