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
from pipeline.errors import UserError

REPORTED = Path(__file__).resolve().parents[2] / "data/reported"
PAPERS = ("dada", "cdasr", "lway", "dan")
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
# Which lines do not fit, and what the others say; the first word of a line is its check (from 0).
DADA = {
    "D7": [
        "0 Synthetic → Real, O→P: 0.808 - 0.808 (Source Only, DRN-Adapt) = 0.000",
        "0 Synthetic → Real, O→S: 0.829 - 0.829 (DRN-Adapt) = 0.000",
    ],
    "D10": ["0 P→S: 0.319, 0.327 (+0.008)", "0 O→S: 0.330, 0.343 (+0.013)"],
    "D14": ["0 P→S: 31.39, 31.36 (-0.03)", "0 O→P: 30.42, 30.42 (0.00)", "0 O→S: 31.41, 30.49 (-0.92)"],
}
CDASR = {
    "A1": [
        f"{check} {place}"
        for check in (0, 1)
        for place in (
            "BSD100, PSNR: 27.61 and 27.98 (-0.37)", "BSD100, SSIM: 0.7366 and 0.7508 (-0.0142)",
            "Urban100, PSNR: 26.14 and 27.81 (-1.67)", "Urban100, SSIM: 0.7871 and 0.8321 (-0.0450)",
            "Manga109, PSNR: 30.42 and 32.41 (-1.99)", "Manga109, SSIM: 0.9074 and 0.9289 (-0.0215)",
        )
    ],
    "A2": [
        f"0 {place}: {value} and {value}, equal"
        for place, value in {
            "BSD100, PSNR": "27.61", "BSD100, SSIM": "0.7366", "Urban100, PSNR": "26.14",
            "Urban100, SSIM": "0.7871", "Manga109, PSNR": "30.42", "Manga109, SSIM": "0.9074",
        }.items()
    ],
    "A3": ["1 4 * (1105 - 1050.112) - 1000 * 238.7 / 230.4 = -816.5"],
    "A4": ["1 1000 * 63.8 / 57.6 - 1000 * 238.7 / 230.4 - 4 * (1132 - 1105) = -36.4"],
    "A7": [f"0 ×{scale}, {method}: DF2K" for method in ("SwinIR", "EDT†", "CDASR") for scale in (2, 4, 8)],
    "B1": ["0 0.15 and 0.07 (+0.08)"],
    "B2": [
        "0 PSNR: 23.12 - 23.26 (LatticeNet) = -0.14", "0 SSIM: 0.6673 - 0.6768 (LatticeNet) = -0.0095",
        "1 PSNR: 23.20 - 23.26 (LatticeNet) = -0.06", "1 SSIM: 0.6692 - 0.6768 (LatticeNet) = -0.0076",
    ],
    "B3": ["0 Urban100: 20.97 - 20.76 = 0.21"],
    "B4": ["0 BSD100, SSIM: 0.6302 - 0.6425 (LatticeNet) = -0.0123", "0 Manga109, PSNR: 26.51 - 26.54 (LAPAR) = -0.03"],
    "B6": [
        "0 ×4, Set5: 33.04, 33.01, 33.02", "0 ×4, BSD100: 27.98, 27.97, 28.00", "0 ×4, Urban100: 27.81, 27.80, 27.86",
        "0 ×8, Set5: 28.21, 28.19, 28.24", "1 ×4, Set5: 0.9053, 0.9050, 0.9052", "1 ×4, BSD100: 0.7508, 0.7506, 0.7511",
        "1 ×4, Urban100: 0.8321, 0.8319, 0.8326", "1 ×8, Set5: 0.8159, 0.8154, 0.8163",
    ],
    "B7": [
        "0 ×2, BSD100: 32.53, 32.53 (0.00)", "0 ×4, Set14: 29.11, 29.08 (-0.03)",
        "1 ×2, Set14: 34.57, 34.50 (-0.07)", "1 ×4, Set14: 29.09, 29.08 (-0.01)",
        "2 ×2, Set5: 0.9623, 0.9619 (-0.0004)", "2 ×2, Set14: 0.9250, 0.9247 (-0.0003)",
        "2 ×2, BSD100: 0.9041, 0.9038 (-0.0003)", "2 ×4, Set14: 0.7956, 0.7950 (-0.0006)",
        "3 ×2, Set14: 0.9258, 0.9247 (-0.0011)", "3 ×2, BSD100: 0.9041, 0.9038 (-0.0003)",
    ],
    "B8": [
        "0 Set14: 0.04 (×2), -0.03 (×4), 0.13 (×8)", "0 Urban100: 0.01 (×2), 0.36 (×4), 0.21 (×8)",
        "0 Manga109: 0.05 (×2), 0.38 (×4), 0.34 (×8)", "1 Set5: 0.07 (×2), 0.22 (×4), 0.20 (×8)",
        "1 Urban100: 0.02 (×2), 0.35 (×4), 0.23 (×8)",
    ],
    "B9": ["0 39.97 - 39.93 (EDT) = 0.04"],
    "B10": ["0 25.08 - 25.04 (EDT†) = 0.04"],
    "B12": [
        "0 BSD100: 0.05 (×2), 0.04 (×4)", "0 Urban100: 0.06 (×2), 0.04 (×4)", "0 Manga109: 0.08 (×2), 0.06 (×4)",
        "1 BSD100: 0.0005 (×2), 0.0005 (×4)", "1 Urban100: 0.0007 (×2), 0.0005 (×4)", "1 Manga109: 0.0005 (×2), 0.0005 (×4)",
    ],
    "T12": ["0 23.20 - 23.26 (LatticeNet) = -0.06"],
    "T14": ["0 23.12 - 23.26 (LatticeNet) = -0.14"],
    "T20": ["0 Manga109: 30.42 - 30.39 = 0.03"],
}  # fmt: skip
# Figures of claims that hold or are not judged, by (claim, check).
FIGURES = {
    ("dada", "D8", 0): "0.77 0.60 0.85 0.59 0.53 1.56",
    ("dada", "D8", 1): "0.11 0.29 0.32 0.32 0.54 0.11",
    ("dada", "D25", 0): "0.00 0.000 0.007 0.00 0.000 0.002",
    ("cdasr", "A3", 0): "54.9 81.9 134.9 187.9",
    ("cdasr", "A4", 0): "1036.0",
    ("cdasr", "A5", 0): "111 53 53 21 53 53 19 53 53 5 53 53 27 53 53",
    ("cdasr", "A6", 0): "0.846 0.873 0.861 0.858 0.856",
    ("cdasr", "A6", 1): "0.854 0.860 0.865 0.865 0.864",
    ("cdasr", "A9", 0): "-0.97 -0.96 -0.25 0.06 0.15 -0.0305 -0.0284 0.0130 0.0079 -0.0130",
    ("cdasr", "A11", 6): "0.02 0.02 0.02 0.02 0.04 0.01 0.01 0.01 0.01 0.02",
    ("cdasr", "B2", 2): "-0.06 0.02",
    ("cdasr", "B9", 1): "0.05",
    ("cdasr", "B10", 1): "0.06",
    ("cdasr", "B11", 0): "0.01 0.35 0.21 0.04 0.36 0.34",
    ("cdasr", "B14", 0): "0.00 0.31 0.34",
    ("cdasr", "T6", 1): "-0.14",
    ("cdasr", "T7", 1): "-0.15",
    ("cdasr", "T9", 0): "0.09 0.12 0.09 0.15 0.23",
    ("cdasr", "T10", 0): "0.29 0.23 0.13 0.21 0.30",
    ("cdasr", "T11", 0): "-0.04 -0.07 -0.01 0.02 -0.05",
    ("dan", "N1", 0): "30.0026 0.8425 0.8153 7.7763 0.3327",
    ("dan", "N2", 0): "27.9896 29.6479 0.8348 0.8057 7.8996 0.3471",
    ("lway", "W6", 0): "25",
}
TAUS = [
    "0.341, mean 0.731, different orders 9",
    "0.539, mean 0.759, different orders 10",
    "1.000, mean 1.000, different orders 1",
]
TAUS += [
    "-0.67, mean 0.26, different orders 8",
    "-0.89, mean 0.16, different orders 9",
    "1.00, mean 1.00, different orders 1",
]


