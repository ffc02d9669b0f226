"""Recognise images by the end of their path: any folders above, a pattern for the rest."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.adopt.parts import Image, Inventory, Part
from pipeline.datasets.folders import inside, walk

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.gz|rar|7z)(\.\d{3})?$", re.IGNORECASE)


@dataclass(frozen=True)
class Rule:
    """Pattern for a path's end, with named groups `key` and those of `group`, `scale`, `split` that the rule leaves None."""

    pattern: str
    kind: str
    group: str | None = None
    scale: int | None = None
    split: str | None = None


def scanner(*rules: Rule):
    """A `Layout.scan` that applies to each file the first rule that matches."""
    compiled = [(re.compile(f"(?:^|/){rule.pattern}$"), rule) for rule in rules]
    return partial(_scan, compiled)


def stray(path: Path, why: str = "an image of no part that is known") -> str:
    """Reason why a file is not counted; `why` is the reason for images."""
    if path.name.startswith(".") or "__MACOSX" in path.parts or path.name.lower() in ("thumbs.db", "desktop.ini"):
        return "left by an operating system"
    if ARCHIVE.search(path.name):
        return "an archive"
    return why if path.suffix.lower() in PICTURES else "no image"


def _scan(rules: Iterable[tuple[re.Pattern, Rule]], root: Path) -> Inventory:
    inventory = Inventory()
    for place, _, files in walk(root):
        for name in files:
            path = place / name
            image = _image(rules, inside(root, path), path)
            if image is None or stray(path, "") != "":
                inventory.strays[path] = stray(path)
            else:
                inventory.images.append(image)
    return inventory


def _image(rules: Iterable[tuple[re.Pattern, Rule]], place: str, path: Path) -> Image | None:
    for pattern, rule in rules:
        if match := pattern.search(place):
            parts = match.groupdict()
            scale = parts.get("scale") or rule.scale
            group, split = rule.group or parts["group"], rule.split or parts["split"]
            part = Part(group, int(scale) if scale else None, split.lower())
            return Image(part, rule.kind, parts["key"], path)
    return None
