"""Fetch sources of the catalogue, step by step: plan, download and check, unpack, count. Each step does nothing twice."""

import shutil
from pathlib import Path

from pipeline.errors import UserError
from pipeline.exclusive import exclusive
from pipeline.fetch import catalogue, gitree, inventory, plan
from pipeline.fetch.catalogue import File, Source
from pipeline.fetch.lock import Lock, today
from pipeline.fetch.obtain import obtain
from pipeline.fetch.settings import Places, Settings
from pipeline.fetch.transfer import Refused
from pipeline.fetch.unpack import IMAGES, unpack
from pipeline.files import write_text


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
            # Of a process that was killed while it unpacked; none works here now.
            shutil.rmtree(left)
        pins = {file.name: _here(source, file, folder, places, settings, lock, repin) for file in files}
        report = inventory.take(source, files, pins, folder)
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
) -> dict:
    """One archive or tree, fetched, checked and unpacked; its pin."""
    archive = plan.target(source, file, places)
    marker, place = archive.with_name(f"{archive.name}.unpacked"), folder / file.into
    suffixes = file.suffixes or tuple(IMAGES)
    trees = [location for location in file.locations if location.kind == "git"]
    if trees:
        done = trees[0].value["tree"]
        if _unpacked(marker, place, done):
            return _tree_pin(trees[0])
        try:
            gitree.export(trees[0], place, suffixes, settings)
        except Refused as reason:
            raise UserError(
                f"{file.name}: could not be fetched: {reason}. Is {trees[0].value['repo']} reachable?"
            ) from None
        write_text(marker, f"{done}\n")
        return _tree_pin(trees[0])
    pin = obtain(file, archive, settings, lock, repin)
    _tell(file, pin)
    if not _unpacked(marker, place, pin["sha256"]):
        unpack([archive], place, suffixes=suffixes)
        write_text(marker, f"{pin['sha256']}\n")
    return pin


def _unpacked(marker: Path, place: Path, digest: str) -> bool:
    """Whether `place` was unpacked from exactly this content; UserError when it came from another."""
    if not place.is_dir() or not any(place.iterdir()):
        return False
    if marker.is_file() and marker.read_text(encoding="utf-8").strip() == digest:
        return True
    raise UserError(
        f"{place}: is there already, but not known to come from {marker.stem}. Move it away, then run again."
    )


def _tree_pin(location: catalogue.Location) -> dict:
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
