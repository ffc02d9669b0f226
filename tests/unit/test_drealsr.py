"""DRealSR from a user's folder: names, pairs, the held-out patches of DADA, and everything that can be wrong."""

import numpy as np
import pytest

from pipeline.adopt import drealsr as known
from pipeline.datasets import drealsr
from pipeline.errors import UserError
from pipeline.images.rgb import read_rgb, write_png
from pipeline.jobs import pack
from pipeline.sampling.packed import Packed
from tests.adopted import LISTS
from tests.fake_drealsr import write_fake_drealsr
from tests.unit.test_simcam import job

SETTINGS = {"module": "drealsr", "recipe": {}, "val": {"patches": 2, "seed": 1}}


@pytest.fixture
def raw(tmp_path):
    return write_fake_drealsr(tmp_path / "sony" / "raw", patches=5, photos=2)  # a folder named like a camera


def collect(raw, camera="panasonic", scale=4):
    return drealsr.collect(SETTINGS, camera, scale, raw)


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
    files = known.listed(LISTS / "train.csv")[camera]
    held_out, kept = drealsr.hold_out(files, 50, 1)
    assert (len(held_out), len(kept)) == (50, count - 50)
    assert (held_out[0], kept[0]) == (dropped, used)
    assert drealsr.hold_out(list(range(10)), 0, 1)[1] == [6, 8, 9, 7, 5, 3, 0, 4, 1, 2]


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


def test_missing_says_what_and_where_from(raw):
    assert drealsr.missing(str(raw), ["panasonic"], 4) is None
    for words in (drealsr.BAIDU, drealsr.DRIVE, "x4", "Train_x4"):
        assert words in drealsr.missing(None, ["panasonic"], 4)
    assert "train HR of panasonic, no" in drealsr.missing(raw, ["panasonic"], 3)
    for path in named(raw, "sony_50"):
        path.unlink()
    (raw / "Test_x4.zip.001").touch()
    message = drealsr.missing(raw, ["panasonic", "sony"], 4)
    assert "holds no test HR of sony, no test LR of sony (it holds archives to unpack: Test_x4.zip.001)" in message
    with pytest.raises(UserError, match="test HR of sony"):
        collect(raw, "sony")


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
