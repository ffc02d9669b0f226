"""Pretrained files of others: fetched once, kept only after their SHA-256 was checked (`pipeline.weights.pretrained` opens them).

Run as a job it fetches one; data/sources.yaml says from where and what it must be. The digest is in the key, too.
settings: file, sha256_prefix · outputs: file · folders: weights (the user's, optional), fetch (settings as JSON).
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.fetch import catalogue
from pipeline.fetch.catalogue import File, Source
from pipeline.fetch.lock import Lock
from pipeline.fetch.obtain import obtain, pin_local
from pipeline.fetch.room import check_writable
from pipeline.fetch.settings import Places, Settings
from pipeline.files import atomic

if TYPE_CHECKING:
    from pipeline.provenance.job import Job


def fetch(
    path: str | Path,
    name: str,
    settings: Settings,
    folder: str | Path | None = None,
    places: Places | None = None,
    sources: dict[str, Source] | None = None,
) -> dict:
    """Put the catalogue's pretrained file `name` at `path`; its pin in data/sources.lock.yaml, `url` says where it came from.

    Taken from `folder` (a place of the user's) when it lies there, else from data/raw/weights, downloaded to it once, so
    that a job that runs again downloads nothing. Checked before it gets its name. Raises UserError when it can be had from
    nowhere, saying which file to put where, when its terms have to be accepted first, and for other bytes than expected.
    """
    path, places = Path(path), places or Places()
    file = _known(name, catalogue.load() if sources is None else sources, settings)
    lock = Lock(places.lock)
    check_writable(places.lock.parent)
    local = Path(folder) / name if folder else None
    if local and local.is_file():
        pin = pin_local(local, file, lock, "adopt.weights")
        _put(local, path, link=False)
        return pin
    raw = places.raw / "weights" / name
    check_writable(places.raw, raw.parent)
    try:
        pin = obtain(file, raw, settings, lock)
    except UserError as error:
        where = folder or "the folder that the setting adopt.weights names"
        raise UserError(f"{error}\nOn a machine without internet: put {name} into {where}, then run again.") from error
    _put(raw, path, link=not path.exists())
    return pin


def _known(name: str, sources: dict[str, Source], settings: Settings) -> File:
    """The catalogue's pretrained file of this name, if its terms are accepted."""
    owned = ((source, file) for source in sources.values() if source.kind == "weights" for file in source.files)
    owner, file = next(((source, file) for source, file in owned if file.name == name), (None, None))
    if file is None:
        raise UserError(f"{name}: no pretrained file of {catalogue.CATALOGUE} has this name. Add it there first.")
    if owner.licence.ask and owner.licence.name not in settings.accept:
        raise UserError(
            f"{name}: its terms have to be accepted first: {owner.licence.terms} Then write '{owner.licence.name}' "
            "into fetch.accept in params.yaml."
        )
    return file


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
    pin = fetch(job.outputs["file"], job.settings["file"], settings, job.folders.get("weights"))
    return {"fetched_from": pin["url"], "trust": pin["trust"]}


if __name__ == "__main__":
    from pipeline.provenance.job import run

    run(work)
