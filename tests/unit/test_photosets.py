"""RealSR, DIV2K and test sets from a user's folder: pairs, crops, sub-images, LR made here, and what can be wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets import benchmark, df2k, load, realsr
from pipeline.errors import UserError
from pipeline.images.rgb import bicubic, read_rgb, write_png
from pipeline.jobs import pack
from pipeline.plan import params
from pipeline.sampling.packed import Packed
from pipeline.sampling.patches import PatchSampler
from tests.fake_photosets import pixels, write_div2k, write_realsr, write_self_exemplar
from tests.packing import read_manifest
from tests.unit.test_simcam import job

RULE = {"size": 48, "stride": 24, "threshold": 0}
REALSR = {"module": "realsr", "train": {"sub_images": RULE}, "val": {"images": 1, "seed": 1}}
DIV2K = {"module": "df2k", "train": {"sub_images": RULE, "lr": "bicubic"}, "val": {"images": 0, "seed": 1}}
TEST = {"module": "benchmark", "val": {}, "test": {"srf": None}}


def changed(settings, **train):
    return settings | {"train": settings["train"] | train}


def packed(folder, settings, camera, scale, raw, workers=1):
    """The job's return, its job, manifest rows."""
    this = job(folder, {"camera": camera, "scale": str(scale)}, settings, raw)
    told = pack.work(this, workers)
    return told, this, read_manifest(this.outputs["manifest"])


# ---------------------------------------------------------------------------------------------------------- RealSR


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_sub_images_of_pairs_show_the_same_place(tmp_path, scale):
    raw = write_realsr(tmp_path, scale, train=3)
    train, val, test = realsr.collect(REALSR, "nikon", scale, raw)
    assert (len(train.sub_images), len(val.sub_images), len(test.items)) == (2, 1, 2)
    for split in (train, val, test):
        for item, (lr, hr, reduced) in zip(split.items, split.pairs, strict=True):
            assert hr.shape == (*item.size, 3) and lr.shape == reduced.shape
            np.testing.assert_array_equal(lr, hr[::scale, ::scale])
    assert all(item.size == (48, 48) for item in train.items + val.items) and train.stack and not test.stack


def test_sub_images_carry_their_place_and_cover_the_photograph(tmp_path):
    train, *_ = realsr.collect(REALSR, "canon", 4, write_realsr(tmp_path))
    photograph = read_rgb(next(tmp_path.rglob("Train/4/Canon_002_HR.png")))
    for item, (_, hr, _) in zip(train.items, train.pairs, strict=True):
        if item.name.startswith("Canon_002_s"):
            rows, columns = (part.split(":") for part in item.origin.split(" [")[1].strip("]").split(", "))
            top, left = int(rows[0]), int(columns[0])
            np.testing.assert_array_equal(hr, photograph[top : int(rows[1]), left : int(columns[1])])
            photograph[top : top + 48, left : left + 48] = hr
    # 168 x 164 at 48/24/0: 6 rows and 6 columns, the last of which is at the border
    assert [item.name for item in train.items if "_002_" in item.name] == [f"Canon_002_s{n:03d}" for n in range(1, 37)]


def test_counts_stand_in_the_receipt_the_log_and_the_manifest(tmp_path, capsys):
    raw = write_realsr(tmp_path / "raw", 4, train=3)
    told, _, rows = packed(tmp_path / "out", REALSR, "canon", 4, raw)
    assert told["images"]["train"] == sum(row.split == "train" and row.kind == "hr" for row in rows)
    shares = told["sub_images"]["train"]
    assert shares == {"photographs": 2, "sub_images": 78, "photographs_by_sub_images": {"36": 1, "42": 1}}
    assert told["incomplete"] == {"test": "2 of 50"}
    assert "train: 78 sub-images of 2 photographs: 36 from each of 1, 42 from each of 1" in capsys.readouterr().out


def test_a_photograph_below_the_size_of_a_sub_image_is_named(tmp_path, capsys):
    raw = write_realsr(tmp_path / "raw", 4, train=3)
    place = next((tmp_path / "raw").rglob("Canon/Train/4"))
    write_png(place / "Canon_002_HR.png", pixels(40, 400))
    write_png(place / "Canon_002_LR4.png", pixels(10, 100))
    told, *_ = packed(tmp_path / "out", REALSR | {"val": {"images": 0, "seed": 1}}, "canon", 4, raw)
    assert told["sub_images"]["train"]["photographs_by_sub_images"] == {"0": 1, "30": 1, "42": 1}
    assert "train: smaller than a sub-image, left out: Canon_002" in capsys.readouterr().err


