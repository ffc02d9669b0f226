"""A user's copy with one fault in it: what packing says that reads it, and what its adoption says. One table for both."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from pipeline.adopt import layouts
from pipeline.datasets import benchmark, df2k, drealsr, realsr
from pipeline.errors import UserError
from pipeline.images.rgb import read_rgb, write_png
from tests.adopted import part, picture, report, short_drealsr
from tests.fake_drealsr import write_fake_drealsr
from tests.fake_photosets import write_div2k, write_realsr, write_self_exemplar

RULE = {"size": 48, "stride": 48, "threshold": 0}
PHOTOGRAPHS = {"train": {"sub_images": RULE, "lr": "published"}, "val": {"images": 1, "seed": 1}, "test": {"srf": None}}


class Copy(NamedTuple):
    """How a copy is written, who packs it with which settings, and a camera that the faults below leave alone."""

    write: Callable[[Path], Path]
    module: ModuleType
    settings: dict
    other: str | None


COPIES = {
    "drealsr": Copy(
        lambda folder: write_fake_drealsr(folder / "sony_1" / "Canon_x2" / "raw", patches=5, photos=2),
        drealsr,
        {"val": {"patches": 2, "seed": 1}},
        "olympus",
    ),
    "realsr": Copy(write_realsr, realsr, PHOTOGRAPHS, "nikon"),
    "div2k": Copy(write_div2k, df2k, PHOTOGRAPHS, None),
    "set5": Copy(lambda folder: write_self_exemplar(folder, images=5), benchmark, PHOTOGRAPHS, None),
}


@functools.cache
def master(root: Path, name: str) -> Path:
    """One copy without faults, written once."""
    COPIES[name].write(root / name)
    return root / name


@pytest.fixture
def whole(tmp_path, tmp_path_factory, monkeypatch) -> Callable[[str], Path]:
    """Data set → a copy of its own, below folders with names of cameras; DRealSR's lists name what the copy holds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(layouts.LAYOUTS, "drealsr", short_drealsr)
    masters = tmp_path_factory.getbasetemp() / "whole_copies"
    return lambda name: Path(shutil.copytree(master(masters, name), tmp_path / "copy"))


def packed(name: str, camera: str, raw: Path, scale: int = 4) -> list[str]:
    """Names of all images that packing reads, in their order; every one is read."""
    copy = COPIES[name]
    splits = copy.module.collect(copy.settings, camera, scale, raw)
    assert all(len(split.items) == len(list(split.pairs)) for split in splits)
    return [f"{split.name} {item.name}" for split in splits for item in split.items]


def faults(found: dict) -> dict[str, dict]:
    """Part → fault that breaks it → name → what is wrong."""
    told = {}
    for row in found["parts"]:
        # The two cameras of the small RealSR have the same pixels.
        broken = {fault: names for fault, names in row["faults"].items() if fault not in ("missing", "equal")}
        if broken:
            told[f"{row['group']} {row['scale']} {row['split']}"] = broken
            assert row["state"] == "broken"
    return told


# ----------------------------------------------------------------------------------------------------------- the harm


def one(raw: Path, end: str) -> Path:
    """The one file whose path ends so."""
    (path,) = (path for path in raw.rglob("*") if path.as_posix().endswith(end))
    return path


def lose(end: str):
    return lambda raw: one(raw, end).unlink()


def draw(*ends: str, size: tuple[int, int]):
    """Other pictures in their place; the size is that of the first, of the second four times as large."""
    return lambda raw: [picture(one(raw, end), *(side * 4**n for side in size)) for n, end in enumerate(ends)]


def copy(source: str, target: str):
    """A file in the place of another one, or a folder under another name beside it."""

    def harm(raw: Path) -> None:
        path = one(raw, source)
        if path.is_dir():
            shutil.copytree(path, raw / target)
        else:
            shutil.copyfile(path, one(raw, target))

    return harm


def again(end: str, name: str):
    return lambda raw: shutil.copyfile(one(raw, end), one(raw, end).with_name(name))


def content(end: str, change: Callable[[bytes], bytes]):
    return lambda raw: one(raw, end).write_bytes(change(one(raw, end).read_bytes()))


def grey(end: str):
    return lambda raw: write_png(one(raw, end), np.zeros((64, 64), np.uint8))


def dangle(end: str):
    def harm(raw: Path) -> None:
        path = one(raw, end)
        path.unlink()
        path.symlink_to(raw / "gone.png")

    return harm


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


