"""REDS from a user's folder: LR alone, one frame per video, other videos to test on; crops of SR without measuring."""

import random

import numpy as np
import pytest
import torch

from pipeline.datasets import reds
from pipeline.errors import UserError
from pipeline.images.rgb import bicubic, read_rgb, write_png
from pipeline.jobs import pack_frames, samples
from pipeline.plan import keys, params
from pipeline.provenance.job import Job
from pipeline.sampling.packed import Packed
from pipeline.sampling.patches import PatchSampler
from tests.fake_reds import write_fake_reds
from tests.packing import read_manifest, write_stack

SETTINGS = {"module": "reds", "train_videos": 3, "seed": 1, "frame": 24}
SHIPPED = params.load("params.yaml")


@pytest.fixture
def raw(tmp_path):
    return write_fake_reds(tmp_path / "raw", videos=5)


@pytest.fixture(autouse=True)
def torch_settings_end_with_the_test():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


def pack_job(folder, raw) -> Job:
    outputs = {name: folder / f"{name}.safetensors" for name in ("train_lr", "test_lr")}
    return Job("pack_frames", {}, SETTINGS, {}, outputs | {"manifest": folder / "list.csv"}, {"raw": raw}, "0" * 64)


def test_videos_are_drawn_once_and_no_video_is_in_both_splits(raw):
    splits = reds.frames(SETTINGS, raw)
    names = {split: [frame.name for frame in part] for split, part in splits.items()}
    everything = ["train_000", "train_001", "train_002", "train_003", "val_000"]
    assert sorted(names["train"] + names["test"]) == everything
    random.Random(1).shuffle(everything)
    assert sorted(everything[:3]) == names["train"]
    draws = {tuple(f.name for f in reds.frames(SETTINGS | {"seed": seed}, raw)["train"]) for seed in range(8)}
    assert len(draws) > 1
    assert all(frame.file.name == "00000024.png" for part in splits.values() for frame in part)


def test_pack_keeps_the_frames_as_they_are(raw, tmp_path):
    job = pack_job(tmp_path / "out", raw)
    assert pack_frames.work(job) == {"images": {"train": 3, "test": 2}}
    rows = read_manifest(job.outputs["manifest"])
    assert {(row.kind, row.height, row.width, row.licence) for row in rows} == {("lr", 48, 64, reds.LICENCE)}
    for split in ("train", "test"):
        packed = Packed(job.outputs[f"{split}_lr"])
        for row in (row for row in rows if row.split == split):
            np.testing.assert_array_equal(packed[packed.names.index(row.name)], read_rgb(raw / row.origin))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "list.csv",
        "test_lr.safetensors",
        "train_lr.safetensors",
    ]


def test_an_adaptation_can_read_the_frames_as_its_target(raw, tmp_path):
    job = pack_job(tmp_path / "out", raw)
    pack_frames.work(job)
    source = {"source_lr": (8, 8), "source_hr": (32, 32)}
    for name, size in source.items():
        write_stack(tmp_path / f"{name}.safetensors", ["a", "b"], np.zeros((2, *size, 3), np.uint8))
    given = {name: str(tmp_path / f"{name}.safetensors") for name in source}
    batch = PatchSampler(given | {"target_lr": str(job.outputs["train_lr"])}, 4, 8, 2, 0)(0)
    assert batch.target_lr.shape == (2, 3, 8, 8) and batch.target_lr.std() > 0


def test_missing_says_what_where_from_and_which_setting(raw, tmp_path):
    assert reds.missing(SETTINGS, raw) is None
    for folder, reason in (
        (None, "names no folder"),
        (tmp_path / "no", "is not a folder"),
        (raw / "val", "holds 1 videos with frame 24, expected 4 or more"),
    ):
        message = reds.missing(SETTINGS, folder)
        for part in (reason, reds.PAGE, "train_sharp", "`adopt.reds`", "CC BY 4.0"):
            assert part in message
    with pytest.raises(UserError, match="5 videos with frame 24, expected 6 or more"):
        reds.frames(SETTINGS | {"train_videos": 5}, raw)
    assert "holds 0 videos with frame 99" in reds.missing(SETTINGS | {"frame": 99}, raw)


def test_frames_of_other_sizes_and_videos_that_are_there_twice_are_named(raw, tmp_path):
    (file,) = (path for path in raw.rglob("00000024.png") if path.parts[-3:-1] == ("train_sharp", "001"))
    write_png(file, np.zeros((20, 24, 3), np.uint8))
    with pytest.raises(UserError, match=r"is 20x24.*expected frames of one size"):
        reds.frames(SETTINGS, raw)
    write_fake_reds(raw / "copy", videos=2)
    with pytest.raises(UserError, match=r"train_sharp/000/00000024\.png and .*: the same image twice"):
        reds.frames(SETTINGS, raw)


