"""Fetch sources of the catalogue: plan, download and check, unpack, count. A repeated call skips finished steps."""

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
    """Fetch data sets and pretrained files by name; `dry`: only print the plan. UserError for every fault the user can fix."""
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
    # Parents before their children, so that the message names the outermost folder that is at fault.
    folders = [folder for line in lines for folder in (line.target.parent.parent, line.target.parent)]
    check_writable(places.lock.parent, places.raw, *dict.fromkeys(folders))
    for source in chosen:
        files = [line.file for line in lines if line.source is source]
        if source.kind == "weights":
            for file in files:
                _print_pin(file, obtain(file, plan.target(source, file, places), settings, lock, repin))
        elif files:
            _dataset(source, files, places, settings, lock, repin)


def _dataset(
    source: Source, files: list[File], places: Places, settings: Settings, lock: Lock, repin: str | None
) -> None:
    folder = places.raw / source.name
    with exclusive(folder / ".fetch.lock", f"{folder}: another process fetches it; waiting ..."):
        for leftover in folder.glob(".*.tmp"):
            # Left by a killed process; we hold the lock, so no other process is writing here.
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
        pins, notes = {}, {}
        for file in files:
            pins[file.name], notes[file.name] = _obtain_and_unpack(source, file, folder, places, settings, lock, repin)
        report = inventory.write_inventory(source, files, pins, notes, folder)
    weak = [file.name for file in files if pins[file.name]["trust"] == "tofu"]
    if weak:
        print(
            f"{source.name}: no checksum is published for {', '.join(weak)}; trusted on first use, pinned in {places.lock}"
        )
    print(
        f"{folder / inventory.MANIFEST}: {report['manifest']['files']} files, {report['manifest']['bytes']:,} bytes",
        flush=True,
    )


def _obtain_and_unpack(
    source: Source, file: File, folder: Path, places: Places, settings: Settings, lock: Lock, repin: str | None
) -> tuple[dict, inventory.Note]:
    """Fetch, check and unpack one archive or git tree; return its pin and the note of what was unpacked."""
    archive, place = plan.target(source, file, places), folder / file.into
    tree = next((location for location in file.locations if location.kind == "git"), None)
    if tree:
        pin, origin = _tree_pin(tree), tree.value["tree"]
    else:
        pin = obtain(file, archive, settings, lock, repin)
        origin = pin["sha256"]
        _print_pin(file, pin)
    note_path = inventory.note_path(archive)

    def unpack_to(target: Path) -> None:
        # The note is written before `target` gets its name, so that a process killed in between leaves no unknown folder.
        options = {"suffixes": file.suffixes or tuple(IMAGES)}
        options["ready"] = lambda digests: inventory.write_note(note_path, inventory.Note(origin, digests))
        if tree:
            _export(file, tree, target, settings, **options)
        else:
            unpack([archive], target, **options)

    note = inventory.read_note(note_path)
    if not inventory.has_files(place):
        unpack_to(place)
    elif note is None or note.origin != origin:
        raise UserError(f"{place}: exists, but was not unpacked from {file.name}. Move it away, then run again.")
    elif not note.files:
        print(f"{place}: unpacked by an earlier version without checksums; unpacking again to compare", flush=True)
        second_copy = folder / f".{place.name}.{os.getpid()}.tmp"
        unpack_to(second_copy)
        shutil.rmtree(second_copy)
    return pin, inventory.read_note(note_path)


def _export(file: File, tree: Location, target: Path, settings: Settings, **named) -> None:
    try:
        gitree.export(tree, target, settings=settings, **named)
    except Refused as reason:
        raise UserError(
            f"{file.name}: could not be fetched: {reason}. Check that {tree.value['repo']} is reachable."
        ) from None


def _tree_pin(location: Location) -> dict:
    """Pin of a git tree: its object id in the catalogue already proves the content."""
    return {
        "tree": location.value["tree"],
        "url": location.origin,
        "date": today(),
        "trust": "object_id",
        "stated_by": ["git"],
    }


def _print_pin(file: File, pin: dict) -> None:
    print(f"{file.name}: {pin['size']:,} bytes, SHA-256 {pin['sha256']}, trust {pin['trust']}", flush=True)
