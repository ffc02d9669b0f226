"""What lies there once everything is unpacked: the manifest of every file, and whether it is what the catalogue expects."""

import re
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch.catalogue import File, Source
from pipeline.fetch.transfer import bar
from pipeline.fetch.unpacked import Note, differences
from pipeline.files import csv_text, sha256, write_json, write_text

MANIFEST, REPORT = "manifest.csv", "inventory.json"
SHOWN = 20


def take(source: Source, files: list[File], pins: dict[str, dict], notes: dict[str, Note], folder: Path) -> dict:
    """Count and hash all files of `files` below `folder`, write manifest.csv and inventory.json, and return the latter.

    Nothing in either depends on when or where: equal files give equal bytes. `pins` and `notes`: by name of the archive.
    Raises UserError, with neither written, when files are not what was noted when they were unpacked; with the report
    written but no manifest, when a stated count is not met.
    """
    for name in (MANIFEST, REPORT):
        (folder / name).unlink(missing_ok=True)
    hashed = {file.into: _hashed(folder / file.into) for file in files}
    _check_damage(folder, {file.into: notes[file.name].files for file in files}, hashed)
    found = {into: list(names) for into, names in hashed.items()}
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
    rows = [(f"{into}/{name}", *told) for into, names in sorted(hashed.items()) for name, told in names.items()]
    names = ("path", "size", "sha256")
    write_text(folder / MANIFEST, csv_text(names, (dict(zip(names, row, strict=True)) for row in rows)))
    manifest = {"files": len(rows), "bytes": sum(size for _, size, _ in rows), "sha256": sha256(folder / MANIFEST)}
    write_json(folder / REPORT, report | {"manifest": manifest})
    return report | {"manifest": manifest}


def _check_damage(folder: Path, noted: dict[str, dict[str, str]], hashed: dict[str, dict[str, tuple]]) -> None:
    told = {
        into: differences(files, {name: digest for name, (_, digest) in hashed[into].items()})
        for into, files in noted.items()
    }
    if problems := [f"{folder / into}: not as it was unpacked: {what}" for into, what in told.items() if what]:
        places = ", ".join(str(folder / into) for into, what in told.items() if what)
        raise UserError(". ".join(problems) + f". Remove {places}, then run again: it is unpacked anew.")


def _hashed(folder: Path) -> dict[str, tuple[int, str]]:
    """Name -> size and SHA-256 of every file, sorted."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    sizes, digests = {name: (folder / name).stat().st_size for name in names}, {}
    with bar(f"inventory {folder.name}", sum(sizes.values())) as progress:
        for name, size in sizes.items():
            digests[name] = size, sha256(folder / name)
            progress.update(size)
    return digests
