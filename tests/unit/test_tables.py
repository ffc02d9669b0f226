"""Tables: numbers come from files, marks and verdicts are right, LaTeX is sound, bad input is refused by name."""

import csv
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.evaluation.bootstrap import percentile_interval
from pipeline.jobs import table
from pipeline.printing import latex
from pipeline.printing.document import Cell as Printed
from pipeline.printing.document import Document, Panel, Row, Section, fixed, ranked, shares, signed
from pipeline.tables.scores import Reported
from pipeline.tables.settings import Gain, Pair
from tests import table_examples

RUN = ("bicubic", "source_only", "dada", "target_only")
PAPER_RUN = ("source_only", "dada", "target_only")


@pytest.fixture
def simulated(tmp_path):
    return table_examples.comparison(
        tmp_path, simulated=True, settings=("real", "synthetic"), seeds=(0,), lpips=False, run=RUN
    )


@pytest.fixture
def paper(tmp_path):
    return table_examples.comparison(
        tmp_path, simulated=False, settings=("real", "synthetic"), seeds=(0,), lpips=True, run=PAPER_RUN
    )


def made(job):
    table.work(job)
    rows = list(csv.DictReader(job.outputs["csv"].read_text(encoding="utf-8").splitlines()))
    return job.outputs["tex"].read_text(encoding="utf-8"), rows, job.outputs["html"].read_text(encoding="utf-8")


