"""What a result rests on, and what it does not: the key of each kind of job under one change of the settings."""

import copy
from collections.abc import Callable

import pytest

from pipeline.plan import cells, keys, params, runs
from pipeline.plan.seen import seen
from pipeline.provenance import fingerprint

SHIPPED = params.load()
PLACE = {"dataset": "simcam", "scale": "4", "setting": "real", "cameras": "panasonic-sony", "seed": "0"}
ADAPT = PLACE | {"method": "dada", "stage": "adapt"}
JOBS = {
    "pack": {"dataset": "simcam", "scale": "4", "camera": "sony"},
    "train": ADAPT,
    "evaluate": ADAPT | {"camera": "sony"},
    "samples": ADAPT | {"camera": "sony"},
    "table": {"table": "dada_simcam"},
    "report": {"report": "dada_simcam"},
}


def move_a_crop(settings: dict) -> None:
    settings["datasets"]["simcam"]["crops"]["china"] = [0, 0, 96, 96]


def draw_more_samples(settings: dict) -> None:
    settings["editions"]["small"]["evaluate"]["bootstrap"]["samples"] += 1


def save_states_more_often(settings: dict) -> None:
    settings["editions"]["small"]["training"]["state_minutes"] /= 2


def log_more_often(settings: dict) -> None:
    settings["editions"]["small"]["training"]["log_every"] += 1


def other_tiles(settings: dict) -> None:
    settings["editions"]["small"]["evaluate"]["tile"] *= 2


def another_weight(settings: dict) -> None:
    settings["methods"]["dada"]["stages"]["adapt"]["loss"]["code"]["adversarial_weight"] = 1


def more_memory(settings: dict) -> None:
    settings["editions"]["small"]["resources"]["train"]["mem_mb"] *= 2


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (move_a_crop, {"samples", "report"}),
        (draw_more_samples, {"table"}),
        (save_states_more_often, set()),
        (log_more_often, set()),
        (more_memory, set()),
        (other_tiles, {"evaluate", "samples"}),
        (another_weight, {"train"}),
    ],
)
def test_a_change_reaches_the_keys_of_these_kinds_alone(change: Callable[[dict], None], kinds: set[str]):
    changed = copy.deepcopy(SHIPPED)
    change(changed)
    assert {
        kind for kind, place in JOBS.items() if keys.key(SHIPPED, kind, place) != keys.key(changed, kind, place)
    } == kinds


@pytest.mark.parametrize("dataset", ["simcam", "drealsr", "realsr", "div2k", "set5"])
def test_packing_rests_only_on_packages_that_make_pixels(dataset):
    camera = next(name for name, block in SHIPPED["datasets"][dataset]["cameras"].items() if "frames" not in block)
    key = keys.key(SHIPPED, "pack", {"dataset": dataset, "scale": "4", "camera": camera})
    assert key["packages"]["names"] == ["numpy", "pillow", "safetensors"]


@pytest.mark.parametrize(
    ("method", "stage", "network"),
    [
        ("dasr", "sr", "rrdb"),
        ("drn_adapt", "adapt", "drn"),
        ("dada", "adapt", "cdc_pair"),
        ("cincgan", "joint", "cincgan_pair"),
    ],
)
def test_an_evaluation_rests_on_its_own_network(method, stage, network):
    key = keys.key(SHIPPED, "evaluate", PLACE | {"method": method, "stage": stage, "camera": "sony"})
    assert key["settings"]["expect"] == network
    modules = {name.removeprefix("pipeline.models.") for name in fingerprint.closure(key["code"]["modules"])}
    assert network in modules and ("cdc" in modules) == (network in ("cdc_pair", "cincgan_pair"))


def test_packing_rests_on_its_own_data_set_alone():
    key = keys.key(SHIPPED, "pack", JOBS["pack"])
    modules = fingerprint.closure(key["code"]["modules"])
    assert "pipeline.datasets.simcam" in modules and "pipeline.datasets.drealsr" not in modules


# --------------------------------------------------------------------------------------------------------- what was seen


def sentence(settings: dict, table: str = "dada_simcam") -> str:
    """The note of a table about what its trainings were given."""
    notes = keys.key(settings, "table", {"table": table})["settings"]["notes"]
    return next(note for note in notes if note.startswith("Checkpoint"))


def test_the_shipped_tables_say_that_nobody_peeked():
    for table in SHIPPED["tables"]:
        said = sentence(SHIPPED, table)
        assert (
            said
            == "Checkpoint: always the last. No training is given a test image, no adaptation the HR of its target camera."
        )


def test_a_table_names_the_stage_that_is_given_a_test_image_or_the_targets_hr(monkeypatch):
    """The sentence follows from the images that runs are given, also below a table by `starts`."""
    given = runs.images_read

    def peeking(settings: dict, run: dict) -> dict:
        source, target = runs.source_target(run["cameras"])
        extra = {"source_lr": (source, "test", "lr")} if run["stage"] == "circle" else {}
        return given(settings, run) | extra | ({"target_hr": (target, "train", "hr")} if run["stage"] == "sr" else {})

    monkeypatch.setattr(runs, "images_read", peeking)
    said = sentence(SHIPPED)
    assert "Given a test image: DADA circle." in said and "Given the HR of its target camera: DASR sr." in said
    assert "No training" not in said and "no adaptation" not in said


def test_another_rule_of_selection_is_named():
    changed = copy.deepcopy(SHIPPED)
    changed["methods"]["dada"]["stages"]["adapt"]["selection"] = "holdout"
    said = seen(changed, cells.training_runs(changed, "dada_simcam").values()).sentences()
    assert said.startswith("Checkpoint: last (") and "; holdout (DADA adapt)." in said