# ------------------------------------------------------------------------------------------------------- pictures


def enlarge_job(folder, packed, crops) -> Job:
    enlarge = {"scale": 4, "network": {"name": "bicubic", "scale": 4}, "expect": "bicubic", "tile": 32, "margin": 8}
    enlarge |= {"whole_below": 10, "compute": {"device": "cpu", "threads": 1, "precision": "fp32"}}
    settings = {"enlarge": enlarge, "crops": crops, "complete": True}
    return Job("samples", {}, settings, {"test_lr": [packed]}, {"samples": folder / "sr.safetensors"}, {}, "0" * 64)


def test_crops_of_sr_lie_where_the_lr_crops_lie(raw, tmp_path):
    packed = pack_job(tmp_path / "out", raw)
    pack_frames.work(packed)
    path = packed.outputs["test_lr"]
    frame = Packed(path)[0]
    job = enlarge_job(tmp_path, path, {Packed(path).names[0]: [32, 80, 64, 96]})
    samples.work(job)
    stored = Packed(job.outputs["samples"])
    wanted = bicubic(frame, 4)[32:96, 80:176]
    assert stored.names == [f"sr/{Packed(path).names[0]}"] and stored[0].shape == (64, 96, 3)
    assert np.abs(stored[0].astype(int) - wanted).max() <= 1
    for crops, message in (
        ({"train_999": [0, 0, 8, 8]}, "holds no image train_999 to crop"),
        ({Packed(path).names[0]: [160, 0, 64, 64]}, "expected a box inside the picture, which is 192x256"),
    ):
        with pytest.raises(UserError, match=message):
            samples.work(enlarge_job(tmp_path, path, crops))


# ------------------------------------------------------------------------------------------------------------ plan


def test_no_job_of_a_target_without_hr_is_given_hr():
    wildcards = {"dataset": "drealsr", "scale": "4", "setting": "real", "cameras": "sony-reds", "seed": "0"}
    wildcards |= {"method": "dada", "stage": "adapt"}
    given = keys.kind("train").inputs(SHIPPED, wildcards)
    assert given["target_lr"] == "data/packed/drealsr_x4/reds/train_lr.safetensors"
    made = keys.kind("pack_frames").outputs(SHIPPED, {"dataset": "drealsr", "scale": "4", "camera": "reds"})
    assert given["target_lr"] in made.values() and not any("hr" in name or "bicubic" in name for name in made)
    shown = keys.kind("samples").inputs(SHIPPED, wildcards | {"camera": "reds"})
    assert set(shown) == {"test_lr", "generator"} and shown["test_lr"] in made.values()
    (figure,) = {row["hr"] for row in keys.key(SHIPPED, "figure", {"figure": "dada_reds"})["settings"]["rows"]}
    assert figure is None


def test_crops_of_the_shipped_figure_are_of_test_videos():
    block = SHIPPED["datasets"]["drealsr"]["cameras"]["reds"]["frames"]
    names = [f"train_{number:03d}" for number in range(240)] + [f"val_{number:03d}" for number in range(30)]
    random.Random(block["seed"]).shuffle(names)
    assert set(block["crops"]) <= set(names[block["train_videos"] :])
    assert block["train_videos"] == 22


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p["tables"]["dada"]["pairs"].append(["sony", "reds"]), "tables.dada: camera 'reds' has no HR"),
        (lambda p: p["figures"]["dada_kernels"]["cameras"].append("reds"), "'reds' has no HR; only the target"),
        (lambda p: p["figures"]["dada_reds"].update(pairs=[["reds", "reds"]]), "'reds' has no HR; only the target"),
        (lambda p: p["figures"]["dada_reds"]["methods"].append("target_only"), "'target_only' has no generator"),
        (lambda p: p["figures"]["dada_reds"].update(photographs=["val_001"]), "there is no crop 'val_001'"),
    ],
)
def test_what_needs_hr_is_refused(change, message):
    changed = params.load("params.yaml")
    # Anchors share lists; a copy through JSON would turn the keys of scales into text.
    changed["figures"] = {name: {**block} for name, block in changed["figures"].items()}
    changed["figures"]["dada_kernels"]["cameras"] = list(changed["figures"]["dada_kernels"]["cameras"])
    changed["tables"]["dada"]["pairs"] = list(changed["tables"]["dada"]["pairs"])
    change(changed)
    with pytest.raises(UserError, match=message):
        params.check(changed)