def find(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def changed(job, method, change, source="panasonic", target="sony"):
    """Apply `change` to the metrics of one real cell."""
    cell = next(c for c in job.settings["cells"] if (c["method"], c["source"], c["target"]) == (method, source, target))
    content = json.loads(Path(cell["metrics"]).read_text())
    change(content)
    Path(cell["metrics"]).write_text(json.dumps(content))


def test_every_number_is_that_of_its_metrics_file(simulated):
    tex, rows, html = made(simulated)
    runs = [row for row in rows if " - " not in row["method"]]
    assert len(runs) == 6 * 2 * (4 + 3)
    for row in runs:
        file = json.loads(Path(row["origin"]).read_text())
        assert float(row["value"]) == file["mean"][row["metric"]]
        values = [file["images"][name][row["metric"]] for name in sorted(file["images"])]
        assert (float(row["low"]), float(row["high"])) == percentile_interval(values, 2000, 0, 0.95)
        digits = 2 if row["metric"] == "psnr_y" else 3
        assert f"{file['mean'][row['metric']]:.{digits}f}" in tex
        assert f">{file['mean'][row['metric']]:.{digits}f}<" in html


def test_gains_are_paired_and_stand_beside_the_papers_gains_only(simulated):
    tex, rows, _ = made(simulated)
    gains = find(rows, method="dada - source_only", setting="real", metric="psnr_y")
    for row in gains:
        ours, base = (json.loads(Path(path).read_text())["images"] for path in row["origin"].split(";"))
        expected = statistics.fmean(ours[name]["psnr_y"] - base[name]["psnr_y"] for name in ours)
        assert float(row["value"]) == pytest.approx(expected)
        assert float(row["low"]) < expected < float(row["high"])
    reported = dict(zip(table_examples.ORDER, (0.77, 0.60, 0.85, 0.59, 0.53, 1.56), strict=True))
    assert {(row["source"], row["target"]): float(row["reported"]) for row in gains} == reported
    assert all(f"+{value:.2f}" in tex for value in reported.values())
    assert "32.13" not in tex and "0.849" not in tex, "levels measured on other cameras must not stand in the table"
    assert "Simulated cameras" in tex and "reported on DRealSR" in tex


def test_reported_numbers_are_the_papers():
    reported = Reported(Path("data/reported/dada.yaml"))
    gains = {"real": [0.77, 0.60, 0.85, 0.59, 0.53, 1.56], "synthetic": [0.11, 0.29, 0.32, 0.32, 0.54, 0.11]}
    for setting, expected in gains.items():
        pairs = [Pair(source, target, "") for source, target in table_examples.ORDER]
        assert [reported.gain(Gain("dada", "source_only"), setting, pair, "psnr_y") for pair in pairs] == expected
        for pair in pairs:
            psnr = {m: reported.value(m, setting, pair, "psnr_y") for m in reported.content["results"][setting]}
            psnr.pop("target_only", None)
            assert max(psnr, key=psnr.get) == "dada" and len(psnr) == 5
    ceilings = {}
    for pair, numbers in reported.content["results"]["real"]["target_only"].items():
        assert ceilings.setdefault(pair.split("-")[1], numbers) == numbers
    assert ceilings["sony"]["psnr_y"] == 32.72
    last = reported.content["ablation"]["rows"][-1]
    assert {key: last[key] for key in ("psnr_y", "ssim_rgb", "lpips_alex")} == (
        reported.content["results"]["real"]["dada"]["sony-olympus"]
    )


def test_best_and_second_best_are_marked_and_target_only_is_not(simulated):
    tex, _, html = made(simulated)
    line = next(line for line in tex.splitlines() if line.startswith("DADA &"))
    assert line.count(r"\textbf{") == 6
    assert all(
        mark not in line for line in tex.splitlines() if line.startswith("Target Only &") for mark in ("text", "under")
    )
    assert 'class="best"' in html or 'class="start best"' in html


def test_ranking_uses_printed_precision_and_direction():
    assert ranked([27.114, 27.106, 27.3, None, 26.0], 2, "higher") == [
        (False, True),
        (False, True),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert ranked([0.3, 0.2, 0.1004, 0.0996], 3, "lower") == [
        (False, False),
        (False, True),
        (True, False),
        (True, False),
    ]
    assert ranked([1.0], 2, "higher") == [(True, False)]
    assert ranked([None, None], 2, "higher") == [(False, False)] * 2


def test_signs():
    assert signed(-0.004, 2) == "0.00" and signed(0.004, 2) == "0.00"
    assert signed(0.5, 2) == "+0.50" and signed(-0.5, 2) == "−0.50"
    assert fixed(-0.5, 1) == "−0.5" and fixed(31, 2) == "31.00"


def test_unmeasured_metric_has_no_column_but_a_reason(simulated):
    tex, rows, html = made(simulated)
    assert not find(rows, metric="lpips_alex")
    assert r"LPIPS $\downarrow$" not in tex
    for text in (tex, html):
        assert "No LPIPS column: " + table_examples.REASON in text


def test_metric_missing_in_one_cell_is_a_dash(tmp_path):
    job = table_examples.comparison(tmp_path, simulated=True, settings=("real",), seeds=(0,), lpips=True, run=RUN)

    def drop(content):
        for values in (*content["images"].values(), content["mean"]):
            values.pop("lpips_alex")
        content["missing"] = {"lpips_alex": "no weights on that machine"}

    changed(job, "dada", drop)
    tex, rows, _ = made(job)
    assert r"\textendash{}" in next(line for line in tex.splitlines() if line.startswith("DADA &"))
    assert "no weights on that machine" in tex
    assert len(find(rows, method="dada", metric="lpips_alex")) == 5
    assert len(find(rows, method="dada - source_only", metric="lpips_alex")) == 5


def test_paper_edition_says_reported_ours_difference_and_verdict(paper):
    tex, rows, html = made(paper)
    for row in find(rows, method="dada", metric="psnr_y"):
        difference = float(row["value"]) - float(row["reported"])
        assert float(row["difference"]) == pytest.approx(difference)
        near = abs(round(difference, 2)) <= 0.1
        assert row["verdict"] == ("reproduced" if near else "not reproduced")
        assert f"{signed(difference, 2).replace('−', '$-$')}" in tex
    assert {row["verdict"] for row in rows if " - " not in row["method"]} == {"reproduced", "not reproduced", "no run"}
    cincgan = find(rows, method="cincgan")
    assert len(cincgan) == 6 * 2 * 3 and {row["verdict"] for row in cincgan} == {"no run"}
    assert all(not row["value"] and row["origin"] == "data/reported/dada.yaml" for row in cincgan)
    assert "CinCGAN & reported$\\dagger$ & 27.76" in tex
    assert tex.count(r"\begin{table}") == 2 and r"\usepackage{amssymb}" in tex
    assert r"\textbf{32.13}" in tex, "the paper's own best is marked among the reported numbers"
    assert "reported†" in html and "✓" in html


def test_verdict_follows_the_printed_difference(paper):
    reported = 32.13

    def shift(to):
        def change(content):
            by = to - content["mean"]["psnr_y"]
            content["mean"]["psnr_y"] += by
            for image in content["images"].values():
                image["psnr_y"] += by

        return change

    for value, expected in ((32.234, "reproduced"), (32.236, "not reproduced"), (32.026, "reproduced")):
        changed(paper, "dada", shift(value))
        _, rows, _ = made(paper)
        row = find(rows, method="dada", metric="psnr_y", setting="real", source="panasonic", target="sony")[0]
        assert (float(row["reported"]), row["verdict"]) == (reported, expected)


def test_missing_tolerance_is_refused(paper):
    paper.settings["tolerance"].pop("ssim_rgb")
    with pytest.raises(UserError, match="tolerance of ssim_rgb"):
        table.work(paper)


def test_several_seeds_give_mean_and_deviation(tmp_path):
    job = table_examples.comparison(tmp_path, simulated=True, settings=("real",), seeds=(0, 1, 2), lpips=False, run=RUN)
    tex, rows, html = made(job)
    place = {"method": "dada", "metric": "psnr_y", "source": "panasonic", "target": "sony"}
    values = [float(row["value"]) for row in find(rows, **place) if row["seed"].isdigit()]
    mean, std = (float(find(rows, seed=seed, **place)[0]["value"]) for seed in ("mean", "std"))
    assert len(values) == 3
    assert mean == pytest.approx(sum(values) / 3) and std == pytest.approx(statistics.stdev(values))
    assert rf"{mean:.2f}}}{{\fontsize{{6}}{{7}}\selectfont\,$\pm${std:.2f}}}" in tex
    assert f"<small>±{std:.2f}</small>" in html
    gain = find(rows, seed="mean", **(place | {"method": "dada - source_only"}))[0]
    base = find(rows, seed="mean", **(place | {"method": "source_only"}))[0]
    assert float(gain["value"]) == pytest.approx(mean - float(base["value"]))
    assert "± over seeds" in html and "interval" not in html.partition("<main>")[2]
    assert {row["seed"] for row in find(rows, method="bicubic")} == {"0"}


def test_cross_device_marks_the_own_camera(tmp_path):
    tex, rows, _ = made(table_examples.crossdevice(tmp_path))
    assert len(rows) == 9
    for index, camera in enumerate(table_examples.CAMERAS):
        label = table_examples.CAMERAS[camera]
        cells = next(line for line in tex.splitlines() if line.startswith(f"{label} &")).split("&")[1:]
        assert [r"\textbf{\underline{" in cell for cell in cells] == [other == index for other in range(3)]
    assert "best on 3 of 3 cameras" in tex


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["mean"].update(psnr_y=40.0), "changed by hand"),
        (lambda c: c.update(camera="olympus"), "is of camera 'olympus', expected 'sony'"),
        (lambda c: c.update(scale=2), "is of scale 2"),
        (lambda c: c.pop("images"), "has no images"),
        (lambda c: c["mean"].pop("ssim_rgb"), "neither ssim_rgb nor a reason"),
    ],
)
def test_bad_metrics_name_the_cell(simulated, change, message):
    changed(simulated, "dada", change)
    with pytest.raises(UserError, match=message) as caught:
        table.work(simulated)
    assert "dada, setting real, panasonic → sony, seed 0" in str(caught.value)
    assert not simulated.outputs["tex"].exists()