def test_photographs_that_are_all_below_the_size_of_a_sub_image_are_refused(tmp_path):
    raw = write_realsr(tmp_path / "raw", 4, train=3)
    settings = changed(REALSR, sub_images={"size": 480, "stride": 240, "threshold": 0})
    message = r"none of the 2 photographs of split train is as large as a sub-image of 480x480; .*Canon_\d+_HR\.png is \d+x164"
    with pytest.raises(UserError, match=message + r"\. .*`train\.sub_images`.* null"):
        packed(tmp_path / "out", settings, "canon", 4, raw)
    assert not (tmp_path / "out").exists()


def test_whole_photographs_are_packed_without_a_rule_and_can_be_trained_on(tmp_path):
    raw = write_realsr(tmp_path / "raw", 4)
    settings = changed(REALSR, sub_images=None) | {"val": {"images": 0, "seed": 1}}
    told, this, _ = packed(tmp_path / "out", settings, "canon", 4, raw)
    assert told["images"] == {"train": 3, "val": 0, "test": 2} and "sub_images" not in told
    files = {f"source_{kind}": this.outputs[f"train_{kind}"] for kind in ("lr", "hr")}
    batch = PatchSampler(files, 4, 16, 2, 0)(0)
    assert batch.source_hr.shape == (2, 3, 64, 64)
    with pytest.raises(UserError, match="0 patches do not fill one batch of 2"):
        PatchSampler({"source_lr": this.outputs["val_lr"]}, 4, 16, 2, 0)
    with pytest.raises(UserError, match="patches are 36x41, smaller than the crop of 37"):
        PatchSampler(files, 4, 37, 2, 0)


def test_a_remainder_of_hr_is_cut_at_the_right_and_bottom(tmp_path):
    raw = write_realsr(tmp_path)
    hr = next(raw.rglob("Test/4/Canon_001_HR.png"))
    whole = read_rgb(hr)
    write_png(hr, np.pad(whole, ((0, 3), (0, 1), (0, 0))))
    *_, test = realsr.collect(REALSR, "canon", 4, raw)
    np.testing.assert_array_equal(next(iter(test.pairs))[1], whole)


def test_an_lr_of_one_row_more_loses_it(tmp_path):
    """MATLAB rounds sizes up, so a published LR may reach beyond the HR."""
    raw = write_realsr(tmp_path)
    lr = next(raw.rglob("Test/4/Canon_001_LR4.png"))
    whole = read_rgb(lr)
    write_png(lr.with_name("Canon_001_HR.png"), read_rgb(lr.with_name("Canon_001_HR.png"))[:-1])
    *_, test = realsr.collect(REALSR, "canon", 4, raw)
    found, hr, _ = next(iter(test.pairs))
    np.testing.assert_array_equal(found, whole[:-1])
    assert hr.shape[0] == 4 * found.shape[0] == test.items[0].size[0]


def test_a_photograph_below_one_lr_pixel_is_refused(tmp_path):
    write_png(tmp_path / "Set5/HR/baby.png", pixels(51, 15))
    with pytest.raises(UserError, match=r"baby\.png is 51x15: too small for scale 16"):
        benchmark.collect(TEST, "set5", 16, tmp_path)


def test_realsr_says_what_is_missing(tmp_path):
    raw = write_realsr(tmp_path / "raw")
    assert "holds no train pairs of canon, no test pairs of canon" in realsr.missing(raw, ["canon"], 3)
    with pytest.raises(UserError, match="RealSR x2 is missing"):
        realsr.collect(REALSR, "canon", 2, raw)
    with pytest.raises(UserError, match="takes all of them for validation"):
        realsr.collect(REALSR | {"val": {"images": 3, "seed": 1}}, "canon", 4, raw)


# ----------------------------------------------------------------------------------------------------------- DIV2K


