"""Every image looked at once, by several processes: bytes, SHA-256, size from the header, and whether it decodes."""

import hashlib
import multiprocessing
import random
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.images.rgb import BROKEN, image_size, read_rgb

CHUNK = 32  # files that a process is handed at a time


class Look(NamedTuple):
    """What a file is; `problem` in words, empty for an image that can be used; size (H, W) is (0, 0) where unknown."""

    bytes: int
    sha256: str
    size: tuple[int, int]
    problem: str


def look(task: tuple[Path, bool], grey: bool) -> Look:
    """Look at one file; `task` is the file and whether it is to be decoded, `grey` whether 8-bit grey images are fine."""
    path, decode = task
    try:
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            count = stream.tell()
    except OSError as error:
        return Look(0, "", (0, 0), f"cannot be read ({error.strerror or error})")
    try:
        return Look(count, digest, _size(path, decode, grey), "")
    except UserError as error:
        return Look(count, digest, (0, 0), str(error).removeprefix(f"{path}: "))


def looks(paths: Iterable[Path], decode: int | None, grey: bool, workers: int) -> dict[Path, Look]:
    """Look at all files, with progress on stderr. `decode`: how many of them, drawn at random, are decoded; None: all.

    UserError when a process is killed from outside, as for want of memory.
    """
    paths = list(paths)
    chosen = set(paths if decode is None else random.Random(0).sample(paths, min(decode, len(paths))))
    tasks = [(path, path in chosen) for path in paths]
    with tqdm(total=len(tasks), desc="look", unit="img", file=sys.stderr, disable=not tasks) as progress:
        found = {}
        for path, seen in zip(paths, _done(tasks, partial(look, grey=grey), workers), strict=True):
            found[path] = seen
            progress.update()
    return found


def _done(tasks: list, work: partial, workers: int) -> Iterator[Look]:
    if workers == 1 or len(tasks) <= CHUNK:
        yield from map(work, tasks)
        return
    # spawn: a forked process would inherit the locks of tqdm's thread.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(work, tasks, chunksize=CHUNK)
        except BrokenProcessPool as error:
            raise UserError(
                f"a process that decoded images was ended from outside ({error}), perhaps for want of memory. "
                "Nothing was written; run again with fewer --workers."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _size(path: Path, decode: bool, grey: bool) -> tuple[int, int]:
    """(height, width); UserError as `images.read_rgb` or, without decoding, `images.image_size` say it."""
    try:
        return read_rgb(path).shape[:2] if decode else image_size(path)
    except UserError:
        if not grey:
            raise
        try:
            with Image.open(path) as image:
                if image.mode != "L":
                    raise
                if decode:
                    image.load()
                return image.height, image.width
        except BROKEN as error:
            raise UserError(f"{path}: damaged or truncated image ({error}). Copy or download it again.") from error
