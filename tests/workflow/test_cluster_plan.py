"""What is said of a cluster before anything is submitted: jobs and submissions, and what later attempts ask for."""

import re
from types import SimpleNamespace

import pytest
import yaml

from pipeline.cost import cluster, estimate
from pipeline.cost.__main__ import with_seeds
from pipeline.cost.table import Row
from pipeline.plan import params
from pipeline.workflow.rules import Workflow
from tests.workflow.workspace import CROSS, ROOT, TABLE, Workspace, written


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    def two_seeds(settings: dict) -> None:
        for table in settings["tables"].values():
            table["seeds"] = [0, 1]

    workspace = Workspace.create(tmp_path_factory.mktemp("cluster") / "repo")
    workspace.change(two_seeds)
    return workspace


def test_no_key_of_the_profile_is_overruled():
    """Snakemake takes the whole value of a key from profiles/default where both have one."""
    everywhere, site = (
        yaml.safe_load((ROOT / path).read_text()) for path in ("profiles/default/config.yaml", "slurm/config.yaml")
    )
    assert set(everywhere) & set(site) == set()


def test_jobs_and_submissions_are_those_that_snakemake_counts(workspace, monkeypatch):
    done = workspace.snakemake("--profile", "slurm", "-n", "--", TABLE, CROSS)
    text = done.stdout + done.stderr
    counted = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}
    grouped = len(set(re.findall(r"Group job (\S+)", text)))
    single = sum(count for rule, count in counted.items() if rule.startswith("train"))
    monkeypatch.chdir(workspace.folder)
    settings = written(workspace.folder)
    tables = ["dada_simcam", "dada_simcam_crossdevice"]
    found = cluster.jobs(settings, tables, estimate.rows(settings, tables))
    told = {rule: jobs for rule, (jobs, _, _) in found.items()}
    assert told | {"total": sum(told.values())} == counted
    assert sum(submissions for _, submissions, _ in found.values()) == grouped + single
    # Two cameras, two seeds of two trainings on two cameras; adapted runs are tested on their target alone.
    assert found["pack"][:2] == (2, 1)
    assert found["evaluate"][:2] == (10, 6)
    assert found["table"][1] == 0


ROW = {"dataset": "drealsr", "scale": 4, "device": "cuda"}
EVALUATED = Row(**ROW, method="dada", what="DADA", stage="evaluate", runs=12, steps=20, seconds=3.0)


def trained(**hours: float) -> list[Row]:
    """Two runs of each stage, by hours of one."""
    methods = {"circle": "dada", "adapt": "dada", "train": "source_only"}
    return [
        Row(**ROW, method=methods[stage], what=methods[stage], stage=stage, runs=2, steps=3600, seconds=value)
        for stage, value in hours.items()
    ]


def test_hours_attempts_and_the_longest_chain():
    settings = params.load()
    found = trained(train=38.0, circle=23.0, adapt=50.0)
    jobs, submissions, rows = cluster.jobs(settings, ["dada"], [*found, EVALUATED])["train_dada_adapt"]
    assert (jobs, submissions) == (2, 2)
    cpus = settings["editions"]["paper"]["resources"]["train"]["cpus_per_task"]
    # 50 hours do not fit into the limit of 48.
    assert cluster.hours_of(settings, "train_dada_adapt", rows) == (100, 100 * cpus, 50, 2)
    assert cluster.longest_chain(settings, found) == 38 + 23 + 50
    text = cluster.as_text(settings, ["dada"], [*found, EVALUATED])
    assert "222 GPU-hours, " in text and "not less than 111.0 hours, however many GPUs; about 111 on 8" in text


def test_more_seeds_are_planned_without_changing_the_settings():
    settings = params.load()
    changed = with_seeds(settings, ["dada", "nothing"], [0, 1, 2])
    assert changed["tables"]["dada"]["seeds"] == [0, 1, 2] and settings["tables"]["dada"]["seeds"] == [0]
    assert changed["tables"]["dada_x2"] is settings["tables"]["dada_x2"] and "nothing" not in changed["tables"]


@pytest.mark.parametrize(
    ("rule", "name", "factors"),
    [
        ("train", "mem_mb", [1, 1.5, 2, 2]),
        ("evaluate", "mem_mb", [1, 1.5, 2, 2]),
        ("evaluate", "runtime", [1, 1.5, 2, 2]),
        ("pack", "runtime", [1, 1.5, 2, 2]),
    ],
)
def test_later_attempts_ask_for_more_at_most_twice(rule, name, factors):
    settings = params.load()
    asked = Workflow(settings).resources(rule)[name]
    first = settings["editions"]["paper"]["resources"][rule][name]
    wildcards = SimpleNamespace(dataset="drealsr")
    assert [asked(wildcards, attempt=number) for number in (1, 2, 3, 4)] == [first * factor for factor in factors]


def test_a_training_goes_on_so_it_asks_for_no_more_time():
    settings = params.load()
    asked = Workflow(settings).resources("train")["runtime"]
    assert asked(SimpleNamespace(dataset="drealsr")) == settings["editions"]["paper"]["resources"]["train"]["runtime"]
