"""The papers' numbers and claims as they stand in data/reported: what follows, what does not, and that a digit matters."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.claims import file
from pipeline.claims.numbers import Cell, Numbers
from pipeline.claims.verdicts import Line
from pipeline.errors import UserError

REPORTED = Path(__file__).resolve().parents[2] / "data/reported"
PAPERS = ("dada", "cdasr", "lway", "dan")
FIGURE = re.compile(r"[-+]?\d+(?:\.\d+)?")
VERDICTS = {
    "dada": {
        "contradicted": "D7 D10 D14",
        "cannot be checked": "D26 D27 D28",
        "figures only": "D25",
        "holds": "D1 D2 D3 D4 D5 D6 D8 D9 D11 D12 D13 D15 D16 D17 D18 D19 D20 D21 D22 D23 D24",
    },
    "cdasr": {
        "contradicted": "A1 A2 A3 A4 A7 B1 B2 B3 B4 B6 B7 B8 B9 B10 B12 B13 T12 T14 T20",
        "cannot be checked": "A8 A10 B5 T11 T21",
        "figures only": "A5 A6 A9 A11 B11 B14",
        "holds": "A1x2 T1 T3 T4 T6 T7 T8 T9 T10 T11b T13 T15 T16 T17 T18 T19 E1 E2 E3 E4",
    },
    "lway": {"cannot be checked": "W1 W2 W3 W7", "figures only": "W5 W6", "holds": "W4"},
    "dan": {"cannot be checked": "N3 N5 N6", "figures only": "N4", "holds": "N1 N2"},
}


def findings(paper: str, numbers: Path | None = None) -> dict[str, file.Finding]:
    claims = file.read(REPORTED / f"claims/{paper}.yaml", paper)
    found = file.examine(claims, Numbers(numbers or REPORTED / f"{paper}.yaml"))
    return {finding.claim.id: finding for finding in found}


@pytest.fixture(scope="module")
def found():
    return {paper: findings(paper) for paper in PAPERS}


def verdicts(found: dict[str, file.Finding]) -> dict[str, str]:
    return {name: finding.verdict for name, finding in found.items()}


@pytest.mark.parametrize("paper", PAPERS)
def test_verdicts(found, paper):
    expected = {name: verdict for verdict, names in VERDICTS[paper].items() for name in names.split()}
    assert verdicts(found[paper]) == expected


@pytest.mark.parametrize(
    ("paper", "digest"),
    [
        ("dada", "9444798e74632bb5"),
        ("cdasr", "c69e3cc69a550afb"),
        ("lway", "ca67ecd7e3eeeca1"),
        ("dan", "c5f5d1476065981e"),
    ],
)
def test_every_line_has_the_figures_that_were_compared_with_the_paper(found, paper, digest):
    """All numbers that the page of the claims prints, and which lines fit; not its words. The page shows what changed."""
    lines = [
        [name, check, line.fits, line.rounding, FIGURE.findall(f"{line.place}: {line.text}")]
        for name, finding in found[paper].items()
        for check, outcome in enumerate(finding.outcomes)
        for line in (*outcome.lines, Line("", outcome.summary))
    ]
    assert hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:16] == digest


def test_contradictions_that_rounding_could_explain(found):
    near = {
        name
        for paper in PAPERS
        for name, finding in found[paper].items()
        if finding.verdict == "contradicted"
        and all(line.rounding for outcome in finding.outcomes for line in outcome.lines if line.fits is False)
    }
    assert near == {"D7", "B9", "T20"}


# What is retyped -> claims whose verdict changes.
MUTATIONS = [
    ("dada", r"(    dada:\n      panasonic-sony: \{psnr_y: 32\.1)3", "2", {"D1", "D3"}),
    (
        "dada",
        r"(    dasr:\n      panasonic-sony: \{psnr_y: 30\.08, ssim_rgb: 0\.777, lpips_alex: 0\.)269",
        "349",
        {"D11"},
    ),
    ("dada", r"(      olympus-panasonic: \{psnr_y: 30\.74, ssim_rgb: 0\.)808", "809", set()),
    ("dada", r"(      olympus-panasonic: \{psnr_y: 3)0(\.74)", "1", {"D13"}),
    ("dada", r"(attention: true, psnr_y: 31\.0)8", "7", {"D17", "D18", "D19", "D22"}),
    ("dada", r"(      panasonic-sony: \{psnr_y: 31\.3)6(, ssim_rgb: 0\.838)", "9", {"D1"}),
    ("cdasr", r"(bsd100: \{psnr: 25\.08, ssim: 0\.6291\}\n        urban100: \{psnr: 23\.1)2", "3", {"T6"}),
    ("cdasr", r"(      latticenet:\n.*\n.*\n.*\n        urban100: \{psnr: 23\.)26", "06", set()),
    ("cdasr", r"(        urban100: \{psnr: 20\.9)7", "8", {"T10"}),
    ("cdasr", r"(      full:\n        bsd100: \{psnr: 27\.6)1", "2", {"A2", "T18", "T19"}),
    ("cdasr", r"(        manga109: \{psnr: 24\.)08", "07", {"T10", "T13"}),
]


@pytest.mark.parametrize(("paper", "pattern", "digit", "expected"), MUTATIONS)
def test_a_retyped_digit_changes_exactly_the_claims_that_rest_on_it(found, tmp_path, paper, pattern, digit, expected):
    text = (REPORTED / f"{paper}.yaml").read_text(encoding="utf-8")
    place = re.search(pattern, text)
    tail = place[2] if place.re.groups > 1 else ""
    changed = f"{text[: place.start()]}{place[1]}{digit}{tail}{text[place.end() :]}"
    assert changed != text
    path = tmp_path / f"{paper}.yaml"
    path.write_text(changed, encoding="utf-8")
    now, before = verdicts(findings(paper, path)), verdicts(found[paper])
    assert {name for name in now if now[name] != before[name]} == expected


def test_every_number_that_a_printed_gain_rests_on_matters():
    """Whichever cell of the gains over EDT† at x8 and x16 is off by 0.01 dB, the claim that quotes it no longer holds."""
    claims = file.read(REPORTED / "claims/cdasr.yaml", "cdasr")
    numbers = Numbers(REPORTED / "cdasr.yaml")
    for scale, name in (("8", "T9"), ("16", "T10")):
        quoting = replace(claims, claims=tuple(claim for claim in claims.claims if claim.id == name))
        place = {"table": "III", "scale": scale, "metric": "psnr", "method": ["cdasr_5shot", "edt_pretrained"]}
        cells = numbers.select(place, "test")
        assert len(cells) == 10
        for cell in cells:
            at = numbers.cells.index(cell)
            numbers.cells[at] = Cell(cell.place, cell.value + Decimal("0.01"))
            assert file.examine(quoting, numbers)[0].verdict == "contradicted"
            numbers.cells[at] = cell
        assert file.examine(quoting, numbers)[0].verdict == "holds"


@pytest.mark.parametrize(
    ("paper", "count", "digest"),
    [
        ("dada", 210, "81252b8ae43df0e5"),
        ("cdasr", 714, "bed3f1f3586f1139"),
        ("lway", 85, "a279f6e425641991"),
        ("dan", 1164, "81940c56d449a8f8"),
    ],
)
def test_numbers_are_as_they_were_copied(paper, count, digest):
    """The digest was taken when a second program had compared every number with the copy of the paper it was taken from."""
    cells = [[sorted(cell.place.items()), str(cell.value)] for cell in Numbers(REPORTED / f"{paper}.yaml").cells]
    assert len(cells) == count
    assert hashlib.sha256(json.dumps(sorted(cells)).encode()).hexdigest()[:16] == digest


def edited(tmp_path, old: str, new: str) -> Path:
    text = (REPORTED / "claims/dada.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "dada.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: D2\n", "id: D1\n", "2 claims have the id 'D1'"),
        ("severity: B", "severity: D", r"claim 1 \(D1\): severity 'D'"),
        ("    where: Section 4.2, Real → Real\n", "", r"claim 1 \(D1\): 'where' is missing"),
        ("    where: ", "    were: ", r"claim 1 \(D1\): 'where' is missing"),
        ("paper: dada", "paper: dan", "expected 'dada'"),
        ("constants: {}", "constants: {a: 1}", "constant 'a'"),
        ("about:", "abut:", "expected exactly paper, about"),
        (
            "check: {word: unchecked, reason: The marks",
            "check: {wrd: unchecked, reason: The marks",
            "D26: 'None' is not a word",
        ),
        ("method: [source_only, dada]", "method: [source_only, data]", "claim D1: method 'data'"),
    ],
)
def test_bad_claims_file_is_refused_by_name(tmp_path, old, new, message):
    path = edited(tmp_path, old, new)
    with pytest.raises(UserError, match=message) as caught:
        file.examine(file.read(path, "dada"), Numbers(REPORTED / "dada.yaml"))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("paper", PAPERS)
def test_texts_are_whole_sentences(paper):
    """An unquoted ` #` ends a text in YAML: what follows would be lost without a word."""
    for line in (REPORTED / f"claims/{paper}.yaml").read_text(encoding="utf-8").splitlines():
        if " #" in line and not line.lstrip().startswith("#"):
            assert re.search(r'"[^"]* #[^"]*"', line), line


def test_no_torch():
    code = "import sys, pipeline.jobs.claims; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPORTED.parents[1], check=True, timeout=240
    )
    assert done.stdout.strip() == "False"
