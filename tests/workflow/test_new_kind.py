"""CONTRIBUTING's example of a new kind of job, word for word: three files, and no other change."""

import json
import re

import numpy as np
import pytest

from pipeline.sampling.packed import Packed
from tests.workflow.workspace import ROOT, Workspace

TARGET = "results/brightness/simcam_x4/sony.json"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    workspace = Workspace.create(tmp_path_factory.mktemp("kind") / "repo")
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
    assert [path for path, _ in blocks] == [
        "pipeline/plan/brightness.py",
        "pipeline/jobs/brightness.py",
        "rules/brightness.smk",
    ]
    for path, text in blocks:
        (workspace.folder / path).write_text(text)
    return workspace


def test_three_files_make_a_kind_of_job(workspace):
    assert workspace.plan(TARGET) == {"pack": 1, "brightness": 1}
    workspace.snakemake("-c2", "--", TARGET)
    images = Packed(workspace.folder / "data/packed/simcam_x4/sony/test_lr.safetensors")
    expected = {name: float(np.mean(images[index])) for index, name in enumerate(images.names)}
    told = json.loads((workspace.folder / TARGET).read_text())
    assert told["images"] == pytest.approx(expected) and told["mean"] == pytest.approx(np.mean(list(expected.values())))
    receipt = json.loads((workspace.folder / f"{TARGET}.receipt.json").read_text())
    assert receipt["key"]["kind"] == "brightness" and len(receipt["inputs"]) == 1
    assert workspace.plan(TARGET) == {}


def test_a_change_of_its_code_makes_it_run_again(workspace):
    path = workspace.folder / "pipeline/jobs/brightness.py"
    path.write_text(path.read_text().replace("np.mean(images", "np.median(images"))
    assert workspace.plan(TARGET) == {"brightness": 1}
