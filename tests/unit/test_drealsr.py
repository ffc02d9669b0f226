"""DRealSR from a user's folder: names, pairs, the held-out patches of DADA, and everything that can be wrong."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets import drealsr
from pipeline.errors import UserError
from pipeline.images.rgb import read_rgb, write_png
from pipeline.jobs import pack
from pipeline.sampling.packed import Packed
from tests.fake_drealsr import write_fake_drealsr
from tests.unit.test_simcam import job

LISTS = Path(__file__).parents[2] / "data" / "lists"
SETTINGS = {"module": "drealsr", "recipe": {}, "val": {"patches": 2, "seed": 1}}


@pytest.fixture
def raw(tmp_path):
    return write_fake_drealsr(tmp_path / "sony" / "raw", patches=5, photos=2)  # a folder named like a camera


def collect(raw, camera="panasonic", scale=4):
    return drealsr.collect(SETTINGS, camera, scale, raw)


def listed(file):
    with open(LISTS / file, newline="") as stream:
        return [name for row in csv.reader(stream) for name in row[1:] if name.endswith(".png")]


def named(folder, part):
    return sorted(path for path in folder.rglob("*.png") if part in path.name)


@pytest.mark.parametrize(
    ("camera", "count", "dropped", "used"),
    [
        ("panasonic", 7323, "panasonic_56_x4_47", "panasonic_112_x4_32"),
        ("sony", 5905, "sony_41_x4_23", "sony_198_x4_26"),
        ("olympus", 7097, "P1140054_x4_20", "P1140341_x4_25"),
    ],
)
def test_held_out_patches_are_those_that_dada_drops(camera, count, dropped, used):
    files = [name.removesuffix(".png") for name in listed("train.csv") if name.startswith(drealsr.CAMERAS[camera])]
    held_out, kept = drealsr.hold_out(files, 50, 1)
    assert (len(held_out), len(kept)) == (50, count - 50)
    assert (held_out[0], kept[0]) == (dropped, used)
    assert drealsr.hold_out(list(range(10)), 0, 1)[1] == [6, 8, 9, 7, 5, 3, 0, 4, 1, 2]


def test_lists_and_code_agree_on_cameras_and_counts():
    train, test = listed("train.csv"), listed("test.csv")
    assert (len(train), len(test)) == (30502, 93)
    for camera, counts in drealsr.LISTED[4].items():
        found = tuple(len(drealsr.keys(names, camera, (4,))) for names in (train, test))
        assert found == counts
    assert all(sum(name.startswith(token) for token in drealsr.CAMERAS.values()) == 1 for name in train + test)


def test_pairs_are_matched_by_name_not_by_place(raw):
    train, val, test = collect(raw)
    assert [len(split.items) for split in (train, val, test)] == [3, 2, 2]
    assert all(item.name.startswith("panasonic_") for split in (train, val, test) for item in split.items)
    assert len({item.name for item in train.items + val.items}) == 5
    for split in (train, test):
        for item, (lr, hr) in zip(split.items, split.pairs, strict=True):
            assert hr.shape == (*item.size, 3)
            assert (lr.shape[0] * 4, lr.shape[1] * 4) == item.size
    assert test.items[0].origin == "x4/Test_x4/Test_x4/test_HR/panasonic_500_x4.png"


def test_lr_files_may_carry_the_scale_in_their_names(raw):
    expected = [item.name for item in collect(raw)[0].items]
    for path in named(raw, "_x1"):
        path.rename(path.with_name(path.name.replace("_x1", "_x4")))
    assert drealsr.missing(raw, ["panasonic"], 4) is None
    assert [item.name for item in collect(raw)[0].items] == expected


def test_scales_and_cameras_do_not_mix(raw):
    write_fake_drealsr(raw, scale=2, patches=3, photos=1)
    for scale, counts in ((4, [3, 2, 2]), (2, [1, 2, 1])):
        splits = collect(raw, "olympus", scale)
        assert [len(split.items) for split in splits] == counts
        assert all(f"_x{scale}" in item.name and item.name.startswith("P11") for s in splits for item in s.items)


def test_hr_that_is_no_multiple_of_the_scale_loses_its_last_rows_and_columns(tmp_path):
    """Patches of 272 pixels are said of ×3: 90 LR pixels fill 270 of them."""
    folder = write_fake_drealsr(tmp_path, scale=3, patches=3, photos=1, cameras=("sony",))
    larger = {}
    for path in named(folder, "_x3"):
        larger[path.stem] = np.pad(read_rgb(path), ((0, 2), (0, 2), (0, 0)), mode="wrap")
        write_png(path, larger[path.stem])
    for split in collect(folder, "sony", 3):
        for item, (lr, hr) in zip(split.items, split.pairs, strict=True):
            assert item.size == hr.shape[:2] == (3 * lr.shape[0], 3 * lr.shape[1])
            assert np.array_equal(hr, larger[item.name][: hr.shape[0], : hr.shape[1]])
    write_png(path, np.pad(larger[path.stem], ((0, 1), (0, 0), (0, 0))))
    with pytest.raises(UserError, match="expected HR 3 times as large"):
        collect(folder, "sony", 3)


def test_missing_says_what_where_from_and_which_setting(raw, tmp_path):
    assert drealsr.missing(raw, ["panasonic", "sony", "olympus"], 4) is None
    assert drealsr.missing(str(raw), ["panasonic"], 4) is None
    for folder, reason in ((None, "names no folder"), (tmp_path / "no", "is not a folder")):
        message = drealsr.missing(folder, ["panasonic"], 4)
        for part in (reason, "x4", drealsr.PAGE, drealsr.BAIDU, drealsr.DRIVE, "`adopt.drealsr`", "Train_x4"):
            assert part in message
        assert "\n" not in message
    assert "train HR of panasonic, no" in drealsr.missing(raw, ["panasonic"], 3)
    for path in named(raw, "sony_50"):
        path.unlink()
    (raw / "Test_x4.zip.001").touch()
    message = drealsr.missing(raw, ["panasonic", "sony"], 4)
    assert "holds no test HR of sony, no test LR of sony (it holds archives to unpack: Test_x4.zip.001)" in message
    with pytest.raises(UserError, match="no camera leica"):
        drealsr.missing(raw, ["leica"], 4)
    with pytest.raises(UserError, match="test HR of sony"):
        collect(raw, "sony")


@pytest.mark.parametrize(("lost", "partner"), [("100_x1_2", "LR"), ("100_x4_2", "HR"), ("500_x1", "LR")])
def test_a_missing_partner_is_named(raw, lost, partner):
    (path,) = named(raw, f"panasonic_{lost}.png")
    path.unlink()
    other = path.name.replace("_x1", "_x?").replace("_x4", "_x?").replace("_x?", "_x4" if partner == "LR" else "_x1")
    with pytest.raises(UserError, match=rf"{other}: its {partner} partner does not exist in .*_{partner}"):
        collect(raw)
    assert collect(raw, "olympus")


def test_lr_and_hr_of_other_sizes_are_both_named(raw):
    (path,) = named(raw, "panasonic_501_x1")
    write_png(path, np.zeros((20, 24, 3), np.uint8))
    with pytest.raises(
        UserError, match=r"panasonic_501_x4\.png is 84x96 but .*panasonic_501_x1\.png is 20x24.*4 times"
    ):
        collect(raw)


def test_patches_of_another_size_are_refused(raw):
    for times, factor in ((1, 1), (4, 4)):
        (path,) = named(raw, f"sony_100_x{times}_1.png")
        write_png(path, np.zeros((8 * factor, 8 * factor, 3), np.uint8))
    with pytest.raises(UserError, match="Expected one size"):
        collect(raw, "sony")


def test_the_same_image_in_two_folders_is_refused(raw):
    shutil.copytree(raw / "x4" / "Train_x4" / "Train_x4", raw / "copy")
    with pytest.raises(UserError, match="the same image twice"):
        collect(raw)


def test_nothing_left_to_train_on(tmp_path):
    raw = write_fake_drealsr(tmp_path, patches=2, photos=1)
    with pytest.raises(UserError, match=r"2 training patches of panasonic.*val\.patches.*leaves none"):
        collect(raw)


def test_pack_reads_the_folder_and_says_that_it_is_incomplete(raw, tmp_path, capsys):
    this = job(tmp_path / "out", {"camera": "sony", "scale": "4"}, SETTINGS, raw)
    assert pack.work(this) == {
        "images": {"train": 3, "val": 2, "test": 2},
        "incomplete": {"train": "3 of 5903", "test": "2 of 17"},
    }
    assert "sony x4 train: 3 of 5903 images that the authors list" in capsys.readouterr().err
    assert Packed(this.outputs["train_hr"]).take([0, 1]).shape == (2, 64, 64, 3)
    assert Packed(this.outputs["test_lr"]).sizes() == [(20, 24), (21, 24)]


def test_a_damaged_image_stops_the_job_and_leaves_no_file_of_its_split(raw, tmp_path):
    (path,) = named(raw, "sony_501_x4")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"sony_501_x4\.png: damaged or truncated"):
        pack.work(job(tmp_path / "out", {"camera": "sony", "scale": "4"}, SETTINGS, raw))
    assert not list((tmp_path / "out").glob("*test*"))
    assert not list((tmp_path / "out").glob("manifest*"))
