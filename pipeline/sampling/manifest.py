"""The list of packed images: one CSV row per image, with the hash of its pixels, origin and licence."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from pipeline.files import csv_text, write_text


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


def row(split: str, name: str, kind: str, image: np.ndarray, origin: str, licence: str) -> Row:
    """The row of an image, uint8 (H, W, 3)."""
    return Row(split, name, kind, *image.shape[:2], digest(image), origin, licence)


def digest(image: np.ndarray) -> str:
    """SHA-256 of an image, uint8 (H, W, 3)."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def write(path: str | Path, rows: Iterable[Row]) -> None:
    """Write the rows as CSV with a header line and LF line ends."""
    write_text(path, csv_text([field.name for field in fields(Row)], map(vars, rows)))
