"""Plots of a report as SVG: gains with their intervals, and loss curves of many runs side by side."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

INK, SOFT, LINE = "#1b1f24", "#5c6670", "#c9d0d6"
# Okabe and Ito: distinguishable with any colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31")
POINTS = 240
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "grid.color": "#eef1f3",
    "svg.hashsalt": "sr-adaptation",
    "axes.formatter.use_mathtext": True,
}


@dataclass(frozen=True)
class GainPoint:
    """One line of the gain plot: ours with its bounds (None: no interval), and what a paper reports."""

    label: str
    value: float
    low: float | None
    high: float | None
    reported: float | None


def gains(groups: Mapping[str, Sequence[GainPoint]], axis: str, ours: str, reported: str) -> bytes:
    """A dot and its interval per line, a hollow diamond for the reported gain, zero drawn; one column per group."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = max(len(points) for points in groups.values())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.2, 0.34 * rows + 1.25), layout="constrained")
        axes = figure.subplots(1, len(groups), squeeze=False, sharex=True)[0]
        for panel, (title, points) in zip(axes, groups.items(), strict=True):
            heights = np.arange(len(points))[::-1]
            panel.axvline(0, color=INK, linewidth=0.9)
            for height, point in zip(heights, points, strict=True):
                if point.low is not None:
                    panel.plot(
                        [point.low, point.high], [height] * 2, color=COLOURS[0], linewidth=2.2, solid_capstyle="round"
                    )
                panel.plot(point.value, height, "o", color=COLOURS[0], markersize=6.5)
                if point.reported is not None:
                    panel.plot(point.reported, height, "D", color="white", markeredgecolor=COLOURS[1], markersize=5.5)
            panel.set_yticks(heights, [point.label for point in points], color=INK, fontsize=8.5)
            panel.set_ylim(-0.6, len(points) - 0.4)
            panel.tick_params(axis="y", length=0)
            panel.spines["left"].set_visible(False)
            panel.grid(axis="x")
            panel.set_axisbelow(True)
            panel.set_xlabel(axis)
            panel.set_title(title)
        handles = [_key("o", COLOURS[0], COLOURS[0], ours)]
        if any(point.reported is not None for points in groups.values() for point in points):
            handles.append(_key("D", "white", COLOURS[1], reported))
        figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False, fontsize=8.5)
        return _svg(figure)


def curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes:
    """Loss terms over steps: one small plot per term, one line per run (label → lines of its history)."""
    import matplotlib
    from matplotlib.figure import Figure

    terms = list(dict.fromkeys(key for lines in histories.values() for line in lines for key in line if key != "step"))
    columns = min(4, len(terms))
    rows = math.ceil(len(terms) / columns)
    width = curves_width(len(terms))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.2 * width, 1.75 * rows + 0.5), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for plot, term in zip(axes, terms, strict=False):
            shown = []
            for index, lines in enumerate(histories.values()):
                points = [(line["step"], line[term]) for line in lines if term in line]
                if points:
                    steps, values = thinned(points)
                    marker = "o" if len(steps) == 1 else ""
                    plot.plot(
                        steps, values, color=COLOURS[index % len(COLOURS)], linewidth=1.1, alpha=0.9, marker=marker
                    )
                    shown += list(values)
            if min(shown) > 0 and max(shown) > 5 * min(shown):
                _logarithmic(plot)
            plot.set_title(term.replace("_", " "))
            plot.grid()
            plot.set_axisbelow(True)
            plot.margins(x=0.02)
            plot.locator_params(axis="x", nbins=5)
        for plot in axes[len(terms) :]:
            plot.set_visible(False)
        for plot in axes[max(0, len(terms) - columns) : len(terms)]:
            plot.set_xlabel("step")
        handles = [_key("", "none", COLOURS[i % len(COLOURS)], label, line=True) for i, label in enumerate(histories)]
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=min(round(6 * width), len(handles)),
            frameon=False,
            fontsize=8.5,
        )
        return _svg(figure)


def curves_width(terms: int) -> float:
    """Share of the page width for a figure of `terms` plots, so that all plots have about the same size."""
    return {1: 0.5, 2: 0.65}.get(terms, 1.0)


def _logarithmic(plot) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    plot.set_yscale("log")
    plot.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plot.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    plot.yaxis.set_minor_formatter(NullFormatter())


def thinned(points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of at most POINTS points: means of neighbours, so that long histories give small files."""
    steps, values = (np.asarray(column, dtype=np.float64) for column in zip(*points, strict=True))
    if len(steps) <= POINTS:
        return steps, values
    parts = np.array_split(np.arange(len(steps)), POINTS)
    return np.array([steps[part].mean() for part in parts]), np.array([values[part].mean() for part in parts])


def _key(marker: str, face: str, edge: str, label: str, *, line: bool = False):
    from matplotlib.lines import Line2D

    style = {"marker": marker, "markerfacecolor": face, "markeredgecolor": edge, "color": edge}
    return Line2D([], [], label=label, linestyle="-" if line else "none", linewidth=2 if line else 0, **style)


def _svg(figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return stream.getvalue()
