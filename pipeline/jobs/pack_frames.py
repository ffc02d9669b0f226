"""Job: pack a camera that has LR alone, such as frames of a video camera: LR to train on, LR to test on, and a manifest.

outputs: train_lr, test_lr, manifest · folder: raw (the user's copy of the frames). Settings: those of the data module,
`pipeline/datasets/<module>.py` with `frames(settings, folder)`. No HR is made up: no reduction stands in for the camera.
"""

import importlib
import sys

from tqdm import tqdm

from pipeline.images.rgb import read_rgb
from pipeline.provenance import job as jobs
from pipeline.sampling import manifest
from pipeline.sampling.packed import writer


def work(job: jobs.Job) -> dict:
    """Pack both splits; the returned counts go into the receipt."""
    module = importlib.import_module(f"pipeline.datasets.{job.settings['module']}")
    splits = module.frames(job.settings, job.folders.get("raw"))
    rows = []
    for split, frames in splits.items():
        names, sizes = [frame.name for frame in frames], [frame.size for frame in frames]
        with writer(job.outputs[f"{split}_lr"], names, sizes, stack=True) as write:
            for frame in tqdm(frames, desc=f"pack {split}", unit="frame", file=sys.stderr):
                image = read_rgb(frame.file)
                write(image)
                rows.append(manifest.row(split, frame.name, "lr", image, frame.origin, frame.licence))
    manifest.write(job.outputs["manifest"], rows)
    return {"images": {split: len(frames) for split, frames in splits.items()}}


if __name__ == "__main__":
    jobs.run(work)