@pytest.mark.parametrize("scale", [2, 3, 4, 8, 16])
def test_lr_is_made_from_the_whole_photograph_cut_to_the_scale(tmp_path, scale):
    raw = write_div2k(tmp_path)
    settings = changed(DIV2K, sub_images={"size": 48, "stride": 48, "threshold": 0})
    train, val, test = df2k.collect(settings, "div2k", scale, raw)
    assert (len(train.sub_images), len(val.items), len(test.items)) == (3, 0, 2)
    hr = read_rgb(raw / "DIV2K/DIV2K_train_HR/0001.png")
    height, width = (side // scale * scale for side in hr.shape[:2])
    lr = bicubic(hr[:height, :width], 1 / scale)
    for item, (small, large, reduced) in zip(train.items, train.pairs, strict=True):
        if item.name.startswith("0001"):
            top, left = (int(part.split(":")[0]) for part in item.origin.split(" [")[1].split(", "))
            np.testing.assert_array_equal(large, hr[top : top + 48, left : left + 48])
            cut = slice(top // scale, (top + 48) // scale), slice(left // scale, (left + 48) // scale)
            np.testing.assert_array_equal(small, lr[cut])
            np.testing.assert_array_equal(reduced, small)
    assert all(side % scale == 0 for item in test.items for side in item.size)


def test_published_lr_is_taken_as_it_is(tmp_path):
    raw = write_div2k(tmp_path)
    train, *_ = df2k.collect(changed(DIV2K, lr="published"), "div2k", 4, raw)
    for lr, hr, reduced in train.pairs:
        np.testing.assert_array_equal(lr, reduced ^ 1)
        assert hr.shape == (48, 48, 3)
    next(raw.rglob("0002x4.png")).unlink()
    with pytest.raises(UserError, match=r"0002x4\.png: the published LR of .*0002\.png is missing.*`bicubic`"):
        df2k.collect(changed(DIV2K, lr="published"), "div2k", 4, raw)
    with pytest.raises(UserError, match="no LR was published for scale 8"):
        df2k.collect(changed(DIV2K, lr="published"), "div2k", 8, raw)


def test_published_lr_is_found_wherever_its_archive_was_unpacked(tmp_path):
    raw = write_div2k(tmp_path / "raw")
    beside = [split.items for split in df2k.collect(changed(DIV2K, lr="published"), "div2k", 4, raw)]
    for part in ("train", "valid"):
        place = tmp_path / f"raw/div2k_bicubic_x4/DIV2K_{part}_LR_bicubic_X4/DIV2K_{part}_LR_bicubic"
        place.parent.mkdir(parents=True)
        (raw / f"DIV2K/DIV2K_{part}_LR_bicubic").rename(place)
    train, val, test = df2k.collect(changed(DIV2K, lr="published"), "div2k", 4, raw)
    assert [train.items, val.items, test.items] == beside
    for lr, _, reduced in (*train.pairs, *test.pairs):
        np.testing.assert_array_equal(lr, reduced ^ 1)
    # LR of another kernel are in folders of the same numbers, and are not taken.
    (place / "X4").rename(place / "X3")
    shutil.copytree(place / "X3", place.parent / "DIV2K_valid_LR_unknown/X4")
    with pytest.raises(
        UserError, match=r"raw: DIV2K_valid_LR_bicubic/X4/0801x4\.png: the published LR of .*0801\.png is missing"
    ):
        df2k.collect(changed(DIV2K, lr="published"), "div2k", 4, raw)


def test_parts_of_one_photograph_are_never_in_two_splits(tmp_path):
    raw = write_div2k(tmp_path, train=9)
    train, val, _ = df2k.collect(DIV2K | {"val": {"images": 4, "seed": 3}}, "div2k", 4, raw)
    assert (len(train.sub_images), len(val.sub_images)) == (5, 4)
    assert not set(train.sub_images) & set(val.sub_images)
    assert list(train.sub_images) == sorted(train.sub_images) and train.listed == 796


def test_photo_sets_say_what_is_missing(tmp_path):
    raw = write_div2k(tmp_path / "raw")
    message = df2k.missing(raw, ["flickr2k"], 4)
    assert "holds no images in Flickr2K_HR" in message and "`adopt.flickr2k`" in message
    with pytest.raises(UserError, match="DIV2K is missing"):
        df2k.collect(DIV2K, "div2k", 4, None)
    shutil.copytree(raw / "DIV2K/DIV2K_train_HR", raw / "copy/DIV2K_train_HR")
    with pytest.raises(UserError, match="the same image twice"):
        df2k.collect(DIV2K, "div2k", 4, raw)


def test_flickr2k_has_no_test_images(tmp_path):
    for number in (1, 2):
        write_png(tmp_path / f"Flickr2K/Flickr2K_HR/{number:06d}.png", pixels(60, 90, number))
    train, val, test = df2k.collect(DIV2K, "flickr2k", 4, tmp_path)
    assert (len(train.sub_images), len(val.items), len(test.items), train.listed) == (2, 0, 0, 2650)


@pytest.mark.parametrize("workers", [2, 5])
def test_any_number_of_workers_writes_the_same_bytes(tmp_path, workers):
    raw = write_div2k(tmp_path / "raw", train=7)
    results = [packed(tmp_path / f"{n}", DIV2K, "div2k", 4, raw, n) for n in (1, workers)]
    assert results[0][0] == results[1][0]
    for name, path in results[0][1].outputs.items():
        assert path.read_bytes() == results[1][1].outputs[name].read_bytes()


def test_a_damaged_photograph_stops_several_workers_and_leaves_nothing_of_its_split(tmp_path):
    raw = write_div2k(tmp_path / "raw", train=7)
    path = raw / "DIV2K/DIV2K_train_HR/0004.png"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"0004\.png: damaged or truncated"):
        packed(tmp_path / "out", DIV2K, "div2k", 4, raw, 3)
    assert not list((tmp_path / "out").iterdir())


# ------------------------------------------------------------------------------------------------------- test sets


@pytest.mark.parametrize("scale", [2, 3, 4, 8, 16])
def test_test_sets_are_cut_to_the_scale_and_grey_becomes_rgb(tmp_path, scale):
    raw = write_self_exemplar(tmp_path / "raw")
    told, this, rows = packed(tmp_path / "out", TEST, "set5", scale, raw)
    assert told == {"images": {"train": 0, "val": 0, "test": 3}, "incomplete": {"test": "3 of 5"}}
    hr, lr = (Packed(this.outputs[f"test_{kind}"]) for kind in ("hr", "lr"))
    srf = scale if scale in (2, 3, 4) else 2
    assert rows[1].origin == f"data/Set5/image_SRF_{srf}/img_001_SRF_{srf}_HR.png"
    for index in range(3):
        height, width = (side // srf * srf // scale * scale for side in (51 + index, 67))
        assert hr[index].shape == (height, width, 3)
        np.testing.assert_array_equal(lr[index], bicubic(hr[index], 1 / scale))
    grey = hr[1]
    assert (grey == grey[..., :1]).all() and not (hr[0] == hr[0][..., :1]).all()
    assert len(Packed(this.outputs["train_hr"])) == 0


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_urban100_comes_from_the_hr_of_scale_4(tmp_path, scale):
    """Its images for scale 2 are of half the size (512x322 for 1024x644), and there are none for scale 3."""
    raw = write_self_exemplar(tmp_path, "Urban100", srfs=(2, 4), half=True)
    shipped = params.load()["datasets"]["urban100"]
    *_, test = benchmark.collect({"test": shipped["test"]}, "urban100", scale, raw)
    assert {Path(item.origin).parent.name for item in test.items} == {"image_SRF_4"}
    cut = {number: [side // 4 * 4 // scale * scale for side in (50 + number, 67)] for number in (1, 2, 3)}
    assert [list(item.size) for item in test.items] == list(cut.values())
    with pytest.raises(UserError, match=r"_SRF_2_HR\.png is smaller than .*_SRF_4_HR\.png.*`test\.srf`.* to 4"):
        benchmark.collect(TEST, "urban100", 2, raw)


def test_test_sets_say_what_is_wrong(tmp_path):
    raw = write_self_exemplar(tmp_path / "raw", srfs=(2, 3))
    assert "manga109.org" in benchmark.missing(None, ["manga109"], 4)
    with pytest.raises(UserError, match="no image_SRF_4, but image_SRF_2, image_SRF_3"):
        benchmark.collect(TEST | {"test": {"srf": 4}}, "set5", 4, raw)
    shutil.copytree(raw / "data/Set5", raw / "copy/Set5")
    with pytest.raises(UserError, match="two copies of set5"):
        benchmark.collect(TEST, "set5", 4, raw)
    write_png(tmp_path / "odd/LR/a.png", pixels(8, 8))
    with pytest.raises(UserError, match="no folder original, hr, gt or gtmod12 with images"):
        benchmark.collect(TEST, "set14", 4, tmp_path / "odd")


# --------------------------------------------------------------------------------------------------------- settings


def test_the_shipped_blocks_fit_their_modules():
    shipped = params.load()
    for name in ("realsr", "div2k", "flickr2k", "set5", "set14", "bsd100", "urban100", "manga109"):
        block = shipped["datasets"][name]
        assert name in shipped["adopt"]
        for scale in block["scales"]:
            message = load(block["module"]).missing(None, block["cameras"], scale)
            assert f"`adopt.{name}` names no folder" in message


def test_sub_images_that_do_not_fit_a_scale_are_refused_before_anything_runs():
    changed = params.load()
    changed["datasets"]["div2k"]["train"]["sub_images"] = {"size": 480, "stride": 250, "threshold": 0}
    with pytest.raises(
        UserError, match=r"div2k\.train\.sub_images\.stride: 250 is no multiple of the scales \[3, 4, 8, 16\]"
    ):
        params.check(changed)
