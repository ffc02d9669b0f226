"""Job: a paper's printed claims, asked of its own printed numbers → a page and a CSV of what follows and what does not.

inputs: numbers (data/reported/<paper>.yaml), claims (data/reported/claims/<paper>.yaml) · outputs: html, csv.
"""

from collections import Counter
from dataclasses import dataclass

from pipeline.claims import file
from pipeline.claims import page as claims_page
from pipeline.claims.numbers import Numbers
from pipeline.claims.verdicts import Line
from pipeline.files import csv_text, write_text
from pipeline.provenance import job
from pipeline.settings import build

FITS = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True)
class ClaimsSettings:
    """Everything a claims job is told."""

    paper: str


def work(task: job.Job) -> dict:
    """Write page and CSV. UserError names the file, the claim and what was expected of it."""
    settings = build(ClaimsSettings, task.settings)
    numbers = Numbers(task.input("numbers"))
    claims = file.read(task.input("claims"), settings.paper)
    findings = file.examine(claims, numbers)
    rows = records(findings)
    write_text(task.outputs["csv"], csv_text(rows[0], rows))
    write_text(task.outputs["html"], claims_page.render(numbers, claims, findings))
    return {"verdicts": Counter(finding.verdict for finding in findings)}


def records(findings: list[file.Finding]) -> list[dict]:
    """One row for every computation, and one for a check that computes nothing."""
    return [
        {
            "id": finding.claim.id,
            "severity": finding.claim.severity,
            "verdict": finding.verdict,
            "claim": finding.claim.claim,
            "implied": "yes" if finding.claim.implied else "",
            "where": finding.claim.where,
            "compared": outcome.basis,
            "place": line.place,
            "computation": line.text,
            "printed": line.printed,
            "fits": "within rounding" if line.rounding else FITS[line.fits],
        }
        for finding in findings
        for outcome in finding.outcomes
        for line in outcome.lines or (Line("", ""),)
    ]


if __name__ == "__main__":
    job.run(work)
