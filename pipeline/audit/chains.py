"""One number's whole chain as text, down to the machine: `--cell PATTERN`."""

import textwrap
from collections.abc import Iterator

from pipeline.audit import facts
from pipeline.audit.cells import Number
from pipeline.audit.report import Report
from pipeline.audit.tree import title
from pipeline.errors import UserError

WIDTH = 120
HASH = 16  # digits of a hash that are shown; the page and the JSON file have all


def text(report: Report, pattern: str) -> str:
    """The chains of all numbers whose table, place or value holds every word of `pattern`; UserError for none."""
    words = pattern.lower().split()
    found = [
        number
        for checked in report.tables.values()
        for number in checked.numbers
        if all(word in f"{checked.target} {number.where} {number.text}".lower() for word in words)
    ]
    if not found:
        raise UserError(
            f"--cell '{pattern}': no number of {', '.join(report.targets)} has all these words in its place."
        )
    shown: set[str] = set()
    return "\n".join(line for number in found for line in _number(report, number, shown))


def _number(report: Report, number: Number, shown: set[str]) -> Iterator[str]:
    yield f"{number.mark} {number.text}  {number.where}"
    yield f"  {number.source}"
    for path, values in facts.values(number).items():
        yield from _wrapped(f"{path}: ", ", ".join(f"{name} {value:.6g}" for name, value in values.items()), 2)
    yield from (f"  ✗ {problem}" for problem in number.problems)
    for path in (name for start in number.chain for name in report.below(start)):
        node = report.nodes[path]
        yield f"  {title(node)}{' (see above)' if path in shown else ''}"
        yield from (f"    ✗ {reason}" for reason in node.reasons)
        if path not in shown:
            shown.add(path)
            for heading, values in facts.of(node, brief=True).items():
                yield from _wrapped(f"{heading:9} ", ", ".join(f"{n} {_short(v)}" for n, v in values.items()), 4)
    yield ""


def _wrapped(label: str, text: str, indent: int) -> list[str]:
    start, rest = " " * indent + label, " " * (indent + 10)
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False)


def _short(value: str) -> str:
    return f"{value[:HASH]}…" if len(value) == 64 and " " not in value else value
