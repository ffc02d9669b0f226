"""Degradation kernels of cameras, as Fig. 2 of Xu et al. (CVPR 2022), beside the true ones if these are known."""

from dataclasses import dataclass

import numpy as np

from pipeline.datasets.true_kernels import bicubic_response, camera_response
from pipeline.figures import kernel_pictures
from pipeline.figures.sheet import Sheet
from pipeline.images.kernels import Estimation, compared, estimate
from pipeline.printing.document import fixed
from pipeline.sampling.packed import Packed


@dataclass(frozen=True)
class Panel:
    """Pairs whose kernel is drawn. `truth`: a simulated camera's recipe; `bicubic`: LR is the bicubic reduction of HR."""

    name: str
    label: str
    lr: str
    hr: str
    truth: dict | None
    bicubic: bool


@dataclass(frozen=True)
class Settings:
    """`simulated`: says so below the figure."""

    scale: int
    simulated: bool
    estimation: Estimation
    panels: tuple[Panel, ...]


def draw(settings: Settings) -> tuple[Sheet, dict]:
    """(sheet, numbers): a column per panel with the estimated kernel, below it the true one and their distance."""
    kernels = {panel.name: _estimated(panel, settings) for panel in settings.panels}
    with_truth = [row["true"] is not None for row in kernels.values()]
    rows = [(1.2, 0), (0, 2.3)] if any(with_truth) else [(1.2, 0.3)]
    sheet = kernel_pictures.sheet(len(kernels), rows, settings.simulated)
    sheet.beside(0, "estimated")
    if any(with_truth):
        sheet.beside(1, "true")
    for column, (panel, numbers) in enumerate(zip(settings.panels, kernels.values(), strict=True)):
        sheet.above(0, column, panel.label, bold=True)
        truth = numbers["true"]
        kernel_pictures.show(sheet, 0, column, numbers["estimated"], settings.scale, truth)
        if truth is not None:
            kernel_pictures.show(sheet, 1, column, truth, settings.scale)
            text = f"error {fixed(100 * numbers['relative_error'], 1)} %\ncentre {fixed(numbers['shift'], 2)} px off"
            sheet.below(1, column, text)
    return sheet, {"scale": settings.scale, "panels": {name: _plain(row) for name, row in kernels.items()}}


def _estimated(panel: Panel, settings: Settings) -> dict:
    hr, lr = Packed(panel.hr), Packed(panel.lr)
    pairs = ((hr[index], lr[index]) for index in range(len(lr)))
    kernel = estimate(pairs, lr.sizes(), settings.scale, settings.estimation)
    side = settings.estimation.side
    if panel.bicubic:
        truth = bicubic_response(settings.scale, side)
    else:
        truth = None if panel.truth is None else camera_response(panel.truth, settings.scale, side)
    distance = {} if truth is None else compared(kernel, truth)
    return {"estimated": kernel, "true": truth, **distance}


def _plain(numbers: dict) -> dict:
    return {
        key: kernel_pictures.plain(value) if isinstance(value, np.ndarray) else value for key, value in numbers.items()
    }
