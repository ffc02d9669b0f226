"""Adoption and packing have one idea of where the images of DIV2K, Flickr2K and the test sets lie."""

import shutil
from pathlib import Path

import pytest

from pipeline.adopt import checks
from pipeline.datasets import benchmark, df2k, realsr
from pipeline.errors import UserError
from pipeline.images.rgb import bicubic, write_png
from tests.adopted import part, picture, report
from tests.fake_photosets import pixels, write_div2k, write_realsr


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def div2k(lr: str) -> dict:
    """Settings of a set of photographs."""
    rule = {"size": 48, "stride": 24, "threshold": 0}
    return {"train": {"sub_images": rule, "lr": lr}, "val": {"images": 0, "seed": 1}}


def test_published_lr_is_read_from_adopted_archives(tmp_path):
    """HR and LR are archives of their own, so that each is unpacked into a folder of its own."""
    raw = write_div2k(tmp_path / "raw")
    for folder in sorted((raw / "DIV2K").iterdir()):
        shutil.make_archive(str(tmp_path / "zips" / folder.name), "zip", raw / "DIV2K", folder.name)
    found, _ = report("div2k", tmp_path / "zips")
    assert part(found, "bicubic", 4, "train")["found"] == 3
    unpacked = Path(checks.place("div2k", str(tmp_path / "zips")))
    assert unpacked == Path("data/raw/div2k")
    train, _, test = df2k.collect(div2k("published"), "div2k", 4, unpacked)
    assert (len(train.sub_images), len(test.items)) == (3, 2)


def test_df2k_in_one_folder_is_adopted_and_packed(tmp_path):
    """The training images of both sets, told apart by the digits of their names."""
    raw = write_div2k(tmp_path / "raw")
    place = raw / "DF2K/HR"
    place.parent.mkdir()
    (raw / "DIV2K/DIV2K_train_HR").rename(place)
    (raw / "DIV2K/DIV2K_train_LR_bicubic").rename(raw / "DF2K/LR_bicubic")
    for number in (1, 2):
        hr = pixels(60, 92, number)
        write_png(place / f"{number:06d}.png", hr)
        write_png(raw / "DF2K/LR_bicubic/X4" / f"{number:06d}x4.png", bicubic(hr, 1 / 4))
    for name, count in (("div2k", 3), ("flickr2k", 2)):
        found, _ = report(name, raw)
        assert part(found, "HR", None, "train")["found"] == part(found, "bicubic", 4, "train")["found"] == count
        assert df2k.missing(raw, [name], 4) is None
        for lr in ("bicubic", "published"):
            train, *_ = df2k.collect(div2k(lr), name, 4, raw)
            assert len(train.sub_images) == count
    # Both are asked about the same folder, whatever the case of its name.
    place.rename(place.with_name("hr"))
    assert df2k.missing(raw, ["flickr2k"], 4) is None
    assert part(report("flickr2k", raw)[0], "HR", None, "train")["found"] == 2
    assert df2k.missing(place.with_name("hr"), ["flickr2k"], 4) is not None
    assert not report("flickr2k", place.with_name("hr"))[0]["images"]


def test_realsr_is_adopted_and_packed_whatever_the_folder_of_its_camera_is_called(tmp_path):
    raw = write_realsr(tmp_path / "raw")
    next(raw.rglob("Canon/Train")).parent.rename(tmp_path / "raw/first")
    *_, test = realsr.collect(div2k("bicubic"), "canon", 4, raw)
    assert part(report("realsr", raw)[0], "Canon", 4, "test")["found"] == len(test.items) == 2


TEST = {"test": {"srf": None}}


@pytest.mark.parametrize(
    "place",
    ["Set5/original", "Set5/HR", "bench/B/set5/gt", "Set5/GTmod12", "Set5", "Set5/image_SRF_4", "Set5/x4"],
)
def test_a_test_set_is_adopted_from_where_it_is_packed(tmp_path, place):
    """The last as `python -m pipeline.fetch set5` leaves it."""
    raw = tmp_path / "raw"
    by_scale = place.endswith("4")
    for number in range(1, 6):
        if by_scale:
            picture(raw / place / f"img_{number:03d}_SRF_4_HR.png", 24, 24)
            picture(raw / place / f"img_{number:03d}_SRF_4_LR.png", 6, 6)
        else:
            picture(raw / place / f"p{number}.png", 24, 24)
        picture(raw / "Set14/HR" / f"comic{number}.png", 24, 24)
    for folder in (raw, *raw.rglob("[Ss]et5")):
        *_, test = benchmark.collect(TEST, "set5", 4, folder)
        found, said = report("set5", folder)
        row = part(found, *(("SelfExSR", 4) if by_scale else ("HR", None)), "test")
        assert (row["state"], row["found"], found["level"], len(test.items)) == ("complete", 5, "pass", 5)
        assert not {item.origin for item in test.items} & found["strays"].keys()
        assert ("cropped to multiples of 12" in said) == place.endswith("GTmod12")
        if place.endswith("GTmod12"):
            with pytest.raises(UserError, match="cropped to multiples of 12, which loses pixels at scale 8"):
                benchmark.collect(TEST, "set5", 8, folder)


def test_of_several_kinds_of_hr_both_take_the_same(tmp_path):
    raw = tmp_path / "Set5"
    for number in range(5):
        for place in ("original", "GTmod12", "LRbicx4"):
            picture(raw / place / f"p{number}.png", 24, 24)
        picture(raw / "LR_bicubic/X4" / f"p{number}x4.png", 6, 6)
    *_, test = benchmark.collect(TEST, "set5", 4, raw)
    found, _ = report("set5", raw)
    assert found["level"] == "pass" and part(found, "bicubic", 4, "test")["found"] == len(test.items) == 5
    assert {Path(path).parent.name for path in found["strays"]} == {"GTmod12", "LRbicx4"}
    shutil.copytree(raw / "original", raw / "other/original")
    for ask in (lambda: benchmark.collect(TEST, "set5", 4, raw), lambda: report("set5", raw)):
        with pytest.raises(UserError, match="either could be the HR"):
            ask()


def test_another_test_set_is_never_taken_for_the_one_that_is_asked_for(tmp_path):
    for number in range(14):
        picture(tmp_path / "bench/Set14/HR" / f"p{number}.png", 24, 24)
    assert "holds no PNG or JPEG of this set" in benchmark.missing(tmp_path / "bench", ["set5"], 4)
    found, _ = report("set5", tmp_path / "bench")
    assert found["level"] == "fail" and not found["images"]
    assert report("set14", tmp_path / "bench")[0]["level"] == "pass"
