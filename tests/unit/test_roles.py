"""Roles of files in jobs: what the key says, and that swapping two of them is seen."""

import copy

import pytest

from pipeline.plan import keys, params

WILDCARDS = {"dataset": "simcam", "scale": "4", "setting": "real", "cameras": "panasonic-sony", "seed": "0"}
ADAPT = WILDCARDS | {"method": "dada", "stage": "adapt"}


@pytest.fixture(scope="module")
def shipped() -> dict:
    return params.load("params.yaml")


def test_a_training_names_every_file(shipped):
    named = keys.key(shipped, "train", ADAPT)["files"]
    circle = "results/runs/simcam_x4/real/panasonic/dada/circle/seed0"
    assert named["inputs"] == {
        "source_lr": "data/packed/simcam_x4/panasonic/train_lr.safetensors",
        "source_hr": "data/packed/simcam_x4/panasonic/train_hr.safetensors",
        "target_lr": "data/packed/simcam_x4/sony/train_lr.safetensors",
        "start_generator": f"{circle}/generator.safetensors",
        "start_downsampler": f"{circle}/downsampler.safetensors",
    }
    assert list(named["outputs"]) == ["generator", "history"]


def test_the_same_files_in_other_roles_are_another_key(shipped):
    """Snakemake sees the same set of inputs; only the roles differ."""
    swapped = copy.deepcopy(shipped)
    starts = swapped["methods"]["dada"]["stages"]["adapt"]["starts"]
    starts["downsampler"] = "source_only/train"
    before, after = (keys.key(settings, "train", ADAPT) for settings in (shipped, swapped))
    assert before["settings"] == after["settings"] and before["files"] != after["files"]


def test_a_stage_without_a_generator_names_what_it_leaves(shipped):
    wildcards = WILDCARDS | {"method": "dasr", "stage": "dsn"}
    assert list(keys.kind("train").outputs(shipped, wildcards)) == ["degrader", "domain_discriminator", "history"]
    starts = keys.kind("train").inputs(shipped, WILDCARDS | {"method": "dasr", "stage": "sr"})
    assert starts["start_degrader"] == "results/runs/simcam_x4/real/panasonic-sony/dasr/dsn/seed0/degrader.safetensors"
    assert (
        starts["start_generator"] == "results/runs/simcam_x4/real/panasonic/dasr/pretrain/seed0/generator.safetensors"
    )


def test_what_settings_name_already_is_left_out(shipped):
    named = keys.key(shipped, "table", {"table": "dada_simcam"})["files"]
    assert named["inputs"] == {"reported": "data/reported/dada.yaml"}
    cells = keys.key(shipped, "table", {"table": "dada_simcam"})["settings"]["cells"]
    given = keys.kind("table").inputs(shipped, {"table": "dada_simcam"})["metrics"]
    assert set(given) == {cell["metrics"] for cell in cells} and len(given) == len(set(given))


def test_an_evaluation_without_training_has_no_generator(shipped):
    untrained = {"dataset": "simcam", "scale": "4", "method": "bicubic", "camera": "sony"}
    assert keys.key(shipped, "evaluate", untrained)["files"] == {
        "inputs": {f"test_{kind}": f"data/packed/simcam_x4/sony/test_{kind}.safetensors" for kind in ("lr", "hr")},
        "outputs": {
            "metrics": "results/runs/simcam_x4/bicubic/metrics_sony.json",
            "samples": "results/runs/simcam_x4/bicubic/samples_sony.safetensors",
        },
    }
    trained = keys.key(shipped, "evaluate", ADAPT | {"camera": "sony"})["files"]
    folder = "results/runs/simcam_x4/real/panasonic-sony/dada/adapt/seed0"
    assert trained["inputs"]["generator"] == f"{folder}/generator.safetensors"
    assert trained["outputs"]["metrics"] == f"{folder}/metrics_sony.json"
