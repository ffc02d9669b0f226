"""DRealSR (Wei et al., ECCV 2020) from a folder of the user's: photographs of one scene at two focal lengths.

Layout: `train_HR`, `train_LR`, `test_HR`, `test_LR` at any depth, LR beside its HR. Names: `<scene>_x4[_<patch>].png`
for HR of scale 4, `<scene>_x1[_<patch>].png` (or again `_x4`) for its LR. The camera is only in the first letters of
the name. Settings: `val` {patches, seed}: how many training patches become the validation split, and their shuffle.
"""

import os
import random
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from pipeline.datasets import Item, Split
from pipeline.datasets.folders import File, Part, reason, walk
from pipeline.datasets.photographs import Photograph, pairs
from pipeline.datasets.workers import Pictures, Tasks
from pipeline.errors import UserError
from pipeline.images.rgb import image_size, read_rgb

NAME = re.compile(r"(?P<scene>.+)_x(?P<times>\d+)(?P<patch>_\d+)?\.png", re.IGNORECASE)
# Beginnings of the file names of each camera, as in DADA's lists (data/lists/).
CAMERAS = {
    "panasonic": ("panasonic_",),
    "sony": ("sony_",),
    "olympus": ("P11",),
    "nikon": ("DSC_",),
    "canon": ("Canon_", "IMG_"),
}
# Numbers of training patches and test photographs in those lists; other scales have no list.
LISTED = {
    4: {"panasonic": (7323, 20), "sony": (5905, 17), "olympus": (7097, 19), "nikon": (4022, 20), "canon": (6155, 17)}
}
LICENCE = "DRealSR: no licence stated; research use, no redistribution"
PAGE = "https://github.com/xiezw5/Component-Divide-and-Conquer-for-Real-World-Image-Super-Resolution"
SCALES, SPLITS = (2, 3, 4), ("train", "test")
BAIDU = "https://pan.baidu.com/s/1ey9JF4S5wLnE5Iw5z67R8A"
DRIVE = "https://drive.google.com/drive/folders/1tP5m4k1_shFT6Dcw31XV8cWHtblGmbOk"


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """The camera's splits: train without the held-out patches, val (held out), test (whole photographs).

    Checks partners and sizes of every pair from the file headers before the first image is read.
    """
    if lack := missing(folder, [camera], scale):
        raise UserError(lack)
    files, _ = scan(folder)
    train, test = (pairs(file for file in files if file.part == (camera, scale, split)) for split in SPLITS)
    held_out, kept = hold_out(train, **settings["val"])
    listed_train, listed_test = LISTED.get(scale, {}).get(camera, (None, None))
    if not kept:
        raise UserError(
            f"{folder}: {len(train)} training patches of {camera} at x{scale}, and val.patches in params/domains.yaml takes "
            f"{len(held_out)} of them for validation, which leaves none. Complete the data set or hold out fewer."
        )
    return [
        _split("train", kept, scale, folder, listed_train and listed_train - len(held_out)),
        _split("val", held_out, scale, folder, None),
        _split("test", test, scale, folder, listed_test),
    ]


def hold_out(files: list, patches: int, seed: int) -> tuple[list, list]:
    """(held out, kept): the first `patches` after shuffling the sorted list, as DADA's loader drops them."""
    shuffled = sorted(files)
    random.Random(seed).shuffle(shuffled)
    return shuffled[:patches], shuffled[patches:]


def missing(folder: str | Path | None, cameras: Iterable[str], scale: int) -> str | None:
    """Message about files that these cameras lack at this scale: where to get them and which setting to set; else None.

    Reads folder listings only, so it can be called before any job is planned.
    """
    cameras = list(cameras)

    def lacks(place: Path) -> str:
        present = {(file.kind, file.part) for file in scan(place)[0]}
        wanted = [(split, kind, camera) for split in SPLITS for kind in ("HR", "LR") for camera in cameras]
        absent = [
            f"no {split} {kind} of {one}"
            for split, kind, one in wanted
            if (kind, Part(one, scale, split)) not in present
        ]
        archives = sorted(path.name for path in place.glob("*.zip*"))
        hint = f" (it holds archives to unpack: {', '.join(archives[:4])})" if archives else ""
        return ", ".join(absent) + hint if absent else ""

    why = reason("drealsr", folder, cameras, CAMERAS, lacks)
    return why and (
        f"DRealSR x{scale} is missing: {why}. No script can fetch it. Get Train_x{scale} and Test_x{scale} from the "
        f"links on {PAGE} (train and test: {BAIDU} code osiy; the Google Drive folder {DRIVE} was last seen with test "
        "sets only), set `adopt.drealsr` in site.yaml to the folder that holds them, unpacked or as archives with all "
        "their parts, and run `python -m pipeline.adopt drealsr`: it unpacks and checks them, and says which cameras "
        "you can use if some are missing (`datasets.drealsr.available`)."
    )


