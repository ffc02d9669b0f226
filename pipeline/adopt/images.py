"""Read every image once, in several processes: bytes, SHA-256, size from the header, and whether it decodes."""

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
    """Result for one file. `problem`: a sentence, empty for a usable image; `size`: (H, W), (0, 0) if unknown."""

    bytes: int
    sha256: str
    size: tuple[int, int]
    problem: str


def look(task: tuple[Path, bool], grey: bool) -> Look:
    """Read one file. `task`: (file, whether to decode it); `grey`: whether 8-bit grey images are allowed."""
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
    """File → result of `look`, with progress on stderr. `decode`: how many files, drawn at random, to decode; None: all.

    UserError when the system kills a process, for example because memory runs out.
    """
    paths = list(paths)
    chosen = set(paths if decode is None else random.Random(0).sample(paths, min(decode, len(paths))))
    tasks = [(path, path in chosen) for path in paths]
    with tqdm(total=len(tasks), desc="look", unit="img", file=sys.stderr, disable=not tasks) as progress:
        results = {}
        for path, result in zip(paths, _done(tasks, partial(look, grey=grey), workers), strict=True):
            results[path] = result
            progress.update()
    return results


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
                f"the system killed a process that decoded images ({error}), perhaps because memory ran out. "
                "Nothing was written; run again with fewer --workers."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _size(path: Path, decode: bool, grey: bool) -> tuple[int, int]:
    """(height, width). UserError for a bad file: that of `read_rgb` or, without decoding, of `image_size`."""
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
