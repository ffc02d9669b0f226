"""Second and third door where it takes longer: forged networks, chains of trainings, other processors, GPUs' receipts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from pipeline import files
from tests.long.finished import finished_workspace, shared_folder
from tests.workflow.forge import door, forge, forge_value, reseal, state
from tests.workflow.workspace import ENVIRONMENT, TABLE, Workspace

pytestmark = pytest.mark.long

REAL = "results/runs/simcam_x4/real"
ADAPT = f"{REAL}/panasonic-sony/dada/adapt/seed0"
CIRCLE = f"{REAL}/panasonic/dada/circle/seed0"
SOURCE = f"{REAL}/panasonic/source_only/train/seed0"
GENERATOR = f"{ADAPT}/generator.safetensors"
METRICS = f"{ADAPT}/metrics_sony.json"
CHAIN = [SOURCE, CIRCLE, ADAPT]


@pytest.fixture
def workspace(tmp_path_factory, tmp_path, worker_id) -> Workspace:
    """A copy of the finished workspace, for one test to change."""
    finished = finished_workspace(shared_folder(tmp_path_factory, worker_id))
    shutil.copytree(finished.folder, tmp_path / "repo", symlinks=True)
    return Workspace(tmp_path / "repo")


def altered(workspace: Workspace, path: str, strength: float) -> bytes:
    """A network file whose every number is off by about `strength` of itself."""
    random = np.random.default_rng(0)
    with safe_open(workspace.folder / path, framework="np") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        about = stream.metadata()
    for name, value in tensors.items():
        if value.dtype == np.float32:
            tensors[name] = value * (1 + strength * random.standard_normal(value.shape).astype(np.float32))
    return save(tensors, about)


def as_if(workspace: Workspace, *paths: str, **run: object) -> None:
    """Let receipts say that their jobs ran elsewhere."""
    for path in paths:
        reseal(workspace.folder, path, lambda receipt: receipt["run"].update(run))


def test_a_forged_generator_passes_two_doors_and_not_the_third(workspace):
    forge(workspace.folder, GENERATOR, altered(workspace, GENERATOR, 1e-6))
    workspace.snakemake("-c2", "--", TABLE)
    assert workspace.holds(TABLE), workspace.said
    assert "4 evaluations: 4 equal" in door(workspace, "re-measure", TABLE, code=0)
    before = state(workspace)
    said = door(workspace, "retrain", ADAPT, code=1)
    assert f"{ADAPT}: DEVIATES" in said and "generator.safetensors: differs" in said
    assert "history.jsonl: every byte equal" in said and "metrics_sony.json: psnr_y" in said
    assert state(workspace) == before
    # Its predecessors are what they say.
    said = door(workspace, "retrain", ADAPT, "--chain", code=1)
    assert [
        f"{folder}: {verdict}" in said for folder, verdict in zip(CHAIN, ("equal", "equal", "DEVIATES"), strict=True)
    ]


def test_a_chain_is_trained_from_its_first_network(workspace, tmp_path):
    before = state(workspace)
    for path in (f"{SOURCE}/generator.safetensors", f"{CIRCLE}/generator.safetensors"):
        (workspace.folder / path).unlink()
    said = door(workspace, "retrain", ADAPT, code=1)
    assert f"`python -m pipeline.pull {CIRCLE}/generator.safetensors`" in said and "Nothing was trained" in said
    report = tmp_path / "report.json"
    said = door(workspace, "retrain", METRICS, "--chain", "--json", str(report), code=0)
    trainings = json.loads(report.read_text())["trainings"]
    assert [(one["folder"], one["verdict"]) for one in trainings] == [(folder, "equal") for folder in CHAIN]
    workspace.dvc("pull", f"{SOURCE}/generator.safetensors", f"{CIRCLE}/generator.safetensors")
    assert {name: hash for name, hash in state(workspace).items() if ".dvc" not in name} == {
        name: hash for name, hash in before.items() if ".dvc" not in name
    }


def test_a_forged_start_is_found_by_the_chain_alone(workspace):
    start = f"{SOURCE}/generator.safetensors"
    forge(workspace.folder, start, altered(workspace, start, 0.3))
    workspace.snakemake("-c2", "--", TABLE)
    assert workspace.holds(TABLE), workspace.said
    assert f"{ADAPT}: equal" in door(workspace, "retrain", ADAPT, code=0)
    said = door(workspace, "retrain", ADAPT, "--chain", code=1)
    assert all(f"{folder}: DEVIATES" in said for folder in CHAIN)
    assert "start networks are those trained again, which are not the stored ones" in said


def test_elsewhere_small_differences_are_tolerated_and_large_ones_are_not(workspace):
    """A receipt from another processor, and a GPU's: the same bits are not asked for, near ones are."""
    forge_value(workspace.folder, METRICS, "chelsea", "psnr_y", 0.005)
    as_if(workspace, METRICS, cpu="Another Processor")
    workspace.snakemake("-c1", "--", TABLE)
    said = door(workspace, "re-measure", TABLE, code=0)
    assert f"{METRICS}: within tolerance" in said and "another processor (Another Processor then" in said
    assert "4 evaluations: 3 equal, 1 within tolerance, 0 DEVIATES" in said
    forge_value(workspace.folder, METRICS, "chelsea", "psnr_y", 0.01)
    workspace.snakemake("-c1", "--", TABLE)
    said = door(workspace, "re-measure", TABLE, code=1)
    assert f"{METRICS}: DEVIATES" in said and "allowed 0.01" in said

    as_if(workspace, GENERATOR, device="cuda", gpu="A Card")
    assert f"{ADAPT}: equal" in door(workspace, "retrain", ADAPT, code=0)
    for strength, verdict in ((1e-4, "within tolerance"), (1.0, "DEVIATES")):
        forge(workspace.folder, GENERATOR, altered(workspace, GENERATOR, strength))
        workspace.snakemake("-c1", "--", TABLE)
        said = door(workspace, "retrain", ADAPT, code=int(verdict == "DEVIATES"))
        assert (
            f"{ADAPT}: {verdict}" in said
            and "A Card then, cpu now" in said
            and "generator.safetensors: distance" in said
        )


