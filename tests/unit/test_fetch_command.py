"""How the command ends when a place or its settings are wrong, and that it ends before anything is asked of a server."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.fetch import plan, run
from pipeline.fetch.__main__ import main
from pipeline.fetch.lock import Lock
from pipeline.fetch.run import fetch
from pipeline.fetch.settings import Places
from tests.fetch_examples import toy
from tests.fetch_server import QUICK

ROOT = Path(__file__).resolve().parents[2]
# A folder that is there, and takes files of nobody.
FORBIDDEN = Path("/proc/self")


def test_a_place_that_cannot_be_written_to_is_seen_before_the_download(server, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "free_bytes", lambda _: 1 << 40)
    link, plain, lock = tmp_path / "link", tmp_path / "plain", tmp_path / "lock.yaml"
    link.symlink_to(tmp_path / "unmounted")
    plain.touch()
    inside = tmp_path / "inside"
    (inside / "toy").mkdir(parents=True)
    (inside / "toy/archives").touch()
    for places, words in (
        (Places(link, lock), rf"^{link}: .*a link to {tmp_path}/unmounted, which is not a folder"),
        (Places(plain, lock), rf"^{plain}: .*File exists"),
        (Places(FORBIDDEN, lock), rf"^{FORBIDDEN}: no file can be written there"),
        (Places(inside, lock), rf"^{inside}/toy/archives: no file can be written there"),
        (Places(tmp_path / "raw", FORBIDDEN / "lock.yaml"), rf"^{FORBIDDEN}: no file can be written there"),
        (Places(tmp_path / "raw", inside), rf"^{inside}: cannot be read .*expected a file"),
    ):
        with pytest.raises(UserError, match=words):
            fetch(["toy"], QUICK, sources=toy(server), places=places)
    assert server.asked == [] and not (tmp_path / "raw/toy").exists()


def test_a_lock_that_is_no_text(tmp_path):
    (tmp_path / "lock.yaml").write_bytes(b"\xff")
    with pytest.raises(UserError, match="Restore it with git"):
        Lock(tmp_path / "lock.yaml").pin("a.pth")


def test_what_the_system_refuses_is_one_line(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "Places", lambda: Places(tmp_path / "raw", tmp_path / "lock.yaml"))
    monkeypatch.setattr(run.catalogue, "load", lambda: toy(server))
    (tmp_path / "raw/toy/archives/toy.zip").mkdir(parents=True)
    assert main(["toy"]) == 1
    told = capsys.readouterr().err
    assert f"error: {tmp_path}/raw/toy/archives/toy.zip" in told and "Is a directory" in told


@pytest.mark.parametrize("content", ["{}", '{"accept": [], "sise": 1}'])
def test_settings_that_are_not_those_of_fetch(tmp_path, capsys, content):
    (tmp_path / "settings.json").write_text(content)
    assert main(["--settings", str(tmp_path / "settings.json")]) == 1
    assert f"error: {tmp_path}/settings.json." in (told := capsys.readouterr().err)
    assert "sise: unknown setting" in told or "accept: missing; Settings needs this setting" in told


def test_a_reader_that_has_read_enough():
    """As `| head` does."""
    command = [sys.executable, "-m", "pipeline.fetch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(timeout=60) == 141


@pytest.mark.parametrize("content", ["7", "null", "[]"])
def test_settings_that_are_no_block(tmp_path, capsys, content):
    (tmp_path / "settings.json").write_text(content)
    assert main(["--settings", str(tmp_path / "settings.json")]) == 1
    assert "expected the block `fetch` of params.yaml as JSON" in capsys.readouterr().err
