"""Who may remove a lock: only a call that knows every possible owner to be gone."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.workflow import stale_locks
from pipeline.workflow.stale_locks import CALLERS, LOCKS, Process

HERE = Process.this()


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    LOCKS.mkdir(parents=True)
    CALLERS.mkdir()
    monkeypatch.setattr(stale_locks.atexit, "register", lambda *_: None)
    return tmp_path


@pytest.fixture
def ended() -> Process:
    """A process that was there and is not any more."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = replace(HERE, pid=process.pid, started=stale_locks._started(process.pid))
    assert found.gone(HERE) is False
    process.kill()
    # Killed, but its parent has not asked: it still has a number, and does nothing any more.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert found.gone(HERE) is True
    process.communicate()
    return found


def lock(*callers: Process) -> None:
    for name in ("0.input.lock", "0.output.lock"):
        (LOCKS / name).write_text("results/a.txt\n")
    for process in callers:
        stale_locks._record(process).write_text(json.dumps(asdict(process)))


def locked() -> bool:
    return any(LOCKS.glob("*.lock"))


def registered() -> set[Process]:
    return {Process(**json.loads(path.read_text())) for path in CALLERS.glob("*.json")}


def test_the_lock_of_a_killed_call_is_removed_and_named(ended, capsys):
    lock(ended)
    stale_locks.clear()
    assert not locked() and registered() == {HERE}
    assert f"Removed the lock that a killed Snakemake left: process {ended.pid} on" in capsys.readouterr().err


def test_without_a_lock_nothing_is_said(ended, capsys):
    stale_locks._record(ended).write_text(json.dumps(asdict(ended)))
    stale_locks.clear()
    assert registered() == {HERE} and capsys.readouterr().err == ""


def test_a_lock_that_nobody_registered_for_stays(capsys):
    lock()
    stale_locks.clear()
    assert locked() and capsys.readouterr().err == ""


def test_a_living_owner_keeps_all_locks(ended, capsys):
    parent = replace(HERE, pid=os.getppid(), started=stale_locks._started(os.getppid()))
    lock(ended, parent)
    stale_locks.clear()
    assert locked() and registered() == {HERE, ended, parent}
    assert f"Another Snakemake works in this folder: process {parent.pid} on" in capsys.readouterr().err
    for path in LOCKS.iterdir():
        path.unlink()  # as the living one does when it ends


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "elsewhere"},
        {"host": "elsewhere", "boot": "other"},
        {"namespace": "pid:[1]"},
    ],
)
def test_an_owner_that_cannot_be_seen_keeps_its_lock(ended, changes, capsys):
    lock(ended, replace(ended, **changes))
    stale_locks.clear()
    assert locked() and "which cannot be seen from" in capsys.readouterr().err


def test_an_unreadable_record_keeps_the_lock(ended):
    lock(ended)
    (CALLERS / "older.json").write_text('{"pid": 1}')
    (CALLERS / "torn.json").write_text('{"pid"')
    stale_locks.clear()
    assert locked()


@pytest.mark.parametrize("changes", [{"boot": "an earlier one"}, {"started": "1"}])
def test_another_process_with_the_same_number_is_not_the_owner(changes):
    parent = replace(HERE, pid=os.getppid(), started=stale_locks._started(os.getppid()))
    lock(replace(parent, **changes))
    stale_locks.clear()
    assert not locked()


def test_one_that_still_holds_its_number_on_a_system_that_tells_no_times():
    here = replace(HERE, boot=None, namespace=None, started=None)
    assert replace(here, pid=os.getppid()).gone(here) is False
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert replace(here, pid=process.pid).gone(here) is True


def test_a_machine_that_never_locked_is_forgotten_after_a_while(ended):
    far = replace(ended, host="elsewhere")
    path = stale_locks._record(far)
    path.write_text(json.dumps(asdict(far)))
    stale_locks.clear()
    assert registered() == {HERE, far}
    os.utime(path, (1e9, 1e9))
    stale_locks.clear()
    assert registered() == {HERE}


def test_a_call_that_ends_takes_its_record_along(place):
    code = (
        "from pipeline import stale_locks; stale_locks.clear(); "
        "import os; print(len(list(stale_locks.CALLERS.glob('*.json')))); os.fork() or exit()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "1" and not registered(), done.stderr
