"""Layout of DRealSR: folders and names from `pipeline.datasets.drealsr`, counts and names of x4 from DADA's lists."""

import csv
from pathlib import Path

from pipeline.adopt.parts import Expected, Layout
from pipeline.datasets import drealsr
from pipeline.datasets.folders import File, Part
from pipeline.errors import UserError

LISTS = Path("data/lists")
PATCH = 192  # HR side of training patches at x4, as the data set's README says


def layout(lists: Path = LISTS) -> Layout:
    """Layout of DRealSR. Reads the lists of x4 names; UserError when they are missing."""
    source = "DADA's list of x4 names (data/lists)"
    named = {split: listed(lists / f"{split}.csv") for split in drealsr.SPLITS}
    return Layout(
        title="DRealSR",
        get=f"Train_x* and Test_x*: {drealsr.PAGE} (Baidu: {drealsr.BAIDU} code osiy)",
        scan=drealsr.scan,
        expected={
            Part(camera, 4, split): Expected(len(names), frozenset(names), source)
            for split, cameras in named.items()
            for camera, names in cameras.items()
        },
        required=frozenset(
            Part(camera, scale, split)
            for camera in drealsr.CAMERAS
            for scale in drealsr.SCALES
            for split in drealsr.SPLITS
        ),
        together=True,
        exact=True,
        one_size=frozenset({"train"}),
        check=_check,
    )


def listed(path: Path) -> dict[str, list[str]]:
    """Camera → base names of HR files in one of DADA's lists.

    Its columns are independent lists padded with blanks; a name's camera is in its first letters, whatever the column.
    """
    names: dict[str, list[str]] = {camera: [] for camera in drealsr.CAMERAS}
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            cells = [cell for row in list(csv.reader(stream))[1:] for cell in row[1:] if cell.strip()]
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file. Run from the top folder of the repository.") from error
    for cell in cells:
        camera = drealsr.camera_of(cell)
        if camera is None or not drealsr.NAME.fullmatch(cell):
            raise UserError(f"{path}: '{cell}' is not the name of an HR file of DRealSR. Restore the file with git.")
        names[camera].append(Path(cell).stem)
    return names


def _check(rows: dict, images: list[File], looks: dict) -> list[str]:
    """Notes on x4 patches of another size than the README states, and on LR files named like HR."""
    notes = []
    sizes = {looks[image.path].size for image in images if image.kind == "HR" and image.part[1:] == (4, "train")}
    if other := sorted(sizes - {(0, 0), (PATCH, PATCH)}):
        notes.append(f"x4 train HR of {other[0][0]}x{other[0][1]}: the data set's README says {PATCH}x{PATCH}.")
    same = sum(image.kind == "LR" and "_x1" not in image.path.name.lower() for image in images)
    if same:
        notes.append(f"{same} LR files are named like HR (_x2, _x3, _x4 instead of _x1): told apart by their folder.")
    return notes
