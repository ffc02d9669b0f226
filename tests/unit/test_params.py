"""What a user can get wrong in settings: each mistake is named with file, line and key, before anything runs."""

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.plan import cells, params, runs, settings_files, settings_page, train
from pipeline.plan.inherit import plain

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
    path.write_text("a: &one {x: 1}\nb: {<<: *one, x: 2}\nc: [*one, {<<: *one}]\n")
    assert plain(settings_files.read(path)) == {"a": {"x": 1}, "b": {"x": 2}, "c": [{"x": 1}, {"x": 1}]}
    path.write_text("a:\n  x: 1\n  y: [{z: 1}]\n  x: 2\n")
    with pytest.raises(UserError, match=r"params\.yaml, lines 2 and 4: 'x' stands twice"):
        params.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {[c]: 1}\n", "line 2: a name cannot be a block or a list"),
        ("a: 1\nb: &b\n  c: *b\n", "line 3: an anchor that holds itself"),
        ("\n- a\n", "line 2: expected blocks"),
    ],
)
def test_a_file_that_is_no_settings(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"params\.yaml, {message}"):
        params.load(tmp_path / "params.yaml")


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


@pytest.fixture
def shop(tmp_path) -> Callable:
    """Function that changes a text in a copy of the shipped files, and then reads them."""
    shutil.copy("params.yaml", tmp_path)
    shutil.copytree("params", tmp_path / "params")

    def changed(file: str | None = None, old: str = "", new: str = "", over: dict | None = None) -> dict:
        if file:
            path = tmp_path / file
            text = path.read_text() if path.exists() else ""
            assert old in text
            path.write_text(text.replace(old, new, 1) if old else text + new)
        return params.load(tmp_path / "params.yaml", over=over)

    return changed


def line_of(file: str, text: str) -> int:
    """Number of the first line of a shipped file that holds a text."""
    return next(number for number, line in enumerate(Path(file).read_text().splitlines(), 1) if text in line)


def refusal(shop: Callable, *words, **named) -> str:
    with pytest.raises(UserError) as error:
        shop(*words, **named)
    return str(error.value)


def test_the_shipped_files_use_no_anchors():
    for path in settings_files.paths("params.yaml"):
        events = yaml.parse(Path(path).read_text())
        assert not [event.anchor for event in events if getattr(event, "anchor", None)]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"),
    [
        ("params/dada.yaml", "dada_x2, scale: 3}", "dada_x2, scale: 5}", "dada_x2, scale: 3}", "tables.dada_x3.scale: 5 is not"),
        ("params/dada.yaml", "seeds: [0]", "seeds: []", "seeds: [0]", r"tables.dada_x2.seeds: \[\] should be non-empty"),
        ("params/dada.yaml", "label: DADA\n", "labl: DADA\n", "  dada:", "methods.dada: 'label' is a required property"),
        ("params/dada.yaml", "label: DADA\n", "labl: DADA\n", "label: DADA", "methods.dada: .*'labl' was unexpected"),
        ("params/domains.yaml", "edition: small", "edition: smal", "edition: small", "datasets.simcam.edition: 'smal' is"),
        ("params/domains.yaml", "simulated: true", "simulated: 1", "simulated: true", "datasets.simcam_lab.simulated: 1"),
        ("params.yaml", "retries: 2\n", "retries: two\n", "retries: 2", "retries: 'two' is not of type"),
        ("params.yaml", "papers:", "paper:", "papers: [", "'paper' was unexpected"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_file_and_line_where_its_value_stands(shop, file, old, new, line, message):
    said = refusal(shop, file, old, new)
    assert re.search(rf"^.*/{file}, line {line_of(file, line)}: .*{message}", said, re.MULTILINE), said


def test_a_setting_that_is_missing_altogether_names_the_file(shop):
    assert "params.yaml: (top level): 'retries' is a required property" in refusal(
        shop, "params.yaml", "retries: 2\n", "\n"
    )


def test_what_two_files_define_is_named_with_both_places(shop):
    method = "methods: {cincgan: {label: A}}\n"
    said = refusal(shop, "params/domains.yaml", "", method)
    first, last = (
        line_of("params/dada.yaml", "  cincgan:"),
        len(Path("params/domains.yaml").read_text().splitlines()) + 1,
    )
    assert (
        f"domains.yaml, line {last}, and " in said and f"dada.yaml, line {first}: both define 'methods.cincgan'" in said
    )


def test_only_collections_may_stand_in_several_files(shop):
    said = refusal(shop, "params/dada.yaml", "", "audit: {}\n")
    assert f"params.yaml, line {line_of('params.yaml', 'audit:')}, and " in said and "both define 'audit'" in said


def test_a_paper_brings_its_own_file(shop, tmp_path):
    (tmp_path / "params/lway.yaml").write_text(
        "methods: {lway: {like: source_only, label: LWay}}\n"
        "tables: {lway: {like: dada, methods: [lway], gain: null, reported: null}}\n"
    )
    found = shop()
    assert found["methods"]["lway"] == PARAMS["methods"]["source_only"] | {"label": "LWay"}
    assert list(found["tables"]) == [*PARAMS["tables"], "lway"]
    without = shop("params.yaml", "papers: [dada, cdasr, lway, dan]", "papers: [dada]")
    assert without == PARAMS | {"papers": ["dada"]}


def test_site_wins_over_params_and_the_command_line_over_both(shop):
    site = "adopt: {reds: /disk/reds}\ntracking: {uri: 'http://tracking.example.org'}\n"
    found = shop("site.yaml", "", site)
    assert found["adopt"] == PARAMS["adopt"] | {"reds": "/disk/reds"}
    assert found["tracking"] == {"uri": "http://tracking.example.org"}
    asked = {"adopt": {"reds": "/other", "weights": "/w"}, "tables": {"dada": {"seeds": [0, 1]}}}
    found = shop(over=asked)
    assert found["adopt"] == PARAMS["adopt"] | {"reds": "/other", "weights": "/w"}
    assert found["tables"]["dada"] == PARAMS["tables"]["dada"] | {"seeds": [0, 1]}
    assert found["tables"]["dada_x2"] == PARAMS["tables"]["dada_x2"]


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("adopt: {reds: /disk}\nretries: 3\n", "site.yaml, line 2: 'retries' does not belong to one machine"),
        ("adopt:\n  redz: /disk\n", "site.yaml, line 2: adopt has no 'redz'; it has drealsr, reds"),
        ("adopt:\n  reds: 4\n", "site.yaml, line 2: adopt.reds: 4 is not of type"),
        ("tracking: {url: x}\n", "site.yaml, line 1: tracking has no 'url'"),
    ],
)
def test_what_site_may_not_say(shop, site, message):
    assert message in refusal(shop, "site.yaml", "", site)


