"""Plan of a fetch: bytes to download, disk space, terms of use, and the checksums that will prove each file."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.fetch import inventory
from pipeline.fetch.catalogue import File, Source
from pipeline.fetch.checks import trust
from pipeline.fetch.lock import Lock
from pipeline.fetch.room import free_bytes
from pipeline.fetch.settings import Places, Settings

# Photographs are compressed already: an archive of them expands to about its own size.
EXPANSION = 1.05


@dataclass(frozen=True)
class Line:
    """One file: its target, whether it exists, bytes still to download (None: size not stated), and its best checksum class."""

    source: Source
    file: File
    target: Path
    present: bool
    remaining: int | None
    trust: str


def lines(sources: list[Source], places: Places, lock: Lock) -> list[Line]:
    """One line per file of `sources`, in order."""
    return [_line(source, file, places, lock) for source in sources for file in source.files]


def target(source: Source, file: File, places: Places) -> Path:
    """Path to which a file is downloaded."""
    if source.kind == "weights":
        return places.raw / "weights" / file.name
    return places.raw / source.name / "archives" / file.name


def needed(chosen: list[Line]) -> int:
    """Bytes that the disk must have free, as far as sizes are stated: downloads, and what they are unpacked to."""
    downloads = sum(line.remaining or 0 for line in chosen)
    packed = [line for line in chosen if line.file.into and not _unpacked(line.target, line.file)]
    expanded = sum((line.file.size or 0) * EXPANSION for line in packed)
    return int(downloads + expanded)


def show(chosen: list[Line], settings: Settings, places: Places) -> str:
    """The plan as text."""
    rows = []
    for line in chosen:
        size = "size not stated" if line.file.size is None else f"{line.file.size:,} bytes"
        state = (
            "here"
            if line.present
            else size
            if line.remaining == line.file.size
            else f"{size}, {line.remaining:,} to come"
        )
        rows.append(f"  {line.source.name:<22} {line.file.name}: {state}; proof: {line.trust}")
    unknown = sum(line.remaining is None for line in chosen)
    rows.append(
        f"  to come: {sum(line.remaining or 0 for line in chosen):,} bytes"
        + (f" and {unknown} files of unknown size" if unknown else "")
        + f"; room needed {needed(chosen):,}, free {free_bytes(places.raw):,}"
    )
    for licence in {line.source.licence.name: line.source.licence for line in chosen}.values():
        state_of_terms = "accepted" if licence.name in settings.accept else f"accept with --accept {licence.name}"
        rows.append(f"  terms {licence.name}: {licence.terms}" + (f" [{state_of_terms}]" if licence.ask else ""))
    return "\n".join(rows)


def require(chosen: list[Line], settings: Settings, places: Places) -> None:
    """Raise UserError when terms are not accepted, the user must fetch a file, or the disk has too little space."""
    for source in {line.source.name: line.source for line in chosen}.values():
        if source.manual and not all(line.present for line in chosen if line.source is source):
            raise UserError(f"{source.name}: no script can fetch it.\n{source.manual.strip()}")
        if source.licence.ask and source.licence.name not in settings.accept:
            raise UserError(
                f"{source.name}: accept its terms first: {source.licence.terms} Then add --accept "
                f"{source.licence.name}, or write it into fetch.accept in params.yaml."
            )
    free = free_bytes(places.raw)
    if needed(chosen) > free:
        raise UserError(
            f"{places.raw}: {needed(chosen):,} bytes are needed, {free:,} are free. Free some space or make the folder "
            "a link to a larger disk."
        )


def _line(source: Source, file: File, places: Places, lock: Lock) -> Line:
    path = target(source, file, places)
    git = any(location.kind == "git" for location in file.locations)
    # Git's trees are kept unpacked only; a removed archive is downloaded again even if it was unpacked.
    present = _unpacked(path, file) if git else path.is_file()
    part = path.with_name(f"{path.name}.part")
    begun = part.stat().st_size if part.is_file() else 0
    remaining = 0 if present else None if file.size is None else max(0, file.size - begun)
    proof = trust(list(file.checksums))
    if git:
        proof = "object_id"
    elif proof == "tofu" and (pin := lock.pin(file.name)):
        proof = f"pinned {pin['date']} ({pin['trust']})"
    return Line(source, file, path, present, remaining, proof)


def _unpacked(archive: Path, file: File) -> bool:
    return inventory.note_path(archive).is_file() and inventory.has_files(archive.parent.parent / file.into)
