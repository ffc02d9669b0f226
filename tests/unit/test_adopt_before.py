"""What the report of an adoption says before the first job, of data sets whose groups are not named like cameras."""

import copy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.adopt import advice
from pipeline.errors import UserError
from pipeline.plan import params
from pipeline.workflow.rules import Workflow
from tests.adopted import part, picture, report
from tests.fake_photosets import write_div2k, write_realsr, write_self_exemplar

ROOT = Path(__file__).parents[2]
SHIPPED = params.load(ROOT / "params.yaml", ROOT / params.SCHEMA)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def adopted(settings: dict, name: str, folder: Path, camera: str, scale: int):
    """Adopt the copy, then ask for it as packing does."""
    report(name, folder)
    settings = copy.deepcopy(settings)
    settings["adopt"][name] = str(folder)
    wildcards = SimpleNamespace(dataset=name, scale=str(scale), camera=camera)
    return Workflow(settings).pack_folders(wildcards)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def test_a_broken_realsr_is_said_before_the_first_job_and_its_whole_camera_can_be_used(tmp_path):
    raw = write_realsr(tmp_path / "raw")
    assert adopted(SHIPPED, "realsr", raw, "canon", 4) == {"raw": str(raw)}
    cut(next(raw.rglob("Train/4/Canon_002_HR.png")))
    with pytest.raises(UserError, match=r"Canon x4 train: 1 damaged.*`datasets\.realsr\.available`"):
        adopted(SHIPPED, "realsr", raw, "canon", 4)
    only = copy.deepcopy(SHIPPED)
    only["datasets"]["realsr"]["available"] = ["nikon"]
    assert adopted(only, "realsr", raw, "nikon", 4) == {"raw": str(raw)}
    found, _ = report("realsr", raw)
    assert advice.lines(SHIPPED, "realsr", raw, found) == [
        f"set in params.yaml  adopt.realsr: {raw}",
        "x4: set in params/domains.yaml  datasets.realsr.available: [nikon]",
    ]
    # Test photographs alone are no use: packing wants both.
    shutil.rmtree(next(raw.rglob("Nikon/Train")))
    assert advice.lines(SHIPPED, "realsr", raw, report("realsr", raw)[0]) == []


def test_a_broken_div2k_is_said_before_the_first_job(tmp_path):
    raw = write_div2k(tmp_path / "raw")
    published = copy.deepcopy(SHIPPED)
    published["datasets"]["div2k"]["train"]["lr"] = "published"
    assert adopted(published, "div2k", raw, "div2k", 4) == {"raw": str(raw)}
    # LR stop a job that reads them, not one that makes its own.
    cut(next(raw.rglob("0002x4.png")))
    assert adopted(SHIPPED, "div2k", raw, "div2k", 4) == {"raw": str(raw)}
    with pytest.raises(UserError, match=r"bicubic x4 train: 1 damaged.*Repair the copy and run"):
        adopted(published, "div2k", raw, "div2k", 4)
    cut(next(raw.rglob("0802.png")))
    for scale in (2, 4, 8):
        with pytest.raises(UserError, match=r"HR valid: 1 damaged"):
            adopted(SHIPPED, "div2k", raw, "div2k", scale)


def test_reductions_of_div2k_that_no_job_reads_stop_none(tmp_path):
    raw = write_div2k(tmp_path / "raw")
    lr = raw / "DIV2K/DIV2K_train_LR_bicubic/X4"
    shutil.copytree(lr, raw / "DIV2K/DIV2K_train_LR_unknown/X4")
    cut(raw / "DIV2K/DIV2K_train_LR_unknown/X4/0001x4.png")
    published = copy.deepcopy(SHIPPED)
    published["datasets"]["div2k"]["train"]["lr"] = "published"
    assert adopted(published, "div2k", raw, "div2k", 4) == {"raw": str(raw)}


def test_urban100_is_judged_by_the_images_that_are_taken_at_every_scale(tmp_path):
    """Its images for scale 2 are half the size in every copy; the shipped settings never read them."""
    raw = write_self_exemplar(tmp_path / "raw", "Urban100", srfs=(2, 4), half=True)
    assert part(report("urban100", raw)[0], "SelfExSR", 2, "test")["state"] == "broken"
    for scale in (2, 3, 4, 8):
        assert adopted(SHIPPED, "urban100", raw, "urban100", scale) == {"raw": str(raw)}
    # LR are made from HR.
    for path in raw.rglob("*_LR.png"):
        path.unlink()
    assert adopted(SHIPPED, "urban100", raw, "urban100", 2) == {"raw": str(raw)}
    cut(next(raw.rglob("img_003_SRF_4_HR.png")))
    for scale in (2, 3, 4, 8):
        with pytest.raises(UserError, match=r"SelfExSR x4 test: 1 damaged"):
            adopted(SHIPPED, "urban100", raw, "urban100", scale)


def test_a_test_set_of_one_hr_for_all_scales_is_judged_by_it(tmp_path):
    for number in range(5):
        picture(tmp_path / "Set5/HR" / f"p{number}.png", 24, 24)
        picture(tmp_path / "Set5/LR_bicubic/X4" / f"p{number}x4.png", 6, 6)
    cut(tmp_path / "Set5/LR_bicubic/X4/p1x4.png")
    assert adopted(SHIPPED, "set5", tmp_path / "Set5", "set5", 4)
    cut(tmp_path / "Set5/HR/p1.png")
    with pytest.raises(UserError, match=r"HR test: 1 damaged"):
        adopted(SHIPPED, "set5", tmp_path / "Set5", "set5", 4)