def scan(root: str | Path) -> tuple[list[File], dict[Path, str]]:
    """Images by camera, scale and split; other files beside them → why. LR named `_x1` belongs to the scale of its HR."""
    images, others = [], {}
    for split, pair in _folder_pairs(root):
        files = {
            kind: [(NAME.fullmatch(one), folder / one) for one in _names_in(folder)] for kind, folder in pair.items()
        }
        times = {_scene(match): int(match["times"]) for match, _ in files["HR"] if match}
        scales = sorted(set(times.values()) & set(SCALES))
        for kind, match, path in ((kind, *file) for kind, of_kind in files.items() for file in of_kind):
            camera = camera_of(path.name)
            if match is None or camera is None:
                others[path] = "no name of a DRealSR camera's file"
                continue
            scale = int(match["times"])
            if kind == "LR" and scale == 1 and scales:
                # The scale of a scene without HR is unknown where several scales share a folder: report it under the smallest.
                scale = times.get(_scene(match), scales[0])
            if scale in (scales or SCALES):
                key = f"{match['scene']}_x{scale}{match['patch'] or ''}"
                images.append(File(Part(camera, scale, split), kind, key, path))
            else:
                beside = ", ".join(f"x{one}" for one in scales) or "no scale"
                others[path] = f"{kind} of x{match['times']}; the HR beside it is of {beside}"
    return images, others


def _scene(match: re.Match) -> tuple[str, str]:
    return match["scene"], match["patch"] or ""


def _folder_pairs(root: str | Path) -> list[tuple[str, dict[str, Path]]]:
    """(split, {"HR": folder, "LR": folder beside it}) for all pairs below the root; LR may not exist."""
    result = []
    for place, inside, _ in walk(root):
        for folder in inside:
            split, _, kind = folder.lower().partition("_")
            if split in SPLITS and kind == "hr":
                lr = next((other for other in inside if other.lower() == f"{split}_lr"), f"{split}_LR")
                result.append((split, {"HR": place / folder, "LR": place / lr}))
    return result


def camera_of(name: str) -> str | None:
    """The camera to which a file name belongs, from its beginning; None for another file."""
    return next((camera for camera, tokens in CAMERAS.items() if name.startswith(tokens)), None)


def _names_in(folder: Path) -> list[str]:
    """Sorted names of the files in a folder, dangling links included; empty if the folder does not exist."""
    return sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir()) if folder.is_dir() else []


def _split(name: str, files: list[Photograph], scale: int, folder: Path, listed: int | None) -> Split:
    items = []
    for pair in files:
        height, width = image_size(pair.lr)
        full = image_size(pair.hr)
        size = (height * scale, width * scale)
        if any(not 0 <= large - side < scale for large, side in zip(full, size, strict=True)):
            raise UserError(
                f"{pair.hr} is {full[0]}x{full[1]} but {pair.lr} is {height}x{width}: expected HR {scale} times as large. "
                "Take both from the same scale of the data set."
            )
        if name != "test" and items and size != items[0].size:
            raise UserError(
                f"{pair.hr} is {size[0]}x{size[1]}, other training patches are {items[0].size}. Expected one size; unpack again."
            )
        items.append(Item(pair.name, size, pair.hr.relative_to(folder).as_posix(), LICENCE))
    return Split(name, name != "test", items, Tasks([partial(_read, pair, scale) for pair in files]), listed)


def _read(pair: Photograph, scale: int) -> list[Pictures]:
    """(lr, hr), the HR without last rows and columns that do not fill an LR pixel (×3 patches are stated as 272)."""
    lr = read_rgb(pair.lr)
    return [(lr, read_rgb(pair.hr)[: lr.shape[0] * scale, : lr.shape[1] * scale])]
