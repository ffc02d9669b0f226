"""A run folder is taken apart and put together in one place."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.plan import cells, params
from pipeline.plan.run import Run

ADAPT = "results/runs/simcam_x4/real/sony-olympus/dada/adapt/seed0"
BICUBIC = "results/runs/simcam_lab_x2/bicubic"


@pytest.mark.parametrize("path", [ADAPT, Path(ADAPT), f"{ADAPT}/generator.safetensors", f"{ADAPT}/x.json.receipt.json"])
def test_the_folder_of_a_training_and_files_in_it(path):
    run = Run.of(path)
    assert run == Run("simcam", 4, "dada", "real", "sony-olympus", "adapt", 0)
    assert (run.folder, run.group, run.name) == (ADAPT, "simcam_x4", "real/sony-olympus/dada/adapt/seed0")
    assert (run.source, run.target) == ("sony", "olympus")


def test_a_stage_of_the_source_alone_has_no_target():
    run = Run.of("results/runs/drealsr_x3/synthetic/sony/source_only/train/seed12")
    assert (run.source, run.target, run.seed, run.scale) == ("sony", None, 12, 3)


@pytest.mark.parametrize("path", [BICUBIC, f"{BICUBIC}/metrics_sony.json"])
def test_a_method_without_training(path):
    run = Run.of(path)
    assert run == Run("simcam_lab", 2, "bicubic") and run.folder == BICUBIC and run.name == "bicubic"
    assert (run.setting, run.cameras, run.stage, run.seed, run.source, run.target) == (None,) * 6


@pytest.mark.parametrize(
    "path",
    [
        "results/tables/dada.tex",
        "results/runs/simcam/bicubic",
        "results/runs/simcam_x4",
        "results/runs/simcam_x4/real/sony-olympus",
        f"{ADAPT}.mine",
        f"{ADAPT}/deeper/file.json",
        f"/somewhere/{ADAPT}",
    ],
)
def test_other_paths_are_refused_by_name(path):
    with pytest.raises(UserError, match=f"^{path}: not a run folder; expected results/runs/"):
        Run.of(path)


def test_it_agrees_with_the_plan_about_every_run_and_every_cell():
    settings = params.load()
    paths = [path for table in settings["tables"] for path in cells.training_runs(settings, table)]
    paths += [cell["metrics"] for table in settings["tables"] for cell in cells.table_cells(settings, table)]
    assert len(paths) > 1000
    for path in paths:
        assert Run.of(path).folder == (path if path.rpartition("/")[2].startswith("seed") else path.rpartition("/")[0])


def test_the_planned_folders_are_those_that_are_taken_apart():
    from pipeline.plan import paths

    place = {"dataset": "simcam", "scale": 4, "setting": "real", "cameras": "sony-olympus", "method": "dada"}
    run = Run(**place, stage="adapt", seed=2)
    assert run.folder == paths.run_folder(**place, stage="adapt", seed=2) and Run.of(run.folder) == run
    untrained = Run("simcam", 4, "bicubic")
    assert untrained.folder == paths.untrained_folder("simcam", 4, "bicubic") and Run.of(untrained.folder) == untrained
