"""Whole files only: a failing disk or an error in the middle leaves what was there before, and nothing else."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import files
from pipeline.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def test_a_written_file_is_whole_and_alone(tmp_path):
    files.write_text(tmp_path / "new" / "a.txt", "text →")
    assert (tmp_path / "new/a.txt").read_text(encoding="utf-8") == "text →"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_an_error_in_the_middle_keeps_the_old_file(tmp_path):
    files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), files.atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "a.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_a_clear_error(tmp_path, monkeypatch):
    files.write_text(tmp_path / "a.txt", "old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"a\.txt: could not be written \(No space left on device\).*free some space"):
        files.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path):
    """A real failing write: the process may not write more than 1,000 bytes into any file."""
    code = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from pipeline import errors, files\n"
        "try:\n    files.write_text('a.txt', 'x' * 5000)\n"
        "except errors.UserError as error:\n    print('refused:', error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("refused: a.txt: could not be written (File too large)"), done.stderr
    assert list(tmp_path.iterdir()) == []


KILL = """
import os, signal, sys
from pipeline import files
call, moment = sys.argv[1:]
original = getattr(os, call)


def killed(*words):
    if moment == "after":
        original(*words)
    os.kill(os.getpid(), signal.SIGKILL)


setattr(os, call, killed)
files.write_text("a.txt", "new")
"""


@pytest.mark.parametrize(
    ("call", "moment", "found"),
    [("fsync", "before", "old"), ("fsync", "after", "old"), ("replace", "before", "old"), ("replace", "after", "new")],
)
def test_a_kill_in_the_middle_leaves_the_old_file_or_the_new_one(tmp_path, call, moment, found):
    files.write_text(tmp_path / "a.txt", "old")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILL, call, moment], cwd=tmp_path, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL and (tmp_path / "a.txt").read_text() == found
    (tmp_path / ".b.txt.1.tmp").touch()
    files.remove_temporaries(tmp_path / "a.txt")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", ".b.txt.1.tmp"}


def test_json_is_sorted_and_refuses_nan(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert list(json.loads((tmp_path / "a.json").read_text())) == ["a", "b"]
    assert files.read_json(tmp_path / "a.json") == {"a": "é", "b": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "b.json", {"a": float("nan")})
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), ("{", "not valid JSON"), (b"\xff\xfe", "not valid JSON")]
)
def test_unreadable_json_is_named(tmp_path, content, message):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        files.read_json(path)


def test_canonical_json_has_one_spelling():
    assert files.canonical_json({"b": [1, 2.0], "a": None}) == '{"a":null,"b":[1,2.0]}'
