"""A user's folder: walked without going round in circles, its images recognised by the ends of their paths."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipeline.errors import UserError


class Part(NamedTuple):
    """Images that belong together. `group`: camera, or kind of images; `scale`: None where HR serves every scale."""

    group: str
    scale: int | None
    split: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.group, self.scale and f"x{self.scale}", self.split)))


class File(NamedTuple):
    """A file that belongs to a part. `kind`: HR or LR; LR and HR of one pair have the same `key`."""

    part: Part
    kind: str
    key: str
    path: Path

    @property
    def name(self) -> str:
        """The image's name wherever its folder lies: the same for every copy of the data set."""
        scale = f"x{self.part.scale}" if self.part.scale else ""
        return "/".join(filter(None, (self.part.group, scale, self.part.split, self.kind, self.key)))


@dataclass(frozen=True)
class Rule:
    """A path's end, with the named groups `key` and, where the rule does not fix them, `group`, `scale` and `split`."""

    pattern: str
    kind: str
    group: str | None = None
    scale: int | None = None
    split: str | None = None


def walk(root: str | Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """(folder, folders in it, files in it) of everything below `root`, names sorted, links followed.

    A folder that is reached again through a link, as when a link leads upwards, is entered only once. Only listings are
    read. UserError for a folder that may not be listed: it would silently count as empty.
    """
    seen: set[tuple[int, int]] = set()

    def stop(error: OSError) -> None:
        raise UserError(
            f"{error.filename}: may not be listed ({error.strerror}). Ask for the right to read it, or name another."
        ) from error

    for place, inside, files in os.walk(root, followlinks=True, onerror=stop):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            inside.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inside.sort()
        yield Path(place), inside, sorted(files)


def scan(root: str | Path, rules: Iterable[Rule]) -> list[File]:
    """Every image below `root` that a rule fits, by the first that does. Folders above what a rule names do not count."""
    compiled = [(re.compile(f"(?:^|/){rule.pattern}$"), rule) for rule in rules]
    # From root's own name on: that may be the last folder that a rule knows. A link goes by its own name.
    top = Path(os.path.abspath(root)).name  # noqa: PTH100
    found = []
    for place, _, files in walk(root):
        folder = PurePosixPath(top, place.relative_to(root))
        for path in (place / name for name in files if not is_junk(place / name)):
            fits = ((pattern.search(f"{folder}/{path.name}"), rule) for pattern, rule in compiled)
            match, rule = next(((match, rule) for match, rule in fits if match), (None, None))
            if match:
                given = {"group": rule.group, "scale": rule.scale, "split": rule.split, **match.groupdict()}
                part = Part(given["group"], given["scale"] and int(given["scale"]), given["split"].lower())
                found.append(File(part, rule.kind, given["key"], path))
    return found


def is_junk(path: Path) -> bool:
    """Whether a file was left by an operating system."""
    name = path.name.lower()
    return name.startswith(".") or name in ("thumbs.db", "desktop.ini") or "__MACOSX" in path.parts


def named(images: Iterable[File]) -> dict[str, Path]:
    """Key → file, sorted by key; UserError when an image is there twice."""
    found: dict[str, Path] = {}
    for image in images:
        if image.key in found:
            raise UserError(
                f"{image.path} and {found[image.key]}: the same image twice. Leave only one of the folders."
            )
        found[image.key] = image.path
    return dict(sorted(found.items()))


def reason(
    name: str,
    folder: str | Path | None,
    wanted: Collection[str],
    known: Collection[str],
    lacks: Callable[[Path], str],
) -> str | None:
    """Why the copy of a data set cannot be read; None when it can. `lacks`: "no …" of a folder, empty where all is there.

    UserError for a wanted camera, or set, that is not one of the known.
    """
    if unknown := [one for one in wanted if one not in known]:
        raise UserError(
            f"{name} has no camera {', '.join(unknown)}; it has {', '.join(known)}. Correct params/domains.yaml."
        )
    if folder is None:
        return f"`adopt.{name}` names no folder"
    if not Path(folder).is_dir():
        return f"{folder} is not a folder"
    lack = lacks(Path(folder))
    return f"{folder} holds {lack}" if lack else None
