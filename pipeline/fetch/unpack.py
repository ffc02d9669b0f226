"""Unpack untrusted archives: only plain files of expected kinds, inside one folder, within limits, all or nothing."""

import hashlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.fetch.archives import RATIO_FROM, Limits, Member, intact, members
from pipeline.fetch.room import check_room
from pipeline.fetch.transfer import bar

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
CHUNK = 1 << 20
JUNK = ("__MACOSX",)


def unpack(
    parts: Sequence[Path],
    folder: Path,
    *,
    suffixes: Collection[str] = IMAGES,
    limits: Limits | None = None,
    ready: Callable[[dict[str, str]], None] = lambda _: None,
) -> list[str]:
    """Unpack one zip or tar (.gz, .bz2, .xz), given as its parts in order, to the new folder `folder`; return the names.

    Names are relative to `folder`, sorted. `ready` is called with the SHA-256 of every file, by name, after all are written
    and before `folder` gets its name. Files of other suffixes (any case) and hidden files are left out and counted on
    stderr; a folder that only repeats its parent (`X/X/…`) is dropped. Raises UserError, and leaves no file behind, for names
    that lead outside, links, devices, two entries of one name, encrypted or broken archives, more than `limits`, a full disk,
    an archive without any file of `suffixes`, and when `folder` exists and is not empty.
    """
    parts, folder, limits = [Path(part) for part in parts], Path(folder), limits or Limits()
    absent = [str(part) for part in parts if not part.is_file()]
    if absent or not parts:
        raise UserError(f"{', '.join(absent) or 'parts'}: no such archive; expected all its parts, in order.")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: exists and is not empty. Remove it or unpack to another folder.")
    chosen, sizes = _survey(parts, frozenset(suffix.lower() for suffix in suffixes), limits)
    targets = dict(zip(chosen, _without_repeats(list(chosen)), strict=True))
    _check_tree(targets.values(), parts[0].name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    check_room(sum(sizes), folder, parts[0].name)
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        digests = _write(parts, staging, targets, limits, sum(sizes))
        os.sync()
        ready(digests)
        staging.rename(folder)
    except OSError as error:
        raise UserError(
            f"{folder}: could not be unpacked ({error.strerror or error}). Nothing was left half-written; free some space or "
            "choose another place, then run again."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return sorted(targets.values())


def safe_name(name: str, archive: str) -> PurePosixPath:
    """An entry's name as a relative path that cannot leave its folder; UserError for any other name."""
    path = PurePosixPath(name)
    reason = ""
    if path.is_absolute() or not path.parts:
        reason = "is absolute or empty"
    elif ".." in path.parts:
        reason = "leads outside"
    elif "\\" in name or ":" in path.parts[0] or not name.isprintable():
        reason = "has a backslash, a drive or a control character"
    elif any(len(part.encode("utf-8", "surrogatepass")) > 255 for part in path.parts) or len(name) > 1024:
        reason = "is too long"
    if reason:
        raise UserError(
            f"{archive}: the name {name[:100]!a} {reason}. Nothing was unpacked; do not trust this archive."
        )
    return path


def _survey(parts: list[Path], suffixes: frozenset[str], limits: Limits) -> tuple[dict[str, str], list[int]]:
    """(entry name -> relative path, sizes) of the files to unpack; UserError unless every entry of the archive is harmless."""
    name, packed = parts[0].name, sum(part.stat().st_size for part in parts)
    chosen: dict[str, str] = {}
    sizes: list[int] = []
    left_out: Counter[str] = Counter()
    total = 0
    with members(parts, limits) as entries:
        for entry in entries:
            path = safe_name(entry.name, name)
            total += entry.size
            if total > limits.bytes or total > max(packed * limits.ratio, RATIO_FROM):
                raise UserError(
                    f"{name}: {packed:,} bytes expand to at least {total:,} bytes; allowed are {limits.bytes:,} bytes and "
                    f"{limits.ratio:g} times its size. Nothing was unpacked."
                )
            if path.suffix.lower() not in suffixes or path.name.startswith(".") or path.parts[0] in JUNK:
                left_out[path.suffix.lower() or path.name] += 1
                continue
            if entry.name in chosen:
                raise UserError(
                    f"{name}: holds {entry.name!r} twice, so it is unclear which one to use. Nothing was unpacked."
                )
            chosen[entry.name] = path.as_posix()
            sizes.append(entry.size)
    if not chosen:
        raise UserError(f"{name}: holds no {', '.join(sorted(suffixes))} file; is it the right archive?")
    if left_out:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in left_out.most_common(5))
        print(f"{name}: left out {left_out.total()} files of other kinds ({kinds})", file=sys.stderr, flush=True)
    return chosen, sizes


def _write(parts: list[Path], staging: Path, targets: dict[str, str], limits: Limits, total: int) -> dict[str, str]:
    """Write all chosen files; return the SHA-256 of each."""
    staging.mkdir()
    digests: dict[str, str] = {}
    made: set[Path] = set()
    progress = bar(f"unpack {parts[0].name}", total)
    with progress, members(parts, limits) as entries:
        for entry in entries:
            if entry.name in targets:
                path = staging / targets[entry.name]
                if path.parent not in made:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    made.add(path.parent)
                digests[targets[entry.name]] = _copy(entry, path, progress, parts[0])
    return digests


def _copy(entry: Member, path: Path, progress: tqdm, archive: Path) -> str:
    """Write one entry, return its SHA-256; UserError unless its size and checksum are those that it announces."""
    written, digest = 0, hashlib.sha256()
    # "x": never follows a link, never overwrites a file.
    with (
        intact(lambda error: f"{archive}: {entry.name!r} is damaged ({error}). Download the archive again."),
        entry.open() as source,
        open(path, "xb") as target,
    ):
        while chunk := source.read(min(CHUNK, entry.size - written + 1)):
            written += len(chunk)
            if written > entry.size:
                break
            target.write(chunk)
            digest.update(chunk)
            progress.update(len(chunk))
    if written != entry.size:
        raise UserError(
            f"{archive}: {entry.name!r} does not have the {entry.size:,} bytes that it announces. Download it again."
        )
    return digest.hexdigest()


def _check_tree(names: Iterable[str], archive: str) -> None:
    """UserError if a name is also a folder, or two names differ by case alone: file systems treat those differently."""
    names = list(names)
    folded = Counter(name.casefold() for name in names)
    folders = {parent.as_posix().casefold() for name in names for parent in PurePosixPath(name).parents}
    clash = next((name for name in names if folded[name.casefold()] > 1 or name.casefold() in folders), None)
    if clash:
        raise UserError(f"{archive}: {clash!r} is there twice, as two files or as a folder too. Nothing was unpacked.")


def _without_repeats(names: list[str]) -> list[str]:
    """Drop folders that only repeat their parent, where all files lie below them: Test_x4/Test_x4/a.png."""
    common = PurePosixPath(os.path.commonpath(names) if len(names) > 1 else str(PurePosixPath(names[0]).parent)).parts
    kept = [part for index, part in enumerate(common) if index == 0 or part != common[index - 1]]
    return [PurePosixPath(*kept, *PurePosixPath(name).parts[len(common) :]).as_posix() for name in names]
