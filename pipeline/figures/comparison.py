"""Crops side by side, as Figs. 4, 7 and 8 of Xu et al. (CVPR 2022): LR, every method, HR; PSNR of each crop below it."""

from dataclasses import dataclass

import numpy as np

from pipeline.figures.sheet import Sheet
from pipeline.images import crops, pictures
from pipeline.printing.document import fixed

WIDTH = 288
LEFT = 360  # a pair of cameras, a setting, a photograph


@dataclass(frozen=True)
class Shown:
    """A method and the file with its stored crops."""

    label: str
    samples: str


@dataclass(frozen=True)
class Row:
    """One photograph: `box` is [top, left, height, width] in HR pixels; `hr` is None for a camera that has none."""

    label: str
    image: str
    box: tuple[int, ...]
    lr: str
    hr: str | None
    shown: tuple[Shown, ...]


@dataclass(frozen=True)
class Settings:
    """`simulated`: says so below the figure. All rows show the same methods, in the same order."""

    scale: int
    simulated: bool
    rows: tuple[Row, ...]


def draw(settings: Settings) -> tuple[Sheet, dict]:
    """(sheet, numbers): a row per photograph; without HR there are no numbers and no last column."""
    read = [_read(row, settings.scale) for row in settings.rows]
    truth = any(hr is not None for _, hr, _ in read)
    labels = ["LR", *(shown.label for shown in settings.rows[0].shown), *(["HR"] if truth else [])]
    note = _note(truth, settings.simulated)
    sheet = Sheet(cell(settings.rows[0].box), len(labels), _lines(len(read), truth), LEFT, note)
    for column, label in enumerate(labels):
        sheet.above(0, column, label, bold=True)
    numbers = []
    for index, (row, (lr, hr, samples)) in enumerate(zip(settings.rows, read, strict=True)):
        sheet.beside(index, row.label)
        for column, pixels in enumerate([lr, *samples.values(), *([] if hr is None else [hr])]):
            sheet.picture(index, column, pixels)
        values = {} if hr is None else {label: crops.psnr_y(sr, hr) for label, sr in samples.items()}
        for column, text in enumerate(_texts(list(values.values())), start=1):
            sheet.below(index, column, *text)
        entry = {"row": row.label, "image": row.image, "box": list(row.box)}
        numbers.append(entry | {"psnr_y": {label: round(value, 4) for label, value in values.items()}})
    return sheet, {"scale": settings.scale, "rows": numbers}


def _read(row: Row, scale: int) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    lr = crops.crop(row.lr, row.image, row.box, scale)
    hr = None if row.hr is None else crops.crop(row.hr, row.image, row.box)
    like = pictures.enlarged(lr, scale) if hr is None else hr
    return lr, hr, {shown.label: crops.sample(shown.samples, row.image, like) for shown in row.shown}


def cell(box: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of cells for crops of the shape of the first row's `box`; others are stretched to it."""
    _, _, height, width = box
    factor = max(1, round(WIDTH / width))
    return factor * height, factor * width


def _lines(rows: int, truth: bool) -> list[tuple[float, float]]:
    return [(1.2 if index == 0 else 0, 1.1 if truth else 0) for index in range(rows)]


def _texts(values: list[float]) -> list[tuple[str, bool]]:
    """Printed PSNR, and whether it is the row's best at that precision."""
    printed = [fixed(value, 2) for value in values]
    best = max((float(text) for text in printed), default=0)
    return [(f"{text} dB", float(text) == best) for text in printed]


def _note(truth: bool, simulated: bool) -> list[str]:
    parts = ["PSNR of the luma of the crop, bold: highest" if truth else "no HR exists: nothing is measured"]
    return ["pixels enlarged without smoothing", *parts, *(["simulated cameras"] if simulated else [])]
