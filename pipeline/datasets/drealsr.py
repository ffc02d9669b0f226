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
from typing import NamedTuple

from pipeline.datasets import Item, Split
from pipeline.datasets.folders import walk
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
BAIDU = "https://pan.baidu.com/s/1ey9JF4S5wLnE5Iw5z67R8A"
DRIVE = "https://drive.google.com/drive/folders/1tP5m4k1_shFT6Dcw31XV8cWHtblGmbOk"


class Files(NamedTuple):
    """One pair: name of the HR file without suffix, and both files."""

    name: str
    hr: Path
    lr: Path


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """The camera's splits: train without the held-out patches, val (held out), test (whole photographs).

    Checks partners and sizes of every pair from the file headers before the first image is read.
    """
    reason = missing(folder, [camera], scale)
    if reason:
        raise UserError(reason)
    folders = folder_pairs(folder)
    train, test = (_pairs(folders[split], camera, scale) for split in ("train", "test"))
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
    reason = _reason(folder, list(cameras), scale)
    if reason is None:
        return None
    return (
        f"DRealSR x{scale} is missing: {reason}. No script can fetch it. Get Train_x{scale} and Test_x{scale} from the "
        f"links on {PAGE} (train and test: {BAIDU} code osiy; the Google Drive folder {DRIVE} was last seen with test "
        "sets only), set `adopt.drealsr` in params.yaml to the folder that holds them, unpacked or as archives with all "
        "their parts, and run `python -m pipeline.adopt drealsr`: it unpacks and checks them, and says which cameras "
        "you can use if some are missing (`datasets.drealsr.available`)."
    )


def _reason(folder: str | Path | None, cameras: list[str], scale: int) -> str | None:
    unknown = [camera for camera in cameras if camera not in CAMERAS]
    if unknown:
        raise UserError(
            f"DRealSR has no camera {', '.join(unknown)}; it has {', '.join(CAMERAS)}. Correct params/domains.yaml."
        )
    if folder is None:
        return "`adopt.drealsr` names no folder"
    if not Path(folder).is_dir():
        return f"{folder} is not a folder"
    absent = []
    for split, pairs in folder_pairs(folder).items():
        for kind, magnifications in (("HR", (scale,)), ("LR", (1, scale))):
            names = [name for place in pairs for name in names_in(place[kind])]
            absent += [f"{split} {kind} of {camera}" for camera in cameras if not keys(names, camera, magnifications)]
    if not absent:
        return None
    archives = sorted(path.name for path in Path(folder).glob("*.zip*"))
    hint = f" (it holds archives to unpack: {', '.join(archives[:4])})" if archives else ""
    return f"{folder} holds no {', no '.join(absent)}{hint}"


def folder_pairs(root: str | Path) -> dict[str, list[dict[str, Path]]]:
    """Split -> pairs {"HR": folder, "LR": folder beside it} below the root, sorted by path; LR may not exist."""
    pairs_of: dict[str, list[dict[str, Path]]] = {"train": [], "test": []}
    for place, inside, _ in walk(root):
        for folder in inside:
            split, _, kind = folder.lower().partition("_")
            if split in pairs_of and kind == "hr":
                lr = next((other for other in inside if other.lower() == f"{split}_lr"), f"{split}_LR")
                pairs_of[split].append({"HR": Path(place, folder), "LR": Path(place, lr)})
    return {split: sorted(pairs, key=lambda pair: pair["HR"]) for split, pairs in pairs_of.items()}


def camera_of(name: str) -> str | None:
    """The camera to which a file name belongs, from its beginning; None for another file."""
    return next((camera for camera, tokens in CAMERAS.items() if name.startswith(tokens)), None)


def names_in(folder: Path) -> list[str]:
    """Sorted names of the files in a folder, dangling links included; empty if the folder does not exist."""
    return sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir()) if folder.is_dir() else []


def keys(names: Iterable[str], camera: str, magnifications: tuple[int, ...]) -> dict[tuple[str, str], str]:
    """(scene, patch) -> file name, for one camera; of several files of a scene the earlier magnification wins."""
    matches = [match for name in names if name.startswith(CAMERAS[camera]) and (match := NAME.fullmatch(name))]
    return {
        (match["scene"], match["patch"] or ""): match.string
        for magnification in reversed(magnifications)
        for match in matches
        if int(match["times"]) == magnification
    }


def _pairs(folders: list[dict[str, Path]], camera: str, scale: int) -> list[Files]:
    result: dict[str, Files] = {}
    for place in folders:
        hr = keys(names_in(place["HR"]), camera, (scale,))
        lr = keys(names_in(place["LR"]), camera, (1, scale))
        if not hr:
            continue
        for one, other, kind in ((hr, lr, "LR"), (lr, hr, "HR")):
            alone = sorted(set(one) - set(other))
            if alone:
                unpaired = place["HR" if kind == "LR" else "LR"] / one[alone[0]]
                raise UserError(
                    f"{unpaired}: its {kind} partner does not exist in {place[kind]} ({len(alone)} of {len(one)} files have "
                    "none). Unpack the data set again, completely."
                )
        for key, file in hr.items():
            pair = Files(Path(file).stem, place["HR"] / file, place["LR"] / lr[key])
            if pair.name in result:
                raise UserError(
                    f"{pair.hr} and {result[pair.name].hr}: the same image twice. Leave only one of the folders."
                )
            result[pair.name] = pair
    return sorted(result.values())


def _split(name: str, files: list[Files], scale: int, folder: Path, listed: int | None) -> Split:
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


def _read(pair: Files, scale: int) -> list[Pictures]:
    """(lr, hr), the HR without last rows and columns that do not fill an LR pixel (×3 patches are stated as 272)."""
    lr = read_rgb(pair.lr)
    return [(lr, read_rgb(pair.hr)[: lr.shape[0] * scale, : lr.shape[1] * scale])]
