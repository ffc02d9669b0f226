"""Figures on the real workflow: what a change makes anew, and a target that has no HR, from frames to the figure."""

import json

import pytest
from PIL import Image

from tests.fake_reds import write_fake_reds
from tests.workflow.workspace import Workspace

KERNELS = "results/figures/dada_simcam_kernels.svg"
REDS = "results/figures/dada_reds.png"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace.create(tmp_path_factory.mktemp("figures") / "repo")


def test_a_figure_of_data_needs_no_training_and_runs_again_only_for_what_it_shows(workspace, tmp_path):
    workspace.snakemake("-c1", "--", KERNELS)
    told = json.loads((workspace.folder / KERNELS.replace(".svg", ".json")).read_text())["panels"]
    assert set(told) == {"bicubic", "panasonic", "sony"} and all(0 < row["relative_error"] < 1 for row in told.values())
    workspace.commit("figure")
    clone = workspace.clone(tmp_path / "clone")
    assert (clone.folder / KERNELS).is_file() and clone.plan(KERNELS) == {} and clone.holds(KERNELS)
    clone.change(lambda p: p["metrics"]["psnr_y"].update(digits=1))
    assert clone.plan(KERNELS) == {}
    workspace.change(lambda p: p["kernels"].update(smoothness=0.01))
    assert workspace.plan(KERNELS) == {"figure": 1}
    assert not workspace.holds(KERNELS) and "smoothness" in workspace.said


def reds(params: dict, folder) -> None:
    """REDS as a target of simulated Sony, one training step of each kind."""
    camera = params["datasets"]["drealsr"]["cameras"]["reds"]
    camera["frames"] |= {"train_videos": 3, "crops": {"train_001": [8, 16, 24, 24]}}
    params["datasets"]["simcam"]["cameras"]["reds"] = camera
    params["figures"]["dada_reds"] |= {"dataset": "simcam", "photographs": ["train_001"]}
    params["adopt"]["reds"] = folder and str(folder)


def test_frames_without_hr_are_adapted_to_and_shown(workspace, tmp_path):
    workspace.change(lambda p: reds(p, None))
    done = workspace.snakemake("-n", "--", REDS, check=False)
    assert done.returncode == 1 and "`adopt.reds` names no folder" in done.stdout + done.stderr
    raw = write_fake_reds(tmp_path / "REDS", videos=4)
    workspace.change(lambda p: reds(p, raw))
    workspace.snakemake("-c1", "--", REDS)
    (row,) = json.loads((workspace.folder / REDS.replace(".png", ".json")).read_text())["rows"]
    assert row["image"] == "train_001" and row["box"] == [32, 64, 96, 96] and row["psnr_y"] == {}
    assert Image.open(workspace.folder / REDS).width > 900
    packed = workspace.folder / "data/packed/simcam_x4/reds"
    assert sorted(path.name for path in packed.iterdir()) == ["test_lr.safetensors", "train_lr.safetensors"]
    adapt = workspace.folder / "results/runs/simcam_x4/real/sony-reds/dada/adapt/seed0"
    assert not list(adapt.glob("metrics*")) and (adapt / "samples_reds.safetensors").is_file()
    assert workspace.plan(REDS) == {} and workspace.holds(REDS)
