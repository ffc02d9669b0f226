"""Job: crops of what a generator makes of a camera's test frames, for figures; there is no HR, so nothing is measured.

inputs: generator, test_lr · output: samples. Settings: `Settings`.
"""

from dataclasses import dataclass

from pipeline import settings
from pipeline.errors import UserError
from pipeline.evaluation import generator as enlarge
from pipeline.provenance.job import Job, run
from pipeline.sampling.packed import Packed, write_images


@dataclass(frozen=True)
class Settings:
    """How SR is made (see `pipeline.evaluation.generator`); `crops`: frame → [top, left, height, width] in LR pixels."""

    enlarge: enlarge.Settings
    crops: dict


def work(job: Job) -> dict:
    """Enlarge every frame that has a crop, whole, and keep the crop. UserError names what does not fit."""
    chosen = settings.build(Settings, job.settings)
    path = job.input("test_lr")
    test_lr = Packed(path)
    if missing := [name for name in chosen.crops if name not in test_lr.names]:
        raise UserError(
            f"{path}: holds no frame {', '.join(missing)} to crop, only {', '.join(test_lr.names[:8])} … "
            "Name test frames in the `crops` of the camera in params/domains.yaml."
        )
    enlarger = enlarge.Enlarger(job, chosen.enlarge)
    crops = {}
    for name, box in chosen.crops.items():
        top, left, height, width = (chosen.enlarge.scale * value for value in box)
        piece = enlarger(name, test_lr[test_lr.names.index(name)])[top : top + height, left : left + width]
        if piece.shape[:2] != (height, width):
            raise UserError(f"crops.{name}: {list(box)} leaves the frame of {test_lr.sizes()[0]} (height, width).")
        crops[f"sr/{name}"] = piece
    write_images(job.outputs["samples"], crops)
    return {"device": str(enlarger.device), "frames": len(crops)}


if __name__ == "__main__":
    run(work)
