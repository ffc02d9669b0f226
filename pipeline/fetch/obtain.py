"""Get one file of the catalogue, verified and pinned: from the mirror, from its locations in turn, or put there by the user."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.exclusive import exclusive
from pipeline.fetch import drive
from pipeline.fetch.catalogue import File, Location
from pipeline.fetch.checks import Checked, Mismatch, examine
from pipeline.fetch.lock import Lock, today
from pipeline.fetch.parts import remove_part
from pipeline.fetch.room import check_room, full_disk
from pipeline.fetch.settings import Settings
from pipeline.fetch.transfer import Got, Refused, download
from pipeline.files import atomic, remove_temporaries

if TYPE_CHECKING:
    import requests

READ_ONLY = 0o444


def obtain(file: File, target: Path, settings: Settings, lock: Lock, repin: str | None = None) -> dict:
    """Make sure that `target` is the file, and return its pin; waits while another process fetches it.

    Raises UserError with both digests when the bytes are not those stated or pinned (nothing is replaced). When no location
    gives the file, UserError says which page to open and where to put the file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(target.with_name(f".{target.name}.lock"), f"{target}: another process fetches it; waiting ..."):
        remove_temporaries(target)
        if target.is_file():
            return pin_local(target, file, lock, "put there by hand", repin)
        reasons = []
        for take in _ways(file, settings, lock, repin):
            try:
                return take(target)
            except Refused as reason:
                reasons.append(str(reason))
        raise UserError(_by_hand(file, target, reasons))


def pin_local(path: Path, file: File, lock: Lock, place: str, repin: str | None = None) -> dict:
    """Check a file that the user put at `path`, pin it with the origin `place`, return the pin; UserError with both digests."""
    return lock.note(file.name, _record(examine(path, file), place, None, None), repin, str(path))


def _ways(file: File, settings: Settings, lock: Lock, repin: str | None) -> Iterator[Callable[[Path], dict]]:
    """Functions that may get the file, in order of preference."""
    pinned = lock.pin(file.name)
    digests = {checksum.value for checksum in file.checksums if checksum.algorithm == "sha256" and checksum.whole}
    digests |= {pinned["sha256"]} if pinned and not repin else set()
    if settings.mirror and digests:
        place = f"{settings.mirror.rstrip('/')}/{min(digests)}"
        if "://" in place:
            yield lambda target: _download(Location("http", {"url": place}), file, target, settings, lock, repin)
        else:
            yield lambda target: _copy(Path(place), file, target, lock, repin)
    for location in file.locations:
        if location.kind in ("http", "drive", "hub"):
            yield lambda target, location=location: _download(location, file, target, settings, lock, repin)


def _download(location: Location, file: File, target: Path, settings: Settings, lock: Lock, repin: str | None) -> dict:
    def address(session: "requests.Session") -> str:
        if location.kind == "drive":
            return drive.address(session, location.value["id"], (settings.connect_timeout, settings.read_timeout))
        return location.origin

    # A pinned digest detects pieces of different files as well as a stated one.
    whole = file.whole_checksum or (lock.pin(file.name) is not None and not repin)
    named = {"size": file.size, "whole_checksum": whole}
    fresh = False
    while True:
        got = download(location.origin, address, target, settings, **named, fresh=fresh)
        try:
            return _accept(got, location, file, target, lock, repin)
        except Mismatch:
            remove_part(got.part)
            if fresh or not got.joined:
                raise
        print(f"{file.name}: its pieces belong to different files; downloading it again from the beginning", flush=True)
        fresh = True


def _accept(got: Got, location: Location, file: File, target: Path, lock: Lock, repin: str | None) -> dict:
    """Check the download, pin it, and only then give it its name."""
    # A wrong download is removed, so the message names its origin, which the user can inspect.
    label = f"{file.name} from {location.origin}"
    checked = examine(got.part, file, got.linked if location.kind == "hub" else None, label)
    try:
        lock.check(file.name, checked.sha256, repin, label)
    except UserError as error:
        raise Mismatch(str(error)) from None
    pin = lock.note(file.name, _record(checked, location.origin, got.content.etag, got.content.modified), repin)
    got.part.chmod(READ_ONLY)
    os.replace(got.part, target)
    remove_part(got.part)
    return pin


def _copy(origin: Path, file: File, target: Path, lock: Lock, repin: str | None) -> dict:
    if not origin.is_file():
        raise Refused(f"{origin}: the mirror does not have this file")
    check_room(origin.stat().st_size, target)
    with atomic(target) as temporary:
        try:
            shutil.copyfile(origin, temporary)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise full_disk(target, error, "The incomplete file was removed.") from error
            raise
        label = f"{file.name} from {origin}"
        checked = examine(temporary, file, label=label)
        pin = lock.note(file.name, _record(checked, "mirror", None, None), repin, label)
        temporary.chmod(READ_ONLY | 0o200)
    target.chmod(READ_ONLY)
    return pin


def _record(checked: Checked, url: str, etag: str | None, modified: str | None) -> dict:
    import requests

    return {
        "sha256": checked.sha256,
        "size": checked.size,
        "url": url,
        "etag": etag,
        "modified": modified,
        "date": today(),
        "tool": f"pipeline.fetch with requests {requests.__version__}",
        "trust": checked.trust,
        "stated_by": list(checked.stated_by),
    }


def _by_hand(file: File, target: Path, reasons: list[str]) -> str:
    """What to do when no location gave the file."""
    tried = "".join(f"\n  tried: {reason}" for reason in reasons)
    pages = "".join(f"\n  open:  {location.origin}" for location in file.locations)
    return (
        f"{file.name}: could not be fetched.{tried}{pages}\n"
        f"Open one of these pages in a browser, download the file, save it as {target} (not a web page), and run again: the "
        "file will be checked and used. If Google Drive refused it for too many downloads, try again after a day."
    )
