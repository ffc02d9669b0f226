"""The report of an adoption as data: written to results/adoption/, compared with the last one, read before jobs start."""

import hashlib
import os
from pathlib import Path
from typing import Any

from pipeline.adopt.images import Look
from pipeline.adopt.parts import Inventory, Layout
from pipeline.adopt.verdict import Row, level, scales, usable
from pipeline.files import canonical_json, read_json

FOLDER = Path("results/adoption")


def path_of(name: str) -> Path:
    """Path of the report of a data set."""
    return FOLDER / f"{name}.json"


def record(
    name: str,
    folder: Path,
    layout: Layout,
    inventory: Inventory,
    rows: list[Row],
    looks: dict[Path, Look],
    notes: list[str],
) -> dict:
    """The report as JSON data. `digest` covers names, sizes and SHA-256 of the images, in whatever folders they lie."""
    files: dict[str, str] = {}
    for image in sorted(inventory.images):
        look = looks[image.path]
        entry = f"{look.bytes} {look.sha256 or 'unreadable'}"
        # If an image exists twice, both contents count.
        files[image.name] = "; ".join(sorted({*filter(None, files.get(image.name, "").split("; ")), entry}))
    files = printable(files)
    report = {
        "name": name,
        "folder": str(folder),
        "level": level(layout, rows),
        "scales": {f"x{scale}": verdict for scale, verdict in scales(layout, rows).items()},
        "digest": hashlib.sha256(canonical_json(files).encode()).hexdigest(),
        "images": len(inventory.images),
        "bytes": sum(look.bytes for look in looks.values()),
        "usable": [[scale, group] for (scale, group), well in usable(layout, rows).items() if well],
        "parts": [_part(row) for row in rows],
        "notes": notes,
        "strays": inventory.strays,
        "files": files,
    }
    return printable(report)


def printable(value: Any) -> Any:
    """`value` with bytes of file names that are not UTF-8 escaped in every text: `\\xb2\\xe2.png`."""
    if isinstance(value, dict):
        return {printable(key): printable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [printable(each) for each in value]
    return os.fsencode(value).decode("utf-8", "backslashreplace") if isinstance(value, str) else value


def _part(row: Row) -> dict:
    expected = row.expected and {"count": row.expected.count, "source": row.expected.source}
    place = {"group": row.part.group, "scale": row.part.scale, "split": row.part.split}
    faults = {name: dict(sorted(files.items())) for name, files in row.faults.items() if files}
    return {**place, "expected": expected, "found": row.found, "state": row.state, "faults": faults}


def changes(before: dict, now: dict) -> dict[str, list[str]]:
    """Names of images that were added, removed or changed since an earlier report."""
    old, new = before["files"], now["files"]
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }


def last(name: str) -> dict | None:
    """The last report, None without one."""
    return read_json(path_of(name)) if path_of(name).is_file() else None