def test_missing_cells_are_named(simulated):
    cells = simulated.settings["cells"]
    dropped = next(c for c in cells if (c["method"], c["setting"], c["target"]) == ("dada", "synthetic", "olympus"))
    cells.remove(dropped)
    with pytest.raises(UserError, match="dada, setting synthetic, panasonic → olympus, seed 0: no metrics file"):
        table.work(simulated)
    cells.append(dropped)
    simulated.inputs["metrics"].remove(Path(dropped["metrics"]))
    with pytest.raises(UserError, match="not among the inputs"):
        table.work(simulated)
    simulated.inputs["metrics"].append(Path(dropped["metrics"]))
    Path(dropped["metrics"]).unlink()
    with pytest.raises(UserError, match=r"dada, setting synthetic, panasonic → olympus.*no such file"):
        table.work(simulated)


def test_different_test_images_are_refused(simulated):
    def drop(content):
        content["images"].pop("rocket")
        for metric in content["mean"]:
            content["mean"][metric] = statistics.fmean(image[metric] for image in content["images"].values())

    changed(simulated, "dada", drop)
    with pytest.raises(UserError, match="rocket"):
        table.work(simulated)


def test_same_inputs_give_the_same_bytes(simulated):
    first = made(simulated)
    assert made(simulated) == first


