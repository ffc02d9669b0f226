"""A copy that lacks cameras: every cell that can be computed is, the others are dashes that say why, and nothing else changes."""

import copy
import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adopt import advice, archives, checks, record
from pipeline.cost import estimate
from pipeline.datasets import drealsr
from pipeline.errors import UserError
from pipeline.jobs import table
from pipeline.plan import cells, keys, params
from pipeline.printing.document import DASH
from pipeline.settings import build
from pipeline.tables import ordering, records
from pipeline.tables.scores import Reported, Scores
from pipeline.tables.settings import TableSettings
from pipeline.workflow import folders
from tests import audit_examples, table_examples
from tests.fake_drealsr import write_fake_drealsr

ROOT = Path(__file__).parents[2]
SHIPPED = params.load(ROOT / "params.yaml", ROOT / params.SCHEMA)
NOTE = "Partial data: this copy of DRealSR has no images of Olympus (setting datasets.drealsr.available)"


def with_cameras(*cameras: str) -> dict:
    changed = copy.deepcopy(SHIPPED)
    changed["datasets"]["drealsr"]["available"] = list(cameras) or None
    return changed


TWO = with_cameras("panasonic", "sony")


def key(settings: dict, table: str) -> dict:
    return keys.key(settings, "table", {"table": table})


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# ----------------------------------------------------------------------------------------------------------- the plan


def test_every_cell_that_can_be_computed_is_planned_and_no_other():
    found, absent = cells.table_cells(TWO, "dada"), cells.absent_cells(TWO, "dada")
    assert len(found) + len(absent) == len(cells.table_cells(SHIPPED, "dada")) == 66
    whole = [cell for cell in found if {cell["source"], cell["target"]} == {"panasonic", "sony"}]
    others = [cell for cell in found if cell not in whole]
    # Two whole pairs of five methods in two settings and Target Only; of a pair whose source is absent, Target Only alone.
    assert len(whole) == 2 * (5 * 2 + 1)
    assert [(cell["method"], cell["source"], cell["target"]) for cell in others] == [
        ("target_only", "olympus", "panasonic"),
        ("target_only", "olympus", "sony"),
    ]
    assert all(cell["metrics"] is None for cell in absent) and not cells.absent_cells(SHIPPED, "dada")


def test_a_table_is_told_of_its_cells_in_their_order_whether_they_are_there_or_not():
    part, whole = (key(settings, "dada")["settings"] for settings in (TWO, SHIPPED))
    places = [[{**cell, "metrics": None} for cell in settings["cells"]] for settings in (part, whole)]
    assert places[0] == places[1] and sum(cell["metrics"] is None for cell in part["cells"]) == 42
    assert any(note.startswith(NOTE) for note in part["notes"]) and part["pairs"] == whole["pairs"]


def test_no_run_below_a_table_reads_an_absent_camera():
    for name in ("dada", "dada_crossdevice"):
        runs = cells.training_runs(TWO, name)
        assert runs and not [folder for folder in runs if "olympus" in folder]
        assert not [path for path in keys.kind("table").inputs(TWO, {"table": name})["metrics"] if "olympus" in path]


def test_bicubic_needs_the_target_alone():
    settings = with_cameras("sony")
    settings["tables"]["dada"]["methods"] = ["bicubic", "source_only", "target_only"]
    found = cells.table_cells(settings, "dada")
    assert {(cell["method"], cell["target"]) for cell in found} == {("bicubic", "sony"), ("target_only", "sony")}


def test_nothing_changes_where_all_cameras_are_there():
    named = with_cameras("olympus", "sony", "panasonic")
    for name in ("dada", "dada_crossdevice", "dada_ablation", "dada_simcam"):
        assert key(named, name) == key(SHIPPED, name) == key(TWO if "simcam" in name else named, name)
    assert keys.key(named, "report", {"report": "dada"}) == keys.key(SHIPPED, "report", {"report": "dada"})
    assert not any("Partial" in note for note in key(SHIPPED, "dada")["settings"]["notes"])


def test_a_camera_that_comes_later_changes_the_table_and_no_training():
    runs = cells.training_runs(TWO, "dada")
    for run in list(runs.values())[:6]:
        assert keys.key(TWO, "train", run) == keys.key(SHIPPED, "train", run)
    assert key(TWO, "dada") != key(SHIPPED, "dada")
    pack = {"dataset": "drealsr", "scale": "4", "camera": "sony"}
    assert keys.key(TWO, "pack", pack) == keys.key(SHIPPED, "pack", pack)


def test_what_needs_an_absent_camera_altogether_is_refused_with_its_name():
    for ask in (
        lambda: keys.kind("table").inputs(TWO, {"table": "dada_ablation"}),
        lambda: keys.kind("figure").inputs(TWO, {"figure": "dada_kernels"}),
        lambda: keys.kind("report").inputs(with_cameras("sony"), {"report": "dada"}),
        lambda: ordering.steps(with_cameras("sony"), "dada", "psnr_y"),
    ):
        with pytest.raises(UserError, match=r"needs images of .*olympus.*datasets\.drealsr\.available"):
            ask()


