"""Simulated cameras and scenes: statistics, optics, exact bytes, and the packing job on top of them."""

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets import cameras, deadleaves, load, simcam
from pipeline.errors import UserError
from pipeline.images.rgb import bicubic
from pipeline.jobs import pack
from pipeline.provenance.job import Job
from pipeline.sampling.packed import Packed
from tests.packing import read_manifest

SCENE = {"size": 64, "smallest": 1.0, "largest": 40.0, "layers": 3.0}
CHELSEA = {
    "name": "chelsea",
    "distribution": "scikit-image",
    "file": "skimage/data/chelsea.png",
    "sha256": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "licence": "CC0",
}


def recipe(shape="gaussian", sigma=(0.4, 0.4), angle=0.0, phase=(0.0, 0.0), noise=(0.0, 0.0), sharpen=0.0):
    return {
        "psf": {"shape": shape, "sigma": list(sigma), "angle": angle},
        "phase": list(phase),
        "noise": {"dark": noise[0], "bright": noise[1]},
        "sharpen": sharpen,
    }


def settings(**changes):
    return {
        "module": "simcam",
        "recipe": {"recipes": {"4": recipe(noise=(1.0, 2.0)), "2": recipe()}},
        "train": {"patches": 6, "size": 32, "seed": 1, "scene": SCENE},
        "val": {"patches": 3, "size": 32, "seed": 1, "scene": SCENE},
        "test": {"seed": 1, "photographs": [CHELSEA]},
    } | changes


def pictures(split):
    return [(lr.copy(), hr.copy()) for lr, hr in split.pairs]


# ---------------------------------------------------------------------------------------------------------- scenes


def test_scenes_are_the_same_bytes_everywhere():
    image = deadleaves.scene([1, 2], **SCENE)
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.uint8
    assert hashlib.sha256(image.data).hexdigest() == "21256e50d1dd4469ad66413aee03665f2e5b7abf5da91e34ef2d11d68db3eeb3"
    for shape, digest in (
        ("gaussian", "b590e2af73a922558facc41827845c8994258f7c0947b6233134901b183625ca"),
        ("disc", "355ece784f35bf5363e190de194e2bacda6e17c0ae2123a90cb0582f14a14615"),
    ):
        lr = cameras.capture(image, recipe(shape, (0.9, 0.35), 30, (0.1, 0), (0.5, 1.0), 0.5), 4, [3, 4])
        assert hashlib.sha256(lr.data).hexdigest() == digest
    assert not np.array_equal(image, deadleaves.scene([1, 3], **SCENE))


def test_scenes_have_edges_at_all_scales_like_photographs():
    """Detail grows slowly from octave to octave, and differences are sparse (many flat points, few strong edges)."""
    images = [deadleaves.scene([9, n], 256, 1.0, 200.0, 3.0).mean(axis=2) for n in range(12)]
    strength, sparsity = [], []
    for step in (1, 2, 4, 8):
        differences = np.concatenate([(image[:, step::step] - image[:, :-step:step]).ravel() for image in images])
        strength.append(differences.std())
        sparsity.append(np.abs(differences).mean() / differences.std())
    assert all(1.05 < coarse / fine < 1.7 for fine, coarse in pairwise(strength))
    assert all(ratio < 0.65 for ratio in sparsity[:3])  # 0.80 for normally distributed differences
    assert 20 < np.std(images) < 90


def test_later_leaves_hide_earlier_ones():
    size = 32
    leaves = {"x": [16, 16], "y": [16, 16], "radius": [14, 5.2], "aspect": [1, 1], "cos": [1, 1], "sin": [0, 0]}
    leaves |= {f"{key}{side}": [value, value] for side in range(4) for key, value in (("cut", 99), ("skew", 0))}
    owner = deadleaves._owners({key: np.array(value, float) for key, value in leaves.items()}, size)
    y, x = np.mgrid[:size, :size] - 16
    np.testing.assert_array_equal(owner, (x * x + y * y <= 27).astype(int))


# --------------------------------------------------------------------------------------------------------- cameras


