"""Kernels between the SR images that generators make of a camera's LR and that LR, as Fig. 9 of Xu et al. (CVPR 2022).

If a generator suits the camera, the camera's own kernel reduces its SR images to the camera's LR again.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError
from pipeline.figures import kernel_pictures
from pipeline.figures.sheet import Sheet
from pipeline.files import read_json
from pipeline.images.kernels import Estimation, compared, estimate
from pipeline.printing.document import fixed
from pipeline.sampling.packed import Packed


@dataclass(frozen=True)
class Own:
    """The camera's own pairs: those test images that the generators were given, and their HR."""

    label: str
    lr: str
    hr: str


@dataclass(frozen=True)
class Shown:
    """A generator and the file with its kernel."""

    label: str
    kernel: str


@dataclass(frozen=True)
class Settings:
    """`simulated`: says so below the figure."""

    scale: int
    simulated: bool
    estimation: Estimation
    own: Own
    shown: tuple[Shown, ...]


def draw(settings: Settings) -> tuple[Sheet, dict]:
    """(sheet, numbers): the camera's own kernel first; below every other one its distance from that."""
    hr, lr = Packed(settings.own.hr), Packed(settings.own.lr)
    pairs = ((hr[index], lr[index]) for index in range(len(lr)))
    own = estimate(pairs, lr.sizes(), settings.scale, settings.estimation)
    sheet = kernel_pictures.sheet(1 + len(settings.shown), [(2.4, 2.3)], settings.simulated)
    sheet.above(0, 0, settings.own.label, bold=True)
    kernel_pictures.show(sheet, 0, 0, own, settings.scale)
    numbers = {}
    for column, shown in enumerate(settings.shown, start=1):
        kernel = _kernel(shown.kernel, own.shape)
        distance = compared(kernel, own)
        sheet.above(0, column, shown.label)
        kernel_pictures.show(sheet, 0, column, kernel, settings.scale)
        text = f"{fixed(100 * distance['relative_error'], 1)} % away\ncentre {fixed(distance['shift'], 2)} px off"
        sheet.below(0, column, text)
        numbers[shown.label] = {**distance, "kernel": kernel_pictures.plain(kernel)}
    sheet.beside(0, "kernels of\nSR and LR")
    return sheet, {"scale": settings.scale, "own": kernel_pictures.plain(own), "shown": numbers}


def _kernel(path: str, shape: tuple[int, ...]) -> np.ndarray:
    kernel = np.array(read_json(path)["kernel"])
    if kernel.shape != shape:
        raise UserError(f"{path}: a kernel of {kernel.shape}, expected {shape}. Run the rule that makes it again.")
    return kernel
