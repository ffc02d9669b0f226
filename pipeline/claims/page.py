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
STYLE = """
main { max-width: 960px; }
.counts { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0 20px; padding: 0; list-style: none; }
.counts li { flex: 1 1 150px; border: 1px solid var(--line); border-radius: 8px; padding: 9px 14px; font-size: 13px;
  color: var(--soft); }
.counts b { display: block; font-size: 25px; line-height: 1.2; color: var(--ink); font-variant-numeric: tabular-nums; }
.counts .contradicted { border-color: #e0b4a8; background: #fdf4f1; }
.counts .contradicted b { color: #9b2c13; }
.lead { font-size: 16px; max-width: none; } .quiet { color: var(--soft); font-size: 13.5px; }
article { border-top: 1px solid var(--line); padding: 16px 0 6px; }
h2 + p { margin-bottom: 14px; }
article h3 { margin: 0 0 2px; font-size: 15.5px; line-height: 1.4; }
.id { display: inline-block; min-width: 3.2em; color: var(--soft); font-weight: 650; font-variant-numeric: tabular-nums; }
.where, .note, .basis { margin: 0 0 6px; font-size: 13px; color: var(--soft); max-width: none; }
.note { color: var(--ink); }
.basis { margin-top: 10px; color: var(--ink); }
.tag { border: 1px solid var(--line); border-radius: 999px; padding: 0 9px; font-size: 11.5px; font-weight: 500;
  color: var(--soft); white-space: nowrap; vertical-align: 1px; }
.tag.near { background: var(--badge); border-color: #ecd3a2; color: var(--accent); }
table.lines { width: auto; border: 0; font-size: 13px; margin: 0 0 6px; }
table.lines td { text-align: left; padding: 2px 18px 2px 0; vertical-align: top; white-space: normal; }
table.lines td.mark { width: 1.2em; padding-right: 8px; color: var(--soft); }
table.lines td.place { color: var(--soft); } table.lines td.place:not(:empty) { min-width: 9em; }
table.lines td.place:empty { padding: 0; }
table.lines tr.no td { color: #9b2c13; } table.lines tr.no td.place { color: #9b2c13; }
table.lines tr.no td.text { font-weight: 650; }
details { margin: 0 0 8px; font-size: 13px; } summary { cursor: pointer; color: var(--soft); }
@media print { article { break-inside: avoid; } table.lines { font-size: 8.5pt; } }
"""


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
