"""The samples job on small files: which crops it stores, as which bytes, and what it refuses."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pipeline import models
from pipeline.errors import UserError
from pipeline.evaluation import generator
from pipeline.images.rgb import bicubic, imresize, to_uint8
from pipeline.jobs import samples
from pipeline.provenance.job import Job
from pipeline.sampling.packed import write_images
from pipeline.weights.checkpoints import save_network

BICUBIC = {"name": "bicubic", "scale": 2}
ENLARGE = {"scale": 2, "network": BICUBIC, "expect": "bicubic", "tile": 16, "margin": 4, "whole_below": 10}
ENLARGE |= {"compute": {"device": "cpu", "threads": 1, "precision": "fp32"}}
CROPS = {"street": [5, 2, 11, 7], "elsewhere": [0, 0, 4, 4]}


@pytest.fixture(autouse=True)
def torch_settings_end_with_the_test():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def lr() -> dict[str, np.ndarray]:
    random = np.random.default_rng(8)
    sizes = {"harbour": (20, 24), "street": (33, 18), "wall": (16, 40)}
    coarse = {name: random.integers(0, 256, (*size, 3)).astype(np.uint8) for name, size in sizes.items()}
    return {name: bicubic(bicubic(image, 4), 1 / 4) for name, image in coarse.items()}


@pytest.fixture
def job(tmp_path, lr):
    """Function: a job over the packed LR images, with other crops, a generator file or settings of `enlarge`."""

    def make(crops: dict, inputs: dict | None = None, **changes) -> Job:
        write_images(tmp_path / "test_lr.safetensors", lr)
        inputs = {"test_lr": [tmp_path / "test_lr.safetensors"]} | (inputs or {})
        settings = {"enlarge": ENLARGE | changes, "crops": crops, "complete": False}
        return Job("samples", {}, settings, inputs, {"samples": tmp_path / "samples.safetensors"}, {}, "0" * 64)

    return make


def stored(run: Job) -> dict[str, np.ndarray]:
    samples.work(run)
    return load_file(run.outputs["samples"])


def test_the_named_crops_are_stored_and_others_passed_over(job, lr):
    found = stored(job(CROPS))
    assert list(found) == ["sr/street"]
    expected = to_uint8(imresize(lr["street"] / 255, 2))[5:16, 2:9]
    difference = np.abs(found["sr/street"].astype(int) - expected)
    assert difference.max() <= 1 and difference.mean() < 0.05
    assert stored(job({})) == {}


def test_only_images_with_a_crop_are_enlarged(job, monkeypatch):
    enlarged, original = [], generator.Enlarger.unrounded
    monkeypatch.setattr(
        generator.Enlarger, "unrounded", lambda self, name, lr: enlarged.append(name) or original(self, name, lr)
    )
    stored(job({"wall": [0, 0, 2, 2], **CROPS}))
    assert enlarged == ["street", "wall"]


def test_sr_is_clamped(job, monkeypatch):
    monkeypatch.setattr("pipeline.models.bicubic.Bicubic.forward", lambda self, x: x.repeat(1, 1, 2, 2) * 0 + 3)
    assert (stored(job({"wall": [0, 0, 2, 2]}))["sr/wall"] == 255).all()


def test_a_stored_generator_is_used(job, tmp_path):
    spec = {"name": "cdc", "scale": 2, "width": 4, "hourglasses": 2, "poolings": 1, "mid": 1, "tail": 1}
    spec |= {"gain": 0.5, "skip": False}
    torch.manual_seed(0)
    file = tmp_path / "generator.safetensors"
    save_network(file, models.build(spec), spec)
    given = {"generator": [file]}
    found = stored(job(CROPS, given, network=None, expect="cdc"))
    assert not np.array_equal(found["sr/street"], stored(job(CROPS))["sr/street"])
    with pytest.raises(UserError, match="either a generator file or settings"):
        samples.work(job(CROPS, given))
    with pytest.raises(UserError, match="either a generator file or settings"):
        samples.work(job(CROPS, network=None))


@pytest.mark.parametrize("box", [[60, 0, 10, 4], [0, 30, 4, 10], [-1, 0, 4, 4], [0, 0, 0, 4]])
def test_a_crop_that_leaves_the_image(job, box):
    run = job({"street": box})
    with pytest.raises(UserError, match=r"crops\.street.*66x36"):
        samples.work(run)
    assert not run.outputs["samples"].exists()


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_diverged_generator_is_named_with_its_image(job, monkeypatch, value):
    monkeypatch.setattr("pipeline.models.bicubic.Bicubic.forward", lambda self, x: x.repeat(1, 1, 2, 2) + float(value))
    with pytest.raises(UserError, match=r"image street.*NaN or infinity"):
        samples.work(job(CROPS))
