"""One process at a time, also after a holder was killed, and with a lock file that comes and goes."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.exclusive import exclusive

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from pipeline.exclusive import exclusive
with exclusive(Path("lock"), "waiting for the other") as waited:
    print("held after waiting" if waited else "held", flush=True)
    time.sleep(float(sys.argv[1]))
"""
COUNT = """
from pathlib import Path
from pipeline.exclusive import exclusive
for _ in range(150):
    with exclusive(Path("lock"), ""):
        Path("number").write_text(str(int(Path("number").read_text()) + 1))
"""


@pytest.fixture
def start(tmp_path):
    """Starts a program in the folder of the lock; what still runs at the end is killed."""
    started = []

    def start(code: str, *words: str) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", code, *words]
        started.append(subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_one_waits_and_says_so(start, tmp_path):
    first = start(HOLD, "1")
    assert first.stdout.readline() == "held\n" and (tmp_path / "lock").exists()
    second = start(HOLD, "0")
    assert second.stderr.readline() == "waiting for the other\n" and first.poll() is None
    assert second.communicate(timeout=60) == ("held after waiting\n", "")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_is_followed_at_once(start, tmp_path):
    first = start(HOLD, "600")
    assert first.stdout.readline() == "held\n"
    first.kill()
    first.wait(timeout=60)
    assert (tmp_path / "lock").exists()
    assert start(HOLD, "0").communicate(timeout=60) == ("held\n", "") and list(tmp_path.iterdir()) == []


def test_many_never_meet(start, tmp_path):
    """Every increment would be lost if two ever held it: the file is removed and made again all the time."""
    (tmp_path / "number").write_text("0")
    for process in [start(COUNT) for _ in range(4)]:
        assert process.communicate(timeout=300)[1] == "" and process.returncode == 0
    assert (tmp_path / "number").read_text() == "600"


def test_it_is_freed_by_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock", "never"):
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_without_locks_it_says_so_and_goes_on(tmp_path, monkeypatch, capsys):
    def refuse(_descriptor, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with exclusive(tmp_path / "deep/lock", "never") as waited:
        assert not waited
    assert "this file system has no locks" in capsys.readouterr().err
