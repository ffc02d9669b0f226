"""Read every image once, several at a time: bytes, SHA-256, size from the header, and whether it decodes."""

import hashlib
import random
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from pipeline.datasets.workers import in_order
from pipeline.errors import UserError
from pipeline.images.rgb import image_size, read_rgb


class Look(NamedTuple):
    """Result for one file. `problem`: a sentence, empty for a usable image; `size`: (H, W), (0, 0) if unknown."""

    bytes: int
    sha256: str
    size: tuple[int, int]
    problem: str


def look(path: Path, decode: bool, grey: bool) -> Look:
    """Read one file, and decode it if `decode`; `grey`: whether 8-bit grey images are allowed."""
    try:
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            count = stream.tell()
    except OSError as error:
        return Look(0, "", (0, 0), f"cannot be read ({error.strerror or error})")
    try:
        size = read_rgb(path, grey).shape[:2] if decode else image_size(path, grey)
        return Look(count, digest, size, "")
    except UserError as error:
        return Look(count, digest, (0, 0), str(error).removeprefix(f"{path}: "))


def looks(paths: Iterable[Path], decode: int | None, grey: bool, workers: int) -> dict[Path, Look]:
    """File → result of `look`, with progress on stderr. `decode`: how many files, drawn at random, to decode; None: all."""
    paths = list(paths)
    chosen = set(paths if decode is None else random.Random(0).sample(paths, min(decode, len(paths))))
    calls = [partial(look, path, path in chosen, grey) for path in paths]
    results = in_order(lambda call: call(), calls, workers)
    results = tqdm(results, desc="look", total=len(paths), unit="img", file=sys.stderr, disable=not paths)
    return dict(zip(paths, results, strict=True))
