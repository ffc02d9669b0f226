"""Job: pack one camera of a data set into a few files: LR, HR and bicubic LR of train, val and test, and a manifest.

Outputs: {train,val,test}_{lr,hr,bicubic}, manifest. Optional folder: raw (the user's copy of the data set).
HR and LR are separate files so that a job can be given one without the other. `--workers N`, beside the words of every
job: how many images are worked on at once; it changes no byte, so it is not in the key.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial

import numpy as np
from tqdm import tqdm

from pipeline.datasets import Split, load
from pipeline.datasets.workers import Tasks, in_order
from pipeline.images.rgb import bicubic
from pipeline.provenance import job as jobs
from pipeline.sampling import manifest
from pipeline.sampling.packed import writer

KINDS = ("lr", "hr", "bicubic")


def work(job: jobs.Job, workers: int = 1) -> dict:
    """Pack all splits; the returned counts go into the receipt."""
    camera, scale = job.wildcards["camera"], int(job.wildcards["scale"])
    splits = load(job.settings["module"]).collect(job.settings, camera, scale, job.folders.get("raw"))
    rows: list[manifest.Row] = []
    with tqdm(total=sum(len(split.items) for split in splits), desc=f"pack {camera} x{scale}", unit="img") as progress:
        for split in splits:
            rows += _pack(split, scale, job.outputs, workers, progress)
    manifest.write(job.outputs["manifest"], rows)
    told = {"images": {split.name: len(split.items) for split in splits}, "incomplete": _incomplete(splits)}
    for name, share in told["incomplete"].items():
        print(
            f"warning: {camera} x{scale} {name}: {share} images that the authors list; results will not compare.",
            file=sys.stderr,
        )
    return told | _sub_images(splits)


def _incomplete(splits: list[Split]) -> dict[str, str]:
    counts = {split.name: len(split.items if split.sub_images is None else split.sub_images) for split in splits}
    return {
        split.name: f"{counts[split.name]} of {split.listed}"
        for split in splits
        if split.listed not in (None, counts[split.name])
    }


def _sub_images(splits: list[Split]) -> dict:
    """Photographs of each split that was cut, and how many of them gave how many sub-images; told in the log, too."""
    told = {}
    for split in splits:
        if not (split.stack and split.sub_images):
            continue
        shares = Counter(split.sub_images.values())
        told[split.name] = {
            "photographs": len(split.sub_images),
            "sub_images": len(split.items),
            "photographs_by_sub_images": {str(count): shares[count] for count in sorted(shares)},
        }
        each = ", ".join(f"{count} from each of {shares[count]}" for count in sorted(shares))
        print(f"{split.name}: {len(split.items)} sub-images of {len(split.sub_images)} photographs: {each}", flush=True)
        if small := [name for name, count in split.sub_images.items() if count == 0]:
            print(f"warning: {split.name}: smaller than a sub-image, left out: {', '.join(small)}.", file=sys.stderr)
    return {"sub_images": told} if told else {}


def _pack(split: Split, scale: int, outputs: dict, workers: int, progress: tqdm) -> list[manifest.Row]:
    names = [item.name for item in split.items]
    large = [item.size for item in split.items]
    small = [(height // scale, width // scale) for height, width in large]
    rows = []
    with ExitStack() as stack:
        write = {
            kind: stack.enter_context(writer(outputs[f"{split.name}_{kind}"], names, sizes, split.stack))
            for kind, sizes in (("lr", small), ("hr", large), ("bicubic", small))
        }
        pictures = stack.enter_context(closing(_pictures(split, scale, workers)))
        for item, finished in zip(split.items, pictures, strict=True):
            for kind, (image, digest) in zip(KINDS, finished, strict=True):
                write[kind](image)
                rows.append(
                    manifest.Row(split.name, item.name, kind, *image.shape[:2], digest, item.origin, item.licence)
                )
            progress.update()
    return rows


def _pictures(split: Split, scale: int, workers: int) -> Iterator[list[tuple[np.ndarray, str]]]:
    """Per item the images of KINDS with the hash of each, in the order of items."""

    def finished(call) -> list[list[tuple[np.ndarray, str]]]:
        return [_finished(scale, *pictures) for pictures in call()]

    pairs = split.pairs
    calls = pairs.calls if isinstance(pairs, Tasks) else (partial(list, (pair,)) for pair in pairs)
    for group in in_order(finished, calls, workers):
        yield from group


def _finished(scale: int, lr: np.ndarray, hr: np.ndarray, reduced: np.ndarray | None = None) -> list:
    images = (lr, hr, bicubic(hr, 1 / scale) if reduced is None else reduced)
    return [(image, manifest.digest(image)) for image in images]


def main() -> None:
    """Take `--workers` off the command line; the rest is that of every job."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.jobs.pack", add_help=False, allow_abbrev=False)
    parser.add_argument("--workers", type=int, default=1)
    own, sys.argv[1:] = parser.parse_known_args()
    jobs.run(partial(work, workers=own.workers))


if __name__ == "__main__":
    main()
