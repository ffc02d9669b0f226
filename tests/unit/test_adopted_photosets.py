"""Adoption and packing have one idea of where the images of DIV2K, Flickr2K and the test sets lie."""

import shutil
from pathlib import Path

import pytest

from pipeline.adopt import before
from pipeline.datasets import df2k
from pipeline.images import bicubic, write_png
from tests.adopted import part, report
from tests.fake_photosets import pixels, write_div2k


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
    unpacked = Path(before.place("div2k", str(tmp_path / "zips")))
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
