"""The page of a paper's claims: no scripts, contradictions first, every verdict with its computation."""

import re
from collections import Counter
from html import escape

from pipeline.claims.file import SEVERITIES, Claims, Finding
from pipeline.claims.numbers import Numbers
from pipeline.claims.verdicts import CONTRADICTED, FIGURES, HOLDS, UNCHECKED, Line, Outcome
from pipeline.printing import html
from pipeline.printing.document import MINUS

SECTIONS = {
    CONTRADICTED: ("Contradicted", "Does not follow from the numbers that the paper prints."),
    UNCHECKED: ("Cannot be checked", "Needs numbers that are not printed, or that could not be read."),
    FIGURES: ("Figures only", "Computed from the printed numbers and stated without a verdict."),
    HOLDS: ("Holds", "Follows from the printed numbers."),
}
SHOWN = 8  # lines that are open; more are folded, except those that contradict a claim
STYLE = html.style_of(__file__)


def render(numbers: Numbers, claims: Claims, findings: list[Finding]) -> str:
    """The whole page."""
    title = f"Printed claims of {numbers.short}"
    source = numbers.source
    lead = f"<cite>{escape(source['title'])}</cite>, {escape(source['venue'])}, arXiv {escape(source['arxiv'])}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{lead}</p>',
        "<p>Each claim is asked of the numbers that the paper itself prints, in exact decimals. No number is corrected. "
        "<em>Contradicted</em> says that a claim does not follow from the printed numbers, not why: a slip of the pen, "
        "rounding, or another reading of the sentence may be behind it. Claims marked <em>implied</em> are not stated "
        "in the text but are to be expected of the tables.</p>",
        _counts(findings),
    ]
    for verdict, (heading, meaning) in SECTIONS.items():
        of_it = [finding for finding in findings if finding.verdict == verdict]
        if of_it:
            body += [f"<h2>{heading} ({len(of_it)})</h2>", f'<p class="quiet">{meaning}</p>', *map(_article, of_it)]
    body.append(_footer(numbers, claims))
    return html.page(title, "\n".join(body), STYLE)


def _counts(findings: list[Finding]) -> str:
    counted = Counter(finding.verdict for finding in findings)
    near = sum(_near(finding) for finding in findings)
    rounding = f"; {near} within rounding" if near else ""
    items = "".join(
        f'<li class="{verdict.split()[0]}"><b>{counted[verdict]}</b>{verdict}{rounding if verdict == CONTRADICTED else ""}</li>'
        for verdict in SECTIONS
    )
    return f'<ul class="counts">{items}</ul>\n<p class="quiet">{len(findings)} claims.</p>'


def _near(finding: Finding) -> bool:
    """Whether rounding of the printed numbers could explain the contradiction."""
    wrong = [line for outcome in finding.outcomes for line in outcome.lines if line.fits is False]
    return finding.verdict == CONTRADICTED and all(line.rounding for line in wrong)


def _article(finding: Finding) -> str:
    claim = finding.claim
    tags = '<span class="tag">implied</span> ' if claim.implied else ""
    tags += '<span class="tag near">rounding could explain it</span>' if _near(finding) else ""
    head = f'<h3><span class="id">{escape(claim.id)}</span>{escape(claim.claim)} {tags}</h3>'
    where = f'<p class="where">{escape(claim.where)} · {claim.severity}: {SEVERITIES[claim.severity]}</p>'
    note = f'<p class="note">{escape(claim.note)}</p>' if claim.note else ""
    return f"<article>\n{head}\n{where}\n{note}\n{''.join(map(_outcome, finding.outcomes))}</article>"


def _outcome(outcome: Outcome) -> str:
    summary = f" · {outcome.summary}" if outcome.summary else ""
    basis = f'<p class="basis">{_minus(outcome.basis)}{escape(summary)}</p>\n'
    wrong = [line for line in outcome.lines if line.fits is False]
    if len(outcome.lines) <= SHOWN and not all(line.missing for line in outcome.lines):
        return basis + _table(outcome.lines)
    others = [line for line in outcome.lines if line.fits is not False]
    folded = f"<details><summary>{_fold_title(others, wrong)}</summary>{_table(others)}</details>\n" if others else ""
    return basis + (_table(wrong) if wrong else "") + folded


def _fold_title(lines: list[Line], wrong: list[Line]) -> str:
    if all(line.missing for line in lines):
        return f"{len(lines)} lines without a printed number"
    return f"{len(lines)} {'more lines, which fit' if wrong else 'lines'}"


def _table(lines) -> str:
    rows = "".join(map(_row, lines))
    return f'<table class="lines"><tbody>\n{rows}</tbody></table>\n'


def _row(line: Line) -> str:
    mark = {True: "✓", False: "✗", None: "·"}[line.fits]
    printed = (
        f"{'printed' if re.match('[-0-9]', line.printed) else 'expected'}: {_minus(line.printed)}"
        if line.printed
        else ""
    )
    kind = ' class="no"' if line.fits is False else ""
    place = f'<td class="place">{escape(line.place)}</td>'
    return f'<tr{kind}><td class="mark">{mark}</td>{place}<td class="text">{_minus(line.text)}</td><td>{printed}</td></tr>\n'


def _minus(text: str) -> str:
    """Escaped, with true minus signs where a number or a computation has them."""
    return re.sub(r"(?<![\w)])-(?=\d)", MINUS, escape(text).replace(" - ", f" {MINUS} "))


def _footer(numbers: Numbers, claims: Claims) -> str:
    severities = "; ".join(f"{name}: {meaning}" for name, meaning in SEVERITIES.items())
    notes = [*claims.about, f"What hangs on a claim: {severities}.", f"Numbers: {numbers.path}; claims: {claims.path}."]
    return (
        '<footer>\n<ul class="notes">\n' + "".join(f"<li>{escape(note)}</li>\n" for note in notes) + "</ul>\n</footer>"
    )
