"""Reports: the sentence and the plots say what the table's CSV says, pictures are the pixels of their files."""

import base64
import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.figures import plots as figures
from pipeline.images import pictures
from pipeline.jobs import report
from pipeline.reports.settings import ReportSettings
from pipeline.sampling.packed import Packed, write_images
from pipeline.settings import build
from tests import report_examples, table_examples

CROP = 16


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    photographs = {}
    for number, name in enumerate(table_examples.IMAGES):
        noise = np.random.default_rng(number).integers(0, 256, (12, 16, 3)).astype(np.uint8)
        photographs[name] = report_examples.resized(noise, 4)
    return report_examples.report(tmp_path_factory.mktemp("report"), photographs, CROP)


@pytest.fixture(scope="module")
def page(example):
    report.work(example)
    return example.outputs["html"].read_text(encoding="utf-8")


@pytest.fixture
def job(example, tmp_path):
    """The example with settings and inputs of its own to spoil, writing elsewhere."""
    settings = json.loads(json.dumps(example.settings))
    inputs = {name: list(paths) for name, paths in example.inputs.items()}
    return type(example)("report", {}, settings, inputs, {"html": tmp_path / "report.html"}, {}, "0" * 64)


def rows_of(job):
    return list(csv.DictReader(job.input("csv").read_text(encoding="utf-8").splitlines()))


def images_of(page):
    """Every embedded PNG of the picture section, decoded, row by row (pairs x 2 x columns)."""
    section = page.partition("<h2>Pictures")[2].partition("<h2>")[0]
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', section)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def test_page_stands_alone(page):
    addresses = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert addresses and all(address.startswith("data:image/") for address in addresses)
    assert not re.search(r"<script|<link|<iframe|url\(|@import", page)
    assert page.count('<span class="badge">simulated cameras</span>') == 4
    assert "vultilion" in page and "Edition small" in page


def test_headline_and_plot_say_what_the_csv_says(example, page):
    settings = build(ReportSettings, example.settings)
    points = report.gains(settings, rows_of(example))["real"]
    rows = [r for r in rows_of(example) if r["method"] == "dada - source_only" and r["metric"] == "psnr_y"]
    assert [point.value for point in points] == [float(row["value"]) for row in rows]
    assert [point.reported for point in points] == [0.77, 0.60, 0.85, 0.59, 0.53, 1.56]
    better = sum(float(row["value"]) > 0 for row in rows)
    sure = sum(float(row["low"]) > 0 for row in rows)
    assert f"DADA is better than Source Only on {better} of 6 pairs of simulated cameras, on {sure} with" in page
    for row in rows:
        assert f"{row['pair']} {float(row['value']):+.2f}".replace("-", "−") in page
    assert 0 < better < 6, "the example must hold losses too"


def test_headline_over_seeds_uses_the_mean(job):
    rows = rows_of(job)
    for row in rows:
        row |= {"seed": "0", "low": "", "high": ""}
    rows += [{**row, "seed": "mean", "value": "7.125"} for row in rows]
    settings = build(ReportSettings, job.settings)
    points = report.gains(settings, rows)["real"]
    assert {point.value for point in points} == {7.125}
    sentence = report.headline(settings, "real", points)
    assert "on 6 of 6 pairs of simulated cameras." in sentence and "interval" not in sentence and "+7.12" in sentence


