"""Job: the kernel between what a generator makes of a camera's test images and those images.

inputs: generator (absent for a network without weights), test_lr · output: kernel (JSON). Settings: `Settings`.
"""

import sys
from dataclasses import dataclass

from tqdm import tqdm

from pipeline import settings
from pipeline.evaluation import generator as enlarge
from pipeline.files import write_json
from pipeline.images.kernels import Estimation, NormalEquations
from pipeline.provenance.job import Job, run
from pipeline.sampling.packed import Packed


@dataclass(frozen=True)
class Settings:
    """How SR is made (see `pipeline.evaluation.generator`), and how the kernel is estimated."""

    enlarge: enlarge.Settings
    estimation: Estimation


def work(job: Job) -> dict:
    """Enlarge image after image, estimate, write. UserError names the file or setting that does not fit."""
    chosen = settings.build(Settings, job.settings)
    enlarger = enlarge.Enlarger(job, chosen.enlarge)
    test_lr = Packed(job.input("test_lr"))
    equations = NormalEquations(test_lr.sizes(), chosen.enlarge.scale, chosen.estimation)
    for index, name in enumerate(tqdm(test_lr.names, desc="kernel", unit="image", file=sys.stderr)):
        lr = test_lr[index]
        equations.add(enlarger(name, lr), lr)
    kernel = equations.solve()
    write_json(job.outputs["kernel"], {"kernel": kernel.tolist(), "pixels": equations.count, "images": len(test_lr)})
    return {"device": str(enlarger.device), "images": len(test_lr)}


if __name__ == "__main__":
    run(work)
