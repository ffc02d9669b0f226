"""The evaluate job on small files: the numbers, and every kind of input that does not fit."""

import errno
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from pipeline import models
from pipeline.errors import UserError
from pipeline.evaluation.metrics import psnr_y, ssim_rgb
from pipeline.images.rgb import bicubic, imresize
from pipeline.jobs.evaluate import work
from pipeline.provenance.job import Job
from pipeline.sampling.packed import write_images
from pipeline.weights.checkpoints import save_network

BICUBIC = {"name": "bicubic", "scale": 2}
SIZES = {"harbour": (20, 24), "street": (33, 18), "wall": (16, 40)}
SETTINGS = {
    "dataset": "simcam",
    "scale": 2,
    "camera": "sony",
    "network": BICUBIC,
    "expect": "bicubic",
    "metrics": ["psnr_y", "ssim_rgb", "lpips_alex"],
    "tile": 16,
    "margin": 4,
    "whole_below": 10,
    "compute": {"device": "cpu", "threads": 1, "precision": "fp32"},
    "lpips_weights": None,
}


@pytest.fixture(autouse=True)
def torch_settings_end_with_the_test():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


def pictures(scale: int = 2) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """LR and HR by name: smooth random pictures of several sizes, LR their bicubic reduction."""
    random = np.random.default_rng(8)
    hr = {}
    for name, (height, width) in SIZES.items():
        coarse = random.integers(0, 256, (height // 2, width // 2, 3)).astype(np.uint8)
        hr[name] = bicubic(coarse, 4)[: scale * height, : scale * width]
        hr[name] = np.pad(
            hr[name], [(0, scale * n - m) for n, m in zip(SIZES[name], hr[name].shape[:2], strict=True)] + [(0, 0)]
        )
    return {name: bicubic(image, 1 / scale) for name, image in hr.items()}, hr


@pytest.fixture
def job(tmp_path):
    """Function: a job over the two packed files, with changed settings, inputs or pictures."""

    def make(lr=None, hr=None, inputs=None, **changes) -> Job:
        usual = pictures()
        write_images(tmp_path / "test_lr.safetensors", usual[0] if lr is None else lr)
        write_images(tmp_path / "test_hr.safetensors", usual[1] if hr is None else hr)
        files = {kind: [tmp_path / f"{kind}.safetensors"] for kind in ("test_lr", "test_hr")}
        outputs = {"metrics": tmp_path / "out" / "metrics_sony.json"}
        wildcards = {"dataset": "simcam", "scale": "2", "camera": "sony"}
        return Job("evaluate", wildcards, {**SETTINGS, **changes}, files | (inputs or {}), outputs, {}, "0" * 64)

    return make


def read(job: Job) -> dict:
    return json.loads(job.outputs["metrics"].read_text())


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def test_bicubic_row_measured_independently(job):
    run = job()
    assert work(run)["images"] == 3
    found = read(run)
    lr, hr = pictures()
    for name in SIZES:
        sr = tensor(imresize(lr[name] / 255, 2).clip(0, 1))
        expected = {"psnr_y": psnr_y(sr, tensor(hr[name]) / 255, 2), "ssim_rgb": ssim_rgb(sr, tensor(hr[name]) / 255)}
        assert found["images"][name] == pytest.approx(expected, abs=1e-4)
    for metric in ("psnr_y", "ssim_rgb"):
        column = [found["images"][name][metric] for name in SIZES]
        assert found["mean"][metric] == pytest.approx(sum(column) / 3)
    rest = {"dataset": "simcam", "scale": 2, "camera": "sony", "generator": BICUBIC}
    assert {key: found[key] for key in rest} == rest
    assert set(found) == {*rest, "images", "mean", "missing", "protocol"}


def test_lpips_without_weights_is_said_not_measured(job):
    run = job()
    work(run)
    found = read(run)
    assert set(found["mean"]) == {"psnr_y", "ssim_rgb"}
    assert set(found["missing"]) == {"lpips_alex"}
    assert set(found["protocol"]) == {"psnr_y", "ssim_rgb", "lpips_alex"}
    assert "2 border pixels" in found["protocol"]["psnr_y"]


def test_same_job_same_bytes(job):
    run = job()
    work(run)
    first = {name: path.read_bytes() for name, path in run.outputs.items()}
    work(run)
    assert {name: path.read_bytes() for name, path in run.outputs.items()} == first


def test_sr_is_clamped_before_it_is_measured(job, monkeypatch):
    hr = pictures()[1]
    monkeypatch.setattr("pipeline.models.bicubic.Bicubic.forward", lambda self, x: x.repeat(1, 1, 2, 2) * 0 + 3)
    run = job()
    work(run)
    expected = psnr_y(torch.ones(1, 3, 32, 80), tensor(hr["wall"]) / 255, 2)
    assert read(run)["images"]["wall"]["psnr_y"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_generator_file_goes_through_tiles(job, tmp_path, precision):
    spec = {
        "name": "cdc",
        "scale": 2,
        "width": 4,
        "hourglasses": 2,
        "poolings": 1,
        "mid": 1,
        "tail": 1,
        "gain": 0.5,
        "skip": False,
    }
    torch.manual_seed(0)
    save_network(tmp_path / "generator.safetensors", models.build(spec), spec)
    compute = {**SETTINGS["compute"], "precision": precision}
    run = job(inputs={"generator": [tmp_path / "generator.safetensors"]}, network=None, expect="cdc", compute=compute)
    work(run)
    assert read(run)["generator"] == spec
    assert all(np.isfinite(list(row.values())).all() for row in read(run)["images"].values())


def refused(run: Job, match: str) -> None:
    with pytest.raises(UserError, match=match):
        work(run)
    assert not run.outputs["metrics"].exists()


def test_a_generator_of_another_network_or_scale(job, tmp_path):
    file = tmp_path / "generator.safetensors"
    save_network(file, models.build(BICUBIC), BICUBIC)
    given = {"inputs": {"generator": [file]}, "network": None}
    refused(job(**given, expect="cdc"), r"generator\.safetensors: holds .*bicubic.*expected.*cdc")
    save_network(file, models.build({**BICUBIC, "scale": 4}), {**BICUBIC, "scale": 4})
    refused(job(**given), r"generator\.safetensors: a network of scale 4, expected scale 2")
    refused(job(inputs={"generator": [file]}), "either a generator file or settings.network")
    refused(job(network=None), "either a generator file or settings.network")


def test_names_that_differ_and_empty_files(job):
    lr, hr = pictures()
    refused(job(lr={**lr, "extra": lr["wall"]}), r"test_lr.*test_hr.*extra")
    refused(job(hr=dict(reversed(hr.items()))), "the order")
    refused(job(lr={}, hr={}), "holds no images")


def test_hr_that_is_not_lr_times_scale(job):
    hr = pictures()[1]
    refused(job(hr={**hr, "street": hr["street"][:-1]}), r"street: SR is 66x36, HR is 65x36")


def test_a_diverged_generator_is_named_with_its_image(job, monkeypatch):
    build = models.build

    def broken(spec):
        network = build(spec)
        forward = network.forward
        network.forward = lambda x: forward(x) / (x.shape[2] != 33)
        return network

    monkeypatch.setattr(models, "build", broken)
    refused(job(), "street.*NaN or infinity")


def test_settings_are_checked_by_name(job):
    refused(job(tiles=16), "tiles")
    refused(job(tile="16"), "settings.tile")
    refused(job(crops={}), "crops: unknown setting")
    refused(job(metrics=["psnr"]), "psnr.*psnr_y")


def test_a_full_disk_leaves_nothing_half_written(job, monkeypatch):
    run = job()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.files.os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        work(run)
    assert list(run.outputs["metrics"].parent.iterdir()) == []


def test_jobs_stand_alone():
    code = (
        "import sys, pipeline.jobs.evaluate, pipeline.upscale, pipeline.jobs.fetch_weights; "
        "print(sorted({'snakemake', 'dvc', 'mlflow'} & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
