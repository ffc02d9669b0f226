"""The list of packed images: one CSV row per image, with the hash of its pixels, origin and licence."""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files import atomic


@dataclass(frozen=True)
class Row:
    """One image: split train|val|test, kind lr|hr|bicubic, size in pixels, SHA-256 of its uint8 (H, W, 3) bytes."""

    split: str
    name: str
    kind: str
    height: int
    width: int
    sha256: str
    origin: str
    licence: str


COLUMNS = [field.name for field in fields(Row)]


def row(split: str, name: str, kind: str, image: np.ndarray, origin: str, licence: str) -> Row:
    """The row of an image, uint8 (H, W, 3)."""
    return Row(split, name, kind, *image.shape[:2], digest(image), origin, licence)


def digest(image: np.ndarray) -> str:
    """SHA-256 of an image, uint8 (H, W, 3)."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def write(path: str | Path, rows: Iterable[Row]) -> None:
    """Write the rows as CSV with a header line and LF line ends."""
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(astuple(one) for one in rows)


def read(path: str | Path) -> list[Row]:
    """Read a manifest; UserError when it is missing or not a manifest."""
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            header, *lines = csv.reader(stream, strict=True)
        if header != COLUMNS:
            raise ValueError(f"its first line is {header}, expected {COLUMNS}")
        return [Row(s, n, k, int(h), int(w), digest, o, c) for s, n, k, h, w, digest, o, c in lines]
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file. Run the rule that packs this data set.") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not a manifest ({error}). Delete it and pack the data set again.") from error
