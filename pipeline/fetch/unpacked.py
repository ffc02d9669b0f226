"""The note `archives/NAME.unpacked`: what was unpacked from an archive, to recognise the folder and find damaged files.

First line: the archive's SHA-256, or the id of git's tree. Then one line for each file, as `sha256sum` writes it: SHA-256 and
path below the folder. Notes of earlier versions have the first line only.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.files import write_text

SHOWN = 5


@dataclass(frozen=True)
class Note:
    """`origin`: what the folder was unpacked from; `files`: path -> SHA-256, empty in notes of earlier versions."""

    origin: str
    files: dict[str, str]


def path_of(archive: Path) -> Path:
    """Path of the note of an archive."""
    return archive.with_name(f"{archive.name}.unpacked")


def write(path: Path, note: Note) -> None:
    """Write a note; `pipeline.fetch.unpack` makes sure that names have no line breaks."""
    write_text(path, "".join([f"{note.origin}\n", *(f"{note.files[name]}  {name}\n" for name in sorted(note.files))]))


def read(path: Path) -> Note | None:
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
        f"{kind} {', '.join(names[:SHOWN])}" + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")
        for kind, names in kinds.items()
        if names
    )
