"""Adopt a copy that is still packed: unpack its archives, at any depth and in parts, into data/raw/NAME.

The user's folder is never written to. Images that lie unpacked beside the archives are reached by a link, so that
data/raw/NAME is the whole copy. An archive whose images all lie unpacked beside it is left alone.
"""

import hashlib
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pipeline.adopt.record import printable
from pipeline.datasets.folders import walk
from pipeline.errors import UserError
from pipeline.fetch.archives import Limits, members
from pipeline.fetch.unpack import IMAGES, unpack
from pipeline.files import canonical_json, read_json, write_json

RAW = Path("data/raw")
NAME = re.compile(r"(?P<name>.+\.(?:zip|tar|tgz|tar\.gz|tar\.bz2|tar\.xz))(?:\.(?P<part>\d{3}))?", re.IGNORECASE)
LINK = "beside"


def groups(folder: Path) -> tuple[dict[Path, list[Path]], list[str]]:
    """(archive below `folder` → its parts in order, problems of archives that are incomplete)."""
    parts_of: dict[Path, dict[int, Path]] = {}
    for place, _, names in walk(folder):
        for match in filter(None, map(NAME.fullmatch, names)):
            if not match.string.startswith("."):
                parts_of.setdefault(place / match["name"], {})[int(match["part"] or 0)] = place / match.string
    complete, problems = {}, []
    for archive, parts in sorted(parts_of.items()):
        # A joined file beside its parts is the same archive again.
        numbers = [0] if 0 in parts else sorted(parts)
        if dangling := [parts[number] for number in numbers if not parts[number].exists()]:
            problems.append(f"{dangling[0]}: a link to a missing file. Copy the archive there, or remove the link.")
        elif missing := set(range(numbers[0] and 1, numbers[-1])) - set(numbers):
            shown = ", ".join(f".{number:03d}" for number in sorted(missing))
            problems.append(f"{archive}: part {shown} is missing beside {parts[numbers[-1]].name}. Copy it there.")
        else:
            complete[archive] = [parts[number] for number in numbers]
    return complete, problems


def unpacked(name: str, folder: Path) -> tuple[Path, list[str]]:
    """(folder to check, problems of archives): `folder` itself if it holds no archives, else data/raw/NAME, unpacked if needed.

    Broken and unsafe archives are among the problems and left out. UserError, before anything is written, when the disk has
    too little space.
    """
    archives, problems = groups(folder)
    loose = {path: path.stat().st_size for path in _images(folder)} if archives else {}
    target, state = RAW / name, _state(folder, archives, loose)
    if archives and unpacked_from(name, folder) and read_json(_record_path(name))["state"] == state:
        return target, problems + read_json(_record_path(name))["problems"]
    chosen, broken = _choose(archives, loose)
    if not chosen:
        if unpacked_from(name, folder):
            # The unpacked files are no longer those of this copy: jobs must stop reading them.
            _record_path(name).unlink()
        return folder, problems + broken
    _announce(name, chosen, target)
    _remove(name, target)
    target.mkdir(parents=True)
    for number, archive in enumerate(chosen, 1):
        try:
            unpack(archives[archive], target / f"{number:02d}_{archive.name.partition('.')[0]}")
        except UserError as error:
            broken.append(str(error))
    if loose:
        (target / LINK).symlink_to(folder.resolve(), target_is_directory=True)
    write_json(_record_path(name), printable({"folder": _digest(folder), "state": state, "problems": broken}))
    return target, problems + broken


def _choose(archives: dict[Path, list[Path]], loose: dict[Path, int]) -> tuple[dict[Path, int], list[str]]:
    """(archive to unpack → bytes it expands to, problems of the others). `loose`: unpacked image beside them → bytes."""
    chosen, problems = {}, []
    # With its folder, as REDS has a 00000024.png in every video, and without, as an archive may have no folders.
    beside = {(path.parts[-count:], size) for path, size in loose.items() for count in (1, 2)}
    for archive, parts in archives.items():
        try:
            images = _content(parts)
        except UserError as error:
            problems.append(str(error))
            continue
        both = images.keys() & beside
        if images and not both:
            chosen[archive] = sum(size * count for (_, size), count in images.items())
        elif both != images.keys():
            problems.append(
                f"{archive}: {len(both):,} of its {len(images):,} images lie unpacked beside it, the others are missing "
                "or differ in size. It was not unpacked: unpack all of it, or remove the unpacked images."
            )
    return chosen, problems


def unpacked_from(name: str, folder: str | Path) -> bool:
    """Whether data/raw/NAME was unpacked, whole, from archives in `folder`."""
    return _record_path(name).is_file() and read_json(_record_path(name))["folder"] == _digest(folder)


def _record_path(name: str) -> Path:
    """Record of what data/raw/NAME was unpacked from; written last, so that an incomplete folder is made again."""
    return RAW / f"{name}.json"


def _digest(folder: str | Path) -> str:
    """Hash of a folder's path, so that the record does not contain the user's path."""
    return hashlib.sha256(os.fsencode(Path(folder).resolve())).hexdigest()


def _state(folder: Path, archives: dict[Path, list[Path]], loose: dict[Path, int]) -> str:
    """Digest of the sizes and times of all archives and the sizes of images beside them: changes when the copy changes.

    Times of images do not count, as jobs read them in place.
    """
    parts = [part for each in archives.values() for part in each]
    sizes = {part.relative_to(folder).as_posix(): [part.stat().st_size, part.stat().st_mtime_ns] for part in parts}
    sizes |= {path.relative_to(folder).as_posix(): [size] for path, size in loose.items()}
    return hashlib.sha256(os.fsencode(canonical_json(sizes))).hexdigest()


def _images(folder: Path) -> Iterable[Path]:
    """Images that lie unpacked below the folder, without dangling links."""
    paths = (place / name for place, _, names in walk(folder) for name in names if Path(name).suffix.lower() in IMAGES)
    return (path for path in paths if path.exists())


def _content(parts: list[Path]) -> Counter[tuple[tuple[str, ...], int]]:
    """(name with its folder, bytes) → how often the archive holds such an image."""
    with members(parts, Limits()) as entries:
        files = [(PurePosixPath(entry.name), entry.size) for entry in entries]
    images = [each for each in files if each[0].suffix.lower() in IMAGES and not each[0].name.startswith(".")]
    return Counter((path.parts[-2:], size) for path, size in images)


def _announce(name: str, chosen: dict[Path, int], target: Path) -> None:
    """Print what will be unpacked and its size; UserError when the disk has too little space for all of it."""
    RAW.mkdir(parents=True, exist_ok=True)
    needed, free = sum(chosen.values()), shutil.disk_usage(RAW).free
    shown = ", ".join(archive.name for archive in chosen)
    text = f"{name}: {printable(shown)} take {needed / 1e9:.1f} GB unpacked into {target}; {free / 1e9:.1f} GB are free"
    print(text, file=sys.stderr, flush=True)
    if needed > free:
        raise UserError(f"{text}. Make room, or unpack elsewhere and name that folder in `adopt.{name}`.")


def _remove(name: str, target: Path) -> None:
    """Remove what an earlier call unpacked; UserError if the folder holds anything else."""
    _record_path(name).unlink(missing_ok=True)
    parts = [path for path in target.iterdir() if path.name != LINK] if target.exists() else []
    if not all(re.fullmatch(r"\.?\d\d_.+", path.name) and path.is_dir() and not path.is_symlink() for path in parts):
        raise UserError(
            f"{target}: holds files that this command did not write. Move it away, then adopt {name} again."
        )
    shutil.rmtree(target, ignore_errors=not target.exists())