def test_a_report_shows_whole_pairs_and_says_what_it_lacks():
    settings = keys.key(TWO, "report", {"report": "dada"})["settings"]
    assert [(pair["source"], pair["target"]) for pair in settings["pairs"]] == [
        ("panasonic", "sony"),
        ("sony", "panasonic"),
    ]
    assert any(note.startswith(NOTE) for note in settings["notes"])
    assert not [test for test in settings["tests"] if test["camera"] == "olympus"]


def test_the_plan_of_costs_counts_the_images_that_are_there():
    (row,) = estimate._data(TWO, ["dada_crossdevice"])
    assert row.runs == 2 and estimate._data(SHIPPED, ["dada_crossdevice"])[0].runs == 3


@pytest.mark.parametrize("camera", ["leica", "reds"])
def test_an_unknown_camera_and_one_without_hr_are_refused(camera):
    with pytest.raises(
        UserError, match=rf"available: '{camera}' is not one of its cameras with HR, panasonic, sony, olympus"
    ):
        params.check(with_cameras("sony", camera), schema=ROOT / params.SCHEMA)
    with pytest.raises(UserError, match="available"):
        changed = with_cameras("sony")
        changed["datasets"]["drealsr"]["available"] = []
        params.check(changed, schema=ROOT / params.SCHEMA)


# ---------------------------------------------------------------------------------------------------------- the table


def without_olympus(task):
    """A table job of which every cell that reads Olympus is absent."""
    cells = []
    for cell in task.settings["cells"]:
        read = {cell["target"]} if cell["method"] in ("bicubic", "target_only") else {cell["source"], cell["target"]}
        cells.append(cell | ({"metrics": None} if "olympus" in read else {}))
    metrics = [Path(path) for path in dict.fromkeys(cell["metrics"] for cell in cells) if path]
    settings = task.settings | {"cells": cells, "notes": [NOTE, *task.settings["notes"]]}
    return replace(task, settings=settings, inputs=task.inputs | {"metrics": metrics})


def comparison(seeds=(0,), simulated=False):
    reported = Path("data/reported/dada.yaml")
    reported.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / reported, reported)
    run = ("source_only", "dada", "target_only") + (("bicubic",) if simulated else ())
    made = table_examples.comparison(
        Path("results"), simulated=simulated, settings=("real",), seeds=seeds, lpips=True, run=run
    )
    return without_olympus(made)


def texts(task) -> dict[tuple, str]:
    """(method, pair, metric) → what ours is printed as."""
    settings = build(TableSettings, task.settings)
    scores = Scores(settings)
    document = records.document_of(scores, Reported(task.input("reported")))
    found = {}
    for panel in document.panels:
        pairs = [group for group, width in panel.groups for _ in range(width)]
        for section in panel.sections:
            method = ""
            for row in section.rows:
                method = row.labels[0] or method
                if row.labels[1:] in (("ours",), ()):
                    found |= {
                        (method, pair, column): cell.text
                        for pair, column, cell in zip(pairs, panel.columns, row.cells, strict=True)
                    }
    return found


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
@pytest.mark.parametrize("simulated", [False, True])
def test_dashes_stand_exactly_where_a_camera_is_absent(place, seeds, simulated):
    task = comparison(seeds, simulated)
    assert table.work(task)
    dashes = {(method, pair) for (method, pair, _), text in texts(task).items() if text == DASH and "→" in pair}
    pairs = {pair["label"] for pair in task.settings["pairs"]}
    lacking = {pair for pair in pairs if "Olympus" in pair}
    of_target = {pair for pair in pairs if pair.endswith("Olympus")}
    expected = {(method, pair) for method in ("Source Only", "DADA") for pair in lacking}
    expected |= {("Target Only", pair) for pair in of_target} | (
        {("Bicubic", pair) for pair in of_target} if simulated else set()
    )
    assert dashes == expected
    assert NOTE in Path(task.outputs["html"]).read_text()


def test_the_csv_keeps_the_papers_number_of_a_cell_without_data(place):
    task = comparison()
    table.work(task)
    rows = list(csv.DictReader(Path(task.outputs["csv"]).read_text().splitlines()))
    absent = [row for row in rows if row["method"] == "dada" and "olympus" in (row["source"], row["target"])]
    assert absent and {row["verdict"] for row in absent} == {"no data"}
    assert all(row["reported"] and not row["value"] for row in absent)
    assert all(row["value"] for row in rows if row["method"] == "dada" and row not in absent)


def test_a_crossdevice_table_with_an_absent_camera(place):
    task = without_olympus(table_examples.crossdevice(Path("results")))
    table.work(task)
    text = Path(task.outputs["html"]).read_text()
    assert text.count(f"<span>{DASH}</span>") == 5 and "best on 2 of 2 cameras" in text


def test_a_cell_that_is_not_even_named_is_still_an_error(place):
    task = comparison()
    cells = [cell for cell in task.settings["cells"] if cell["metrics"] is not None]
    with pytest.raises(UserError, match="no metrics file is named for this cell"):
        table.work(replace(task, settings=task.settings | {"cells": cells}))


# ---------------------------------------------------------------------------------------------------------- the audit


