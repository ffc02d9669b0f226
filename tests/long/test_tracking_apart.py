"""Nothing waits for the store: jobs open no connection and do not know MLflow, tables do not rest on it, others go on."""

import json
import shutil
import time
from pathlib import Path

import pytest

from pipeline.tracking import store
from tests.tracking_servers import pretender
from tests.workflow.workspace import CROSS, ENVIRONMENT, REPORT, TABLE, Workspace

pytestmark = pytest.mark.long

ADAPT = "results/runs/simcam_x4/real/panasonic-sony/dada/adapt/seed0"
TRACKED = "results/tracking/dada_simcam.json"
# Python loads this in every process that finds it: who connects, listens, sends, looks up a name or loads MLflow is noted.
SPY = """
import sys

def hook(event, args):
    network = event.startswith("socket.") and event not in ("socket.gethostname", "socket.__new__")
    if network or (event == "import" and args[0].partition(".")[0] == "mlflow"):
        with open({log!r}, "a") as stream:
            stream.write(f"{{' '.join(sys.orig_argv)[:200]}} | {{event}} {{args[:1]}}\\n")

sys.addaudithook(hook)
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Workspace:
    """A tiny edition in which nothing has run."""
    workspace = Workspace.create(tmp_path_factory.mktemp("apart") / "repo")
    workspace.change(lambda p: p["datasets"]["simcam"].update(crops={"astronaut": [80, 168, 96, 96]}))
    return workspace


def copy_of(workspace: Workspace, folder: Path, uri: str) -> Workspace:
    """A copy that brings its runs into `uri`."""
    shutil.copytree(workspace.folder, folder, symlinks=True)
    copied = Workspace(folder)
    copied.change(lambda p: p.update(tracking={"uri": uri}))
    return copied


def test_trainings_and_tables_do_not_know_of_the_store(fresh, tmp_path, monkeypatch):
    log = tmp_path / "seen.txt"
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy/sitecustomize.py").write_text(SPY.format(log=str(log)))
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", str(tmp_path / "spy"))
    with pretender("silent") as address:
        silent = copy_of(fresh, tmp_path / "silent", address)
        assert "track" not in silent.plan(TABLE)
        silent.snakemake("-c2", "--", TABLE)
        seen = [line for line in log.read_text().splitlines() if " -m pipeline." in line]
        assert seen == [], "a job looked at the network or loaded MLflow"
        # The spy does see the one that may.
        begin = time.monotonic()
        done = silent.snakemake("-c1", "--", TRACKED, check=False)
        assert time.monotonic() - begin < store.TRIAL + store.ANSWER + 60
        assert done.returncode == 1 and address in done.stdout + done.stderr
        seen = [line for line in log.read_text().splitlines() if " -m pipeline.tracking " in line]
        assert any("socket.connect" in line for line in seen) and any("import ('mlflow" in line for line in seen)


def test_a_store_that_fails_at_once_holds_up_neither_tables_nor_report(fresh, tmp_path):
    """The runs below one table are there first, so that their ingest fails before the other jobs have begun."""
    workspace = copy_of(fresh, tmp_path / "repo", "sqlite://")
    workspace.snakemake("-c2", "--", f"{ADAPT}/metrics_sony.json", "results/runs/simcam_x4/bicubic/metrics_sony.json")
    done = workspace.snakemake("-c4", "--", TABLE, CROSS, REPORT, TRACKED, check=False)
    assert done.returncode == 1 and "tracking.uri sqlite://: names no file" in done.stdout + done.stderr
    for path in (TABLE, CROSS, REPORT):
        assert (workspace.folder / path).exists(), path
    assert not (workspace.folder / TRACKED).exists()
    assert workspace.plan(TABLE, CROSS, REPORT, TRACKED) == {"track": 1}
    workspace.change(lambda p: p.update(tracking={"uri": "sqlite:///mlflow.db"}))
    workspace.snakemake("-c2", "--", TABLE, CROSS, REPORT, TRACKED)
    assert len(json.loads((workspace.folder / TRACKED).read_text())) == 5
