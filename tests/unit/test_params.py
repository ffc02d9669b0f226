"""What a user can get wrong in params.yaml: each mistake is named with its key, before anything runs."""

import copy

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.plan import cells, params, runs, train

PARAMS = params.load()


def refused(change) -> str:
    """The message for params.yaml after `change` was applied to a copy."""
    changed = copy.deepcopy(PARAMS)
    change(changed)
    with pytest.raises(UserError) as error:
        params.check(changed)
    return str(error.value)


def test_the_shipped_settings_hold():
    params.check(PARAMS)


def test_key_that_stands_twice_is_named_with_both_lines(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: &one {x: 1}\nb: {<<: *one, y: 2}\nc: [*one, *one]\n")
    params.check_keys(path)
    path.write_text("a:\n  x: 1\n  y: [{z: 1}]\n  x: 2\n")
    with pytest.raises(UserError, match="lines 2 and 4: 'x' stands twice"):
        params.check_keys(path)


def test_number_written_as_text_is_explained():
    schedule = "methods.dada.stages.adapt.schedule.small"
    message = refused(lambda p: p["methods"]["dada"]["stages"]["adapt"]["schedule"]["small"].update(lr="1e-4"))
    assert (
        f"params.yaml: {schedule}.lr" in message and "'1e-4' is not of type 'number'" in message and "1.0e-4" in message
    )


def test_number_written_as_text_in_a_loss_is_refused():
    message = refused(
        lambda p: p["methods"]["dada"]["stages"]["adapt"]["loss"]["code"].update(adversarial_weight="5e-3")
    )
    assert "methods.dada.stages.adapt.loss.code.adversarial_weight" in message and "1.0e-4" in message


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ([], "tabels"),
        (["methods", "dada"], "stage"),
        (["editions", "small"], "netwroks"),
        (["datasets", "simcam"], "camera"),
    ],
)
def test_unknown_key_is_named(place, key):
    def change(settings):
        for name in place:
            settings = settings[name]
        settings[key] = 1

    assert f"'{key}' was unexpected" in refused(change)


def test_missing_key_is_named():
    assert "'preset' is a dependency" in refused(lambda p: p["methods"]["dada"].pop("preset"))


def test_camera_that_does_not_exist():
    message = refused(lambda p: p["tables"]["dada_simcam"]["pairs"].append(["panasonic", "leica"]))
    assert (
        "tables.dada_simcam: camera 'leica' does not exist in datasets.simcam.cameras (panasonic, sony, olympus)"
        in message
    )


def test_scale_without_recipe():
    message = refused(lambda p: p["datasets"]["simcam"].update(scales=[2, 4]))
    assert "tables.dada_simcam_x3.scale: 3 is not one of datasets.simcam.scales [2, 4]" in message


def test_pair_of_one_camera():
    assert "same camera as source and target" in refused(
        lambda p: p["tables"]["dada"]["pairs"].append(["sony", "sony"])
    )


def test_method_that_does_not_exist():
    assert "'dadaa' is not one of the methods" in refused(lambda p: p["tables"]["dada"]["methods"].append("dadaa"))


def test_preset_that_does_not_exist():
    assert "no preset 'papr'" in refused(lambda p: p["methods"]["dada"].update(preset="papr"))


def test_start_from_a_stage_that_does_not_exist():
    message = refused(lambda p: p["methods"]["dada"]["stages"]["circle"]["starts"].update(generator="dada/upp"))
    assert "methods.dada.stages.circle.starts.generator: 'dada/upp' does not produce a generator" in message


def test_final_stage_that_does_not_exist():
    message = refused(lambda p: p["methods"]["dada"].update(final="adopt"))
    assert "methods.dada.final: 'adopt' is not one of its stages up, circle, adapt" in message


def test_final_stage_of_a_method_leaves_a_generator():
    message = refused(lambda p: p["methods"]["dasr"]["stages"]["sr"].update(produces=["degrader"]))
    assert "methods.dasr.stages.sr.produces: the final stage of a method leaves a generator" in message


def test_edition_without_schedule_for_a_used_method():
    message = refused(lambda p: p["methods"]["dada"]["stages"]["adapt"]["schedule"].pop("small"))
    assert "methods.dada.stages.adapt.schedule: nothing for edition 'small', used by tables.dada_simcam" in message


def test_all_problems_are_told_at_once():
    def change(settings):
        settings["methods"]["dada"]["preset"] = "papr"
        settings["tables"]["dada"]["methods"] = [*settings["tables"]["dada"]["methods"], "dadaa"]

    assert len(refused(change).splitlines()) == 4  # three stages lack the preset, one table the method


def test_invalid_yaml_names_the_file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("datasets: {simcam: [")
    with pytest.raises(UserError, match=r"params\.yaml: not valid YAML"):
        params.load(path)


def test_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(UserError, match="Run from the top folder"):
        params.load(tmp_path / "params.yaml")


def test_every_preset_of_the_file_reads_as_numbers():
    """Nothing in the shipped file is a number in disguise."""
    text = yaml.safe_dump(PARAMS)
    assert "'1e-" not in text and "'5e-" not in text


def test_shared_stages_are_trained_once():
    runs = cells.training_runs(PARAMS, "dada")
    kinds = [(run["setting"], run["method"], run["stage"]) for run in runs.values()]
    # Phase 1 of DADA and CinCGAN's SR network are the Source Only run.
    of_source = [("source_only", "train"), ("dada", "circle"), ("dasr", "pretrain"), ("drn_adapt", "pretrain")]
    of_pair = [("cincgan", "inner"), ("cincgan", "joint"), ("dasr", "dsn"), ("dasr", "sr")]
    of_pair += [("drn_adapt", "adapt"), ("dada", "adapt")]
    for setting in ("real", "synthetic"):
        assert all(kinds.count((setting, *stage)) == 3 for stage in of_source)
        assert all(kinds.count((setting, *stage)) == 6 for stage in of_pair)
    assert len(runs) == 2 * (3 * len(of_source) + 6 * len(of_pair))


def test_target_only_is_the_real_model_of_the_target_camera():
    folder = runs.result_folder(PARAMS, "drealsr", 4, "synthetic", "sony", "olympus", "target_only", 0)
    assert folder == "results/runs/drealsr_x4/real/olympus/source_only/train/seed0"


def test_target_only_stands_once_in_the_table():
    found = [cell for cell in cells.table_cells(PARAMS, "dada") if cell["method"] == "target_only"]
    assert len(found) == 6 and {cell["setting"] for cell in found} == {"real"}


def test_synthetic_setting_reads_bicubic_source_and_real_target():
    inputs = train.inputs(PARAMS, "drealsr", 4, "synthetic", "sony-olympus", "dada", "adapt", 0)
    assert inputs["source_lr"].endswith("sony/train_bicubic.safetensors")
    assert inputs["target_lr"].endswith("olympus/train_lr.safetensors")
    assert inputs["start_generator"] == "results/runs/drealsr_x4/synthetic/sony/dada/circle/seed0/generator.safetensors"
    assert inputs["vgg19"] == "data/weights/vgg19-dcbb9e9d.pth"
    assert "vgg19" not in train.inputs(PARAMS, "simcam", 4, "real", "sony-olympus", "dada", "adapt", 0)
