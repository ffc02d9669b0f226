"""Inventory of an unpacked data set: the manifest of every file, and a check of the counts that the catalogue states."""

import csv
import io
import re
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch.bar import bar
from pipeline.fetch.catalogue import File, Source
from pipeline.fetch.unpacked import Note, differences
from pipeline.files import sha256, write_json, write_text

MANIFEST, REPORT = "manifest.csv", "inventory.json"
SHOWN = 20


def write_inventory(
    source: Source, files: list[File], pins: dict[str, dict], notes: dict[str, Note], folder: Path
) -> dict:
    """Count and hash all files of `files` below `folder`, write manifest.csv and inventory.json, and return the latter.

    Equal files give equal bytes, at any time on any machine. `pins` and `notes` are keyed by the name of the archive.
    Raises UserError without writing either when files changed since they were unpacked; UserError with inventory.json
    written, but no manifest, when a stated count is not met.
    """
    for name in (MANIFEST, REPORT):
        (folder / name).unlink(missing_ok=True)
    hashed = {file.into: _hashed(folder / file.into) for file in files}
    _check_damage(folder, {file.into: notes[file.name].files for file in files}, hashed)
    names_in = {into: list(names) for into, names in hashed.items()}
    counts = [
        {
            "folder": file.into,
            "names": expected.names,
            "expected": expected.count,
            "found": sum(bool(re.fullmatch(expected.names, name)) for name in names_in[file.into]),
            "stated_by": expected.by,
        }
        for file in files
        for expected in file.holds
    ]
    patterns = {file.into: [expected.names for expected in file.holds] for file in files}
    strangers = [
        f"{into}/{name}"
        for into, names in names_in.items()
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
    rows = [(f"{into}/{name}", *entry) for into, names in sorted(hashed.items()) for name, entry in names.items()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("path", "size", "sha256"), *rows])
    write_text(folder / MANIFEST, text.getvalue())
    manifest = {"files": len(rows), "bytes": sum(size for _, size, _ in rows), "sha256": sha256(folder / MANIFEST)}
    write_json(folder / REPORT, report | {"manifest": manifest})
    return report | {"manifest": manifest}


def _check_damage(folder: Path, noted: dict[str, dict[str, str]], hashed: dict[str, dict[str, tuple]]) -> None:
    problems = {
        into: differences(files, {name: digest for name, (_, digest) in hashed[into].items()})
        for into, files in noted.items()
    }
    if problems := {into: problem for into, problem in problems.items() if problem}:
        messages = [f"{folder / into}: changed since it was unpacked: {problem}" for into, problem in problems.items()]
        places = ", ".join(str(folder / into) for into in problems)
        raise UserError(". ".join(messages) + f". Remove {places}, then run again to unpack it once more.")


def _hashed(folder: Path) -> dict[str, tuple[int, str]]:
    """Name -> size and SHA-256 of every file, sorted."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    sizes, digests = {name: (folder / name).stat().st_size for name in names}, {}
    with bar(f"inventory {folder.name}", sum(sizes.values())) as progress:
        for name, size in sizes.items():
            digests[name] = size, sha256(folder / name)
            progress.update(size)
    return digests
