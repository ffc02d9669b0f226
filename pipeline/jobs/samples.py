"""Job: crops of what a generator makes of a camera's test images, for figures and reports; nothing is measured.

inputs: generator (absent for a network without weights), test_lr · output: samples. Settings: `Settings`.
"""

import sys
from dataclasses import dataclass

from tqdm import tqdm

from pipeline import settings
from pipeline.errors import UserError
from pipeline.evaluation import generator as enlarge
from pipeline.images.crops import cut
from pipeline.provenance.job import Job, run
from pipeline.sampling.packed import Packed, write_images


@dataclass(frozen=True)
class Settings:
    """How SR is made (see `pipeline.evaluation.generator`); `crops`: image → [top, left, height, width] in HR pixels.

    `complete`: every image that `crops` names must be there. Else the cameras of a data set share one list of crops, and
    entries of images that this camera does not have are passed over.
    """

    enlarge: enlarge.Settings
    crops: dict
    complete: bool


def work(job: Job) -> dict:
    """Enlarge every image that has a crop and store the crop as `sr/<name>`. UserError names what does not fit."""
    chosen = settings.build(Settings, job.settings)
    enlarger, test_lr = enlarge.Enlarger(job, chosen.enlarge), Packed(job.input("test_lr"))
    if chosen.complete and (missing := [name for name in chosen.crops if name not in test_lr.names]):
        raise UserError(
            f"{job.input('test_lr')}: holds no image {', '.join(missing)} to crop, only {', '.join(test_lr.names[:8])} … "
            "Name test images in the `crops` of the camera in params/domains.yaml."
        )
    named = [(index, name) for index, name in enumerate(test_lr.names) if name in chosen.crops]
    crops = {}
    for index, name in tqdm(named, desc="samples", unit="image", file=sys.stderr):
        crops[f"sr/{name}"] = cut(enlarger(name, test_lr[index]), chosen.crops[name], f"crops.{name}")
    write_images(job.outputs["samples"], crops)
    return {"device": str(enlarger.device), "images": len(crops)}


if __name__ == "__main__":
    run(work)
