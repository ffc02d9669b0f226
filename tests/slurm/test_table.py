"""`snakemake --profile slurm results/tables/dada_simcam.tex`, from a fresh clone: the same bytes as without SLURM."""

import re

import pytest

from tests.long.killing import assert_same, contents
from tests.slurm.calls import IMPATIENT, RUNS, Call, accounted, jobs
from tests.workflow.workspace import TABLE

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


def test_the_line_of_the_readme_makes_the_same_bytes(site, here, tmp_path):
    clone = here.clone(tmp_path / "repo")
    said = Call(clone, TABLE).ends()
    assert_same(contents(clone), contents(here))
    found = jobs(site, clone)
    # Both cameras in one; Bicubic; three trainings in a row beside one more; the evaluations of three runs.
    kinds = ("untrained", "rule_pack", "rule_train", "rule_evaluate")
    names = sorted(next(kind for kind in kinds if kind in job.comment) for job in found)
    assert names == ["rule_evaluate"] * 3 + ["rule_pack"] + ["rule_train"] * 4 + ["untrained"]
    assert {job.state for job in found} == {"COMPLETED"} and "localrule table" in said
    for job in found:
        assert "gpu" not in accounted(site, job.number, "AllocTRES")[0]
    for receipt in clone.folder.glob("results/runs/**/*.receipt.json"):
        assert list(receipt.parent.glob("log*.txt")), "a job's log lies beside its result"
    assert not list((clone.folder / ".snakemake/slurm_logs").rglob("*.log")), "sbatch's logs of good jobs are removed"


def test_two_lines_are_edited_and_gpu_jobs_ask_for_one(site, here, tmp_path):
    """Account and partition; trainings and evaluations that need a GPU get one, packing does not."""
    clone = here.clone(tmp_path / "repo")
    profile = clone.folder / "slurm/config.yaml"
    text = profile.read_text()
    edited = text.replace("# slurm_account: my_account", "slurm_account: lab")
    edited = edited.replace("# slurm_partition: gpu\n  # SIG", "slurm_partition: batch\n  # SIG")
    changed = [line for line in edited.splitlines() if line not in text.splitlines()]
    assert changed == ["  slurm_account: lab", "  slurm_partition: batch"]
    profile.write_text(edited)

    def on_gpu(params: dict) -> None:
        for kind in ("train", "evaluate"):
            params["editions"]["small"]["resources"][kind] |= {"gpu": 1, "cpus_per_task": 2, "mem_mb": 3000}

    clone.change(on_gpu)
    measured = [f"{RUNS}/panasonic/source_only/train/seed0/metrics_{camera}.json" for camera in ("panasonic", "sony")]
    Call(clone, *IMPATIENT, *measured).ends()
    asked = {
        job.comment.partition("_")[2]: accounted(site, job.number, "Account", "Partition", "TimelimitRaw", "ReqTRES")
        for job in jobs(site, clone)
    }
    assert {tuple(values[:2]) for values in asked.values()} == {("lab", "batch")}
    found = {re.search(r"pack|train_source_only|evaluate", kind)[0]: values[2:] for kind, values in asked.items()}
    # Both evaluations are one job: one after the other on its GPU, so twice the time and once the rest.
    assert found == {
        "pack": ["10", "billing=2,cpu=2,mem=8000M,node=1"],
        "train_source_only": ["30", "billing=2,cpu=2,gres/gpu=1,mem=3000M,node=1"],
        "evaluate": ["30", "billing=2,cpu=2,gres/gpu=1,mem=3000M,node=1"],
    }
