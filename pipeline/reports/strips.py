"""The pictures of a report: per pair LR, every method and HR, and below each method its absolute difference to HR."""

from dataclasses import dataclass
from html import escape

import numpy as np

from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.images import crops, pictures
from pipeline.printing.document import fixed
from pipeline.printing.html import style_of
from pipeline.provenance.job import Job
from pipeline.reports.settings import Column, ReportSettings
from pipeline.sampling.packed import Packed

STYLE = style_of(__file__)


@dataclass(frozen=True)
class Strip:
    """One picture row: uint8 (H, W, 3) crops, difference maps (H, W) per method, and the metric on the whole image."""

    pair: str
    image: str
    lr: np.ndarray
    hr: np.ndarray
    whole: np.ndarray
    methods: tuple[tuple[Column, np.ndarray, np.ndarray, float | None], ...]


def section(settings: ReportSettings, task: Job) -> str:
    """HTML of all rows, with one scale for all difference maps. UserError names a missing file."""
    rows = strips(settings, task)
    maximum = pictures.common_scale(part for strip in rows for _, _, part, _ in strip.methods)
    metric = settings.metric
    lead = (
        f"Test images of each target camera ({settings.setting_labels[settings.setting]}); pixels enlarged without smoothing. "
        f"Below each picture its absolute difference to HR, brighter is larger, on one scale for the whole page. "
        f"{metric.label}: of the whole test image."
    )
    return "\n".join([f"<p>{escape(lead)}</p>", *(_strip(strip, maximum, settings) for strip in rows)])


def strips(settings: ReportSettings, task: Job) -> list[Strip]:
    """One row per pair; successive pairs show successive images among those of the target camera that have a crop."""
    shown = {(one.method, one.source, one.target): one for one in settings.shown}
    tests = {test.camera: test for test in settings.tests}
    rows = []
    for index, pair in enumerate(settings.pairs):
        place = f"report of {settings.table}, {pair.label}"
        test = tests[pair.target]
        lr, hr = (Packed(task.file(f"test_{kind}", getattr(test, kind))) for kind in ("lr", "hr"))
        usable = [image for image in settings.crops if image in hr.names]
        if not usable:
            raise UserError(f"{place}: none of the test images in {test.hr} has a crop. Name one in the crops.")
        image = usable[index % len(usable)]
        box = tuple(settings.crops[image])
        full, label = hr[hr.names.index(image)], f"{place}, {image}"
        truth = crops.cut(full, box, label)
        small = crops.cut(lr[lr.names.index(image)], crops.reduced(box, settings.scale, label), label)
        methods = []
        for column in settings.methods:
            files = shown[column.name, pair.source, pair.target]
            sr = crops.sample(task.file("samples", files.samples), image, truth)
            # None: not measured.
            values = read_json(task.file("metrics", files.metrics))["images"].get(image, {})
            methods.append((column, sr, pictures.difference(sr, truth), values.get(settings.metric.name)))
        rows.append(Strip(pair.label, image, small, truth, full, tuple(methods)))
    return rows


def _strip(strip: Strip, maximum: int, settings: ReportSettings) -> str:
    factor = pictures.factor_for(strip.hr.shape[1])
    top = [_picture("LR", pictures.enlarged(strip.lr, factor * settings.scale), "")]
    bottom = [_scale_bar(maximum)]
    unit = f" {settings.metric.unit}" if settings.metric.unit else ""
    for column, sr, difference, value in strip.methods:
        number = "" if value is None else f"{settings.metric.label} {fixed(value, settings.metric.digits)}{unit}"
        top.append(_picture(column.label, pictures.enlarged(sr, factor), number))
        shown = pictures.enlarged(pictures.heat(difference, maximum), factor)
        bottom.append(_picture("", shown, "", f"difference of {column.label} to HR"))
    top.append(_picture("HR", pictures.enlarged(strip.hr, factor), ""))
    box = settings.crops[strip.image]
    bottom.append(_picture("", pictures.overview(strip.whole, tuple(box)), f"crop of {box[3]} × {box[2]} px"))
    heading = f'<h3 class="pair">{escape(strip.pair)}<span>{escape(strip.image)}</span></h3>'
    grid = f'<div class="row" style="grid-template-columns: repeat({len(top)}, minmax(0, 1fr))">'
    return "\n".join([heading, grid, *top, *bottom, "</div>"])


def _picture(name: str, pixels: np.ndarray, number: str, alternative: str = "") -> str:
    source = pictures.embedded(pictures.png(pixels))
    title = f'<p class="name">{escape(name)}</p>' if name else ""
    below = f'<p class="number">{escape(number)}</p>' if number else ""
    return f'<div>{title}<img src="{source}" alt="{escape(alternative or name or number)}">{below}</div>'


def _scale_bar(maximum: int) -> str:
    bar = pictures.embedded(pictures.png(pictures.colour_bar()))
    return (
        '<div class="scale">|SR − HR|, mean of R, G, B, in levels of 255'
        f'<img src="{bar}" alt="colour bar"><div class="ends"><span>0</span><span>≥ {maximum}</span></div></div>'
    )
