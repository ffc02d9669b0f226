"""Job: measure a generator on one camera's test images, and keep crops of what it made for figures.

inputs: generator (absent for a network without weights), test_lr, test_hr, lpips_weights (optional) · outputs: metrics,
samples. Settings: `Settings`.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pipeline import models, settings
from pipeline.errors import UserError
from pipeline.evaluation.bootstrap import percentile_interval
from pipeline.evaluation.metrics import Metrics, open_metrics
from pipeline.files import write_json
from pipeline.images.rgb import to_uint8
from pipeline.images.tiles import upscale_tiled
from pipeline.provenance.job import Job, run
from pipeline.reproducibility import autocast, prepare
from pipeline.sampling.packed import Packed, write_images
from pipeline.weights.checkpoints import load_network


@dataclass(frozen=True)
class Bootstrap:
    """Resamplings of the test images, their seed, and the share of means inside the interval."""

    samples: int
    seed: int
    level: float


@dataclass(frozen=True)
class Settings:
    """What is measured and how. `network`: specification, only without a generator file. `expect`: the network's name.

    `tile`, `margin`, `whole_below`: LR pixels, see pipeline.images.tiles. `crops`: image → [top, left, height, width] in HR
    pixels; entries of images that this camera does not have are passed over.
    """

    dataset: str
    scale: int
    camera: str
    network: dict | None
    expect: str
    metrics: tuple[str, ...]
    tile: int
    margin: int
    whole_below: int
    bootstrap: Bootstrap
    crops: dict
    compute: dict
    lpips_weights: dict | None


def work(job: Job) -> dict:
    """Measure every test image and write both outputs. UserError names the file or image that does not fit."""
    chosen = settings.build(Settings, job.settings)
    device = prepare(chosen.compute, seed=0)
    network, spec = _network(job, chosen)
    test_lr, test_hr = _test_images(job, chosen.scale)
    lpips_file = job.input("lpips_weights") if "lpips_weights" in job.inputs else None
    metrics = open_metrics(chosen.metrics, chosen.scale, lpips_file, chosen.lpips_weights)

    started = time.perf_counter()
    images, crops = _measure(network.to(device), test_lr, test_hr, metrics, chosen, device)
    seconds = time.perf_counter() - started

    write_images(job.outputs["samples"], crops)
    write_json(job.outputs["metrics"], _summary(images, metrics, chosen, spec))
    return {"device": str(device), "images": len(images), "images_per_second": round(len(images) / seconds, 4)}


def _network(job: Job, chosen: Settings) -> tuple[nn.Module, dict]:
    """The network to measure and its specification: from the generator file, else built from the settings."""
    if ("generator" in job.inputs) == (chosen.network is not None):
        raise UserError("evaluate: expected either a generator file or settings.network, not both and not neither.")
    if chosen.network is None:
        file = job.input("generator")
        network = load_network(file, expect=chosen.expect)
        spec, origin = network.spec, str(file)
    else:
        network, spec, origin = (models.build(chosen.network).eval(), chosen.network, "settings.network")
    if network.scale != chosen.scale:
        raise UserError(f"{origin}: a network of scale {network.scale}, expected scale {chosen.scale}.")
    return network, spec


def _test_images(job: Job, scale: int) -> tuple[Packed, Packed]:
    """LR and HR test images; both files name the same images in the same order, and every HR is LR times scale."""
    paths = job.input("test_lr"), job.input("test_hr")
    lr, hr = (Packed(path) for path in paths)
    if list(lr.names) != list(hr.names):
        odd = sorted(set(lr.names) ^ set(hr.names)) or ["the order"]
        raise UserError(
            f"{paths[0]} and {paths[1]}: image names differ ({', '.join(odd[:5])}). "
            "Expected the same images in both; pack again."
        )
    if not len(lr):
        raise UserError(f"{paths[0]}: holds no images; expected at least one test image.")
    for name, (height, width), wanted in zip(lr.names, lr.sizes(), hr.sizes(), strict=True):
        if (scale * height, scale * width) != tuple(wanted):
            raise UserError(
                f"image {name}: LR {height}x{width} times scale {scale} makes {scale * height}x{scale * width}, but HR is "
                f"{wanted[0]}x{wanted[1]} (height x width). Correct the pair and pack {paths[0]} and {paths[1]} again."
            )
    return lr, hr


def _measure(
    network: nn.Module, test_lr: Packed, test_hr: Packed, metrics: Metrics, chosen: Settings, device: torch.device
) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray]]:
    """Per image its metrics; per image with a crop the uint8 crop, called `sr/<name>`."""
    values: dict[str, dict[str, float]] = {}
    crops: dict[str, np.ndarray] = {}
    bar = tqdm(test_lr.names, desc=f"{chosen.expect} on {chosen.camera}", unit="image", file=sys.stderr)
    for index, name in enumerate(bar):
        lr, hr = _float(test_lr[index]), _float(test_hr[index])
        with autocast(device, chosen.compute["precision"]):
            sr = upscale_tiled(network, lr, chosen.tile, chosen.margin, chosen.whole_below, device=device)
        sr = sr.clamp_(0, 1)
        values[name] = metrics.measure(name, sr, hr)
        if name in chosen.crops:
            crops[f"sr/{name}"] = _crop(name, sr, chosen.crops[name])
    return values, crops


def _float(image: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) → float32 (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float().div_(255)


def _crop(name: str, sr: Tensor, box: list[int]) -> np.ndarray:
    """uint8 (height, width, 3) cut out of a clamped SR image; UserError when the box leaves it."""
    top, left, height, width = box
    rows, columns = sr.shape[2:]
    if min(top, left) < 0 or min(height, width) < 1 or top + height > rows or left + width > columns:
        raise UserError(
            f"crops.{name}: [top, left, height, width] is {list(box)}, expected a box inside the image, "
            f"which is {rows}x{columns} (height x width)."
        )
    piece = sr[0, :, top : top + height, left : left + width]
    return to_uint8(piece.permute(1, 2, 0).numpy())


def _summary(images: dict[str, dict[str, float]], metrics: Metrics, chosen: Settings, spec: dict) -> dict:
    """The content of metrics.json."""
    # By name, as the file keeps them: whoever has only the file gets the same means and intervals from it.
    columns = {metric: [images[name][metric] for name in sorted(images)] for metric in metrics.measures}
    draw = chosen.bootstrap
    return {
        "dataset": chosen.dataset,
        "scale": chosen.scale,
        "camera": chosen.camera,
        "generator": spec,
        "images": images,
        "mean": {metric: float(np.mean(column)) for metric, column in columns.items()},
        "interval": {
            metric: list(percentile_interval(column, draw.samples, draw.seed, draw.level))
            for metric, column in columns.items()
        },
        "missing": metrics.missing,
        "protocol": metrics.protocol,
    }


if __name__ == "__main__":
    run(work)
