"""`python -m pipeline`: every command is listed, found, and says how it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.__main__ import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
# What users have typed before there was a front door.
OWN_NAMES = ["adopt", "audit", "cost", "fetch", "publish", "pull", "tracking", "upscale"]


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_every_command_has_one_line(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, (_, text) in COMMANDS.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert text in line and len(line) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_runs_behind_the_front_door(name):
    done = run("pipeline", name, "--help")
    assert done.returncode == 0 and "usage:" in done.stdout, done.stderr


@pytest.mark.parametrize("name", OWN_NAMES)
def test_commands_keep_their_own_names(name):
    done = run(f"pipeline.{name}", "--help")
    assert done.returncode == 0 and "usage:" in done.stdout, done.stderr


def test_an_unknown_command_is_told_with_the_known_ones(capsys):
    assert main(["audti"]) == 2
    told = capsys.readouterr().err
    assert "no command 'audti'" in told and "audit " in told