def test_pictures_are_the_pixels_of_their_files(example, page):
    images, columns = images_of(page), 6
    assert len(images) == 6 * 2 * columns
    settings = build(ReportSettings, example.settings)
    factor = pictures.factor_for(CROP)
    maximum = int(re.search(r"≥ (\d+)", page)[1])
    for index, pair in enumerate(settings.pairs):
        name = table_examples.IMAGES[index]
        top, left, height, width = settings.crops[name]
        test = next(test for test in settings.tests if test.camera == pair.target)
        lr, hr = Packed(test.lr), Packed(test.hr)
        truth = hr[hr.names.index(name)][top : top + height, left : left + width]
        small = lr[lr.names.index(name)][top // 4 : (top + height) // 4, left // 4 : (left + width) // 4]
        row = images[index * 2 * columns : (index + 1) * 2 * columns]
        assert np.array_equal(row[0], small.repeat(4 * factor, 0).repeat(4 * factor, 1))
        assert np.array_equal(row[columns - 1], truth.repeat(factor, 0).repeat(factor, 1))
        for place, method in enumerate(report_examples.SHOWN, start=1):
            file = next(
                s.samples
                for s in settings.shown
                if (s.method, s.source, s.target) == (method, pair.source, pair.target)
            )
            sr = Packed(file)[Packed(file).names.index(f"sr/{name}")]
            assert np.array_equal(row[place][::factor, ::factor], sr)
            difference = np.abs(sr.astype(float) - truth.astype(float)).mean(axis=2)
            shown = row[columns + place][::factor, ::factor]
            assert np.array_equal(shown, pictures.heat(difference, maximum))


def test_whole_image_values_come_from_metrics(example, page):
    section = page.partition("<h2>Pictures")[2].partition("<h2>")[0]
    printed = re.findall(r"PSNR (\d+\.\d\d) dB", section)
    expected = []
    settings = build(ReportSettings, example.settings)
    for index, pair in enumerate(settings.pairs):
        for method in report_examples.SHOWN:
            entry = next(
                s for s in settings.shown if (s.method, s.source, s.target) == (method, pair.source, pair.target)
            )
            values = json.loads(Path(entry.metrics).read_text())["images"][table_examples.IMAGES[index]]
            expected.append(f"{values['psnr_y']:.2f}")
    assert printed == expected


def test_same_inputs_give_the_same_bytes(example, page):
    report.work(example)
    assert example.outputs["html"].read_text(encoding="utf-8") == page


def test_titles_are_escaped(job):
    job.settings["title"] = "<b>& more"
    report.work(job)
    text = job.outputs["html"].read_text(encoding="utf-8")
    assert "<h1>&lt;b&gt;&amp; more" in text and "<b>&" not in text


def test_cross_device_table_is_optional(job):
    del job.inputs["crossdevice_html"]
    report.work(job)
    assert "Every model on every camera" not in job.outputs["html"].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda job: job.settings["crops"].update(astronaut=[0, 0, 1000, 16]),
            r"astronaut: the crop .*\[0, 0, 1000, 16\].*which is 48x64",
        ),
        (lambda job: job.settings["crops"].update(astronaut=[2, 0, 16, 16]), "multiples of the scale 4"),
        (
            lambda job: job.settings["crops"].update(astronaut=[0, 0, 20, 16]),
            r"bicubic.*samples.*: the crop of astronaut is .*, HR's is",
        ),
        (lambda job: job.settings.update(crops={"nothing": [0, 0, 16, 16]}), "has a crop"),
        (lambda job: job.inputs["samples"].clear(), "not among the inputs"),
        (lambda job: job.inputs["metrics"].clear(), "not among the inputs"),
        (lambda job: job.inputs["test_hr"].clear(), "not among the inputs"),
        (lambda job: job.inputs["history"].pop(), "not among the inputs"),
        (lambda job: job.settings["gain"].update(over="bicubic"), "no one gain"),
        (lambda job: job.settings.update(colour="red"), "colour: unknown setting"),
        (lambda job: job.inputs.pop("csv"), "csv"),
    ],
)
def test_bad_input_is_named(job, spoil, message):
    spoil(job)
    with pytest.raises(UserError, match=message):
        report.work(job)
    assert not job.outputs["html"].exists()


def test_samples_without_the_crop_are_named(job, tmp_path):
    path = tmp_path / "samples.safetensors"
    write_images(path, {"sr/other": np.zeros((CROP, CROP, 3), np.uint8)})
    job.settings["shown"][0]["samples"] = str(path)
    job.inputs["samples"].append(path)
    with pytest.raises(UserError, match=r"holds no sr/astronaut, only sr/other"):
        report.work(job)


@pytest.mark.parametrize(
    ("text", "message"), [("", "no steps"), ('{"loss": 1}\n', "no steps"), ("{oops\n", "not JSON")]
)
def test_broken_histories_are_named(job, tmp_path, text, message):
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    job.settings["histories"][0]["path"] = str(path)
    job.inputs["history"].append(path)
    with pytest.raises(UserError, match=message):
        report.work(job)


def test_difference_maps():
    hr = np.full((4, 4, 3), 100, np.uint8)
    sr = hr.copy()
    sr[0, 0] = (130, 100, 70)
    difference = pictures.difference(sr, hr)
    assert difference[0, 0] == 20 and difference.sum() == 20
    assert pictures.common_scale([difference]) == 20
    assert pictures.common_scale([np.zeros((4, 4))]) == 5
    shown = pictures.heat(difference, 20).astype(int)
    assert shown[0, 0].sum() > 600 and shown[1, 1].sum() < 10
    brightness = pictures.colour_bar()[0].astype(int).sum(axis=1)
    assert (np.diff(brightness) >= -1).all(), "brighter must mean larger"


def test_crop_is_framed_on_the_whole_image():
    whole = np.zeros((60, 80, 3), np.uint8)
    small = pictures.overview(whole, (20, 40, 20, 20), width=80)
    assert small.shape == whole.shape
    rows, columns = np.nonzero(small.sum(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 39, 40, 59)
    assert pictures.overview(whole, (20, 40, 20, 20), width=40).shape == (30, 40, 3)


def test_long_histories_are_thinned_to_means():
    steps, values = figures.thinned([(step, step % 2) for step in range(10_000)])
    assert len(steps) == figures.POINTS and values.min() > 0.4 and values.max() < 0.6
    short = figures.thinned([(1, 2.0), (2, 3.0)])
    assert short[1].tolist() == [2.0, 3.0]


def test_curves_take_terms_that_only_some_runs_have():
    drawn = figures.curves({"a": [{"step": 1, "x": 1.0}], "b": [{"step": 1, "y": -1.0}, {"step": 2, "y": 0.5}]})
    assert drawn.startswith(b"<?xml") and b"</svg>" in drawn


def test_report_starts_without_torch():
    code = "import sys, pipeline.jobs.report; print([m for m in ('torch', 'snakemake', 'matplotlib.pyplot') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
