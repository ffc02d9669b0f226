"""Figures: what is drawn is the pixels of the files, what is told are the numbers of those pixels."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from pipeline.datasets import cameras, deadleaves
from pipeline.errors import UserError
from pipeline.evaluation import metrics
from pipeline.figures import comparison, difference, kernels, sr_kernels
from pipeline.figures.sheet import GAP, Sheet
from pipeline.images import crops, pictures
from pipeline.images.kernels import centre_of_mass
from pipeline.images.rgb import bicubic
from pipeline.jobs import figure
from pipeline.plan import figure as figure_plan
from pipeline.plan import keys, params
from pipeline.provenance.job import Job
from pipeline.sampling.packed import write_images
from pipeline.settings import build

SHIPPED = params.load("params.yaml")
RECIPE = SHIPPED["datasets"]["simcam"]["cameras"]["sony"]["recipes"][2]
BOX = [8, 16, 96, 96]
ESTIMATION = {"side": 13, "smoothness": 3e-4, "equations": 100_000}
KINDS = {"kernels": kernels, "sr_kernels": sr_kernels, "difference": difference, "comparison": comparison}


@pytest.fixture
def files(tmp_path):
    """LR and HR of one scene at x2, and stored crops of a good and a bad method."""
    hr = deadleaves.scene([3], 256, 1.0, 200.0, 3.0)
    lr = cameras.capture(hr, RECIPE, 2, [4])
    top, left, height, width = BOX
    truth = hr[top : top + height, left : left + width]
    noise = np.random.default_rng(0).normal(0, 1, truth.shape)
    shown = {
        name: np.clip(truth + sigma * noise, 0, 255).astype(np.uint8) for name, sigma in (("good", 4), ("bad", 20))
    }
    paths = {name: str(tmp_path / f"{name}.safetensors") for name in ("lr", "hr", *shown)}
    for name, image in (("lr", lr), ("hr", hr)):
        write_images(paths[name], {"leaves": image})
    for name, image in shown.items():
        write_images(paths[name], {"sr/leaves": image})
    return paths, {"truth": truth, "lr": lr, "hr": hr, **shown}


def job(folder: Path, kind: str, form: str, **settings) -> Job:
    settings = {"kind": kind, "scale": 2, "simulated": True, **settings}
    inputs = {role: [Path(path) for path in paths] for role, paths in figure.figure_files.named(settings).items()}
    outputs = {"image": folder / f"out.{form}", "data": folder / "out.json"}
    return Job("figure", {"figure": "example"}, settings, inputs, outputs, {}, "0" * 64)


def drawn(task: Job) -> dict:
    figure.work(task)
    return json.loads(task.outputs["data"].read_text())


def row(paths: dict, **changes) -> dict:
    shown = [{"label": name, "samples": paths[name]} for name in ("good", "bad")]
    return {"label": "leaves", "image": "leaves", "box": BOX, "hr": paths["hr"], "shown": shown} | changes


def cell(task: Job, left: int, top: float, line: int, column: int, side: int = 288) -> np.ndarray:
    """Pixels of a cell of the PNG; `top`: where line 0 begins."""
    page = np.asarray(Image.open(task.outputs["image"]).convert("RGB"))
    x, y = left + column * (side + GAP), round(top)
    return page[y : y + side, x : x + side]


# -------------------------------------------------------------------------------------------------------- pictures


def test_psnr_of_a_crop_is_the_tables_metric(files):
    _, images = files
    for name in ("good", "bad"):
        sr, hr = (torch.from_numpy(images[key]).permute(2, 0, 1)[None].double() / 255 for key in (name, "truth"))
        assert crops.psnr_y(images[name], images["truth"]) == pytest.approx(metrics.psnr_y(sr, hr, 0), abs=1e-6)
    assert crops.psnr_y(images["truth"], images["truth"]) == 100


def test_comparison_shows_and_measures_the_stored_crops(files, tmp_path):
    paths, images = files
    task = job(tmp_path, "comparison", "png", rows=[row(paths, lr=paths["lr"])])
    (told,) = drawn(task)["rows"]
    for name in ("good", "bad"):
        assert told["psnr_y"][name] == pytest.approx(crops.psnr_y(images[name], images["truth"]), abs=1e-4)
    assert told["psnr_y"]["good"] > told["psnr_y"]["bad"] + 10
    small = images["lr"][4:52, 8:56]
    wanted = [small.repeat(2, 0).repeat(2, 1), images["good"], images["bad"], images["truth"]]
    for column, pixels in enumerate(wanted):
        shown = cell(task, comparison.LEFT, GAP + 1.2 * 38, 0, column)
        np.testing.assert_array_equal(shown, pixels.repeat(3, 0).repeat(3, 1), err_msg=f"column {column}")


def test_without_hr_nothing_is_measured(files, tmp_path):
    paths, _ = files
    sheet, told = comparison.draw(
        build(comparison.Settings, {"scale": 2, "simulated": False, "rows": [row(paths, lr=paths["lr"], hr=None)]})
    )
    assert told["rows"][0]["psnr_y"] == {}
    texts = [text.get_text() for text in sheet.figure.texts]
    assert "HR" not in texts and not any("dB" in text for text in texts) and "good" in texts
    assert any("nothing is measured" in text for text in texts)


@pytest.mark.parametrize("columns", [2, 9])
def test_all_text_lies_on_the_sheet(columns):
    """A narrow sheet wraps its note; nothing is cut off at an edge."""
    sheet = Sheet((288, 288), columns, [(1.2, 1.1)], comparison.LEFT, comparison._note(True, True) * 2)
    sheet.beside(0, "Panasonic → Olympus\nsynthetic → real\npanasonic_182_x4")
    for column in range(columns):
        sheet.above(0, column, "Target Only", bold=True)
        sheet.below(0, column, "25.00 dB", bold=True)
    renderer = FigureCanvasAgg(sheet.figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in sheet.figure.texts]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= sheet.width and box.y1 <= sheet.height
    assert not any(a.overlaps(b) for index, a in enumerate(boxes) for b in boxes[:index])


def test_the_best_is_bold_at_printed_precision():
    assert comparison._texts([25.001, 25.004, 24.0]) == [("25.00 dB", True), ("25.00 dB", True), ("24.00 dB", False)]
    assert comparison._texts([]) == []


def test_differences_are_on_one_scale(files, tmp_path):
    paths, images = files
    task = job(tmp_path, "difference", "png", rows=[row(paths), row(paths, label="again")])
    told = drawn(task)
    maps = {name: np.abs(images[name].astype(float) - images["truth"]).mean(axis=2) for name in ("good", "bad")}
    quantile = np.quantile(np.concatenate([part.ravel() for part in maps.values()]), 0.995)
    assert told["white_point"] == 5 * np.ceil(quantile / 5)
    for name, part in maps.items():
        assert told["rows"][0]["models"][name]["mean"] == pytest.approx(part.mean(), abs=1e-3)
    below = cell(task, difference.LEFT, GAP + 1.2 * 38 + 288 + GAP, 1, 2)
    wanted = pictures.heat(pictures.difference(images["bad"], images["truth"]), told["white_point"])
    np.testing.assert_array_equal(below, wanted.repeat(3, 0).repeat(3, 1))


# --------------------------------------------------------------------------------------------------------- kernels


def panel(paths: dict, **changes) -> dict:
    row = {"name": "sony", "label": "Sony", "lr": paths["lr"], "hr": paths["hr"], "truth": None, "bicubic": False}
    return row | changes


def test_kernels_of_a_camera_stand_beside_the_true_ones(files, tmp_path):
    paths, images = files
    reduced = str(tmp_path / "bicubic.safetensors")
    write_images(reduced, {"leaves": bicubic(images["hr"], 1 / 2)})
    panels = [panel(paths, name="bicubic", lr=reduced, bicubic=True), panel(paths, truth=RECIPE)]
    told = drawn(job(tmp_path, "kernels", "svg", estimation=ESTIMATION, panels=panels))["panels"]
    assert told["bicubic"]["relative_error"] < 0.12 and told["sony"]["relative_error"] < 0.2
    kernel, truth = (np.array(told["sony"][key]) for key in ("estimated", "true"))
    assert told["sony"]["relative_error"] == pytest.approx(
        np.linalg.norm(kernel - truth) / np.linalg.norm(truth), abs=1e-3
    )
    assert centre_of_mass(truth) == pytest.approx((-0.5, -0.5), abs=0.01)
    swapped = drawn(job(tmp_path, "kernels", "svg", estimation=ESTIMATION, panels=[panel(paths, bicubic=True)]))[
        "panels"
    ]
    assert swapped["sony"]["relative_error"] > 0.3


def test_where_nobody_knows_the_kernel_no_error_is_told(files, tmp_path):
    paths, _ = files
    told = drawn(job(tmp_path, "kernels", "svg", estimation=ESTIMATION, panels=[panel(paths)]))["panels"]["sony"]
    assert told["true"] is None and "relative_error" not in told
    assert "true" not in (tmp_path / "out.svg").read_text()


def test_kernels_of_sr_are_compared_with_the_cameras_own(files, tmp_path):
    paths, _ = files
    own = {"label": "Sony", "lr": paths["lr"], "hr": paths["hr"]}
    first = drawn(job(tmp_path, "kernels", "svg", estimation=ESTIMATION, panels=[panel(paths)]))["panels"]["sony"]
    kernel = np.array(first["estimated"])
    shown = []
    for name, value in (("same", kernel), ("moved", np.roll(kernel, 2, axis=0))):
        (tmp_path / f"{name}.json").write_text(json.dumps({"kernel": value.tolist()}))
        shown.append({"label": name, "kernel": str(tmp_path / f"{name}.json")})
    told = drawn(job(tmp_path, "sr_kernels", "svg", estimation=ESTIMATION, own=own, shown=shown))["shown"]
    assert (told["same"]["relative_error"], told["same"]["shift"]) == (0, 0)
    assert told["moved"]["relative_error"] > 0.3 and told["moved"]["shift"] == pytest.approx(2, abs=0.1)
    (tmp_path / "moved.json").write_text(json.dumps({"kernel": [[1.0]]}))
    with pytest.raises(UserError, match=r"moved\.json: a kernel of \(1, 1\), expected \(13, 13\)"):
        figure.work(job(tmp_path, "sr_kernels", "svg", estimation=ESTIMATION, own=own, shown=shown))


# ------------------------------------------------------------------------------------------------------ every kind


def test_the_same_inputs_give_the_same_bytes(files, tmp_path):
    paths, _ = files
    tasks = [
        job(tmp_path, "comparison", "png", rows=[row(paths, lr=paths["lr"])]),
        job(tmp_path, "kernels", "svg", estimation=ESTIMATION, panels=[panel(paths, truth=RECIPE)]),
    ]
    for task in tasks:
        seen = []
        for _ in range(2):
            figure.work(task)
            seen.append(task.outputs["image"].read_bytes())
        assert seen[0] == seen[1] and len(seen[0]) > 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "none"}, r"lr\.safetensors: holds no none, only leaves"),
        ({"box": [200, 0, 96, 96]}, r"leaves: the crop .*\[100, 0, 48, 48\], expected a box inside the picture"),
        ({"box": [-8, 16, 96, 96]}, r"leaves: the crop .*\[-4, 8, 48, 48\], expected a box inside the picture"),
        ({"box": [8, 16, 48, 96]}, "HR's is"),
        ({"hr": None, "box": [8, 16, 48, 96]}, "HR's is"),
        ({"box": [9, 16, 96, 96]}, "multiples of the scale 2"),
        ({"colour": 1}, "colour: unknown setting"),
    ],
)
def test_what_does_not_fit_is_named(files, tmp_path, change, message):
    paths, _ = files
    task = job(tmp_path, "comparison", "png", rows=[row(paths, lr=paths["lr"], **change)])
    with pytest.raises(UserError, match=message):
        figure.work(task)
    assert not task.outputs["image"].exists() and not task.outputs["data"].exists()


def test_a_file_that_is_no_input_is_not_read(files, tmp_path):
    paths, _ = files
    task = job(tmp_path, "difference", "png", rows=[row(paths)])
    task.inputs["samples"].pop()
    with pytest.raises(UserError, match=r"bad\.safetensors is not among the inputs 'samples'"):
        figure.work(task)


# ------------------------------------------------------------------------------------------------------------ plan


@pytest.mark.parametrize("name", SHIPPED["figures"])
def test_every_shipped_figure_can_be_planned(name):
    key = keys.key(SHIPPED, "figure", {"figure": name})
    told = dict(key["settings"])
    kind = told.pop("kind")
    assert build(KINDS[kind].Settings, told) and set(figure_plan.FORMATS) == set(KINDS)
    assert f"pipeline.figures.{kind}" in key["code"]["modules"]
    given = keys.kind("figure").inputs(SHIPPED, {"figure": name})
    assert sum(map(len, given.values())) >= 3
    assert all(SHIPPED["figures"][name]["dataset"] + "_x4/" in path for paths in given.values() for path in paths)


def test_a_difference_figure_takes_each_cameras_own_model_first():
    told = figure_plan.settings(SHIPPED, {"figure": "dada_simcam_difference"})["rows"]
    for row, camera in zip(told, ("panasonic", "sony", "olympus"), strict=True):
        first, *others = (shown["samples"] for shown in row["shown"])
        assert first == f"results/runs/simcam_x4/real/{camera}/source_only/train/seed0/samples_{camera}.safetensors"
        assert len(others) == 2 and all(f"samples_{camera}." in path and f"/{camera}/" not in path for path in others)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("kernels", {"dataset": "none"}, "figures.dada_simcam_kernels.dataset: 'none' is not one of"),
        ("kernels", {"cameras": ["leica"]}, "there is no camera 'leica'; there are panasonic"),
        ("kernels", {"seed": 1}, "of kind kernels has no seed"),
        ("sr_kernels", {"shown": [{"method": "magic", "setting": "real"}]}, "there is no method 'magic'"),
        ("comparison", {"photographs": ["moon"]}, "there is no crop 'moon'"),
        ("difference", {"photographs": {"sony": "china"}}, "expected one for every camera"),
        ("difference", {"kind": "kernels"}, "of kind kernels needs bicubic, split"),
        ("kernels", {"kind": "art"}, "'art' is not one of"),
    ],
)
def test_wrong_settings_are_named(name, change, message):
    changed = json.loads(json.dumps(SHIPPED))
    changed["figures"][f"dada_simcam_{name}"] |= change
    with pytest.raises(UserError, match=message):
        params.check(changed)


def test_scale_that_the_data_set_does_not_have():
    changed = json.loads(json.dumps(SHIPPED))
    changed["datasets"]["simcam"]["scales"] = [2, 3]
    with pytest.raises(UserError, match=r"figures\.dada_simcam_kernels\.scale: 4 is not one of .* \[2, 3\]"):
        params.check(changed)
