"""A figure of equal cells in rows and columns, laid out to the pixel: pictures with text above, below and beside them."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.figures.plots import INK, SOFT, STYLE
from pipeline.files import atomic

DPI = 200
GAP = 14
FONT = 10.5
LINE = 38  # pixels that a line of text takes
CHARACTER = 14  # width of a letter of the note in pixels, rounded up
# No dates and versions, so that the same figure gives the same bytes.
METADATA = {"svg": {"Date": None}, "png": {"Software": None}}


class Sheet:
    """`cell`: (height, width) in pixels; `rows`: lines of text (above, below) of every row; `note`: small, at the bottom."""

    def __init__(
        self, cell: tuple[int, int], columns: int, rows: Sequence[tuple[float, float]], left: int, note: Sequence[str]
    ):
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        self.cell, self.left = cell, left
        self.tops, top = [], GAP
        for above, below in rows:
            self.tops.append(top + round(above * LINE))
            top += round((above + below) * LINE) + cell[0] + GAP
        self.width = left + columns * (cell[1] + GAP)
        lines = textwrap.wrap(" · ".join(note), (self.width - 2 * GAP) // CHARACTER)
        self.height = top + round((len(lines) + 0.3) * LINE)
        with rc_context(STYLE):
            self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        text = "\n".join(lines)
        self._text(GAP, self.height - 0.4 * LINE, text, ha="left", va="bottom", color=SOFT, size=0.85 * FONT)

    def picture(self, row: int, column: int, pixels: np.ndarray, **options):
        """Fill a cell with uint8 (H, W, 3), or values with a colour map, without smoothing; return the axes, in pixels."""
        height, width = self.cell
        axes = self._axes(self._column(column), self.tops[row], width, height)
        axes.imshow(pixels, interpolation="none", aspect="auto", **options)
        return axes

    def above(self, row: int, column: int, text: str, bold: bool = False) -> None:
        """Text centred above a cell."""
        place = self._column(column) + self.cell[1] / 2, self.tops[row] - 0.35 * LINE
        self._text(*place, text, ha="center", va="baseline", color=INK, weight="bold" if bold else "normal")

    def below(self, row: int, column: int, text: str, bold: bool = False) -> None:
        """Text centred below a cell."""
        place = self._column(column) + self.cell[1] / 2, self.tops[row] + self.cell[0] + 0.2 * LINE
        self._text(*place, text, ha="center", va="top", color=INK, weight="bold" if bold else "normal")

    def beside(self, row: int, text: str) -> None:
        """Text in the left margin, in the middle of a row."""
        place = self.left - 1.2 * GAP, self.tops[row] + self.cell[0] / 2
        self._text(*place, text, ha="right", va="center", color=INK)

    def colour_bar(self, row: int, column: int, palette: str, ends: Sequence[str], text: str) -> None:
        """A bar in the lower part of a cell, the first and last of `ends` at its ends, others evenly between, text above."""
        height, width = self.cell
        bar = self._axes(self._column(column), self.tops[row] + height / 2, width, LINE / 2)
        bar.imshow(np.linspace(0, 1, 256)[None], cmap=palette, aspect="auto", interpolation="none")
        for index, end in enumerate(ends):
            share = index / (len(ends) - 1)
            align = {0.0: "left", 1.0: "right"}.get(share, "center")
            place = self._column(column) + share * width, self.tops[row] + height / 2 + 0.6 * LINE
            self._text(*place, end, ha=align, va="top", color=SOFT)
        place = self._column(column), self.tops[row] + height / 2 - 0.25 * LINE
        self._text(*place, text, ha="left", va="bottom", color=SOFT)

    def save(self, path: Path) -> None:
        """Write SVG or PNG, by the suffix of `path`; the same content gives the same bytes."""
        from matplotlib import rc_context

        kind = path.suffix[1:]
        with rc_context(STYLE), atomic(path) as temporary:
            self.figure.savefig(temporary, format=kind, dpi=DPI, facecolor="white", metadata=METADATA[kind])

    def _column(self, column: int) -> int:
        return self.left + column * (self.cell[1] + GAP)

    def _axes(self, left: float, top: float, width: float, height: float):
        box = left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height
        axes = self.figure.add_axes(box)
        axes.set_axis_off()
        return axes

    def _text(self, x: float, y: float, text: str, size: float = FONT, **options) -> None:
        from matplotlib import rc_context

        with rc_context(STYLE):
            self.figure.text(x / self.width, 1 - y / self.height, text, size=size, linespacing=1.25, **options)
