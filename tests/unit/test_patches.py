"""Training batches: a function of the step, LR and HR cut at the same place, epochs complete."""

import numpy as np
import pytest
import torch

from pipeline.errors import UserError
from pipeline.sampling.packed import Packed
from pipeline.sampling.patches import PatchSampler
from tests.packing import write_stack


def pack(folder, count=6, size=10, scale=2):
    """LR of random pixels, HR its nearest-neighbour enlargement, so that alignment is checkable; a target of 7."""
    random = np.random.default_rng(1)
    lr = random.integers(0, 256, (count, size, size, 3), np.uint8)
    files = {name: folder / f"{name}.safetensors" for name in ("source_lr", "source_hr", "target_lr")}
    names = [f"p{i}" for i in range(count)]
    write_stack(files["source_lr"], names, lr)
    write_stack(files["source_hr"], names, lr.repeat(scale, 1).repeat(scale, 2))
    write_stack(files["target_lr"], [f"t{i}" for i in range(7)], random.integers(0, 256, (7, size, size, 3), np.uint8))
    return files


def sampler(files, **changes):
    return PatchSampler(files, **{"scale": 2, "patch": 4, "batch": 2, "seed": 5} | changes)


def test_lr_and_hr_show_the_same_place(tmp_path):
    draw = sampler(pack(tmp_path))
    for step in range(12):
        batch = draw(step)
        enlarged = batch.source_lr.repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert batch.source_lr.shape == (2, 3, 4, 4) and torch.equal(enlarged, batch.source_hr)


def test_values_are_between_0_and_1(tmp_path):
    batch = sampler(pack(tmp_path))(0)
    assert batch.target_lr.dtype == torch.float32 and batch.target_lr.min() >= 0 and 0.9 < batch.target_lr.max() <= 1


def test_a_batch_depends_on_the_step_and_seed_alone(tmp_path):
    files = pack(tmp_path)
    first, second = sampler(files), sampler(files)
    for step in range(5):
        first(step)
    assert torch.equal(first(9).source_hr, second(9).source_hr)
    assert not torch.equal(first(9).source_lr, first(10).source_lr)
    assert not torch.equal(first(9).source_lr, sampler(files, seed=6)(9).source_lr)


def test_an_epoch_visits_every_target_patch_once(tmp_path):
    draw = sampler(pack(tmp_path))
    targets = [name for step in range(3) for name in draw(step).names if name.startswith("target")]
    assert len(targets) == 6 == len(set(targets))  # 7 patches, batches of 2: the incomplete one is dropped
    again = [name for step in range(3, 6) for name in draw(step).names if name.startswith("target")]
    assert again != targets


def test_without_a_target_the_epoch_runs_over_the_source(tmp_path):
    files = pack(tmp_path)
    draw = sampler({name: files[name] for name in ("source_lr", "source_hr")})
    names = [name for step in range(3) for name in draw(step).names]
    assert sorted(names) == [f"source:p{i}" for i in range(6)]
    assert draw(0).target_lr is None


def test_flips_and_turns_all_occur(tmp_path):
    """A patch that fills the whole image comes in all eight orientations."""
    files = pack(tmp_path)
    draw = sampler({name: files[name] for name in ("source_lr", "source_hr")}, patch=10)
    seen = {}
    for step in range(150):
        batch = draw(step)
        for name, image in zip(batch.names, batch.source_lr, strict=True):
            seen.setdefault(name, set()).add(image.numpy().tobytes())
    assert {len(views) for views in seen.values()} == {8}


def test_pixels_are_those_of_the_file_turned(tmp_path):
    files = pack(tmp_path)
    draw, packed = sampler(files, patch=10), {name: Packed(path) for name, path in files.items()}
    seen = set()
    for step in range(20):
        batch = draw(step)
        for name, images in (("source_hr", batch.source_hr), ("target_lr", batch.target_lr)):
            side = images.shape[2]
            layouts = [(3 * side * side, 1, 3 * side, 3), (3 * side * side, 1, 3, 3 * side)]
            seen.add(layouts.index(images.stride()))
            for shown, image in zip([n for n in batch.names if n[:6] == name[:6]], images, strict=True):
                original = packed[name][packed[name].names.index(shown.partition(":")[2])]
                turned = [np.rot90(view, turns) for view in (original, original[::-1]) for turns in range(4)]
                found = image.permute(1, 2, 0).numpy()
                assert any(np.array_equal(found, view.astype(np.float32) / np.float32(255)) for view in turned)
    assert seen == {0, 1}  # column by column where every image is turned: rounding of results rests on it


def test_patches_smaller_than_the_crop_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"source_lr.safetensors: patches are 10x10, smaller than the crop of 12"):
        sampler(pack(tmp_path), patch=12)


def test_too_few_patches_for_a_batch_are_refused(tmp_path):
    with pytest.raises(UserError, match="6 patches do not fill one batch of 8"):
        sampler(pack(tmp_path), batch=8)


def test_missing_partner_is_refused(tmp_path):
    files = pack(tmp_path)
    write_stack(files["source_hr"], ["p0", "p1", "p2", "p3", "p4", "p9"], np.zeros((6, 20, 20, 3), np.uint8))
    with pytest.raises(UserError, match="the patches do not match"):
        sampler(files)
