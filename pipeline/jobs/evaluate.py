"""Job: measure a generator on one camera's test images.

inputs: generator (absent for a network without weights), test_lr, test_hr, lpips_weights (optional) · output: metrics.
Settings: `Settings`.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from pipeline import settings
from pipeline.errors import UserError
from pipeline.evaluation import generator as enlarge
from pipeline.evaluation.metrics import Metrics, open_metrics
from pipeline.files import write_json
from pipeline.images.tiles import to_tensor
from pipeline.provenance.job import Job, run
from pipeline.sampling.packed import Packed


@dataclass(frozen=True)
class Settings(enlarge.Settings):
    """How SR is made (see `pipeline.evaluation.generator`), what is measured, and what of."""

    dataset: str
    camera: str
    metrics: tuple[str, ...]
    lpips_weights: dict | None


def work(job: Job) -> dict:
    """Measure every test image and write the metrics. UserError names the file or image that does not fit."""
    chosen = settings.build(Settings, job.settings)
    enlarger = enlarge.Enlarger(job, chosen)
    test_lr, test_hr = _test_images(job)
    lpips_file = job.input("lpips_weights") if "lpips_weights" in job.inputs else None
    metrics = open_metrics(chosen.metrics, chosen.scale, lpips_file, chosen.lpips_weights)

    started = time.perf_counter()
    images = {}
    bar = tqdm(test_lr.names, desc=f"{chosen.expect} on {chosen.camera}", unit="image", file=sys.stderr)
    for index, name in enumerate(bar):
        images[name] = metrics.measure(name, enlarger.unrounded(name, test_lr[index]), to_tensor(test_hr[index]))
    seconds = time.perf_counter() - started

    write_json(job.outputs["metrics"], _summary(images, metrics, chosen, enlarger.spec))
    return {"device": str(enlarger.device), "images": len(images), "images_per_second": round(len(images) / seconds, 4)}


def _test_images(job: Job) -> tuple[Packed, Packed]:
    """LR and HR test images; both files name the same images in the same order. `Metrics.measure` compares sizes."""
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
    return lr, hr


def _summary(images: dict[str, dict[str, float]], metrics: Metrics, chosen: Settings, spec: dict) -> dict:
    """The content of metrics.json."""
    # By name, as the file keeps them: whoever has only the file gets the same means from it.
    columns = {metric: [images[name][metric] for name in sorted(images)] for metric in metrics.measures}
    return {
        "dataset": chosen.dataset,
        "scale": chosen.scale,
        "camera": chosen.camera,
        "generator": spec,
        "images": images,
        "mean": {metric: float(np.mean(column)) for metric, column in columns.items()},
        "missing": metrics.missing,
        "protocol": metrics.protocol,
    }


if __name__ == "__main__":
    run(work)