@pytest.mark.parametrize("shape", ["gaussian", "disc"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_blur_has_the_width_direction_and_phase_of_the_recipe(shape, scale):
    sigma, angle, phase = (0.9, 0.5), 30.0, (0.1, -0.2)
    weight = cameras.kernel(recipe(shape, sigma, angle, phase), scale)
    assert weight.sum() == cameras.ONE
    share = weight / cameras.ONE
    # Positions of the window's pixels relative to the sampling point, see `kernel`.
    reach = len(weight) // 2
    centre = [(scale - 1) / 2 + shift * scale for shift in phase]
    y, x = (np.arange(-reach + 1, reach + 1) - (c - np.floor(c)) for c in centre)
    y, x = y[:, None], x[None, :]
    assert (share * y).sum() == pytest.approx(0, abs=0.02)
    assert (share * x).sum() == pytest.approx(0, abs=0.02)
    moments = np.array([[(share * x * x).sum(), (share * x * y).sum()], [(share * x * y).sum(), (share * y * y).sum()]])
    values, vectors = np.linalg.eigh(moments)
    np.testing.assert_allclose(np.sqrt(values[::-1]) / scale, sigma, rtol=0.05)
    assert np.degrees(np.arctan(vectors[1, 1] / vectors[0, 1])) == pytest.approx(angle, abs=1.5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_pixels_lie_where_they_should(scale):
    """A smooth ramp: LR pixel i shows the HR coordinate (i + 0.5) * scale - 0.5, moved by the phase."""
    y, x = np.mgrid[: 20 * scale, : 24 * scale]
    hr = np.repeat(((y + x) * (255 // (44 * scale)))[..., None], 3, axis=2).astype(np.uint8)
    for phase in ((0, 0), (0.25, -0.5)):
        lr = cameras.capture(hr, recipe(sigma=(0.3, 0.3), phase=phase), scale, [1]).astype(float)
        rows, columns = (np.mgrid[:20, :24] + 0.5) * scale - 0.5
        expected = (rows + columns + sum(phase) * scale) * (255 // (44 * scale))
        np.testing.assert_allclose(lr[3:-3, 3:-3, 0], expected[3:-3, 3:-3], atol=0.6)


def test_noise_grows_with_the_signal_and_depends_on_the_seed():
    hr = np.zeros((400, 400, 3), np.uint8)
    for level, expected in ((20, np.sqrt(1 + 8 * 20 / 255)), (235, np.sqrt(1 + 8 * 235 / 255))):
        hr[:] = level
        lr = cameras.capture(hr, recipe(noise=(1.0, 3.0)), 2, [5])
        spread = np.sqrt(lr.std() ** 2 - 1 / 12)
        assert spread == pytest.approx(expected, rel=0.02)
        assert lr.mean() == pytest.approx(level, abs=0.05)
    assert not np.array_equal(lr, cameras.capture(hr, recipe(noise=(1.0, 3.0)), 2, [6]))
    np.testing.assert_array_equal(cameras.capture(hr, recipe(), 2, [5]), hr[::2, ::2])


def test_sharpening_steepens_edges_and_keeps_flat_areas():
    hr = np.full((64, 64, 3), 80, np.uint8)
    hr[:, 32:] = 160
    plain, sharp = (cameras.capture(hr, recipe(sharpen=weight), 4, [1])[8, :, 0].astype(int) for weight in (0.0, 1.0))
    assert np.diff(sharp).max() > np.diff(plain).max()
    assert sharp.max() > 160
    np.testing.assert_array_equal(sharp[[0, 1, -2, -1]], plain[[0, 1, -2, -1]])


def test_recipes_that_cannot_be_read_are_refused():
    for wrong in (
        {"sharpen": 0.0},
        recipe(shape="square"),
        recipe(sigma=(0.4, 0.0)),
        recipe(sigma=(0.4, 99.0)),
        recipe(phase=(0.1,)),
        recipe() | {"vignette": 1},
    ):
        with pytest.raises(UserError, match="camera recipe"):
            cameras.capture(np.zeros((8, 8, 3), np.uint8), wrong, 2, [1])
    with pytest.raises(ValueError, match="9x8"):
        cameras.capture(np.zeros((9, 8, 3), np.uint8), recipe(), 2, [1])


# -------------------------------------------------------------------------------------------------------- data set


def test_splits_cameras_and_seeds():
    sony, olympus = (simcam.collect(settings(), camera, 4, None) for camera in ("sony", "olympus"))
    assert [(split.name, split.stack, len(split.items)) for split in sony] == [
        ("train", True, 6),
        ("val", True, 3),
        ("test", False, 1),
    ]
    train_s, val_s, test_s = map(pictures, sony)
    train_o, val_o, test_o = map(pictures, olympus)
    assert all(lr.shape == (8, 8, 3) and hr.shape == (32, 32, 3) for lr, hr in train_s + val_s)
    assert not any(np.array_equal(a[1], b[1]) for a in train_s for b in train_o + val_o)
    for ours, theirs in zip(val_s + test_s, val_o + test_o, strict=True):
        np.testing.assert_array_equal(ours[1], theirs[1])
        assert not np.array_equal(ours[0], theirs[0])  # another noise
    assert [item.name for item in sony[1].items] == [item.name for item in olympus[1].items]
    again = pictures(simcam.collect(settings(), "sony", 4, None)[0])
    other = pictures(simcam.collect(settings(train=settings()["train"] | {"seed": 2}), "sony", 4, None)[0])
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(train_s, again, strict=True))
    assert not any(np.array_equal(a[1], b[1]) for a, b in zip(train_s, other, strict=True))


def test_patches_of_a_scene_are_cut_side_by_side():
    pairs = pictures(simcam.collect(settings(), "sony", 4, None)[0])
    whole = deadleaves.scene([1, simcam.TRAIN_SCENE, 0, *b"sony"], **SCENE)
    np.testing.assert_array_equal(np.block([[[pairs[0][1]], [pairs[1][1]]], [[pairs[2][1]], [pairs[3][1]]]]), whole)


def test_photographs_are_verified_and_cut_to_the_scale():
    split = simcam.collect(settings(), "sony", 4, None)[2]
    (lr, hr), item = pictures(split)[0], split.items[0]
    assert (hr.shape, lr.shape, item.size) == ((300, 448, 3), (75, 112, 3), (300, 448))
    for change, message in (
        ({"sha256": "0" * 64}, "chelsea.png: sha256 596aa1e7.* expects 0000"),
        ({"file": "skimage/data/none.png"}, "chelsea: skimage/data/none.png .* cannot be read"),
        ({"distribution": "no-such-package"}, "no-such-package cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            simcam.collect(settings(test={"seed": 1, "photographs": [CHELSEA | change]}), "sony", 4, None)


def test_scale_without_recipe_and_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match=r"no recipe for this scale: sony .* 4, 2, not for 3"):
        simcam.collect(settings(), "sony", 3, None)
    for size in (30, 24):
        with pytest.raises(UserError, match=rf"train\.size {size}"):
            simcam.collect(settings(train=settings()["train"] | {"size": size}), "sony", 4, None)


def test_unknown_modules_are_named():
    with pytest.raises(UserError, match=r"no pipeline/datasets/nosuch\.py"):
        load("nosuch")
    with pytest.raises(UserError, match=r"folders\.py has no function `collect`"):
        load("folders")


# -------------------------------------------------------------------------------------------------------- the job


def job(folder: Path, wildcards: dict, chosen: dict, raw: Path | None = None) -> Job:
    names = [f"{split}_{kind}" for split in ("train", "val", "test") for kind in ("lr", "hr", "bicubic")]
    outputs = {name: folder / f"{name}.safetensors" for name in names} | {"manifest": folder / "manifest.csv"}
    return Job("pack", wildcards, chosen, {}, outputs, {"raw": raw} if raw else {}, "0" * 64)


def test_pack_writes_every_file_and_a_manifest_that_fits(tmp_path):
    jobs = [job(tmp_path / name, {"camera": "sony", "scale": "4"}, settings()) for name in "ab"]
    assert pack.work(jobs[0]) == {"images": {"train": 6, "val": 3, "test": 1}, "incomplete": {}}
    pack.work(jobs[1])
    for name, path in jobs[0].outputs.items():
        assert path.read_bytes() == jobs[1].outputs[name].read_bytes(), name
    rows = read_manifest(jobs[0].outputs["manifest"])
    assert len(rows) == 3 * 10
    for row in rows:
        packed = Packed(jobs[0].outputs[f"{row.split}_{row.kind}"])
        image = packed[packed.names.index(row.name)]
        assert hashlib.sha256(image.data).hexdigest() == row.sha256
        assert image.shape == (row.height, row.width, 3)
    lr, hr, small = (Packed(jobs[0].outputs[f"train_{kind}"]) for kind in ("lr", "hr", "bicubic"))
    np.testing.assert_array_equal(small[2], bicubic(hr[2], 1 / 4))
    assert np.abs(lr.take(range(6)).astype(int) - small.take(range(6))).mean() < 12
    assert {(row.origin, row.licence) for row in rows if row.split == "test"} == {
        ("scikit-image: skimage/data/chelsea.png", "CC0")
    }
