"""Adoption of every other data set: its names, its counts, its traps."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.adopt import layouts
from pipeline.datasets.folders import Part
from pipeline.images.rgb import write_png
from pipeline.plan import params
from tests.adopted import part, picture, report

HERE = Path.cwd()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def realsr(folder: Path, pairs: int = 2, scale: int = 4) -> Path:
    """`pairs` pairs of each camera and split below a folder that is named like the other camera."""
    for camera in ("Canon", "Nikon"):
        for split in ("Train", "Test"):
            place = folder / "Nikon" / "RealSR(V3)" / camera / split / str(scale)
            for number in range(1, pairs + 1):
                picture(place / f"{camera}_{number:03d}_HR.png", 8 * scale, 8 * scale)
                picture(place / f"{camera}_{number:03d}_LR{scale}.png")
    return folder


def test_every_name_of_the_settings_has_a_layout_and_the_other_way_round():
    named = set(params.load(HERE / "params.yaml", HERE / params.SCHEMA)["adopt"]) - {"weights"}
    assert named == set(layouts.LAYOUTS) and all(layouts.named(name).title for name in named - {"drealsr"})


def test_realsr_v3_pairs_and_counts(tmp_path):
    found, said = report("realsr", realsr(tmp_path / "raw", pairs=2))
    row = part(found, "Nikon", 4, "test")
    assert (row["found"], row["expected"]["count"], len(row["faults"]["missing"])) == (2, 50, 48)
    # Nobody states how many training pairs there are: counted, not checked.
    assert part(found, "Canon", 4, "train") == {
        **{"group": "Canon", "scale": 4, "split": "train", "expected": None, "found": 2, "state": "unverified"},
        "faults": {},
    }
    assert "459 scenes" in said and found["level"] == "partial" and "V1 or V2" not in said


def test_realsr_with_all_test_pairs_is_complete_there(tmp_path):
    found, _ = report("realsr", realsr(tmp_path / "raw", pairs=50))
    assert [part(found, camera, 4, "test")["state"] for camera in ("Canon", "Nikon")] == ["complete", "complete"]


def test_realsr_lr_of_another_scale_is_no_partner(tmp_path):
    raw = realsr(tmp_path / "raw")
    path = next(raw.rglob("Canon_001_LR4.png"))
    path.rename(path.with_name("Canon_001_LR3.png"))
    found, _ = report("realsr", raw)
    assert list(found["strays"].values()) == ["an image of no part that is known"]
    assert sum(len(row["faults"].get("no_lr", ())) for row in found["parts"]) == 1


def div2k(folder: Path, numbers, lr=()) -> Path:
    for number in numbers:
        split = "train" if number <= 800 else "valid"
        picture(folder / f"DIV2K_{split}_HR" / f"{number:04d}.png", 12, 16)
        for scale in lr:
            name = f"{number:04d}x{scale}.png"
            picture(folder / f"DIV2K_{split}_LR_bicubic" / f"X{scale}" / name, 12 // scale, 16 // scale)
    return folder


def test_div2k_counts_and_names_what_a_cut_off_archive_lost(tmp_path):
    raw = div2k(tmp_path / "raw/a/b", [*range(1, 744), *range(801, 901)])
    found, said = report("div2k", raw)
    row = part(found, "HR", None, "train")
    assert (row["found"], row["state"], sorted(row["faults"]["missing"])[:2]) == (743, "incomplete", ["0744", "0745"])
    assert part(found, "HR", None, "valid")["state"] == "complete" and found["level"] == "partial"
    assert "HR train, missing: 0744, 0745, 0746 … and 54 more" in said


def test_lr_of_another_scale_in_a_folder_of_div2k_is_no_lr(tmp_path):
    picture(div2k(tmp_path / "raw", [4], lr=(2, 4)) / "DIV2K_train_LR_bicubic/X4/0004x2.png", 6, 8)
    found, _ = report("div2k", tmp_path / "raw")
    assert list(found["strays"]) == ["DIV2K_train_LR_bicubic/X4/0004x2.png"]
    assert [part(found, "bicubic", scale, "train")["faults"].keys() for scale in (2, 4)] == [{"missing"}] * 2


def test_div2k_whole_hr_passes_and_the_folder_itself_may_be_named(tmp_path):
    raw = div2k(tmp_path / "raw", range(1, 901))
    assert report("div2k", raw)[0]["level"] == "pass"
    assert part(report("div2k", raw / "DIV2K_valid_HR")[0], "HR", None, "valid")["state"] == "complete"


def test_flickr2k_counts(tmp_path):
    picture(tmp_path / "Flickr2K/Flickr2K_HR/000001.png")
    row = part(report("flickr2k", tmp_path)[0], "HR", None, "train")
    assert (row["expected"]["count"], row["found"], len(row["faults"]["missing"])) == (2650, 1, 2649)


def selfexsr(folder: Path, name: str, count: int, sizes: dict[int, int]) -> Path:
    for scale, side in sizes.items():
        for number in range(1, count + 1):
            head = folder / name / f"image_SRF_{scale}" / f"img_{number:03d}_SRF_{scale}_"
            picture(head.with_name(head.name + "HR.png"), side, side)
            picture(head.with_name(head.name + "LR.png"), side // scale, side // scale)
    return folder


def test_hr_of_urban100_at_x2_are_half_the_size_of_those_at_x4(tmp_path):
    raw = selfexsr(tmp_path / "data", "Urban100", 100, {2: 8, 4: 16})
    found, said = report("urban100", raw)
    assert "100 HR of image_SRF_2 are half the size of image_SRF_4's" in said
    row = part(found, "SelfExSR", 2, "test")
    assert (row["state"], row["found"], len(row["faults"]["size"])) == ("broken", 0, 100)
    assert part(found, "SelfExSR", 4, "test")["state"] == "complete"
    assert found["level"] == "partial" and found["usable"] == [[4, "SelfExSR"]]


def test_urban100_of_one_size_has_no_trap_and_x2_alone_cannot_be_looked_into(tmp_path):
    raw = selfexsr(tmp_path / "data", "Urban100", 100, {2: 16, 4: 16})
    found, said = report("urban100", raw)
    assert found["level"] == "pass" and "half the size" not in said
    alone = selfexsr(tmp_path / "other", "Urban100", 100, {2: 8})
    assert "image_SRF_2 without image_SRF_4" in report("urban100", alone)[1]


@pytest.mark.parametrize(
    ("name", "folder", "count"), [("set5", "Set5", 5), ("set14", "Set14", 14), ("bsd100", "B100", 100)]
)
def test_a_benchmark_in_both_layouts_and_only_its_own_folder(tmp_path, name, folder, count):
    raw = selfexsr(tmp_path / "bench", folder, count, {4: 8})
    picture(raw / "Other" / "image_SRF_4" / "img_001_SRF_4_HR.png")
    for number in range(count):
        picture(raw / folder / "HR" / f"p{number}.png", 9, 9)
        picture(raw / folder / "LR_bicubic" / "X4" / f"p{number}x4.png", 2, 2)
    found, _ = report(name, raw)
    assert found["level"] == "pass" and list(found["strays"]) == ["Other/image_SRF_4/img_001_SRF_4_HR.png"]
    assert [part(found, *place, "test")["found"] for place in (("SelfExSR", 4), ("HR", None), ("bicubic", 4))] == [
        count
    ] * 3


def test_a_grey_image_of_set14_is_fine_and_of_div2k_is_not(tmp_path):
    raw = selfexsr(tmp_path / "bench", "Set14", 14, {4: 8})
    write_png(raw / "Set14/image_SRF_4/img_003_SRF_4_HR.png", np.arange(64, dtype=np.uint8).reshape(8, 8))
    write_png(raw / "Set14/image_SRF_4/img_003_SRF_4_LR.png", np.zeros((2, 2), np.uint8))
    assert report("set14", raw)[0]["level"] == "pass"
    write_png(tmp_path / "DIV2K_train_HR/0001.png", np.zeros((8, 8), np.uint8))
    assert "8-bit grey" in part(report("div2k", tmp_path)[0], "HR", None, "train")["faults"]["damaged"]["0001"]


def test_manga109_counts_and_says_that_it_may_not_be_passed_on(tmp_path):
    for number in range(109):
        picture(tmp_path / "Manga109/HR" / f"Title{number}.png", 8, 8)
    found, _ = report("manga109", tmp_path)
    assert found["level"] == "pass" and part(found, "HR", None, "test")["found"] == 109
    assert "may not be passed on" in layouts.named("manga109").get


def test_d2crealsr_is_paired_and_counted_but_not_checked(tmp_path):
    for number in (1, 2):
        picture(tmp_path / "test_HR" / f"{number}_HR.png", 64, 64)
        picture(tmp_path / "test_LR" / f"{number}_LR8.png", 8, 8)
    found, said = report("d2crealsr", tmp_path)
    assert part(found, "pairs", 8, "test")["found"] == 2 and found["level"] == "pass" and "No source states" in said
    (tmp_path / "test_LR/2_LR8.png").unlink()
    assert report("d2crealsr", tmp_path)[0]["level"] == "fail"


def test_reds_sizes_and_counts(tmp_path):
    for video in ("000", "001"):
        picture(tmp_path / "train/train_sharp" / video / "00000024.png", 720, 1280)
    picture(tmp_path / "val/val_sharp/000/00000024.png", 360, 640)
    found, said = report("reds", tmp_path)
    assert part(found, "HR", None, "train")["found"] == 2 and part(found, "HR", None, "train")["state"] == "incomplete"
    assert part(found, "HR", None, "val")["faults"]["size"] == {"000/00000024": "HR is 360x640, expected 720x1280"}
    assert "frame 00000024 of every video" in said


def test_nothing_is_asserted_that_nobody_states():
    assert set(layouts.named("realsr").expected) == {Part(camera, 4, "test") for camera in ("Canon", "Nikon")}
    assert not layouts.named("d2crealsr").expected
