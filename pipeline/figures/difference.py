"""SR by every camera's model for photographs of each camera, and their differences to HR: Fig. 1 of Xu et al. (CVPR 2022)."""

from dataclasses import dataclass

import numpy as np

from pipeline.figures.comparison import Shown, cell
from pipeline.figures.sheet import Sheet
from pipeline.images import crops, pictures
from pipeline.printing.document import fixed

LEFT = 310  # a camera, a photograph
PALETTE = "inferno"  # that of pictures.heat


@dataclass(frozen=True)
class Row:
    """One photograph of one camera, whose own model is the first one shown; `box` in HR pixels."""

    label: str
    image: str
    box: tuple[int, ...]
    hr: str
    shown: tuple[Shown, ...]  # models, by the camera whose pairs they were trained on


@dataclass(frozen=True)
class Settings:
    """`simulated`: says so below the figure."""

    scale: int
    simulated: bool
    rows: tuple[Row, ...]


def draw(settings: Settings) -> tuple[Sheet, dict]:
    """(sheet, numbers): two rows per photograph, pictures above, their differences to HR below, all on one scale."""
    read = []
    for row in settings.rows:
        hr = crops.crop(row.hr, row.image, row.box)
        read.append((hr, [crops.sample(shown.samples, row.image, hr) for shown in row.shown]))
    maps = [[pictures.difference(sr, hr) for sr in samples] for hr, samples in read]
    maximum = pictures.common_scale(part for parts in maps for part in parts)
    columns = 1 + max(len(row.shown) for row in settings.rows)
    note = ["PSNR: luma of the crop", *(["simulated cameras"] if settings.simulated else [])]
    sheet = Sheet(cell(settings.rows[0].box), columns, [(1.2, 0), (0, 1.2)] * len(read), LEFT, note)
    numbers = []
    for index, (row, (hr, samples), parts) in enumerate(zip(settings.rows, read, maps, strict=True)):
        numbers.append(_row(sheet, 2 * index, row, hr, samples, parts, maximum))
    return sheet, {"scale": settings.scale, "white_point": maximum, "rows": numbers}


def _row(sheet: Sheet, line: int, row: Row, hr: np.ndarray, samples: list, parts: list, maximum: int) -> dict:
    """Draw one photograph; its numbers."""
    sheet.beside(line, row.label)
    sheet.beside(line + 1, "|SR − HR|")
    sheet.picture(line, 0, hr)
    sheet.above(line, 0, "HR", bold=True)
    sheet.colour_bar(line + 1, 0, PALETTE, ("0", f"≥ {maximum}"), "mean of R, G, B\nin levels of 255")
    values = {}
    for column, (shown, sr, part) in enumerate(zip(row.shown, samples, parts, strict=True), start=1):
        values[shown.label] = {"psnr_y": round(crops.psnr_y(sr, hr), 4), "mean": round(float(part.mean()), 4)}
        sheet.above(line, column, shown.label, bold=column == 1)
        sheet.picture(line, column, sr)
        sheet.picture(line + 1, column, pictures.heat(part, maximum))
        sheet.below(line + 1, column, f"{fixed(values[shown.label]['psnr_y'], 2)} dB")
    return {"row": row.label, "image": row.image, "box": list(row.box), "models": values}
