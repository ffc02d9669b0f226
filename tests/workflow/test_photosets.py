"""`snakemake data/packed/…` for data sets that users bring: packed by the one rule, then nothing to do, or one clear message."""

import pytest

from pipeline import files
from tests.fake_photosets import write_div2k, write_realsr, write_self_exemplar
from tests.workflow.workspace import Workspace

MANIFESTS = [
    "results/manifests/realsr_x4/nikon.csv",
    "results/manifests/div2k_x8/div2k.csv",
    "results/manifests/urban100_x3/urban100.csv",
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace.create(tmp_path_factory.mktemp("photosets") / "repo")


def test_without_a_copy_the_setting_is_named(workspace):
    done = workspace.snakemake("-c1", "--", "data/packed/div2k_x4/div2k/train_lr.safetensors", check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in text
    assert "DIV2K is missing: `adopt.div2k` names no folder" in text and "data.vision.ee.ethz.ch" in text


def test_copies_are_packed_once(workspace, tmp_path):
    folders = {
        "realsr": write_realsr(tmp_path / "realsr"),
        "div2k": write_div2k(tmp_path / "div2k"),
        "urban100": write_self_exemplar(tmp_path / "sets", "Urban100", srfs=(2, 4), half=True),
    }

    def use(settings: dict) -> None:
        settings["adopt"].update({name: str(folder) for name, folder in folders.items()})
        for name in ("realsr", "div2k"):
            settings["datasets"][name]["train"]["sub_images"] = {"size": 48, "stride": 48, "threshold": 0}
        settings["datasets"]["div2k"]["scales"] = [2, 3, 4, 8]

    workspace.change(use)
    workspace.snakemake("-c2", "--", *MANIFESTS)
    told = [files.read_json(workspace.folder / f"{path}.receipt.json")["run"] for path in MANIFESTS]
    assert [run["images"] for run in told] == [
        {"train": 44, "val": 0, "test": 2},
        {"train": 12, "val": 0, "test": 2},
        {"train": 0, "val": 0, "test": 3},
    ]
    assert told[2]["incomplete"] == {"test": "3 of 100"}
    assert workspace.plan(*MANIFESTS) == {}
    workspace.change(lambda p: p["datasets"]["div2k"]["train"]["sub_images"].update(threshold=47))
    assert workspace.plan(*MANIFESTS) == {"pack": 1}
