"""Pretrained files of others: fetched once, kept only after their SHA-256 was checked (`pipeline.weights.pretrained` opens them).

A file is described by {"file": name, "url": …, "sha256_prefix": 8 to 64 hexadecimal digits, or None}; data/sources.yaml may
know more locations and digests of it. Run as a job it fetches one:
outputs: file · folders: weights (the user's, optional), fetch (settings as JSON).
"""

import os
import re
import shutil
import urllib.parse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.fetch import catalogue
from pipeline.fetch.catalogue import Checksum, File, Location, Source
from pipeline.fetch.lock import Lock
from pipeline.fetch.obtain import obtain, pin_local
from pipeline.fetch.room import check_writable
from pipeline.fetch.settings import Places, Settings
from pipeline.files import atomic

if TYPE_CHECKING:
    from pipeline.provenance.job import Job


def fetch(
    path: str | Path,
    spec: dict,
    settings: Settings,
    folder: str | Path | None = None,
    places: Places | None = None,
    sources: dict[str, Source] | None = None,
) -> dict:
    """Put the file that `spec` describes at `path`; its pin in data/sources.lock.yaml, `url` says where it came from.

    Taken from `folder` (a place of the user's) when it lies there, else from data/raw/weights, downloaded to it once, so
    that a job that runs again downloads nothing. Checked before it gets its name. Raises UserError when it can be had from
    nowhere, saying which file to put where, when its terms have to be accepted first, and for other bytes than expected.
    """
    path, places = Path(path), places or Places()
    file = _file(spec, catalogue.load() if sources is None else sources, settings)
    lock = Lock(places.lock)
    check_writable(places.lock.parent)
    local = Path(folder) / spec["file"] if folder else None
    if local and local.is_file():
        pin = pin_local(local, file, lock, "adopt.weights")
        _put(local, path, link=False)
        return pin
    raw = places.raw / "weights" / file.name
    check_writable(places.raw, raw.parent)
    try:
        pin = obtain(file, raw, settings, lock)
    except UserError as error:
        where = folder or "the folder that the setting adopt.weights names"
        raise UserError(
            f"{error}\nOn a machine without internet: put {spec['file']} into {where}, then run again."
        ) from error
    _put(raw, path, link=not path.exists())
    return pin


def _file(spec: dict, sources: dict[str, Source], settings: Settings) -> File:
    """The settings' address first and its digest, and what the catalogue knows of the same file."""
    digest = spec["sha256_prefix"]
    if digest is not None and not re.fullmatch(r"[0-9a-f]{8,64}", str(digest)):
        raise UserError(f"weights {spec['file']}: sha256_prefix is {digest!r}, expected 8 to 64 hexadecimal digits.")
    own = _location(spec)
    owner, file = _known(spec, own, sources)
    if owner and owner.licence.ask and owner.licence.name not in settings.accept:
        raise UserError(
            f"{spec['file']}: its terms have to be accepted first: {owner.licence.terms} Then write '{owner.licence.name}' "
            "into fetch.accept in params.yaml."
        )
    own = next((location for location in file.locations if location.origin == own.origin), own)
    others = (location for location in file.locations if location is not own)
    # The catalogue knows who states it; the settings' copy of it proves nothing more.
    stated = [Checksum("sha256", str(digest), "params.yaml", "name_prefix")] if digest else []
    return replace(file, locations=(own, *others), checksums=(*file.checksums, *stated))


def _known(spec: dict, own: Location, sources: dict[str, Source]) -> tuple[Source | None, File]:
    """The catalogue's file of this name, if the settings mean it: by its address or its digest; else an unknown one."""
    for source in sources.values():
        for file in source.files:
            digests = [checksum.value for checksum in file.checksums if checksum.algorithm == "sha256"]
            same = spec["sha256_prefix"] and any(_agree(spec["sha256_prefix"], value) for value in digests)
            if file.name == spec["file"] and (same or own.origin in [location.origin for location in file.locations]):
                return source, file
    return None, File(spec["file"], None, (), (), None, (), ())


def _agree(one: str, other: str) -> bool:
    """Whether one of two digests is the other's beginning."""
    return one.startswith(other) or other.startswith(one)


def _location(spec: dict) -> Location:
    url = urllib.parse.urlsplit(spec["url"])
    if url.scheme not in ("http", "https"):
        raise UserError(
            f"{spec['file']}: its url is {spec['url']!r}, expected one that begins with https:// or http://."
        )
    identity = urllib.parse.parse_qs(url.query).get("id", [])
    if url.hostname == "drive.google.com":
        return Location("drive", {"id": identity[0]}) if identity else Location("by_hand", {"url": spec["url"]})
    return Location("http", {"url": spec["url"]})


def _put(origin: Path, path: Path, link: bool) -> None:
    """`path` becomes the file: by a second name for it where that can be had, else by a copy."""
    if link:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(origin, path)
            return
        except OSError:
            # Another disk, or a file system without hard links.
            pass
    with atomic(path) as temporary:
        shutil.copyfile(origin, temporary)


def work(job: "Job") -> dict:
    """Fetch the one file of this job."""
    settings = Settings.of(job.options["fetch"], "--option fetch")
    pin = fetch(job.outputs["file"], job.settings, settings, job.folders.get("weights"))
    return {"fetched_from": pin["url"], "trust": pin["trust"]}


if __name__ == "__main__":
    from pipeline.provenance.job import run

    run(work)
