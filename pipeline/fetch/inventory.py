"""What lies there once everything is unpacked: the manifest of every file, and whether it is what the catalogue expects."""

import csv
import io
import re
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch.bar import bar
from pipeline.fetch.catalogue import File, Source
from pipeline.files import sha256, write_json, write_text

MANIFEST, REPORT = "manifest.csv", "inventory.json"
SHOWN = 20


def take(source: Source, files: list[File], pins: dict[str, dict], folder: Path) -> dict:
    """Count and hash all files of `files` below `folder`, write manifest.csv and inventory.json, and return the latter.

    Nothing in either depends on when or where: equal files give equal bytes. Raises UserError, with the report written but
    no manifest, when a stated count is not met.
    """
    (folder / MANIFEST).unlink(missing_ok=True)
    found = {file.into: _names(folder / file.into) for file in files}
    counts = [
        {
            "folder": file.into,
            "names": expected.names,
            "expected": expected.count,
            "found": sum(bool(re.fullmatch(expected.names, name)) for name in found[file.into]),
            "stated_by": expected.by,
        }
        for file in files
        for expected in file.holds
    ]
    patterns = {file.into: [expected.names for expected in file.holds] for file in files}
    strangers = [
        f"{into}/{name}"
        for into, names in found.items()
        for name in names
        if patterns[into] and not any(re.fullmatch(pattern, name) for pattern in patterns[into])
    ]
    report = {
        "source": source.name,
        "title": source.title,
        "licence": {"id": source.licence.name, "terms": source.licence.terms},
        "files": [
            {"name": file.name, "into": file.into}
            | {
                key: pins[file.name][key]
                for key in ("sha256", "size", "tree", "trust", "stated_by")
                if key in pins[file.name]
            }
            for file in files
        ],
        "counts": counts,
        "strangers": {"count": len(strangers), "first": strangers[:SHOWN]},
        "holds": all(count["expected"] == count["found"] for count in counts),
    }
    if not report["holds"]:
        write_json(folder / REPORT, report)
        wrong = "; ".join(
            f"{count['folder']}: {count['found']} files {count['names']}, expected {count['expected']} ({count['stated_by']})"
            for count in counts
            if count["expected"] != count["found"]
        )
        raise UserError(f"{folder / REPORT}: {wrong}. Remove {folder} and fetch again, or correct data/sources.yaml.")
    text, total = _manifest(folder, [f"{into}/{name}" for into, names in sorted(found.items()) for name in names])
    write_text(folder / MANIFEST, text)
    manifest = {"files": sum(map(len, found.values())), "bytes": total, "sha256": sha256(folder / MANIFEST)}
    write_json(folder / REPORT, report | {"manifest": manifest})
    return report | {"manifest": manifest}


def _manifest(folder: Path, names: list[str]) -> tuple[str, int]:
    """path, size, sha256 of every file as CSV, and the bytes of all."""
    text, sizes = io.StringIO(), {name: (folder / name).stat().st_size for name in names}
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["path", "size", "sha256"])
    with bar(f"inventory {folder.name}", sum(sizes.values())) as progress:
        for name, size in sizes.items():
            table.writerow([name, size, sha256(folder / name)])
            progress.update(size)
    return text.getvalue(), sum(sizes.values())


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
