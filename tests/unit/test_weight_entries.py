"""The pretrained files that params.yaml names: what is stated about them, where they are looked for, what a result rests on."""

import copy
import re
from types import SimpleNamespace

import pytest

from pipeline.cost import estimate
from pipeline.errors import UserError
from pipeline.methods import dasr
from pipeline.plan import domains, keys, params, runs
from pipeline.workflow.rules import Workflow

SHIPPED = params.load("params.yaml")
WEIGHTS = SHIPPED["weights"]
ADAPT = {"scale": "4", "setting": "real", "cameras": "panasonic-sony", "method": "dada", "stage": "adapt", "seed": "0"}


@pytest.fixture
def settings() -> dict:
    return copy.deepcopy(SHIPPED)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_digest_has_an_author(name):
    block = WEIGHTS[name]
    digest = block["sha256_prefix"]
    assert (digest is None) == (block["stated_by"] == "nobody")
    if block["stated_by"] == "file name":
        assert block["file"].endswith((f"-{digest}.pth", f"-{digest}.pt"))
    if block["stated_by"] == "OpenModelDB":
        assert len(digest) == 64


def test_the_hub_is_asked_for_one_revision():
    for block in WEIGHTS.values():
        if "huggingface.co" in block["url"]:
            assert re.search(r"/resolve/[0-9a-f]{40}/", block["url"])


def test_the_page_says_what_the_settings_say():
    with open("docs/weights.md", encoding="utf-8") as stream:
        rows = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in stream if line.startswith("| `")]
    told = {}
    for entry, file, size, licence, digest, author, _ in rows:
        told[entry.strip("`")] = (file.strip("`"), size, licence, digest.strip("`…"), author)
    assert told == {
        name: (
            block["file"],
            f"{block['megabytes']} MB" if block["megabytes"] else "not stated",
            block["licence"],
            (block["sha256_prefix"] or "none: pinned at first download")[
                : 30 if block["sha256_prefix"] is None else 12
            ],
            block["stated_by"],
        )
        for name, block in WEIGHTS.items()
    }


def test_two_entries_cannot_share_a_file(settings):
    settings["weights"]["vgg16"]["file"] = settings["weights"]["vgg19"]["file"]
    with pytest.raises(
        UserError, match=r"weights\.vgg16\.file: vgg19-dcbb9e9d\.pth is also the file of weights\.vgg19"
    ):
        params.check(settings)


@pytest.mark.parametrize("place", [("editions", "small"), ("datasets", "simcam_features")])
def test_a_file_without_a_block_is_named(settings, place):
    settings[place[0]][place[1]]["weights"] = ["vgg99"]
    with pytest.raises(UserError, match=rf"{'.'.join(place)}\.weights: 'vgg99' has no block in weights"):
        params.check(settings)


def test_a_data_set_has_its_own_files_or_its_editions(settings):
    assert domains.edition(SHIPPED, "simcam")["weights"] == []
    assert domains.edition(SHIPPED, "simcam_features")["weights"] == ["vgg19", "alexnet"]
    assert domains.edition(SHIPPED, "drealsr")["weights"] == SHIPPED["editions"]["paper"]["weights"]
    settings["datasets"]["drealsr"]["weights"] = []
    assert domains.edition(settings, "drealsr")["weights"] == []


def test_the_data_sets_with_features_differ_in_nothing_else():
    for name in ("simcam", "simcam_lab"):
        plain, features = (dict(SHIPPED["datasets"][each]) for each in (name, f"{name}_features"))
        features = {key: value for key, value in features.items() if key not in ("weights", "weights_except")}
        assert plain | {"label": ""} == features | {"label": ""}


def test_a_result_rests_on_what_a_file_is_not_on_where_it_comes_from(settings):
    def key(changed):
        return keys.key(changed, "train", {"dataset": "simcam_features", **ADAPT})["settings"]

    before = key(SHIPPED)
    assert before["weights"] == {"vgg19": {"file": "vgg19-dcbb9e9d.pth", "sha256_prefix": "dcbb9e9d"}}
    vgg19 = settings["weights"]["vgg19"]
    vgg19 |= {"url": "https://mirror.example.org/a.pth", "licence": "x", "stated_by": "x", "megabytes": 1}
    assert key(settings) == before
    for change in ({"sha256_prefix": "dcbb9e9dab"}, {"inside": "params"}, {"strip": "module."}):
        vgg19 |= change
        assert key(settings) != before


