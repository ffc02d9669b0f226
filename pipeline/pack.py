"""Job: pack one camera of a data set into a few files: LR, HR and bicubic LR of train, val and test, and a manifest.

Outputs: {train,val,test}_{lr,hr,bicubic}, manifest. Optional folder: raw (the user's copy of the data set).
HR and LR are separate files so that a job can be given one without the other.
"""

import sys
from contextlib import ExitStack

from tqdm import tqdm

from pipeline import job as jobs
from pipeline.datasets import Split, load, manifest
from pipeline.datasets.packed import writer
from pipeline.images import bicubic


def work(job: jobs.Job) -> dict:
    """Pack all splits; the returned counts go into the receipt."""
    camera, scale = job.wildcards["camera"], int(job.wildcards["scale"])
    splits = load(job.settings["module"]).collect(job.settings, camera, scale, job.folders.get("raw"))
    rows: list[manifest.Row] = []
    with tqdm(total=sum(len(split.items) for split in splits), desc=f"pack {camera} x{scale}", unit="img") as progress:
        for split in splits:
            rows += _pack(split, scale, job.outputs, progress)
    manifest.write(job.outputs["manifest"], rows)
    lacking = {
        split.name: f"{len(split.items)} of {split.listed}"
        for split in splits
        if split.listed not in (None, len(split.items))
    }
    for name, share in lacking.items():
        print(
            f"warning: {camera} x{scale} {name}: {share} images that the authors list; results will not compare.",
            file=sys.stderr,
        )
    return {"images": {split.name: len(split.items) for split in splits}, "incomplete": lacking}


def _pack(split: Split, scale: int, outputs: dict, progress: tqdm) -> list[manifest.Row]:
    names = [item.name for item in split.items]
    large = [item.size for item in split.items]
    small = [(height // scale, width // scale) for height, width in large]
    rows = []
    with ExitStack() as stack:
        write = {
            kind: stack.enter_context(writer(outputs[f"{split.name}_{kind}"], names, sizes, split.stack))
            for kind, sizes in (("lr", small), ("hr", large), ("bicubic", small))
        }
        for item, (lr, hr) in zip(split.items, split.pairs, strict=True):
            for kind, image in (("lr", lr), ("hr", hr), ("bicubic", bicubic(hr, 1 / scale))):
                write[kind](image)
                rows.append(manifest.row(split.name, item.name, kind, image, item.origin, item.licence))
            progress.update()
    return rows


if __name__ == "__main__":
    jobs.run(work)