def test_the_example_of_a_site_is_one(shop):
    assert shop("site.yaml", "", Path("site.example.yaml").read_text())["adopt"]["drealsr"] == "/data/DRealSR"
    ignored = Path(".gitignore").read_text().splitlines()
    assert "/site.yaml" in ignored and Path("site.example.yaml").exists()


def test_the_command_line_is_named_for_what_it_says(shop):
    asked = {"tables": {"dada": {"scale": 5}}, "methods": {"dada": {"preset": "papr"}}}
    assert "--config or --configfile: tables.dada.scale: 5 is not one of" in refusal(shop, over=asked)
    asked["tables"]["dada"]["scale"] = 4
    said = refusal(shop, over=asked)
    assert said.count("dada.yaml, line ") == 3 and "no preset 'papr', which methods.dada.preset names" in said


def test_the_command_line_may_use_like(shop):
    asked = {"tables": {"mine": {"like": "dada", "title": "Mine", "variants": {"x2": {"scale": 2}}}}}
    found = shop(over=asked)["tables"]
    assert found["mine"] == PARAMS["tables"]["dada"] | {"title": "Mine"} and found["mine_x2"]["scale"] == 2


def properties(schema: object, place: tuple = ()):
    """(path, block) of every property of a schema."""
    for key, block in schema.items() if isinstance(schema, dict) else ():
        if key == "properties":
            yield from (((*place, name), child) for name, child in block.items())
        for name, child in block.items() if key in ("properties", "$defs") else [(key, block)]:
            yield from properties(child, (*place, name))
    for number, block in enumerate(schema) if isinstance(schema, list) else ():
        yield from properties(block, (*place, number))


def test_every_property_is_described_and_the_page_is_current():
    schema = yaml.safe_load(params.SCHEMA.read_text())
    found = dict(properties(schema))
    assert len(found) > 140
    without = [path for path, block in found.items() if len(block.get("description", "").split()) < 2]
    assert not without
    page = Path("docs/settings.md").read_text()
    assert page == settings_page.page(), "python -m pipeline.plan.settings_page > docs/settings.md"
    assert "| `tables.<name>.gain.over` | text |" in page


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


def inputs_of(dataset: str, setting: str, cameras: str, method: str, stage: str) -> dict[str, str]:
    run = {"dataset": dataset, "scale": "4", "setting": setting, "cameras": cameras, "seed": "0"}
    return train.inputs(PARAMS, run | {"method": method, "stage": stage})


def test_synthetic_setting_reads_bicubic_source_and_real_target():
    inputs = inputs_of("drealsr", "synthetic", "sony-olympus", "dada", "adapt")
    assert inputs["source_lr"].endswith("sony/train_bicubic.safetensors")
    assert inputs["target_lr"].endswith("olympus/train_lr.safetensors")
    assert inputs["start_generator"] == "results/runs/drealsr_x4/synthetic/sony/dada/circle/seed0/generator.safetensors"
    assert inputs["vgg19"] == "data/weights/vgg19-dcbb9e9d.pth"
    assert "vgg19" not in inputs_of("simcam", "real", "sony-olympus", "dada", "adapt")