def test_the_audit_takes_dashes_with_a_reason_and_names_those_without(place):
    target = audit_examples._finished(comparison())
    said = audit_examples.read(target)
    assert not [text for checked in said.tables.values() for text in checked.problems]
    # params.yaml names all cameras now; the receipt, forged as a whole, still leaves cells out.
    wildcards = json.dumps({"table": "dada"}, separators=(",", ":"))
    now = copy.deepcopy(audit_examples.KEYS["table", wildcards])
    lost = next(cell for cell in now["settings"]["cells"] if cell["metrics"] is None)
    lost["metrics"] = "results/runs/there.json"
    audit_examples.KEYS["table", wildcards] = now
    problems = [text for checked in audit_examples.read(target).tables.values() for text in checked.problems]
    assert len([text for text in problems if "has no reason" in text]) == 1
    assert f"a dash for {lost['method']}, setting real, {lost['source']} → {lost['target']}, seed 0" in problems[0]


def test_the_audit_names_a_dash_that_is_typed_over_a_number(place):
    target = audit_examples._finished(comparison())
    path = Path(target)
    printed = next(text for (method, _, _), text in texts(comparison()).items() if method == "DADA" and text != DASH)
    path.write_text(path.read_text().replace(printed, DASH, 1))
    audit_examples.forge(target)
    problems = [text for checked in audit_examples.read(target).tables.values() for text in checked.problems]
    assert any(f"printed {DASH}, but {printed} follows" in text for text in problems)


# ------------------------------------------------------------------------------------------------- before the first job


def asked(settings: dict, camera: str):
    return folders.of_pack(settings, {"dataset": "drealsr", "scale": "4", "camera": camera})


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return write_fake_drealsr(tmp_path_factory.mktemp("two"), patches=3, photos=1, cameras=("panasonic", "sony"))


def test_packing_asks_for_the_cameras_that_are_said_to_be_there(place, two):
    settings = copy.deepcopy(TWO)
    settings["adopt"]["drealsr"] = str(two)
    assert asked(settings, "sony") == {"raw": str(two)}
    with pytest.raises(UserError, match=r"train HR of olympus.*python -m pipeline\.adopt drealsr"):
        asked(settings, "olympus")
    settings["datasets"]["drealsr"]["available"] = None
    with pytest.raises(UserError, match="train HR of olympus"):
        asked(settings, "sony")


def test_a_packed_copy_is_read_where_it_was_unpacked(place, two, tmp_path):
    settings = copy.deepcopy(TWO)
    settings["adopt"]["drealsr"] = str(tmp_path / "zips")
    shutil.make_archive(str(tmp_path / "zips" / "x4"), "zip", two)
    with pytest.raises(UserError, match=r"it holds archives to unpack: x4\.zip.*python -m pipeline\.adopt drealsr"):
        asked(settings, "sony")
    archives.unpacked("drealsr", tmp_path / "zips")
    assert asked(settings, "sony") == {"raw": "data/raw/drealsr"}


def report_of(folder: Path, **faults: dict) -> None:
    part = {"group": "sony", "scale": 4, "split": "train", "state": "broken", "faults": faults}
    path = record.path_of("drealsr")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"folder": str(folder), "level": "partial", "parts": [part]}))


def test_a_failed_adoption_is_said_before_the_first_job(place, two):
    settings = copy.deepcopy(TWO)
    settings["adopt"]["drealsr"] = str(two)
    report_of(two, damaged={"a": "…", "b": "…"}, no_lr={"c": "…"})
    with pytest.raises(
        UserError, match=r"sony x4 train: 2 damaged, 1 no LR\. All names: results/adoption/drealsr.json"
    ):
        asked(settings, "panasonic")
    settings["datasets"]["drealsr"]["available"] = ["panasonic"]
    assert asked(settings, "panasonic") == {"raw": str(two)}
    # A report of another folder says nothing about this one.
    assert checks.problem("drealsr", str(two / "x4"), 4, ["sony"]) is None
    assert checks.problem("drealsr", str(two), 2, ["sony"]) is None


def test_advice_is_the_line_to_set_and_what_it_gives(tmp_path):
    found = {"level": "partial", "usable": [[4, "panasonic"], [4, "sony"], [2, "sony"], [4, "nikon"]]}
    lines = advice.lines(SHIPPED, "drealsr", tmp_path, found)
    assert lines[0] == f"set in site.yaml  adopt.drealsr: {tmp_path}"
    assert lines[1].startswith(
        "x2: set in params/domains.yaml  datasets.drealsr.available: [sony]  (cells: dada_x2 2 of 66"
    )
    assert (
        "available: [panasonic, sony]  (cells: dada 24 of 66, dada_crossdevice 4 of 9, dada_ablation 0 of 4)"
        in lines[2]
    )
    whole = {"level": "partial", "usable": [[4, camera] for camera in drealsr.CAMERAS]}
    assert "available: null  (cells: dada 66 of 66" in advice.lines(SHIPPED, "drealsr", tmp_path, whole)[1]
    assert not advice.lines(SHIPPED, "div2k", tmp_path, {"level": "pass", "usable": [[None, "HR"]]})
