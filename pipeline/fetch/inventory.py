"""Inventory of an unpacked data set: the manifest of every file, and a check of the counts that the catalogue states.

The note `archives/NAME.unpacked` says what was unpacked from an archive, to recognise the folder and find damaged files.
First line: the archive's SHA-256, or the id of git's tree. Then one line for each file, as `sha256sum` writes it: SHA-256 and
path below the folder. Notes of earlier versions have the first line only.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch.catalogue import File, Source
from pipeline.fetch.transfer import bar
from pipeline.files import csv_text, sha256, write_json, write_text

MANIFEST, REPORT = "manifest.csv", "inventory.json"
SHOWN, NAMED = 20, 5


@dataclass(frozen=True)
class Note:
    """`origin`: what the folder was unpacked from; `files`: path -> SHA-256, empty in notes of earlier versions."""

    origin: str
    files: dict[str, str]


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
    names = ("path", "size", "sha256")
    write_text(folder / MANIFEST, csv_text(names, (dict(zip(names, row, strict=True)) for row in rows)))
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


def note_path(archive: Path) -> Path:
    """Path of the note of an archive."""
    return archive.with_name(f"{archive.name}.unpacked")


def write_note(path: Path, note: Note) -> None:
    """Write a note; `pipeline.fetch.unpack` makes sure that names have no line breaks."""
    write_text(path, "".join([f"{note.origin}\n", *(f"{note.files[name]}  {name}\n" for name in sorted(note.files))]))


def read_note(path: Path) -> Note | None:
    """The note at `path`, None where there is none."""
    if not path.is_file():
        return None
    origin, *lines = path.read_text(encoding="utf-8", errors="replace").strip("\n").split("\n")
    parts = (line.partition("  ") for line in lines)
    return Note(origin.strip(), {name: digest for digest, _, name in parts})


def has_files(folder: Path) -> bool:
    """Whether the folder exists and is not empty."""
    return folder.is_dir() and any(folder.iterdir())


def differences(noted: dict[str, str], actual: dict[str, str]) -> str:
    """Text that names changed, lost and new files; empty when all files are as noted."""
    kinds = {
        "changed": [name for name in noted if actual.get(name, noted[name]) != noted[name]],
        "lost": [name for name in noted if name not in actual],
        "new": [name for name in actual if name not in noted],
    }
    return "; ".join(
        f"{kind} {', '.join(names[:NAMED])}" + (f" and {len(names) - NAMED} more" if names[NAMED:] else "")
        for kind, names in kinds.items()
        if names
    )