def sound(tex):
    """Environments and braces close, and every line of a tabular has the cells that its columns ask for."""
    body = re.sub(r"(?<!\\)%.*", "", tex)
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", body):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", body):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    for tabular in re.findall(r"\\begin\{tabular\}(.*?)\\end\{tabular\}", body, re.S):
        columns = len(re.findall(r"w\{[lc]\}", tabular.partition("\n")[0]))
        for line in (line for line in tabular.splitlines() if r"\\" in line):
            cells = re.split(r"(?<!\\)&", line.partition(r"\\")[0])
            spans = [int(match[1]) if (match := re.search(r"\\multicolumn\{(\d+)\}", cell)) else 1 for cell in cells]
            assert sum(spans) == columns, line


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_latex_is_sound(tmp_path, seeds):
    comparison, both = table_examples.comparison, ("real", "synthetic")
    jobs = [
        comparison(tmp_path / "a", simulated=True, settings=("real",), seeds=seeds, lpips=True, run=RUN),
        comparison(tmp_path / "b", simulated=False, settings=both, seeds=seeds, lpips=True, run=PAPER_RUN),
        table_examples.crossdevice(tmp_path / "c", seeds),
    ]
    for job in jobs:
        sound(made(job)[0])


def test_escape():
    assert latex.escape("50 % of a_b & c#1 {x} ~ ^ \\") == (
        r"50 \% of a\_b \& c\#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    assert latex.escape("P → S ±0.1 −2 [a] --flag") == r"P $\rightarrow$ S $\pm$0.1 $-$2 {[}a] -{}-flag"
    assert latex.escape("Müller, Çelik, Łódź") == "Müller, Çelik, Łódź"
    with pytest.raises(UserError, match="KATAKANA LETTER KA"):
        latex.escape("カメラ の")


def test_empty_cells_and_ragged_rows_are_refused():
    def panel(cells):
        return Panel("", ("Method",), (("A", 2),), ("x", "y"), (Section("", (Row(("m",), cells),)),))

    assert len(panel((Printed("1"), Printed("2"))).sections) == 1
    with pytest.raises(ValueError, match="empty cell"):
        panel((Printed("1"), Printed("")))
    with pytest.raises(ValueError, match="does not fill"):
        panel((Printed("1"),))


def test_shares_fill_the_line_and_line_up():
    def panel(label):
        row = Row((label,), (Printed("1"), Printed("22", "±0.1")))
        return Panel("", ("Method",), (("A", 2),), ("x", "y"), (Section("", (row,)),))

    first, second = shares(Document("t", "T", "C", False, (panel("short"), panel("a longer label"))))
    assert first == second and sum(first) == pytest.approx(1)


def test_html_stands_alone(simulated):
    _, _, html = made(simulated)
    assert not re.search(r"<script|src=|href=|url\(|@import", html)
    assert "simulated cameras</span>" in html


def test_tables_start_without_torch_and_matplotlib():
    code = "import sys, pipeline.tables.records; print([m for m in ('torch', 'matplotlib', 'snakemake') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
