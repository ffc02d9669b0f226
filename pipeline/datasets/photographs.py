"""Splits of photographs from a user's folder: cropped to the scale, LR given or made, whole or in sub-images."""

import random
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.datasets import Item, Split
from pipeline.datasets.folders import File, named
from pipeline.datasets.subimages import Rule, corners
from pipeline.datasets.workers import Pictures, Tasks
from pipeline.errors import UserError
from pipeline.images.rgb import bicubic, image_size, read_rgb


class Photograph(NamedTuple):
    """Name and files of a photograph; `lr` None: LR is made from the HR by `images.bicubic`."""

    name: str
    hr: Path
    lr: Path | None


def pairs(files: Iterable[File]) -> list[Photograph]:
    """HR and LR of the same key, sorted by key; UserError for a file that has no partner or exists twice."""
    files = list(files)
    hr, lr = (named(file for file in files if file.kind == kind) for kind in ("HR", "LR"))
    for own, others, kind in ((hr, lr, "LR"), (lr, hr, "HR")):
        if alone := [key for key in own if key not in others]:
            raise UserError(
                f"{own[alone[0]]}: its {kind} partner does not exist ({len(alone)} of {len(own)} files have none). "
                "Unpack the data set again, completely."
            )
    return [Photograph(key, hr[key], lr[key]) for key in hr]


def hold_out(
    photographs: list[Photograph], images: int, seed: int, whose: str
) -> tuple[list[Photograph], list[Photograph]]:
    """(held out, kept), each in the given order; `images` photographs are drawn at random, whole photographs only.

    UserError when none is kept; it begins with `whose`, such as "FOLDER: photographs of CAMERA".
    """
    if images >= len(photographs):
        raise UserError(
            f"{whose}: {len(photographs)} to train on, and val.images in params/domains.yaml takes all of them for validation. "
            "Hold out fewer."
        )
    drawn = set(random.Random(seed).sample(range(len(photographs)), images))
    parts = ([p for i, p in enumerate(photographs) if (i in drawn) == out] for out in (True, False))
    return next(parts), next(parts)


def split(
    name: str,
    photographs: Sequence[Photograph],
    scale: int,
    rule: Rule | None,
    root: Path,
    licence: str,
    listed: int | None,
) -> Split:
    """The split of these photographs, in sub-images or (`rule` None) whole; sizes are read from file headers.

    Rows and columns of HR at the bottom and right that do not fill an LR pixel are cut. UserError for a pair whose sizes
    do not fit, and when every photograph is smaller than one sub-image.
    """
    items, calls, counts = [], [], {}
    for photograph in photographs:
        height, width = _fitting(photograph, scale)
        origin = photograph.hr.relative_to(root).as_posix()
        if rule is None:
            items.append(Item(photograph.name, (height, width), origin, licence))
            places = [(0, 0, height, width)]
        else:
            places = [(top, left, rule.size, rule.size) for top, left in corners(height, width, rule, scale)]
            for number, (top, left, *size) in enumerate(places, 1):
                origin_of = f"{origin} [{top}:{top + rule.size}, {left}:{left + rule.size}]"
                items.append(Item(f"{photograph.name}_s{number:03d}", tuple(size), origin_of, licence))
        counts[photograph.name] = len(places)
        calls.append(partial(_pictures, photograph, scale, (height, width), places))
    if photographs and not items:
        first = image_size(photographs[0].hr, grey=True)
        raise UserError(
            f"{root}: none of the {len(photographs)} photographs of split {name} is as large as a sub-image of "
            f"{rule.size}x{rule.size}; {photographs[0].hr} is {first[0]}x{first[1]}. Give the photographs at full size, or "
            "change `train.sub_images` of this data set in params/domains.yaml: a smaller size, or null for whole photographs."
        )
    return Split(name, rule is not None and bool(items), items, Tasks(calls), listed, counts)


def _fitting(photograph: Photograph, scale: int) -> tuple[int, int]:
    """(H, W) of the HR whose pixels fill whole LR pixels; a published LR may have one row or column more."""
    size = image_size(photograph.hr, grey=True)
    if photograph.lr is not None:
        lr_size = image_size(photograph.lr, grey=True)
        if any(abs(large - scale * side) >= scale for large, side in zip(size, lr_size, strict=True)):
            raise UserError(
                f"{photograph.hr} is {size[0]}x{size[1]} but {photograph.lr} is {lr_size[0]}x{lr_size[1]}: expected HR {scale} "
                "times as large. Take both from the same scale and version of the data set."
            )
    if min(size) < scale:
        raise UserError(f"{photograph.hr} is {size[0]}x{size[1]}: too small for scale {scale}. Copy the image again.")
    return size[0] // scale * scale, size[1] // scale * scale


def _pictures(photograph: Photograph, scale: int, size: tuple[int, int], places: list) -> list[Pictures]:
    """(lr, hr, bicubic) at every (top, left, height, width); photographs are reduced before they are cut, to avoid seams."""
    if not places:
        return []
    hr = read_rgb(photograph.hr, grey=True)[: size[0], : size[1]]
    reduced = bicubic(hr, 1 / scale)
    lr = reduced if photograph.lr is None else read_rgb(photograph.lr, grey=True)
    pictures = []
    for top, left, height, width in places:
        large = (slice(top, top + height), slice(left, left + width))
        small = tuple(slice(part.start // scale, part.stop // scale) for part in large)
        pictures.append((lr[small], hr[large], reduced[small]))
    return pictures
