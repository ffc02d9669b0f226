"""A table from a copy that lacks a camera, run for real: what can be computed is, the audit holds, and the rest comes later."""

import pytest

from tests.workflow.workspace import TABLE, Workspace

pytestmark = pytest.mark.long


def test_a_camera_comes_later(tmp_path):
    workspace = Workspace.create(tmp_path / "repo")
    workspace.change(lambda params: params["datasets"]["simcam"].update(available=["sony"]))
    of_sony = {"pack": 1, "train_source_only_train": 1, "evaluate": 1, "evaluate_untrained": 1, "table": 1}
    assert workspace.plan(TABLE) == of_sony
    workspace.snakemake("-c1", "--", TABLE)
    text = (workspace.folder / TABLE).with_suffix(".html").read_text()
    # Source Only and DADA of PSNR and SSIM; their gain and its interval.
    assert text.count("<span>–</span>") == 8
    assert "has no images of Panasonic (datasets.simcam.available in params.yaml)" in text
    assert workspace.plan(TABLE) == {} and workspace.holds(TABLE), workspace.said
    workspace.change(lambda params: params["datasets"]["simcam"].update(available=None))
    assert not workspace.holds(TABLE)
    assert workspace.said.count("has no reason: params.yaml leaves out no camera that it needs") >= 2
    trained = {"train_source_only_train": 1, "train_dada_circle": 1, "train_dada_adapt": 1}
    assert workspace.plan(TABLE) == {"pack": 1, **trained, "evaluate": 2, "table": 1}
    workspace.snakemake("-c1", "--", TABLE)
    assert "<span>–</span>" not in (workspace.folder / TABLE).with_suffix(".html").read_text()
    assert workspace.holds(TABLE), workspace.said
