"""Whether a table keeps its paper's order: differences, intervals, deviations by hand."""

import json
import statistics
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.plan import cells, params
from pipeline.tables import ordering

ROOT = Path(__file__).parents[2]
# Per image and seed: Target Only clearly best, DADA and DRN-Adapt the same on average, Source Only above DRN-Adapt.
VALUES = {
    "target_only": ([30.0, 31.0, 32.0], [30.2, 31.2, 32.2]),
    "dada": ([28.0, 29.0, 30.0], [28.4, 29.4, 30.4]),
    "drn_adapt": ([29.0, 29.0, 29.0], [29.2, 29.2, 29.4]),
    "source_only": ([29.5, 29.6, 29.7], [29.5, 29.6, 29.7]),
}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """One pair, both settings, two seeds; the metrics files of every cell."""
    settings = params.load(ROOT / "params.yaml")
    table = settings["tables"]["dada_simcam_seeds"]
    table |= {"pairs": [["sony", "panasonic"]], "seeds": [0, 1], "methods": list(VALUES)}
    monkeypatch.chdir(tmp_path)
    for cell in cells.table_cells(settings, "dada_simcam_seeds"):
        images = dict(zip("abc", VALUES[cell["method"]][cell["seed"]], strict=True))
        path = Path(cell["metrics"])
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"missing": {}, "images": {name: {"psnr_y": value} for name, value in images.items()}}
        path.write_text(json.dumps(content))
    return settings


def test_steps_by_hand(settings):
    found = ordering.steps(settings, "dada_simcam_seeds", "psnr_y")
    assert set(found) == {("real", "sony", "panasonic"), ("synthetic", "sony", "panasonic")}
    first, second, third = found["real", "sony", "panasonic"]
    assert (first.upper, first.lower, first.holds) == ("target_only", "dada", True)
    assert first.mean == pytest.approx(1.9) and first.low == pytest.approx(1.9)  # every image gains the same
    assert first.deviation == pytest.approx(statistics.stdev([2.0, 1.8]))
    assert second.holds is None and second.low < 0 < second.high
    assert second.mean == pytest.approx((0 + 2 / 15) / 2)
    assert third.holds is False and third.high < 0


def test_lower_is_better_turns_the_sign(settings):
    settings["metrics"]["psnr_y"]["better"] = "lower"
    first, *_ = ordering.steps(settings, "dada_simcam_seeds", "psnr_y")["real", "sony", "panasonic"]
    assert first.mean == pytest.approx(-1.9) and first.holds is False


def test_text_counts_and_marks(settings):
    text = ordering.text(settings, "dada_simcam_seeds", "psnr_y")
    assert "| real | S→P | ✓ +1.90 [+1.90, +1.90] ±0.14 | ~ +0.07" in text and "| broken |" in text
    assert "✓ 2 as claimed, ~ 2 undecided, ✗ 2 the other way round" in text


def test_one_seed_has_no_deviation(settings):
    settings["tables"]["dada_simcam_seeds"]["seeds"] = [0]
    text = ordering.text(settings, "dada_simcam_seeds", "psnr_y")
    assert "±" not in text and "psnr_y, one seed; " in text


def test_a_method_that_is_not_in_the_table_is_left_out(settings):
    settings["tables"]["dada_simcam_seeds"]["methods"].remove("drn_adapt")
    row = ordering.steps(settings, "dada_simcam_seeds", "psnr_y")["real", "sony", "panasonic"]
    assert [(step.upper, step.lower) for step in row] == [("target_only", "dada"), ("dada", "source_only")]


def test_what_is_missing_is_named(settings):
    with pytest.raises(UserError, match=r"tables\.dada_simcam_ablation has no `order`"):
        ordering.steps(settings, "dada_simcam_ablation", "psnr_y")
    path = next(cell["metrics"] for cell in cells.table_cells(settings, "dada_simcam_seeds"))
    Path(path).write_text(json.dumps({"missing": {"psnr_y": "no luma"}, "images": {}}))
    with pytest.raises(UserError, match="psnr_y was not measured: no luma"):
        ordering.steps(settings, "dada_simcam_seeds", "psnr_y")
    Path(path).write_text(json.dumps({"missing": {}, "images": {"a": {"ssim_rgb": 0.9}}}))
    with pytest.raises(UserError, match="psnr_y was not measured: the file is from another run"):
        ordering.steps(settings, "dada_simcam_seeds", "psnr_y")
    Path(path).unlink()
    with pytest.raises(UserError, match="are missing"):
        ordering.steps(settings, "dada_simcam_seeds", "psnr_y")


def test_command(settings, monkeypatch, capsys):
    monkeypatch.setattr(params, "load", lambda: settings)
    monkeypatch.setattr(sys, "argv", ["ordering", "results/tables/dada_simcam_seeds.tex"])
    assert ordering.main() == 0 and "Target Only − DADA" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["ordering", "results/tables/nothing.tex"])
    assert ordering.main() == 1 and "no table 'nothing'" in capsys.readouterr().err
