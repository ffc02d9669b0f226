"""Second and third door on the real workflow: what was really made holds, a forgery that no hash can see does not."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.forge import door, forge_value, reseal, state
from tests.workflow.workspace import ENVIRONMENT, TABLE, Workspace

CELL = "results/runs/simcam_x4/real/panasonic/source_only/train/seed0"
METRICS = f"{CELL}/metrics_sony.json"
BICUBIC = "results/runs/simcam_x4/bicubic/metrics_sony.json"


def small(params: dict) -> None:
    """One training, measured once, beside bicubic."""
    params["tables"]["dada_simcam"] |= {"methods": ["bicubic", "source_only"], "gain": None}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Workspace:
    """A workspace after one complete run, committed."""
    workspace = Workspace.create(tmp_path_factory.mktemp("doors") / "repo")
    workspace.change(small)
    workspace.commit("one training")
    workspace.snakemake("-c2", "--", TABLE)
    workspace.commit("results")
    return workspace


@pytest.fixture
def changed(finished, tmp_path) -> Workspace:
    """A copy of the finished workspace, for one test to change."""
    shutil.copytree(finished.folder, tmp_path / "repo", symlinks=True)
    return Workspace(tmp_path / "repo")


def test_measured_again_every_number_is_equal_and_nothing_is_touched(finished, tmp_path):
    before = state(finished)
    said = door(finished, "re-measure", TABLE, "--json", str(tmp_path / "report.json"), code=0)
    assert "2 evaluations: 2 equal" in said and "2 exact: the processor of the receipt" in said
    cells = json.loads((tmp_path / "report.json").read_text())["cells"]
    assert [cell["metrics"] for cell in cells] == [BICUBIC, METRICS]
    assert [row["largest"] for cell in cells for row in cell["rows"]] == [0, 0, 0, 0]
    assert state(finished) == before


def test_a_consistent_forgery_of_one_value_is_named_and_a_missing_generator_does_not_stop_it(changed):
    forge_value(changed.folder, BICUBIC, "chelsea", "psnr_y", 1e-9)
    changed.snakemake("-c1", "--", TABLE)
    assert changed.holds(TABLE), changed.said
    (changed.folder / CELL / "generator.safetensors").unlink()
    said = door(changed, "re-measure", TABLE, code=1)
    assert f"{BICUBIC}: DEVIATES" in said and "image chelsea, psnr_y: stored" in said and "astronaut" not in said
    assert f"{METRICS}: NOT MEASURED" in said and f"`python -m pipeline.pull {CELL}/generator.safetensors`" in said
    assert "0 equal, 0 within tolerance, 1 DEVIATES, 1 NOT MEASURED" in said


def test_trained_again_every_byte_is_equal_and_nothing_is_touched(finished):
    before = state(finished)
    said = door(finished, "retrain", CELL, code=0)
    assert f"{CELL}: equal" in said and "exact: the processor of the receipt" in said and "4/4" in said
    assert state(finished) == before
    said = door(finished, "retrain", CELL.replace("panasonic", "panasonik"), code=1)
    assert CELL in said and "Traceback" not in said


def test_code_at_head_that_is_not_the_receipts_is_named(changed):
    path, made = changed.folder / "pipeline/methods/source_only.py", changed.git("rev-parse", "HEAD~1").strip()
    path.write_text(path.read_text() + "\n\nEXTRA = 1\n")
    changed.commit("another method")
    said = door(changed, "retrain", CELL, code=1)
    assert "pipeline.methods.source_only" in said and f"--commit {made}" in said and "Traceback" not in said


def test_ctrl_c_leaves_no_worktree(changed, tmp_path):
    first = f"{CELL}/generator.safetensors"
    reseal(changed.folder, first, lambda receipt: receipt["key"]["settings"]["schedule"].update(steps=10**6))
    before = state(changed)
    words = [sys.executable, "-m", "pipeline.audit", "--door", "retrain", CELL]
    place = tmp_path / "temporary"
    place.mkdir()
    environment = ENVIRONMENT | {"TMPDIR": str(place)}
    child = subprocess.Popen(
        words, cwd=changed.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not list(place.rglob("progress.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert list(place.rglob("progress.json")), "the training did not begin"
    os.kill(child.pid, signal.SIGINT)
    said = child.communicate(timeout=60)[1].decode()
    assert child.returncode == 130 and "cleared away" in said and "Traceback" not in said
    assert not list(place.glob("retrain-*")) and state(changed) == before
    assert not [entry for entry in Path("/proc").glob("[0-9]*/cwd") if str(place) in _target(entry)]


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""