PATCH, SONY, SIZE = "sony_100_x4_2", "sony 4 train", "expected HR 4 times as large"
LR, HR = "its LR partner does not exist", "its HR partner does not exist"
# What happened: the copy, a camera and what is done to it; what packing says; what adoption says: part, fault, name, words.
FAULTS = {
    "patch without LR": ("drealsr", "sony", lose("sony_100_x1_2.png"), rf"train_HR/{PATCH}\.png: {LR} \(1 of 5 files",
        SONY, "no_lr", f"{PATCH}.png", LR),
    "patch without HR": ("drealsr", "sony", lose(f"{PATCH}.png"), rf"train_LR/sony_100_x1_2\.png: {HR} \(1 of 5 files",
        SONY, "no_hr", "sony_100_x1_2.png", HR),
    "photograph without LR": ("drealsr", "panasonic", lose("panasonic_500_x1.png"), rf"panasonic_500_x4\.png: {LR}",
        "panasonic 4 test", "no_lr", "panasonic_500_x4.png", LR),
    "LR of another size": ("drealsr", "panasonic", draw("panasonic_501_x1.png", size=(20, 24)),
        rf"panasonic_501_x4\.png is 84x96 but .*panasonic_501_x1\.png is 20x24: {SIZE}",
        "panasonic 4 test", "size", "panasonic_501_x4", f"HR is 84x96, LR 20x24, {SIZE}"),
    "LR that lacks a column": ("drealsr", "panasonic", draw("panasonic_500_x1.png", size=(20, 23)), SIZE,
        "panasonic 4 test", "size", "panasonic_500_x4", f"HR is 80x96, LR 20x23, {SIZE}"),
    "HR that lacks a row": ("drealsr", "panasonic", draw("panasonic_500_x4.png", size=(79, 96)), SIZE,
        "panasonic 4 test", "size", "panasonic_500_x4", f"HR is 79x96, LR 20x24, {SIZE}"),
    "patch of another size": ("drealsr", "sony", draw("sony_100_x1_1.png", "sony_100_x4_1.png", size=(8, 8)), "Expected one size",
        SONY, "size", "sony_100_x4_1", "HR is 32x32, expected 64x64"),
    "a folder twice": ("drealsr", "sony", copy("x4/Test_x4/Test_x4", "again"), r"500_x4\.png and .*: the same image twice",
        "sony 4 test", "twice", "sony_500_x4", "LR: "),
    "an LR twice": ("drealsr", "sony", again("sony_100_x1_2.png", f"{PATCH}.png"), rf"{PATCH}\.png and .*: the same image twice",
        SONY, "twice", PATCH, "LR: "),
    "an empty file": ("drealsr", "sony", content(f"{PATCH}.png", lambda data: b""), rf"{PATCH}\.png: .*0 bytes",
        SONY, "damaged", PATCH, "0 bytes"),
    "half a file": ("drealsr", "sony", content(f"{PATCH}.png", half), rf"{PATCH}\.png: damaged or truncated",
        SONY, "damaged", PATCH, "truncated"),
    "a page": ("drealsr", "sony", content(f"{PATCH}.png", lambda data: b"<!doctype html>" * 20), rf"{PATCH}\.png: .*neither PNG",
        SONY, "damaged", PATCH, "neither PNG"),
    "a grey image": ("drealsr", "sony", grey(f"{PATCH}.png"), rf"{PATCH}\.png: .*8-bit grey",
        SONY, "damaged", PATCH, "8-bit grey"),
    "a link to nothing": ("drealsr", "sony", dangle("sony_100_x1_2.png"), r"x1_2\.png: cannot be read \(No such file",
        SONY, "damaged", PATCH, "cannot be read (No such file or directory)"),
    "RealSR: LR lost": ("realsr", "canon", lose("Train/4/Canon_002_LR4.png"), rf"Train/4/Canon_002_HR\.png: {LR} \(1 of",
        "Canon 4 train", "no_lr", "Canon_002_HR.png", LR),
    "RealSR: HR lost": ("realsr", "canon", lose("Train/4/Canon_002_HR.png"), rf"Train/4/Canon_002_LR4\.png: {HR} \(1 of",
        "Canon 4 train", "no_hr", "Canon_002_LR4.png", HR),
    "RealSR: versions 1, 2": ("realsr", "canon", copy("Train/4/Canon_002_HR.png", "Train/4/Canon_002_LR4.png"),
        rf"Canon_002_HR\.png is 168x164 but .*Canon_002_LR4\.png is 168x164: {SIZE}",
        "Canon 4 train", "size", "Canon_002", f"HR is 168x164, LR 168x164, {SIZE}"),
    "RealSR: a folder twice": ("realsr", "canon", copy("Canon/Train", "again/Canon/Train"), "the same image twice",
        "Canon 4 train", "twice", "Canon_001", "LR: "),
    "RealSR: half a file": ("realsr", "canon", content("Test/4/Canon_002_LR4.png", half),
        r"Canon_002_LR4\.png: damaged or truncated", "Canon 4 test", "damaged", "Canon_002", "truncated"),
    # HR of photographs are whatever there is: a training does without the one that is lost.
    "DIV2K: HR lost": ("div2k", "div2k", lose("DIV2K_train_HR/0002.png"), None, "bicubic 4 train", "no_hr", "0002x4.png", HR),
    "DIV2K: HR of another size": ("div2k", "div2k", draw("DIV2K_train_HR/0002.png", size=(60, 80)),
        r"0002\.png is 60x80 but .*0002x4\.png is 25x20", "bicubic 4 train", "size", "0002", f"HR is 60x80, LR 25x20, {SIZE}"),
    "DIV2K: a folder twice": ("div2k", "div2k", copy("DIV2K_valid_HR", "again/DIV2K_valid_HR"), "the same image twice",
        "HR None valid", "twice", "0801", "HR: "),
    "DIV2K: half a file": ("div2k", "div2k", content("DIV2K_train_HR/0003.png", half), r"0003\.png: damaged or truncated",
        "HR None train", "damaged", "0003", "truncated"),
    "Set5: half a grey file": ("set5", "set5", content("img_002_SRF_4_HR.png", lambda data: data[:300]),
        r"img_002_SRF_4_HR\.png: damaged or truncated", "SelfExSR 4 test", "damaged", "img_002", "truncated"),
    "Set5: not even a header": ("set5", "set5", content("img_002_SRF_4_HR.png", lambda data: data[:27]),
        r"img_002_SRF_4_HR\.png: truncated PNG \(27 bytes\)", "SelfExSR 4 test", "damaged", "img_002", "truncated"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_named_by_packing_and_by_adoption(whole, what):
    """Packing stops at it, adoption names it; neither says anything of images that are whole."""
    name, camera, harm, message, place, fault, image, words = FAULTS[what]
    raw = whole(name)
    before, _ = report(name, raw)
    harm(raw)
    if message is None:
        assert packed(name, camera, raw)
    else:
        with pytest.raises(UserError, match=message):
            packed(name, camera, raw)
    found, said = report(name, raw)
    told, (group, scale, split) = faults(found), place.split()
    whole_ones = [
        part(each, group, int(scale) if scale != "None" else None, split)["found"] for each in (before, found)
    ]
    assert whole_ones[0] - whole_ones[1] == (fault != "twice")
    assert words in told[place][fault][image] and image in said and found["level"] in ("partial", "fail")
    if "twice" not in what:
        assert told[place] == {fault: {image: told[place][fault][image]}}
        assert all(image.startswith(other) for names in told.values() for of in names.values() for other in of)
    assert ("1 of 10 pairs have the same size: RealSR V1 or V2" in said) == (what == "RealSR: versions 1, 2")
    if COPIES[name].other and "twice" not in what:
        assert [4, group] not in found["usable"] and [
            4,
            COPIES[name].other.capitalize() if name == "realsr" else COPIES[name].other,
        ] in found["usable"]
        assert packed(name, COPIES[name].other, raw)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_that_is_not_there_is_named_with_its_page_and_its_setting(whole, tmp_path, name):
    _, module, settings, other = COPIES[name]
    page = {"div2k": "https://data.vision.ee.ethz.ch/cvl/DIV2K/"}.get(name) or module.PAGE
    (tmp_path / "empty").mkdir()
    for folder, why in (
        (None, "names no folder"),
        (tmp_path / "no", "no is not a folder"),
        (tmp_path / "empty", "empty holds no"),
    ):
        message = module.missing(folder, [other or name], 4)
        assert "is missing: " in message and "\n" not in message
        assert all(words in message for words in (why, page, f"`adopt.{name}`"))
    with pytest.raises(UserError, match="is missing"):
        module.collect(settings, other or name, 4, tmp_path / "empty")
    assert module.missing(whole(name), [other or name], 4) is None
    with pytest.raises(UserError, match="has no camera leica; it has "):
        module.missing(tmp_path, ["leica"], 4)


# ------------------------------------------------------------------------------------------------ what is no fault


def like_hr(raw: Path) -> None:
    for path in raw.rglob("*_x1*.png"):
        path.rename(path.with_name(path.name.replace("_x1", "_x4")))


def other_scale(raw: Path) -> None:
    write_fake_drealsr(raw, scale=2, patches=3, photos=1)


def more_rows(raw: Path) -> None:
    path = one(raw, "panasonic_500_x4.png")
    write_png(path, np.pad(read_rgb(path), ((0, 3), (0, 1), (0, 0))))


def upwards(raw: Path) -> None:
    (raw / "up").symlink_to(raw)


@pytest.mark.parametrize("harm", [like_hr, other_scale, more_rows, upwards])
def test_what_is_no_fault_changes_nothing_for_either(whole, harm):
    raw = whole("drealsr")
    before, images = (
        report("drealsr", raw)[0],
        {
            camera: packed("drealsr", camera, raw)
            for camera in drealsr.CAMERAS
            if camera in ("sony", "panasonic", "olympus")
        },
    )
    assert before["level"] == "pass" and before["images"] == 42 and not before["strays"]
    harm(raw)
    assert {camera: packed("drealsr", camera, raw) for camera in images} == images
    assert drealsr.missing(raw, list(images), 4) is None
    found, said = report("drealsr", raw)
    own = [row for row in found["parts"] if row["scale"] == 4]
    assert found["level"] == "pass" and own == before["parts"] and not faults(found)
    assert ("21 LR files are named like HR" in said) == (harm is like_hr)
    assert harm is not like_hr or found["digest"] == before["digest"]
    if harm is other_scale:
        rows = {
            (row["group"], row["split"]): (row["found"], row["state"]) for row in found["parts"] if row["scale"] == 2
        }
        assert rows["sony", "train"] == (3, "unverified") and rows["olympus", "test"] == (1, "unverified")
        assert len(packed("drealsr", "olympus", raw, 2)) == 4
