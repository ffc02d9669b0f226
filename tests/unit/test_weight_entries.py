"""The pretrained files that settings may name: what is stated about them, where they are looked for, what a result rests on."""

import copy
from pathlib import Path

import pytest
import yaml

from pipeline.cost import estimate
from pipeline.errors import UserError
from pipeline.fetch import catalogue
from pipeline.methods import dasr
from pipeline.plan import domains, keys, params, runs, weights
from pipeline.workflow import folders

SHIPPED = params.load("params.yaml")
AUTHORS = {"file_name": "file name", "openmodeldb": "OpenModelDB"}
ADAPT = {"scale": "4", "setting": "real", "cameras": "panasonic-sony", "method": "dada", "stage": "adapt", "seed": "0"}


@pytest.fixture
def settings() -> dict:
    return copy.deepcopy(SHIPPED)


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Function that changes the first file of a pretrained source in a copy of the catalogue, which the plan then reads."""
    path = tmp_path / "sources.yaml"
    content = yaml.safe_load(catalogue.CATALOGUE.read_text())

    def change(name: str, **changes) -> None:
        content["sources"][name]["files"][0].update(changes)
        path.write_text(yaml.safe_dump(content))
        monkeypatch.setattr(weights, "CATALOGUE", path)

    return change


def test_every_pretrained_file_of_the_catalogue_has_an_entry():
    files = {name: one.files[0] for name, one in catalogue.load().items() if one.kind == "weights" and one.files}
    assert weights.names() == list(files)
    for name, file in files.items():
        assert weights.file_of(name) == f"data/weights/{file.name}"
        assert weights.by_file(file.name) is weights.entry(name)
        digests = [checksum.value for checksum in file.checksums if checksum.algorithm == "sha256"]
        assert [weights.spec(name)["sha256_prefix"]] == (digests or [None])
        assert (weights.entry(name)["by_hand"] is None) == file.automatic
    assert set(weights.spec("dat_x2")) == {"file", "sha256_prefix", "inside"}


def test_a_file_of_which_nobody_knows():
    with pytest.raises(UserError, match=r"'vgg99' is no pretrained file of data/sources\.yaml; there are vgg19, vgg16"):
        weights.entry("vgg99")
    with pytest.raises(UserError, match=r"vgg99\.pth: no pretrained file"):
        weights.by_file("vgg99.pth")


def test_a_digest_in_a_name_is_that_name():
    """Eight digits, in the name that the publisher gave the file."""
    for source in catalogue.load().values():
        for file in source.files:
            for digest in (checksum.value for checksum in file.checksums if checksum.by == "file_name"):
                assert Path(file.name).stem.endswith(f"-{digest}")


def test_the_page_says_what_the_catalogue_says():
    with open("docs/weights.md", encoding="utf-8") as stream:
        rows = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in stream if line.startswith("| `")]
    sources = catalogue.load()
    assert {name.strip("`") for name, *_ in rows} >= {"vgg19", "alexnet", *SHIPPED["editions"]["paper"]["weights"]}
    for name, shown, size, licence, digest, author, _ in rows:
        source = sources[name.strip("`")]
        (file,) = source.files
        (stated,) = file.checksums or (None,)
        assert (shown, licence) == (f"`{file.name}`", source.licence.name)
        assert size == f"{file.size / 1e6:.0f} MB" if file.size else size == "not stated" or size.startswith("about ")
        assert digest == (f"`{stated.value[:12]}…`" if stated else "none: pinned at first download")
        assert author == (AUTHORS[stated.by] if stated else "nobody")


@pytest.mark.parametrize("place", [("editions", "small"), ("datasets", "simcam_features")])
def test_a_file_that_the_catalogue_does_not_have_is_named(settings, place):
    settings[place[0]][place[1]]["weights"] = ["vgg99"]
    with pytest.raises(
        UserError, match=rf"{'.'.join(place)}\.weights: 'vgg99' is no pretrained file of data/sources\.yaml"
    ):
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


def test_a_result_rests_on_what_a_file_is_not_on_where_it_comes_from(sources):
    def trained() -> dict:
        return keys.key(SHIPPED, "train", {"dataset": "simcam_features", **ADAPT})["settings"]

    def fetched() -> dict:
        return keys.key(SHIPPED, "fetch_weights", {"file": "vgg19-dcbb9e9d.pth"})["settings"]

    before = trained(), fetched()
    assert before[0]["weights"] == {"vgg19": {"file": "vgg19-dcbb9e9d.pth", "sha256_prefix": "dcbb9e9d"}}
    assert before[1] == {"file": "vgg19-dcbb9e9d.pth", "sha256_prefix": "dcbb9e9d"}
    sources("vgg19", at=[{"http": "https://mirror.example.org/a.pth"}], size=1)
    assert (trained(), fetched()) == before
    sources("vgg19", inside="params")
    assert trained() != before[0] and fetched() == before[1]
    sources("vgg19", checksums=[{"sha256": "dcbb9e9d" * 8, "by": "tfds"}])
    assert trained()["weights"]["vgg19"]["sha256_prefix"] == fetched()["sha256_prefix"] == "dcbb9e9d" * 8
    sources("vgg19", strip="module.")
    assert trained()["weights"]["vgg19"]["strip"] == "module."


@pytest.mark.parametrize("stage", ["dsn", "sr"])
def test_small_patches_are_not_too_small_for_the_pretrained_networks(stage):
    """Built as the training builds it, without values, at the smallest scale: AlexNet refuses images below 31 pixels."""
    assert estimate.Counted(SHIPPED).work("simcam_features", 2, "dasr", stage).step > 0


def test_a_stage_can_be_spared_and_the_table_says_so(settings):
    def notes(changed):
        return " ".join(keys.key(changed, "table", {"table": "dada_simcam_features"})["settings"]["notes"])

    assert runs.stage_weights(SHIPPED, "simcam_features", "dasr", "dsn") == []
    assert runs.stage_weights(SHIPPED, "simcam_features", "dasr", "sr") == ["alexnet"]
    assert runs.stage_weights(SHIPPED, "simcam_lab_features", "dasr", "dsn") == ["alexnet"]
    assert "leaves out the loss terms that need these pretrained files: alexnet by DASR dsn." in notes(SHIPPED)
    told = "features in loss terms: alexnet-owt-7be5be79.pth by DASR sr; vgg19-dcbb9e9d.pth by DADA adapt."
    assert told in notes(SHIPPED)
    settings["datasets"]["simcam_features"]["weights_except"] = {}
    assert "leaves out" not in notes(settings)


def test_a_preset_is_given_the_files_of_its_own_terms(settings):
    for preset, names in (("code", ["alexnet"]), ("realsr", ["vgg19"])):
        settings["methods"]["dasr"]["preset"] = preset
        job = estimate.Counted(settings).job("drealsr", 4, "dasr", "sr")
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
        return folders.of_fetch_weights(settings, {"file": file})

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
