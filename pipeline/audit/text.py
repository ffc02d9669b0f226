"""An audit as text: the tree from numbers to data with what does not hold and the verdict, or one number's whole chain."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.audit import facts
from pipeline.audit.cells import ABSENT, FAILS, Checked, Number
from pipeline.audit.report import Node, Report
from pipeline.errors import UserError
from pipeline.provenance import receipts

# Longer trees show their numbers and what fails; if that is still too long, only what fails.
LINES = 250
CHANGES = 20  # settings that are told one by one
WIDTH = 120
HASH = 16  # digits of a hash that are shown; the page and the JSON file have all


def tree(report: Report, whole: bool = False) -> str:
    """The report for a terminal: verdict and problems last, where the eye is; `whole`: the tree however long."""
    lines = list(_Tree(report).lines())
    if len(lines) > LINES and not whole:
        kept = [line for line in lines if line.number or line.fails]
        kept = kept if len(kept) <= LINES else [line for line in lines if line.fails]
        left_out = f"… {len(lines) - len(kept)} lines of receipts that hold are not shown; --whole shows them"
        lines = [*kept, _Line(left_out)]
    shown, wrong = [line.text for line in lines], problems(report)
    if wrong:
        shown += ["", "what does not hold:", *(f"{FAILS} {problem}" for problem in wrong)]
    if report.changed:
        shown += ["", "what git knows of the changes:", *(f"  {line}" for line in report.changed)]
    numbers = sum(len(checked.numbers) for checked in report.tables.values())
    counts = [f"{numbers} numbers"] if report.tables else []
    counts += [f"{len(report.nodes)} receipts", f"{len(wrong)} problems", f"{len(report.absent)} files not here"]
    verdicts = [f"{target}: {'holds' if report.part(target).holds else 'does NOT hold'}" for target in report.targets]
    return "\n".join([*shown, "", ", ".join(counts), *verdicts])


def problems(report: Report) -> list[str]:
    """Everything that does not hold: numbers, settings, then files and receipts; what many receipts share once."""
    found = [text for checked in report.tables.values() for text in checked.problems]
    found += report.complaints
    changes = [f"{change}  ({count} receipts)" for change, count in report.settings.items()]
    found += changes[:CHANGES] + ([f"{len(changes) - CHANGES} more settings"] if len(changes) > CHANGES else [])
    shared: dict[str, list[str]] = {}
    for path, node in report.nodes.items():
        for reason in (reason for reason in node.reasons if reason.kind != "setting"):
            shared.setdefault(str(reason), []).append(path)
    for reason, paths in shared.items():
        named = any(path.removesuffix(receipts.SUFFIX) in reason for path in paths)
        where = "" if named else f" (of {paths[0]}" + (f" and {len(paths) - 1} more)" if len(paths) > 1 else ")")
        found.append(reason + where)
    return list(dict.fromkeys(found))


def title(node: Node) -> str:
    """A receipt in one line: verdict, kind of job, wildcards that its path does not tell, first output."""
    first = node.receipt.path.removesuffix(receipts.SUFFIX)
    wildcards = (f"{name}={value}" for name, value in node.receipt.key["wildcards"].items() if value not in first)
    absent = ["(not here, judged by its receipt)"] if node.mark == ABSENT else []
    return " ".join([node.mark, node.receipt.key["kind"], *wildcards, f" {first}", *absent])


def chain(report: Report, pattern: str) -> str:
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


@dataclass(frozen=True)
class _Line:
    """A line of the tree, of a number (or its heading) or of a receipt."""

    text: str
    number: bool = False

    @property
    def fails(self) -> bool:
        return self.text.lstrip().startswith(FAILS)


class _Tree:
    """Lines from the targets down; what was shown once is referred to."""

    def __init__(self, report: Report):
        self.report, self.seen = report, set()

    def lines(self) -> Iterator[_Line]:
        for root in self.report.roots:
            yield from self._receipt(root, 0)

    def _receipt(self, path: str, depth: int) -> Iterator[_Line]:
        node, again = self.report.nodes[path], path in self.seen
        self.seen.add(path)
        told = [title(node) + (" (see above)" if again else ""), *map(str, node.reasons)]
        yield _Line("  " * depth + "; ".join(told))
        if again:
            return
        if path in self.report.tables:
            yield from self._numbers(self.report.tables[path], depth + 1)
        for other in node.needs:
            if other not in self.seen or path not in self.report.tables:
                yield from self._receipt(other, depth + 1)

    def _numbers(self, checked: Checked, depth: int) -> Iterator[_Line]:
        place = None
        for number in checked.numbers:
            if number.place != place:
                place = number.place
                yield _Line("  " * depth + " · ".join(place), number=True)
            known = " (see above)" if number.chain and self.seen.issuperset(number.chain) else ""
            wrong = f"; {len(number.problems)} problems, see below" if number.problems else ""
            line = f"{number.mark} {number.text:8} {number.column} = {number.source}{known}{wrong}"
            yield _Line("  " * (depth + 1) + line, number=True)
            for path in number.chain:
                if path not in self.seen:
                    yield from self._receipt(path, depth + 2)


def _number(report: Report, number: Number, shown: set[str]) -> Iterator[str]:
    """The chain of one number; a receipt that was `shown` before is only named."""
    yield f"{number.mark} {number.text}  {number.where}"
    yield f"  {number.source}"
    for path, values in facts.values(number).items():
        yield from _wrapped(f"{path}: ", ", ".join(f"{name} {value:.6g}" for name, value in values.items()), 2)
    yield from (f"  {FAILS} {problem}" for problem in number.problems)
    for path in (name for start in number.chain for name in report.below(start)):
        node = report.nodes[path]
        yield f"  {title(node)}{' (see above)' if path in shown else ''}"
        yield from (f"    {FAILS} {reason}" for reason in node.reasons)
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
