"""The claims job: a page without scripts, contradictions first, and a CSV of every computation."""

import csv
import re
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.jobs import claims
from pipeline.provenance.job import Job
from tests.claims_examples import written

ROOT = Path(__file__).resolve().parents[2]
HOLDS = "{word: growth, of: {table: I, method: base, metric: size}, along: scale, at_least: 53}"
URBAN = "at: {table: I, scale: 2, dataset: urban, metric: psnr}"
CONTRADICTED = f"{{word: lead, {URBAN}, of: {{method: ours}}, over: {{table: I}}, printed: 0.01}}"
FIGURES = "{word: growth, of: {table: I, metric: size}, along: scale}"
UNCHECKED = "{word: unchecked, reason: Not printed.}"


def job(folder: Path, paper: str = "toy", numbers: Path | None = None, claimed: Path | None = None) -> Job:
    inputs = {"numbers": [numbers or folder / "toy.yaml"], "claims": [claimed or folder / "claims.yaml"]}
    outputs = {kind: folder / f"claims.{kind}" for kind in ("html", "csv")}
    return Job("claims", {"paper": paper}, {"paper": paper}, inputs, outputs, {}, "0" * 64)


def made(task: Job) -> tuple[str, list[dict]]:
    claims.work(task)
    rows = csv.DictReader(task.outputs["csv"].read_text(encoding="utf-8").splitlines())
    return task.outputs["html"].read_text(encoding="utf-8"), list(rows)


@pytest.fixture
def toy(tmp_path):
    """Four claims, one of each verdict, in another order than the page's."""
    _, path = written(tmp_path, HOLDS)
    text = path.read_text(encoding="utf-8")
    for name, check in (("F", FIGURES), ("U", UNCHECKED), ("C", CONTRADICTED)):
        text += f"  - id: {name}\n    claim: a <b> & c\n    where: here\n    severity: B\n    implied: yes\n    check: {check}\n"
    path.write_text(text, encoding="utf-8")
    return made(job(tmp_path))


def test_contradictions_stand_first_and_everything_is_counted(toy):
    page, _ = toy
    order = [
        page.index(f">{heading} (1)<") for heading in ("Contradicted", "Cannot be checked", "Figures only", "Holds")
    ]
    assert order == sorted(order)
    assert re.findall(r"<b>(\d+)</b>([a-z ]+)", page) == [
        ("1", "contradicted"), ("1", "cannot be checked"), ("1", "figures only"), ("1", "holds"),
    ]  # fmt: skip
    assert "1 within rounding" in page and "rounding could explain it" in page


def test_page_shows_the_computation_and_runs_nothing(toy):
    page, _ = toy
    assert "25.40 \N{MINUS SIGN} 25.40 (Rival) = 0.00" in page and "printed: 0.01" in page and "Not printed." in page
    assert "<script" not in page and "http" not in page and "a &lt;b&gt; &amp; c" in page and "<b> &" not in page


def test_csv_holds_every_computation(toy):
    _, rows = toy
    assert [(row["id"], row["verdict"], row["fits"]) for row in rows] == [
        ("X", "holds", "yes"),
        *[("F", "figures only", "")] * 3,
        ("U", "cannot be checked", ""),
        ("C", "contradicted", "within rounding"),
    ]
    assert rows[-1] | {"computation": "25.40 - 25.40 (Rival) = 0.00", "printed": "0.01", "implied": "yes"} == rows[-1]
    assert rows[4]["compared"] == "Not printed."


@pytest.mark.parametrize("paper", ["dada", "cdasr", "lway", "dan"])
def test_every_line_of_a_paper_is_on_its_page_and_in_its_csv(tmp_path, paper):
    files = [ROOT / f"data/reported/{place}{paper}.yaml" for place in ("", "claims/")]
    page, rows = made(job(tmp_path, paper, *files))
    marks = sum(page.count(f'<td class="mark">{mark}</td>') for mark in "✓✗·")
    assert marks == sum(bool(row["computation"]) for row in rows) > 5
    assert page.count("<article>") == len({row["id"] for row in rows})
    assert page.count("✗") == sum(row["fits"] in ("no", "within rounding") for row in rows)


def test_claims_of_another_paper_are_refused(tmp_path):
    written(tmp_path, HOLDS)
    with pytest.raises(UserError, match="of paper 'toy', expected 'other'"):
        claims.work(job(tmp_path, "other"))
    assert not (tmp_path / "claims.html").exists()


def test_missing_file_is_named(tmp_path):
    written(tmp_path, HOLDS)
    with pytest.raises(UserError, match=r"absent\.yaml: no such file"):
        claims.work(job(tmp_path, numbers=tmp_path / "absent.yaml"))
