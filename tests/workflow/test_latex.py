"""Tables through the real pdflatex on a minimal A4 page: they compile, nothing is overfull, the picture is not empty.

Marked `latex`: deselected where LaTeX is absent, except in CI (CI=true), where its absence is a failure.
"""

import csv
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from pipeline.jobs import table
from tests import table_examples

pytestmark = pytest.mark.latex

DOTS_PER_INCH = 100
BOTH = ("real", "synthetic")
OURS = ("bicubic", "source_only", "dada", "target_only")
PAPER = ("source_only", "dada", "target_only")
EXAMPLES = {
    "simulated": lambda folder: table_examples.comparison(
        folder, simulated=True, settings=BOTH, seeds=(0,), lpips=False, run=OURS
    ),
    "simulated_lpips": lambda folder: table_examples.comparison(
        folder, simulated=True, settings=BOTH, seeds=(0,), lpips=True, run=OURS
    ),
    "simulated_seeds": lambda folder: table_examples.comparison(
        folder, simulated=True, settings=("real",), seeds=(0, 1, 2), lpips=True, run=OURS
    ),
    "paper": lambda folder: table_examples.comparison(
        folder, simulated=False, settings=BOTH, seeds=(0,), lpips=False, run=PAPER
    ),
    "paper_seeds": lambda folder: table_examples.comparison(
        folder,
        simulated=False,
        settings=BOTH,
        seeds=(0, 1, 2),
        lpips=True,
        run=(*PAPER, "cincgan", "dasr", "drn_adapt"),
    ),
    "crossdevice": lambda folder: table_examples.crossdevice(folder, seeds=(0, 1)),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_compiles_fits_and_renders(tmp_path, example):
    for program in ("pdflatex", "pdftoppm", "pdftotext"):
        assert shutil.which(program), f"{program} is not there: apt-get install texlive-latex-recommended poppler-utils"
    job = EXAMPLES[example](tmp_path)
    table.work(job)
    log = compiled(tmp_path, job.outputs["tex"])
    for complaint in ("Overfull", "Float too large", "Missing character", "Font Warning", "undefined"):
        assert complaint not in log, "\n".join(line for line in log.splitlines() if complaint in line)

    text = subprocess.run(
        ["pdftotext", "-layout", "page.pdf", "-"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    for row in csv.DictReader(job.outputs["csv"].read_text(encoding="utf-8").splitlines()):
        if row["metric"] == "psnr_y" and row["seed"] == "mean" and " - " not in row["method"]:
            assert f"{float(row['value']):.2f}" in text.stdout

    subprocess.run(["pdftoppm", "-r", str(DOTS_PER_INCH), "-png", "page.pdf", "page"], cwd=tmp_path, check=True)
    pages = sorted(tmp_path.glob("page-*.png"))
    assert 1 <= len(pages) <= 3
    for page in pages:
        inside_the_margins(page)


def compiled(folder, table):
    """Typeset the table on A4, 10 pt, margins of 25 mm, with the packages that its own comment asks for; the log."""
    tex = table.read_text(encoding="utf-8")
    packages = re.findall(r"^% +(\\usepackage\{\w+\})$", tex, re.M)
    assert r"\usepackage{booktabs}" in packages
    lines = [r"\documentclass[10pt]{article}", r"\usepackage[a4paper,margin=25mm]{geometry}", *packages]
    lines += [r"\begin{document}", rf"\input{{{table.name}}}", r"\end{document}"]
    (folder / "page.tex").write_text("\n".join(lines), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
    log = (folder / "page.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-3000:]
    # Lines of the log are broken at 79 characters, which would hide a complaint.
    return re.sub(r"(?<=.{79})\n", "", log)


def inside_the_margins(page):
    """The page is A4, has a table's worth of ink, and none of it in the left and right margins."""
    ink = np.asarray(Image.open(page).convert("L")) < 128
    height, width = ink.shape
    assert abs(width - 210 / 25.4 * DOTS_PER_INCH) < 2 and abs(height - 297 / 25.4 * DOTS_PER_INCH) < 2
    assert 0.003 < ink.mean() < 0.3
    margin = int(24.5 / 25.4 * DOTS_PER_INCH)
    assert not ink[:, :margin].any() and not ink[:, -margin:].any(), f"{page}: something sticks out of the text"
