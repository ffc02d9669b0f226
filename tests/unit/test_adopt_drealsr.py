"""Adoption of DRealSR: the lists of names, every trap of its names and folders, everything that can be wrong with a copy."""

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from pipeline import files
from pipeline.adopt import drealsr as known
from pipeline.adopt import layouts
from pipeline.adopt.__main__ import main
from pipeline.datasets import drealsr
from pipeline.errors import UserError
from tests.adopted import LISTS, listing, part, picture, report, short_drealsr
from tests.fake_drealsr import write_fake_drealsr

ROOT = Path(__file__).parents[2]
THREE = ("panasonic", "sony", "olympus")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Reports are written below the current folder; the lists are of what the fake tree holds."""
    monkeypatch.setitem(layouts.LAYOUTS, "drealsr", short_drealsr)
    (tmp_path / "here").mkdir()
    for name in ("params.yaml", "params", "rules"):
        (tmp_path / "here" / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    return write_fake_drealsr(tmp_path_factory.mktemp("master"), patches=5, photos=2)


@pytest.fixture
def raw(tmp_path, master):
    """A copy below a folder that is named like a camera, as users have it."""
    return Path(shutil.copytree(master, tmp_path / "sony_1" / "Canon_x2" / "raw"))


@pytest.fixture
def real_lists(monkeypatch):
    monkeypatch.setitem(layouts.LAYOUTS, "drealsr", lambda: known.layout(LISTS))


def named(folder, part):
    return sorted(path for path in folder.rglob("*.png") if part in path.name)


def test_names_that_are_not_utf_8_are_spelled_out(raw, tmp_path, capsysbinary):
    place = raw.rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xb2\xe2"))
    original = min(place.rglob("train_HR/sony*.png"))
    odd = os.fsdecode(b"sony_\xca\xd4_x4_1.png")
    shutil.copy(original, original.with_name(odd))
    shutil.copy(original, original.with_name(os.fsdecode(b"\xca.png")))
    with zipfile.ZipFile(place / "other.zip", "w") as archive:
        archive.writestr("other.png", b"x")
    (place / os.fsdecode(b"\xcb.zip")).write_bytes(b"no archive")
    for _ in range(2):
        assert main(["drealsr", "--folder", str(place), "--workers", "1"]) == 0
        said = capsysbinary.readouterr().out.decode()
    assert "unchanged since the last report" in said and r"\xb2\xe2" in said
    assert (
        r"sony x4 train, no LR: sony_\xca\xd4_x4_1.png" in said and r"\xca.png" in said and r"\xcb.zip: is no" in said
    )
    assert r"sony/x4/train/HR/sony_\xca\xd4_x4_1" in files.read_json("results/adoption/drealsr.json")["files"]


def test_columns_of_the_lists_are_independent_and_img_is_canon(real_lists):
    train, test = known.listed(LISTS / "train.csv"), known.listed(LISTS / "test.csv")
    assert {camera: (len(train[camera]), len(test[camera])) for camera in train} == drealsr.LISTED[4]
    heads = {name.partition("_")[0] for name in train["canon"] + test["canon"]}
    assert heads == {"Canon", "IMG"} and sum(name.startswith("IMG_") for name in train["canon"]) == 4122
    assert sum(map(len, train.values())) == 30502 and sum(map(len, test.values())) == 93
    scenes = [{name.partition("_x4")[0] for names in split.values() for name in names} for split in (train, test)]
    assert len(scenes[0]) == 841 and not scenes[0] & scenes[1]


def test_a_damaged_list_is_named(tmp_path):
    for text, message in (("a,b\n0,leica_1_x4.png\n", "leica_1_x4.png' is not the name"), (None, "no such file")):
        path = tmp_path / "list.csv"
        path.write_text(text) if text else path.unlink()
        with pytest.raises(UserError, match=message):
            known.listed(path)


def test_a_whole_copy_passes_at_any_depth(raw):
    found, said = report("drealsr", raw)
    assert found["level"] == "pass" and found["images"] == 42 and not found["strays"]
    assert [(p["group"], p["found"], p["state"]) for p in found["parts"]] == [
        (camera, count, "complete") for camera in sorted(THREE) for count in (2, 5)
    ]
    assert "pass" in said and "missing" in said and "results/adoption/drealsr.json" in said
    assert Path("results/adoption/drealsr.json").is_file()


def test_dadas_lists_name_what_is_missing(real_lists, raw):
    found, said = report("drealsr", raw)
    row = part(found, "panasonic", 4, "train")
    # panasonic_100_x4_1 and _2 are names of the real list, the other three of the fake tree are not.
    assert (row["expected"]["count"], row["found"], row["state"]) == (7323, 2, "incomplete")
    assert len(row["faults"]["missing"]) == 7321 and len(row["faults"]["extra"]) == 3
    assert part(found, "nikon", 4, "test")["state"] == "absent" and found["level"] == "partial"
    assert "and 7,318 more" in said and "(x2 missing; x3 missing; x4 partial)" in said
    assert [place for place in found["usable"] if place[1] == "nikon"] == []


def test_lr_of_another_scale_beside_hr_is_no_partner(raw):
    for path in named(raw, "panasonic_500_x1"):
        path.rename(path.with_name("panasonic_500_x2.png"))
    found, _ = report("drealsr", raw)
    assert list(part(found, "panasonic", 4, "test")["faults"]) == ["missing", "no_lr"][1:]
    assert list(found["strays"].values()) == ["LR of x2; the HR beside it is of x4"]


@pytest.mark.parametrize("words", [["--workers", "0"], ["--decode", "some"], ["--shown", "-1"]])
def test_arguments_that_make_no_sense_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        main(["drealsr", *words])
    assert f"argument {words[0]}: '{words[1]}': expected" in capsys.readouterr().err


def test_without_decoding_a_truncated_file_passes_and_that_is_said(raw):
    (path,) = named(raw, "sony_100_x4_2.png")
    path.write_bytes(path.read_bytes()[:200])
    found, said = report("drealsr", raw, decode=0)
    assert found["level"] == "pass" and "Only 0 of 42 images were decoded" in said


def test_equal_contents_are_named_and_break_nothing(raw):
    shutil.copy(named(raw, "sony_100_x1_1")[0], named(raw, "panasonic_100_x1_1")[0])
    found, _ = report("drealsr", raw)
    assert part(found, "sony", 4, "train")["faults"]["equal"] == {
        "sony_100_x4_1": "same content as panasonic/x4/train/LR/panasonic_100_x4_1"
    }
    assert part(found, "sony", 4, "train")["state"] == "complete"


def test_other_files_are_told_with_reasons(raw):
    place = raw / "x4/Train_x4/Train_x4/train_HR"
    for name in ("readme.txt", "leica_7_x4_1.png", ".DS_Store", "._sony_100_x4_1.png", "Train_x2.zip.001"):
        (place / name).write_bytes(b"x")
    picture(raw / "elsewhere" / "sony_9_x4_1.png")
    strays = report("drealsr", raw)[0]["strays"]
    assert {Path(name).name: why for name, why in strays.items()} == {
        "readme.txt": "no image",
        "leica_7_x4_1.png": "no name of a DRealSR camera's file",
        ".DS_Store": "left by an operating system",
        "._sony_100_x4_1.png": "left by an operating system",
        "Train_x2.zip.001": "an archive",
        "sony_9_x4_1.png": "an image of no part that is known",
    }


def test_what_there_is_of_two_cameras_can_be_worked_with(raw):
    for path in named(raw, "P114"):
        path.unlink()
    found, said = report("drealsr", raw)
    assert found["level"] == "partial" and found["usable"] == [[4, "panasonic"], [4, "sony"]]
    assert "olympus" in said and "absent" in said


def test_nothing_usable_fails_with_the_remedy(tmp_path, capsys):
    folder = tmp_path / "empty"
    folder.mkdir()
    for words in (["drealsr", "--folder", str(folder)], ["drealsr", "--folder", str(tmp_path / "no")]):
        assert main([*words, "--workers", "1"]) == 1
        out = "".join(capsys.readouterr())
        for said in ("adopt.drealsr", "site.yaml", drealsr.PAGE, "python -m pipeline.adopt drealsr"):
            assert said in out, out
    assert main(["imagenet"]) == 1 and "cannot be adopted; these can: drealsr" in capsys.readouterr().err


def test_a_second_look_has_the_same_digest_and_a_changed_copy_says_what_changed(raw):
    first, said = report("drealsr", raw)
    assert "last report" not in said
    again, said = report("drealsr", raw)
    assert again["digest"] == first["digest"] and "unchanged since the last report" in said
    picture(named(raw, "sony_100_x1_2")[0], 16, 16, seed=9)
    named(raw, "P114500_x1")[0].unlink()
    picture(raw / "x4/Train_x4/Train_x4/train_HR/sony_900_x4_1.png", 64, 64)
    other, said = report("drealsr", raw)
    assert other["digest"] != first["digest"] and other["since_last"] == {
        "added": ["sony/x4/train/HR/sony_900_x4_1"],
        "removed": ["olympus/x4/test/LR/P114500_x4"],
        "changed": ["sony/x4/train/LR/sony_100_x4_2"],
    }
    assert "since the last report changed: 1 images: sony/x4/train/LR/sony_100_x4_2" in said


def test_the_copy_is_only_read(raw):
    for path in raw.rglob("*"):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = listing(raw)
    report("drealsr", raw)
    assert listing(raw) == before
    for path in raw.rglob("*"):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_several_processes_say_the_same(raw):
    one = report("drealsr", raw)[0]
    write_fake_drealsr(raw, patches=12, photos=2)
    many, few = report("drealsr", raw, workers=3)[0], report("drealsr", raw)[0]
    assert many["files"] == few["files"] and many["parts"] == few["parts"] and many["digest"] != one["digest"]
