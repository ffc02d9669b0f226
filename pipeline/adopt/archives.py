"""A copy that is still packed: archives of any depth below a folder, joined from their parts, unpacked into data/raw/NAME.

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
    """Name of each archive below `folder` → its parts in order, and what is wrong with those that are not whole."""
    found: dict[Path, dict[int, Path]] = {}
    for place, _, names in walk(folder):
        for match in filter(None, map(NAME.fullmatch, names)):
            if not match.string.startswith("."):
                found.setdefault(place / match["name"], {})[int(match["part"] or 0)] = place / match.string
    whole, problems = {}, []
    for archive, parts in sorted(found.items()):
        # A joined file beside its parts is the same archive again.
        numbers = [0] if 0 in parts else sorted(parts)
        if gone := [parts[number] for number in numbers if not parts[number].exists()]:
            problems.append(f"{gone[0]}: a link to nothing. Copy the archive there, or remove the link.")
        elif lost := set(range(numbers[0] and 1, numbers[-1])) - set(numbers):
            named = ", ".join(f".{number:03d}" for number in sorted(lost))
            problems.append(f"{archive}: part {named} is missing beside {parts[numbers[-1]].name}. Copy it there.")
        else:
            whole[archive] = [parts[number] for number in numbers]
    return whole, problems


def unpacked(name: str, folder: Path) -> tuple[Path, list[str]]:
    """(the folder to look at, what is wrong with archives): `folder` where nothing is packed, else data/raw/NAME, made if needed.

    What is broken or not to be trusted is named and left out. UserError when the disk has no room, which is known before
    the first byte is written.
    """
    archives, problems = groups(folder)
    loose = {path: path.stat().st_size for path in _images(folder)} if archives else {}
    target, state = RAW / name, _state(folder, archives, loose)
    if archives and made_from(name, folder) and read_json(_made(name))["state"] == state:
        return target, problems + read_json(_made(name))["problems"]
    wanted, broken = _wanted(archives, loose)
    if not wanted:
        if made_from(name, folder):
            # What was once unpacked is no longer this copy: jobs must not go on reading it.
            _made(name).unlink()
        return folder, problems + broken
    _announce(name, wanted, target)
    _remove(name, target)
    target.mkdir(parents=True)
    for number, archive in enumerate(wanted, 1):
        try:
            unpack(archives[archive], target / f"{number:02d}_{archive.name.partition('.')[0]}")
        except UserError as error:
            broken.append(str(error))
    if loose:
        (target / LINK).symlink_to(folder.resolve(), target_is_directory=True)
    write_json(_made(name), printable({"folder": _digest(folder), "state": state, "problems": broken}))
    return target, problems + broken


def _wanted(archives: dict[Path, list[Path]], loose: dict[Path, int]) -> tuple[dict[Path, int], list[str]]:
    """Archive → bytes it expands to, of those to be unpacked; what speaks against others. `loose`: image beside → bytes."""
    wanted, problems = {}, []
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
            wanted[archive] = sum(size * count for (_, size), count in images.items())
        elif both != images.keys():
            problems.append(
                f"{archive}: {len(both):,} of its {len(images):,} images lie unpacked beside it, the others not or with "
                "another size. It was left alone: unpack it whole, or remove what is unpacked."
            )
    return wanted, problems


def made_from(name: str, folder: str | Path) -> bool:
    """Whether data/raw/NAME was unpacked, whole, from archives in `folder`."""
    return _made(name).is_file() and read_json(_made(name))["folder"] == _digest(folder)


def _made(name: str) -> Path:
    """What data/raw/NAME was made of; written last, so that a half-made folder is made again."""
    return RAW / f"{name}.json"


def _digest(folder: str | Path) -> str:
    """A folder of the user's without its name."""
    return hashlib.sha256(os.fsencode(Path(folder).resolve())).hexdigest()


def _state(folder: Path, archives: dict[Path, list[Path]], loose: dict[Path, int]) -> str:
    """What tells a folder from one with other archives, or other images beside them: digest of their sizes and times.

    Of the images the times do not count, as they are read where they lie.
    """
    parts = [part for each in archives.values() for part in each]
    sizes = {part.relative_to(folder).as_posix(): [part.stat().st_size, part.stat().st_mtime_ns] for part in parts}
    sizes |= {path.relative_to(folder).as_posix(): [size] for path, size in loose.items()}
    return hashlib.sha256(os.fsencode(canonical_json(sizes))).hexdigest()


def _images(folder: Path) -> Iterable[Path]:
    """Images that lie unpacked below the folder; links to nothing are none."""
    found = (place / name for place, _, names in walk(folder) for name in names if Path(name).suffix.lower() in IMAGES)
    return (path for path in found if path.exists())


def _content(parts: list[Path]) -> Counter[tuple[tuple[str, ...], int]]:
    """(name with its folder, bytes) of the images in an archive, and how often there is such a one."""
    with members(parts, Limits()) as entries:
        found = [(PurePosixPath(entry.name), entry.size) for entry in entries]
    images = [each for each in found if each[0].suffix.lower() in IMAGES and not each[0].name.startswith(".")]
    return Counter((path.parts[-2:], size) for path, size in images)


def _announce(name: str, wanted: dict[Path, int], target: Path) -> None:
    """Say what is unpacked and what it takes; UserError where there is no room for all of it."""
    RAW.mkdir(parents=True, exist_ok=True)
    needed, free = sum(wanted.values()), shutil.disk_usage(RAW).free
    shown = ", ".join(archive.name for archive in wanted)
    said = f"{name}: {printable(shown)} take {needed / 1e9:.1f} GB unpacked into {target}; {free / 1e9:.1f} GB are free"
    print(said, file=sys.stderr, flush=True)
    if needed > free:
        raise UserError(f"{said}. Make room, or unpack elsewhere and name that folder in `adopt.{name}`.")


def _remove(name: str, target: Path) -> None:
    """Remove what an earlier call unpacked, and nothing else."""
    _made(name).unlink(missing_ok=True)
    parts = [path for path in target.iterdir() if path.name != LINK] if target.exists() else []
    if not all(re.fullmatch(r"\.?\d\d_.+", path.name) and path.is_dir() and not path.is_symlink() for path in parts):
        raise UserError(f"{target}: holds files that no adoption put there. Move it away, then adopt {name} again.")
    shutil.rmtree(target, ignore_errors=not target.exists())
