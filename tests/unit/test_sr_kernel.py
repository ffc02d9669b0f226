"""The kernel of SR: of a network whose SR is known, and with a stored generator."""

import json

import numpy as np
import pytest
import torch

from pipeline import models
from pipeline.datasets import deadleaves
from pipeline.errors import UserError
from pipeline.images.kernels import Estimation, estimate, relative_error
from pipeline.images.rgb import bicubic
from pipeline.jobs import sr_kernel
from pipeline.provenance.job import Job
from pipeline.sampling.packed import write_images
from pipeline.weights.checkpoints import save_network

ESTIMATION = {"side": 13, "smoothness": 3e-4, "equations": 100_000}
ENLARGE = {"scale": 2, "network": {"name": "bicubic", "scale": 2}, "expect": "bicubic"}
ENLARGE |= {"tile": 48, "margin": 8, "whole_below": 10, "compute": {"device": "cpu", "threads": 1, "precision": "fp32"}}
CDC = {"name": "cdc", "width": 4, "hourglasses": 2, "poolings": 1, "mid": 0, "tail": 0, "gain": 0.5, "skip": True}


@pytest.fixture(autouse=True)
def torch_settings_end_with_the_test():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def lr() -> list[np.ndarray]:
    return [deadleaves.scene([2, number], 64, 1.0, 40.0, 3.0) for number in range(3)]


def job(folder, lr, inputs=None, **changes) -> Job:
    write_images(folder / "lr.safetensors", {str(number): image for number, image in enumerate(lr)})
    inputs = {"test_lr": [folder / "lr.safetensors"]} | (inputs or {})
    settings = {"enlarge": ENLARGE | changes, "estimation": ESTIMATION}
    return Job("sr_kernel", {}, settings, inputs, {"kernel": folder / "kernel.json"}, {}, "0" * 64)


def kernel(task: Job) -> np.ndarray:
    sr_kernel.work(task)
    return np.array(json.loads(task.outputs["kernel"].read_text())["kernel"])


def test_the_kernel_is_that_of_the_networks_sr(tmp_path, lr):
    found = kernel(job(tmp_path, lr))
    pairs = [(bicubic(image, 2), image) for image in lr]
    wanted = estimate(pairs, [(64, 64)] * 3, 2, Estimation(**ESTIMATION))
    assert relative_error(found, wanted) < 0.02
    assert found.sum() == pytest.approx(1, abs=1e-2)


def test_a_stored_generator_is_used(tmp_path, lr):
    torch.manual_seed(0)
    generator = tmp_path / "generator.safetensors"
    save_network(generator, models.build(CDC | {"scale": 2}), CDC | {"scale": 2})
    given = {"generator": [generator]}
    found = kernel(job(tmp_path, lr, given, network=None, expect="cdc"))
    assert relative_error(found, kernel(job(tmp_path, lr))) > 0.02
    with pytest.raises(UserError, match=r"generator.safetensors: holds the network .*expected \"cdc_pair\""):
        sr_kernel.work(job(tmp_path, lr, given, network=None, expect="cdc_pair"))
    with pytest.raises(UserError, match="a network of scale 2, expected scale 4"):
        sr_kernel.work(job(tmp_path, lr, given, network=None, expect="cdc", scale=4))