def findings(paper: str, numbers: Path | None = None) -> dict[str, file.Finding]:
    claims = file.read(REPORTED / f"claims/{paper}.yaml", paper)
    found = file.examine(claims, Numbers(numbers or REPORTED / f"{paper}.yaml"))
    return {finding.claim.id: finding for finding in found}


@pytest.fixture(scope="module")
def found():
    return {paper: findings(paper) for paper in PAPERS}


def verdicts(found: dict[str, file.Finding]) -> dict[str, str]:
    return {name: finding.verdict for name, finding in found.items()}


def wrong(finding: file.Finding) -> list[str]:
    """Lines that do not fit, as `check place: computation`."""
    return [
        f"{number} {line.place}: {line.text}" if line.place else f"{number} {line.text}"
        for number, outcome in enumerate(finding.outcomes)
        for line in outcome.lines
        if line.fits is False
    ]


@pytest.mark.parametrize("paper", PAPERS)
def test_verdicts(found, paper):
    expected = {name: verdict for verdict, names in VERDICTS[paper].items() for name in names.split()}
    assert verdicts(found[paper]) == expected


@pytest.mark.parametrize(("paper", "claim"), [("dada", name) for name in DADA] + [("cdasr", name) for name in CDASR])
def test_contradictions_and_their_figures(found, paper, claim):
    assert sorted(wrong(found[paper][claim])) == sorted((DADA if paper == "dada" else CDASR)[claim])


