"""Job: a paper's printed claims, asked of its own printed numbers → a page and a CSV of what follows and what does not.

inputs: numbers (data/reported/<paper>.yaml), claims (data/reported/claims/<paper>.yaml) · outputs: html, csv.
"""

from collections import Counter
from dataclasses import dataclass

from pipeline.claims import file
from pipeline.claims import page as claims_page
from pipeline.claims.numbers import Numbers
from pipeline.files import csv_text, write_text
from pipeline.provenance import job
from pipeline.settings import build

COLUMNS = [
    "id",
    "severity",
    "verdict",
    "claim",
    "implied",
    "where",
    "compared",
    "place",
    "computation",
    "printed",
    "fits",
]


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
    write_text(task.outputs["csv"], csv_text(COLUMNS, records(findings)))
    write_text(task.outputs["html"], claims_page.render(numbers, claims, findings))
    return {"verdicts": Counter(finding.verdict for finding in findings)}


def records(findings: list[file.Finding]) -> list[dict]:
    """One row for every computation, and one for a check that computes nothing."""
    rows = []
    for finding in findings:
        claim = finding.claim
        head = {"id": claim.id, "severity": claim.severity, "verdict": finding.verdict, "claim": claim.claim}
        head |= {"implied": "yes" if claim.implied else "", "where": claim.where}
        for outcome in finding.outcomes:
            rows += [head | {"compared": outcome.basis} | _line(line) for line in outcome.lines] or [
                head | {"compared": outcome.basis}
            ]
    return rows


def _line(line) -> dict:
    fits = {True: "yes", False: "within rounding" if line.rounding else "no", None: ""}[line.fits]
    return {"place": line.place, "computation": line.text, "printed": line.printed, "fits": fits}


if __name__ == "__main__":
    job.run(work)
