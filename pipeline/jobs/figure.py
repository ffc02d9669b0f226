"""Job: one figure of a paper and the numbers drawn in it. No torch.

inputs: lr, hr, samples, kernel (several each, whatever its settings name) · outputs: image (.svg or .png), data (.json).
Settings: `kind`, and those of `pipeline/figures/<kind>.py`, a module with `Settings` and `draw(settings)`.
"""

import importlib

from pipeline.figures import inputs as figure_files
from pipeline.files import write_json
from pipeline.provenance import job
from pipeline.settings import build


def work(task: job.Job) -> None:
    """Draw and write both files. UserError names the file, photograph or setting that does not fit."""
    settings = dict(task.settings)
    kind = importlib.import_module(f"pipeline.figures.{settings.pop('kind')}")
    for role, paths in figure_files.named(settings).items():
        for path in paths:
            task.file(role, path)
    sheet, numbers = kind.draw(build(kind.Settings, settings))
    sheet.save(task.outputs["image"])
    write_json(task.outputs["data"], numbers)


if __name__ == "__main__":
    job.run(work)