def test_edt_is_ahead_in_all_cells_at_x2_and_on_three_sets_at_x4(found):
    places = {line.split(":")[0] for line in wrong(found["cdasr"]["B13"])}
    sets = ("Set5", "Set14", "BSD100", "Urban100", "Manga109")
    assert places == {
        f"{check} ×{scale}, {name}" for check in (0, 1) for scale, count in ((2, 5), (4, 3)) for name in sets[:count]
    }
    figures = [line.split("(")[1].rstrip(")") for line in wrong(found["cdasr"]["B13"])[:5]]
    assert figures == ["-0.17", "-0.30", "-0.09", "-0.45", "-0.40"]


@pytest.mark.parametrize(("paper", "claim", "check"), FIGURES)
def test_figures(found, paper, claim, check):
    lines = found[paper][claim].outcomes[check].lines
    ends = [re.search(r"[-+]?[\d.]+(?=\)?$)", line.text)[0].lstrip("+") for line in lines]
    assert " ".join(ends) == FIGURES[paper, claim, check]


def test_first_places_are_counted(found):
    dada = found["dada"]
    assert [outcome.summary for outcome in dada["D6"].outcomes] == ["first alone in 12 of 12"]
    assert [outcome.summary for outcome in dada["D7"].outcomes] == ["first alone in 10 of 12, level in 2"]
    assert [outcome.summary for outcome in dada["D11"].outcomes] == ["first alone in 12 of 12"]
    assert found["cdasr"]["A7"].outcomes[1].summary == "90 of 90"
    assert found["lway"]["W1"].outcomes[0].summary == "30 of 30 not printed"


def test_rank_agreement_of_the_columns(found):
    for outcome, tau in zip(found["cdasr"]["A11"].outcomes, TAUS, strict=False):
        assert outcome.lines[0].text == f"10 columns, 45 pairs: least tau {tau}"


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
