"""An audit as one HTML page, no scripts: the verdict, the table with a link behind every number, every chain to its end."""

from html import escape
from itertools import groupby

from pipeline.audit import facts
from pipeline.audit.cells import FAILS, HOLDS, STATES, Checked, Number
from pipeline.audit.report import Node, Report
from pipeline.audit.text import problems, title
from pipeline.printing.html import page, style_of

STYLE = style_of(__file__)


def text(report: Report, checked: Checked) -> str:
    """The page of one table; `report` is of that table alone."""
    wrong = problems(report)
    ids = {receipt: f"r{number}" for number, receipt in enumerate(report.nodes)}
    numbers = {id(number): f"n{index}" for index, number in enumerate(checked.numbers)}
    body = [
        f"<h1>Audit of {escape(checked.target)}</h1>",
        _verdict(report, checked, wrong),
        *(_list("What does not hold", wrong) if wrong else ()),
        *(_diff(report.changed) if report.changed else ()),
        "<h2>Numbers</h2>\n<p>Each leads to what it follows from.</p>",
        *_overview(checked, numbers),
        "<h2>What every number follows from</h2>",
        *(_number(report, number, name, ids) for number in checked.numbers for name in [numbers[id(number)]]),
        "<h2>Receipts</h2>\n<p>Every job below the table: what it was told, ran on, read and left.</p>",
        *(_receipt(report, node, ids) for node in report.nodes.values()),
        "<h2>Code and packages</h2>\n<p>What the hashes in the receipts stand for.</p>",
        *_closures(report),
    ]
    return page(f"Audit of {checked.target}", "\n".join(body), STYLE)


def _verdict(report: Report, checked: Checked, wrong: list[str]) -> str:
    failing = sum(number.mark == FAILS for number in checked.numbers)
    said = (
        f"{len(checked.numbers)} numbers, {failing} of which do not follow; "
        if failing
        else f"{len(checked.numbers)} numbers; "
    )
    said += f"{len(report.nodes)} receipts; {len(wrong)} problems; {len(report.absent)} files not here"
    said += ", judged by their receipts alone." if report.absent else "."
    word = "holds" if report.holds else "does not hold"
    return (
        f'<div class="verdict{"" if report.holds else " fails"}"><strong>{escape(checked.target)} {word}.</strong>'
        f"<p>{said}</p></div>"
    )


def _list(heading: str, lines: list[str]) -> list[str]:
    items = "".join(f"<li>{escape(line)}</li>\n" for line in lines)
    return [f'<h2>{heading}</h2>\n<ul class="problems">\n{items}</ul>']


def _diff(lines: list[str]) -> list[str]:
    return [f"<h2>What git knows of the changes</h2>\n<pre><code>{escape(chr(10).join(lines))}</code></pre>"]


def _overview(checked: Checked, ids: dict[int, str]) -> list[str]:
    """The table's own rows, one block per set of columns."""
    parts = []
    for columns, rows in groupby(checked.rows, key=lambda row: [number.column for number in row]):
        rows = list(rows)
        heading = rows[0][0].place[0] if len(rows[0][0].place) > 2 else ""
        heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
        lines = "".join(_row(row, ids, bool(heading)) for row in rows)
        caption = f"<caption>{escape(heading)}</caption>" if heading else ""
        parts.append(
            f'<div class="scroll"><table class="numbers">{caption}<thead><tr><th></th>{heads}</tr></thead>\n'
            f"<tbody>\n{lines}</tbody></table></div>"
        )
    return parts


def _row(row: list[Number], ids: dict[int, str], headed: bool) -> str:
    cells = "".join(
        f'<td class="{"fails" if number.mark == FAILS else "ok"}">'
        + (f'<a href="#{ids[id(number)]}">{escape(number.text)}</a>' if id(number) in ids else escape(number.text))
        + "</td>"
        for number in row
    )
    return f'<tr><th class="label">{escape(" · ".join(row[0].place[headed:]))}</th>{cells}</tr>\n'


def _mark(mark: str) -> str:
    kind = {HOLDS: "", FAILS: " fails"}.get(mark, " absent")
    return f'<span class="mark{kind}" title="{STATES[mark]}">{mark}</span>'


def _number(report: Report, number: Number, name: str, ids: dict[str, str]) -> str:
    inside = [f"<p>{escape(number.source)}</p>"]
    inside += [f'<p class="mark fails">{escape(problem)}</p>' for problem in number.problems]
    for path, values in facts.values(number).items():
        shown = ", ".join(f"{image} {value:.6g}" for image, value in values.items())
        inside.append(f"<dl><dt>per image</dt><dd><code>{escape(path)}</code><br>{escape(shown)}</dd></dl>")
    chain = dict.fromkeys(receipt for start in number.chain for receipt in report.below(start))
    links = "".join(f"<li>{_link(report.nodes[receipt], ids)}</li>\n" for receipt in chain)
    inside.append(f'<ol class="chain">\n{links}</ol>' if links else "")
    summary = f"{_mark(number.mark)} <b>{escape(number.text)}</b> {escape(number.where)}"
    return f'<details><summary>{summary}</summary><div class="inside" id="{name}">{"".join(inside)}</div></details>'


def _link(node: Node, ids: dict[str, str]) -> str:
    said = escape(title(node)[1:])
    return f'{_mark(node.mark)} <a href="#{ids[node.receipt.path]}">{said}</a>'


def _receipt(report: Report, node: Node, ids: dict[str, str]) -> str:
    inside = "".join(f'<p class="mark fails">{escape(str(reason))}</p>' for reason in node.reasons)
    lines = ""
    for heading, values in facts.of(node, brief=True).items():
        lines += f"<dt>{escape(heading)}</dt><dd>{_values(values)}</dd>\n"
    needs = "".join(f"<li>{_link(report.nodes[other], ids)}</li>\n" for other in node.needs)
    needs = f'<p>rests on</p><ol class="chain">\n{needs}</ol>' if needs else ""
    summary = f"{_mark(node.mark)} {escape(title(node)[1:])}"
    name = ids[node.receipt.path]
    return f'<details><summary>{summary}</summary><div class="inside" id="{name}">{inside}<dl>{lines}</dl>{needs}</div></details>'


def _values(values: dict[str, str]) -> str:
    return "<br>".join(f"{escape(name)} <code>{escape(value)}</code>" for name, value in values.items())


def _closures(report: Report) -> list[str]:
    """Every set of modules and of locked packages once."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for node in report.nodes.values():
        told = facts.of(node)
        for heading in ("code", "packages"):
            if heading in told:
                found.setdefault(next(iter(told[heading].values())), (heading, told[heading]))
    return [
        f'<details><summary>{heading} <code>{digest}</code></summary><div class="inside">{_values(values)}</div></details>'
        for digest, (heading, values) in found.items()
    ]
