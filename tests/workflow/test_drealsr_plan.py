"""`snakemake --profile slurm results/tables/dada.tex`: without the data one clear message, with it the whole plan."""

import re

import pytest

from tests.fake_drealsr import write_fake_drealsr
from tests.workflow.workspace import ROOT, Workspace

TARGET = "results/tables/dada.tex"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace.create(tmp_path_factory.mktemp("drealsr") / "repo")


@pytest.mark.parametrize("words", [["--profile", "slurm"], ["-n"], ["-c2"]])
def test_without_the_data_nothing_starts(workspace, words):
    done = workspace.snakemake(*words, "--", TARGET, check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    for part in ("adopt.drealsr", "site.yaml", "Component-Divide-and-Conquer", "pan.baidu.com"):
        assert part in text, text[-2000:]
    assert "Traceback" not in text
    assert not list(workspace.folder.glob("results/runs/drealsr*")) and not (workspace.folder / "data/packed").exists()


def test_with_the_data_the_full_table_is_planned(workspace, tmp_path):
    write_fake_drealsr(tmp_path / "DRealSR")
    workspace.change(lambda p: p["adopt"].update(drealsr=str(tmp_path / "DRealSR")))
    done = workspace.snakemake("--profile", "slurm", "-n", "--quiet", "rules", "--", TARGET)
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE)}
    assert jobs == {
        "pack": 3,
        "fetch_weights": 2,
        # 3 cameras x 2 settings, shared by all pairs
        "train_source_only_train": 6,
        "train_dasr_pretrain": 6,
        "train_drn_adapt_pretrain": 6,
        "train_dada_circle": 6,
        # 6 pairs x 2 settings
        "train_cincgan_inner": 12,
        "train_cincgan_joint": 12,
        "train_dasr_dsn": 12,
        "train_dasr_sr": 12,
        "train_drn_adapt_adapt": 12,
        "train_dada_adapt": 12,
        "evaluate": 5 * 12 + 3,  # five methods, Target Only on three cameras
        "table": 1,
        "total": 165,
    }


def test_with_two_cameras_the_cells_that_can_be_computed_are_planned(workspace, tmp_path):
    write_fake_drealsr(tmp_path / "DRealSR", cameras=("panasonic", "sony"))

    def two(params: dict) -> None:
        params["adopt"].update(drealsr=str(tmp_path / "DRealSR"))
        params["datasets"]["drealsr"]["available"] = ["panasonic", "sony"]

    workspace.change(two)
    planned = workspace.plan(TARGET)
    assert (planned["pack"], planned["train_dada_adapt"], planned["evaluate"]) == (2, 2 * 2, 2 * 2 * 5 + 2)
    done = workspace.snakemake("-n", "--", "results/tables/dada_ablation.tex", check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0 and "every cell of table dada_ablation needs images of olympus" in text, text[-2000:]
    assert "Traceback" not in text
    workspace.change(lambda p: p["datasets"]["drealsr"].update(available=None))


def test_every_job_is_sized_for_the_cluster(workspace, tmp_path):
    write_fake_drealsr(tmp_path / "DRealSR")
    workspace.change(lambda p: p["adopt"].update(drealsr=str(tmp_path / "DRealSR")))
    done = workspace.snakemake("--profile", "slurm", "-n", "--", TARGET)
    text = done.stdout + done.stderr
    resources = [line for line in text.splitlines() if line.strip().startswith("resources:")]
    assert len(resources) >= 165
    for line in resources:
        assert "runtime=" in line and "mem_mb=" in line and "cpus_per_task=" in line, line
    assert sum("gpu=1" in line for line in resources) == 96 + 63


def test_the_profile_is_where_snakemake_looks():
    assert (ROOT / "slurm/config.yaml").is_file()
