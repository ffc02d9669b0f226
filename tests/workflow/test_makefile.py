"""What the Makefile does before anything is installed, and what `clean` leaves alone."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path):
    """A folder with a blank in its name and an environment that looks complete."""
    folder = tmp_path / "a clone"
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.lock").write_text("uv==1 \\\n    --hash=sha256:0\n")
    return folder


def ready(folder: Path) -> Path:
    digest = hashlib.sha256((folder / "requirements.lock").read_bytes()).hexdigest()[:16]
    return folder / f".venv/.ready-{digest}"


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    everything = {**os.environ, "MAKEFLAGS": "", **environment}
    return subprocess.run(["make", *words], cwd=folder, env=everything, capture_output=True, text=True, check=False)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def test_help_names_every_target(clone):
    done = make(clone)
    for target in ("demo", "plan", "test", "lint", "audit", "publish", "clean"):
        assert f"make {target}" in done.stdout


def test_set_up_is_repeated_exactly_when_the_lock_changes(clone):
    program(clone / ".venv/bin/python", "exit 0")
    program(clone / ".venv/bin/uv", 'echo "$*" >> uv_calls')
    assert make(clone, "setup").returncode == 0
    assert make(clone, "setup").returncode == 0
    (clone / "requirements.lock").touch()
    assert make(clone, "setup").returncode == 0
    calls = (clone / "uv_calls").read_text().splitlines()
    assert len(calls) == 1
    assert "--require-hashes requirements.lock" in calls[0]
    before = ready(clone)
    (clone / "requirements.lock").write_text("uv==2 \\\n    --hash=sha256:0\n")
    assert make(clone, "setup").returncode == 0
    assert len((clone / "uv_calls").read_text().splitlines()) == 2
    assert ready(clone).exists()
    assert not before.exists()


def test_a_set_up_that_fails_is_not_taken_as_done(clone):
    program(clone / ".venv/bin/python", "exit 0")
    program(clone / ".venv/bin/uv", "echo no network >&2; exit 2")
    done = make(clone, "setup")
    assert done.returncode != 0
    assert "no network" in done.stderr
    assert not ready(clone).exists()


def test_old_python_and_missing_venv_are_explained(clone, tmp_path):
    shutil.rmtree(clone / ".venv")
    tools = tmp_path / "tools"
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        program(tools / name, 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi')
    path = f"{tools}:{os.environ['PATH']}"
    done = make(clone, "setup", PATH=path)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed; python3 here is: Python 3.9.2" in done.stderr

    for broken in ("*ensurepip*) exit 1;;", "'-m venv'*) mkdir -p .venv/bin; exit 1;;"):
        program(tools / "python3", f'case "$*" in {broken} esac')
        done = make(clone, "setup", PATH=path)
        assert done.returncode != 0
        assert "apt install python3-venv" in done.stderr
        assert not (clone / ".venv").exists()


def test_without_a_home_caches_stay_in_the_clone(clone):
    program(clone / ".venv/bin/python", "exit 0")
    program(clone / ".venv/bin/uv", 'echo "$HOME" > home')
    assert make(clone, "setup", HOME="/nonexistent").returncode == 0
    assert (clone / "home").read_text().strip() == str(clone / ".venv/home")


def test_clean_keeps_what_took_hours(clone):
    for path in ("results/runs/a/generator.safetensors", "data/packed/b.safetensors", "mlflow.db", ".venv/bin/python"):
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text("x")
    for folder in ("bench", "pipeline/__pycache__", "tests", "rules", ".pytest_cache"):
        (clone / folder).mkdir(parents=True)
    assert "Kept on purpose" in make(clone, "clean").stdout
    for path in ("results/runs/a/generator.safetensors", "data/packed/b.safetensors", "mlflow.db", ".venv/bin/python"):
        assert (clone / path).exists()
    assert not (clone / ".pytest_cache").exists()
    assert not (clone / "pipeline/__pycache__").exists()


def test_audit_without_tables_says_what_to_do(clone):
    program(clone / ".venv/bin/python", "exit 0")
    ready(clone).touch()
    done = make(clone, "audit")
    assert done.returncode != 0
    assert "run make demo first" in done.stderr