def test_the_commit_that_made_it_trains_it_when_head_cannot(workspace):
    # A state that someone put into git is not gone on from.
    (workspace.folder / SOURCE / "state.pt").write_bytes(b"not honest")
    workspace.git("add", "-f", f"{SOURCE}/state.pt")
    workspace.commit("a state")
    path, made = workspace.folder / "pipeline/methods/source_only.py", workspace.git("rev-parse", "HEAD").strip()
    path.write_text(path.read_text() + "\n\nEXTRA = 1\n")
    workspace.commit("another method")
    assert "pipeline.methods.source_only" in door(workspace, "retrain", SOURCE, code=1)
    assert f"{SOURCE}: equal" in door(workspace, "retrain", SOURCE, "--commit", made, code=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_stops_it_clears_away(workspace, tmp_path, number):
    """As a terminal sends it, to the door and its job at once, in the second training of a chain."""
    long_circle = f"{CIRCLE}/generator.safetensors"
    reseal(workspace.folder, long_circle, lambda receipt: receipt["key"]["settings"]["schedule"].update(steps=10**6))
    before, place = state(workspace), tmp_path / "temporary"
    place.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "pipeline.audit", "--door", "retrain", ADAPT, "--chain"],
        cwd=workspace.folder,
        env=ENVIRONMENT | {"TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # A suite started with nohup would hand on that it does not mind.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 240
    while not list(place.glob("retrain-*/worktree/" + f"{CIRCLE}/progress.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(child.pid, number)
    said = child.communicate(timeout=120)[0].decode()
    assert child.returncode == 128 + number and f"{SOURCE}: equal" in said, said
    assert not list(place.glob("retrain-*")) and state(workspace) == before


def test_tolerances_are_part_of_no_key(workspace):
    workspace.change(lambda p: p["audit"]["re_measure"].update(psnr_y=0.5))
    assert workspace.plan(TABLE) == {} and workspace.holds(TABLE)
    workspace.change(lambda p: p["audit"]["re_measure"].pop("psnr_y"))
    said = door(workspace, "re-measure", TABLE, code=1)
    assert "no tolerance for psnr_y" in said and files.sha256(workspace.folder / TABLE)
