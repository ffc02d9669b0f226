"""Walk through a user's folder, following links but never in circles, and recognise images by the ends of their paths."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipeline.errors import UserError


class Part(NamedTuple):
    """Images that belong together. `group`: camera, or kind of images; `scale`: None for HR that serves every scale."""

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
        """Name that does not depend on folders: the same for every copy of the data set."""
        scale = f"x{self.part.scale}" if self.part.scale else ""
        return "/".join(filter(None, (self.part.group, scale, self.part.split, self.kind, self.key)))


@dataclass(frozen=True)
class Rule:
    """Pattern for a path's end, with named groups `key` and those of `group`, `scale`, `split` that the rule leaves None."""

    pattern: str
    kind: str
    group: str | None = None
    scale: int | None = None
    split: str | None = None


def walk(root: str | Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield (folder, its folders, its files) for everything below `root`, names sorted, links followed.

    A folder that is reached again through a link is entered only once. Only listings are read. UserError for a folder that
    cannot be listed, as it would silently count as empty.
    """
    seen: set[tuple[int, int]] = set()

    def stop(error: OSError) -> None:
        raise UserError(
            f"{error.filename}: cannot be listed ({error.strerror}). Get the permission, or set another folder."
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
    """Every image below `root` that a rule matches; the first one counts. A rule is a pattern for the end of the path."""
    compiled = [(re.compile(f"(?:^|/){rule.pattern}$"), rule) for rule in rules]
    # From root's own name on: that name may be part of a rule. A link goes by its own name.
    top = Path(os.path.abspath(root)).name  # noqa: PTH100
    images = []
    for place, _, files in walk(root):
        folder = PurePosixPath(top, place.relative_to(root))
        for path in (place / name for name in files if not is_junk(place / name)):
            matches = ((pattern.search(f"{folder}/{path.name}"), rule) for pattern, rule in compiled)
            match, rule = next(((match, rule) for match, rule in matches if match), (None, None))
            if match:
                parts = {"group": rule.group, "scale": rule.scale, "split": rule.split, **match.groupdict()}
                part = Part(parts["group"], parts["scale"] and int(parts["scale"]), parts["split"].lower())
                images.append(File(part, rule.kind, parts["key"], path))
    return images


def is_junk(path: Path) -> bool:
    """Whether a file was left by an operating system."""
    name = path.name.lower()
    return name.startswith(".") or name in ("thumbs.db", "desktop.ini") or "__MACOSX" in path.parts


def named(images: Iterable[File]) -> dict[str, Path]:
    """Key → file, sorted by key; UserError when an image exists twice."""
    files: dict[str, Path] = {}
    for image in images:
        if image.key in files:
            raise UserError(
                f"{image.path} and {files[image.key]}: the same image twice. Leave only one of the folders."
            )
        files[image.key] = image.path
    return dict(sorted(files.items()))


def reason(
    name: str,
    folder: str | Path | None,
    cameras: Collection[str],
    known: Collection[str],
    lacks: Callable[[Path], str],
) -> str | None:
    """Why the copy of a data set cannot be read; None if it can. `lacks`: folder → "no …", empty if nothing is missing.

    UserError for a camera, or set, that is not one of the `known`.
    """
    if unknown := [one for one in cameras if one not in known]:
        raise UserError(
            f"{name} has no camera {', '.join(unknown)}; it has {', '.join(known)}. Correct params/domains.yaml."
        )
    if folder is None:
        return f"`adopt.{name}` names no folder"
    if not Path(folder).is_dir():
        return f"{folder} is not a folder"
    lack = lacks(Path(folder))
    return f"{folder} holds {lack}" if lack else None
