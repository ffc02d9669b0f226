"""Killed in the very moment of a write: before and after every kind of flush, rename and removal that a job makes."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.files import canonical_json
from tests.long.finished import finished_workspace, shared_folder
from tests.workflow.workspace import ENVIRONMENT, REPORT, TABLE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

RUNS = "results/runs/simcam_x4/real"
LOGS = {
    "train": f"{RUNS}/panasonic-sony/dada/adapt/seed0/log.txt",
    "evaluate": f"{RUNS}/panasonic-sony/dada/adapt/seed0/log_sony.txt",
    "pack": "results/manifests/simcam_x4/panasonic.log",
    "table": TABLE.replace(".tex", ".log"),
    "report": REPORT.replace(".html", ".log"),
}
STEPS = 3
PROGRAM = Path(__file__).with_name("kill_points.py")


@pytest.fixture
def place(tmp_path_factory, worker_id, tmp_path) -> Workspace:
    finished = finished_workspace(shared_folder(tmp_path_factory, worker_id))
    shutil.copytree(finished.folder, tmp_path / "repo", symlinks=True)
    return Workspace(tmp_path / "repo")


def words_of(workspace: Workspace, module: str) -> list[str]:
    """The job's own command line, as its log gives it; a training saves its state after every step."""
    words = shlex.split((workspace.folder / LOGS[module]).read_text().splitlines()[0])[3:]
    if module == "train":
        place = words.index("--key") + 1
        key = json.loads(words[place])
        key["settings"]["schedule"]["steps"] = STEPS
        key["settings"]["training"]["state_minutes"] = 1e-9
        words[place] = canonical_json(key)
    return words


@pytest.mark.parametrize("module", LOGS)
def test_killed_while_it_writes(place, module):
    words = [sys.executable, str(PROGRAM), f"pipeline.jobs.{module}", *words_of(place, module)]
    done = subprocess.run(
        words, cwd=place.folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=1700
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"\n{module}: {len(rows)} kills")
    assert len(rows) >= 13
    for row in rows:
        assert row["killed"] and not row["torn"], row
        assert row["whole"] or not row["speaks"], row
        assert row["again"] == 0 and row["same"] and not row["left"], row
        if module == "train" and not row["speaks"]:
            trained = any(name in row["point"] for name in (".generator.", ".history.jsonl.", ".receipt.json.tmp"))
            assert row["continued"] == row["saved"] and (row["saved"] == STEPS or not trained), row
