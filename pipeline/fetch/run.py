"""Fetch sources of the catalogue, step by step: plan, download and check, unpack, count. Each step does nothing twice."""

import os
import shutil
from pathlib import Path

from pipeline.errors import UserError
from pipeline.exclusive import exclusive
from pipeline.fetch import catalogue, gitree, inventory, plan
from pipeline.fetch.catalogue import File, Location, Source
from pipeline.fetch.lock import Lock, today
from pipeline.fetch.obtain import obtain
from pipeline.fetch.room import check_writable
from pipeline.fetch.settings import Places, Settings
from pipeline.fetch.transfer import Refused
from pipeline.fetch.unpack import IMAGES, unpack


def fetch(
    names: list[str],
    settings: Settings,
    *,
    dry: bool = False,
    repin: str | None = None,
    sources: dict[str, Source] | None = None,
    places: Places | None = None,
) -> None:
    """Fetch data sets and pretrained files by name; `dry`: only print the plan. UserError for all that people can mend."""
    places = places or Places()
    lock = Lock(places.lock)
    chosen = catalogue.find(catalogue.load() if sources is None else sources, names)
    lines = plan.lines(chosen, places, lock)
    print(plan.show(lines, settings, places), flush=True)
    for source in chosen:
        if not source.files:
            raise UserError(f"{source.name}: no script can fetch it.\n{(source.manual or '').strip()}")
    if dry:
        return
    plan.require(lines, settings, places)
    # In the order in which one lies in the other, so that the message names what is wrong.
    own = [folder for line in lines for folder in (line.target.parent.parent, line.target.parent)]
    check_writable(places.lock.parent, places.raw, *dict.fromkeys(own))
    for source in chosen:
        files = [line.file for line in lines if line.source is source]
        if source.kind == "weights":
            for file in files:
                _tell(file, obtain(file, plan.target(source, file, places), settings, lock, repin))
        elif files:
            _dataset(source, files, places, settings, lock, repin)


def _dataset(
    source: Source, files: list[File], places: Places, settings: Settings, lock: Lock, repin: str | None
) -> None:
    folder = places.raw / source.name
    with exclusive(folder / ".fetch.lock", f"{folder}: another process fetches it; waiting ..."):
        for left in folder.glob(".*.tmp"):
            # Of a process that was killed while it unpacked or wrote a file; none works here now.
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        pins, notes = {}, {}
        for file in files:
            pins[file.name], notes[file.name] = _here(source, file, folder, places, settings, lock, repin)
        report = inventory.take(source, files, pins, notes, folder)
    weak = [file.name for file in files if pins[file.name]["trust"] == "tofu"]
    if weak:
        print(
            f"{source.name}: nobody states a checksum of {', '.join(weak)}; trusted on first use, pinned in {places.lock}"
        )
    print(
        f"{folder / inventory.MANIFEST}: {report['manifest']['files']} files, {report['manifest']['bytes']:,} bytes",
        flush=True,
    )


def _here(
    source: Source, file: File, folder: Path, places: Places, settings: Settings, lock: Lock, repin: str | None
) -> tuple[dict, inventory.Note]:
    """One archive or tree, fetched, checked and unpacked; its pin, and the note of what was unpacked."""
    archive, place = plan.target(source, file, places), folder / file.into
    tree = next((location for location in file.locations if location.kind == "git"), None)
    if tree:
        pin, origin = _tree_pin(tree), tree.value["tree"]
    else:
        pin = obtain(file, archive, settings, lock, repin)
        origin = pin["sha256"]
        _tell(file, pin)
    known = inventory.note_path(archive)

    def unpack_to(target: Path) -> None:
        # Noted before `target` gets its name: whoever is killed in between leaves nothing that is not known.
        named = {"suffixes": file.suffixes or tuple(IMAGES)}
        named["ready"] = lambda digests: inventory.write_note(known, inventory.Note(origin, digests))
        if tree:
            _export(file, tree, target, settings, **named)
        else:
            unpack([archive], target, **named)

    note = inventory.read_note(known)
    if not inventory.there(place):
        unpack_to(place)
    elif note is None or note.origin != origin:
        raise UserError(
            f"{place}: is there already, but not known to come from {file.name}. Move it away, then run again."
        )
    elif not note.files:
        print(f"{place}: of an earlier version, without checksums; unpacked once more to compare", flush=True)
        other = folder / f".{place.name}.{os.getpid()}.tmp"
        unpack_to(other)
        shutil.rmtree(other)
    return pin, inventory.read_note(known)


def _export(file: File, tree: Location, target: Path, settings: Settings, **named) -> None:
    try:
        gitree.export(tree, target, settings=settings, **named)
    except Refused as reason:
        raise UserError(f"{file.name}: could not be fetched: {reason}. Is {tree.value['repo']} reachable?") from None


def _tree_pin(location: Location) -> dict:
    """Git proves its trees itself: nothing has to be pinned beyond the catalogue."""
    return {
        "tree": location.value["tree"],
        "url": location.origin,
        "date": today(),
        "trust": "object_id",
        "stated_by": ["git"],
    }


def _tell(file: File, pin: dict) -> None:
    print(f"{file.name}: {pin['size']:,} bytes, SHA-256 {pin['sha256']}, trust {pin['trust']}", flush=True)
