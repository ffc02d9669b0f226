"""A handful of the changes of tests/long/test_mutations.py, on one small table: found and named, or harmless and silent."""

import random
import shutil
from pathlib import Path

import pytest

from tests.long.harmless import HARMLESS
from tests.long.mutations import KINDS
from tests.long.workshop import Workshop
from tests.workflow.workspace import CROSS, Workspace

SEED = 4
CHANGES = (
    "a bit of a generator or downsampler",
    "a digit of a number in the .tex",
    "a digit in the .csv",
    "a digit of a metric",
    "a digit in a manifest",
    "a value in a receipt",
    "two files swapped",
    "a constant in a module",
    "a locked version",
)
NOTHING = (
    "comments in modules",
    "order and layout of the settings",
    "order and layout of receipts",
    "large files not pulled",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    workspace = Workspace.create(tmp_path_factory.mktemp("audited") / "repo")
    workspace.snakemake("-c2", "--", CROSS)
    workspace.commit("results")
    return workspace.folder


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return shutil.copytree(finished, tmp_path / "repo", symlinks=True)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_found_and_named(kind, finished, copy):
    shop = Workshop(finished, SEED)
    (mutation,) = shop.draw(kind, KINDS[kind][0], 1)
    assert shop.missed(mutation, copy) is None


@pytest.mark.parametrize("kind", NOTHING)
def test_what_means_nothing_is_silent(kind, finished, copy):
    HARMLESS[kind][0](copy, random.Random(SEED))
    code, said = Workshop(finished, SEED).audit(copy)
    assert code == 0 and "0 problems" in said, said


def test_the_pages_are_left_beside_the_reports(finished, copy):
    code, said = Workshop(finished, SEED).audit(copy)
    page = copy / "results/report/audit_dada_simcam_crossdevice.html"
    assert code == 0 and f"more: {page.relative_to(copy)}" in said
    assert "holds." in page.read_text() and page.with_suffix(".json").is_file()
    assert not Workspace(copy).git("status", "--porcelain")


def test_one_number_down_to_the_machine(finished, copy):
    done = Workspace(copy).python("-m", "pipeline.audit", CROSS, "--no-page", "--cell", "panasonic sony")
    for word in ("schedule.steps 4", "pipeline.jobs.train ", "torch ", "cpu ", "commit", "rows of train", "seed 0"):
        assert word in done.stdout, word


def test_reading_needs_no_torch_and_no_workflow_tool(copy):
    code = f"import sys; sys.argv = ['audit', '{CROSS}']\nfrom pipeline.audit.__main__ import main\ntry: main()\n"
    code += (
        "except SystemExit: print('found', *{'torch', 'snakemake', 'dvc', 'mlflow', 'matplotlib'} & set(sys.modules))"
    )
    assert Workspace(copy).python("-c", code).stdout.splitlines()[-1].strip() == "found"