@pytest.mark.parametrize("stage", ["dsn", "sr"])
def test_small_patches_are_not_too_small_for_the_pretrained_networks(stage):
    """Built as the training builds it, without values, at the smallest scale: AlexNet refuses images below 31 pixels."""
    assert estimate._Counted(SHIPPED).work("simcam_features", 2, "dasr", stage).step > 0


def test_a_stage_can_be_spared_and_the_table_says_so(settings):
    def notes(changed):
        return " ".join(keys.key(changed, "table", {"table": "dada_simcam_features"})["settings"]["notes"])

    assert runs.stage_weights(SHIPPED, "simcam_features", "dasr", "dsn") == []
    assert runs.stage_weights(SHIPPED, "simcam_features", "dasr", "sr") == ["alexnet"]
    assert runs.stage_weights(SHIPPED, "simcam_lab_features", "dasr", "dsn") == ["alexnet"]
    assert "are left out in this edition: alexnet by DASR dsn." in notes(SHIPPED)
    told = "features in loss terms: alexnet-owt-7be5be79.pth by DASR sr; vgg19-dcbb9e9d.pth by DADA adapt."
    assert told in notes(SHIPPED)
    settings["datasets"]["simcam_features"]["weights_except"] = {}
    assert "left out" not in notes(settings)


def test_a_preset_is_given_the_files_of_its_own_terms(settings):
    for preset, names in (("code", ["alexnet"]), ("realsr", ["vgg19"])):
        settings["methods"]["dasr"]["preset"] = preset
        job = estimate._Counted(settings).job("drealsr", 4, "dasr", "sr")
        assert [dasr.FEATURES[job["loss"]["feature"]]] == list(job["weights"]) == names
    settings["methods"]["dasr"]["stages"]["sr"]["weights"].pop("realsr")
    with pytest.raises(UserError, match=r"methods\.dasr\.stages\.sr\.weights: no preset 'realsr'"):
        params.check(settings)


@pytest.mark.parametrize("stage", ["dasr/pretrain", "dasr", "dasr/x", "nobody/sr"])
def test_a_stage_that_asks_for_nothing_cannot_be_spared(settings, stage):
    settings["datasets"]["simcam_features"]["weights_except"] = {"alexnet": [stage]}
    with pytest.raises(UserError, match=rf"weights_except\.alexnet: '{stage}' is no stage that asks for alexnet"):
        params.check(settings)


class TestFolders:
    """Told before any job starts: what can be had from nowhere."""

    def folders(self, settings, file, folder=None):
        settings["adopt"]["weights"] = None if folder is None else str(folder)
        return Workflow(settings, ".").weights_folders(SimpleNamespace(file=file))

    def test_the_users_folder_is_passed_on(self, settings, tmp_path):
        assert self.folders(settings, "BSRGAN.pth") == {}
        assert self.folders(settings, "BSRGAN.pth", tmp_path) == {"weights": str(tmp_path)}

    def test_a_folder_that_is_not_there(self, settings, tmp_path):
        with pytest.raises(UserError, match=r"adopt\.weights: .*gone is no folder.*BSRGAN\.pth"):
            self.folders(settings, "BSRGAN.pth", tmp_path / "gone")

    def test_a_page_that_no_script_can_fetch(self, settings, tmp_path):
        told = r"DAT_x2\.pth: it lies in https://drive\.google\.com/drive/folders/.*under this name.*adopt\.weights"
        for folder in (None, tmp_path):
            with pytest.raises(UserError, match=told):
                self.folders(settings, "DAT_x2.pth", folder)
        (tmp_path / "DAT_x2.pth").write_bytes(b"x")
        assert self.folders(settings, "DAT_x2.pth", tmp_path) == {"weights": str(tmp_path)}
