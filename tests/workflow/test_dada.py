"""Every method of DADA's Table 1, in both settings, at the scale that no reference code has, on the tiny edition."""

import csv
import math

import pytest

from tests.workflow.workspace import Workspace

METHODS = ("bicubic", "source_only", "cincgan", "dasr", "drn_adapt", "dada", "target_only")


def larger_patches(params: dict) -> None:
    """DASR's discriminator needs 16 pixels of a halved HR patch."""
    for block in params["methods"].values():
        for stage in block.get("stages", {}).values():
            stage["schedule"]["small"]["patch"] = 12


@pytest.mark.timeout(600)
def test_whole_table(tmp_path):
    workspace = Workspace.create(tmp_path / "repo")
    workspace.change(larger_patches)
    target = "results/tables/dada_simcam_x3.tex"
    workspace.snakemake("-c2", "--", target)
    with open((workspace.folder / target).with_suffix(".csv"), newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "psnr_y" and " - " not in row["method"]]
    found = {(row["setting"], row["method"]): float(row["value"]) for row in rows}
    both = {(setting, method) for setting in ("real", "synthetic") for method in METHODS}
    assert set(found) == both - {("synthetic", "target_only")}
    assert all(math.isfinite(value) and 0 < value < 60 for value in found.values())
    of_one_row = [value for (_, method), value in found.items() if method not in ("bicubic", "target_only")]
    assert len(set(of_one_row)) == len(of_one_row), "two methods or settings that are the same network"
    assert workspace.plan(target) == {}
    assert workspace.holds(target), workspace.said
