"""An audit as text: the tree from numbers to data, then what does not hold, then the verdict."""

from typing import TYPE_CHECKING

from pipeline.audit.marks import ABSENT, FAILS
from pipeline.provenance import receipts

if TYPE_CHECKING:
    from pipeline.audit.cells import Checked
    from pipeline.audit.report import Node, Report

# Longer trees show their numbers and what fails; if that is still too long, only what fails.
LINES = 250
CHANGES = 20  # settings that are told one by one


def text(report: "Report", whole: bool = False) -> str:
    """The report for a terminal: verdict and problems last, where the eye is; `whole`: the tree however long."""
    lines: list[str] = _Tree(report).lines
    if len(lines) > LINES and not whole:
        failing = [line for line in lines if line.fails]
        kept = [line for line in lines if line.fails or line.number]
        kept = kept if len(kept) <= LINES else failing
        lines = [*kept, f"… {len(lines) - len(kept)} lines of receipts that hold are not shown; --whole shows them"]
    wrong = problems(report)
    if wrong:
        lines += ["", "what does not hold:", *(f"{FAILS} {problem}" for problem in wrong)]
    if report.places:
        lines += ["", "what git knows of the changes:", *(f"  {place}" for place in report.places)]
    numbers = sum(len(checked.numbers) for checked in report.tables.values())
    counts = [f"{numbers} numbers"] if report.tables else []
    counts += [f"{len(report.nodes)} receipts", f"{len(wrong)} problems", f"{len(report.absent)} files not here"]
    verdicts = [f"{target}: {'holds' if report.part(target).holds else 'does NOT hold'}" for target in report.targets]
    return "\n".join([*lines, "", ", ".join(counts), *verdicts])


def problems(report: "Report") -> list[str]:
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


class _Line(str):
    """A line of the tree, of a number (or its heading) or of a receipt."""

    def __new__(cls, depth: int, text: str, number: bool = False):
        line = super().__new__(cls, "  " * depth + text)
        line.number, line.fails = number, text.startswith(FAILS)
        return line


class _Tree:
    """Lines from the targets down; what was shown once is referred to."""

    def __init__(self, report: "Report"):
        self.report, self.lines = report, []
        self.seen: set[str] = set()
        for root in report.roots:
            self._receipt(root, 0)

    def _receipt(self, path: str, depth: int) -> None:
        node, again = self.report.nodes[path], path in self.seen
        self.seen.add(path)
        reasons = "".join(f"; {reason}" for reason in node.reasons)
        self.lines.append(_Line(depth, title(node) + (" (see above)" if again else "") + reasons))
        if again:
            return
        if path in self.report.tables:
            self._numbers(self.report.tables[path], depth + 1)
        for other in node.needs:
            if other not in self.seen or path not in self.report.tables:
                self._receipt(other, depth + 1)

    def _numbers(self, checked: "Checked", depth: int) -> None:
        place = None
        for number in checked.numbers:
            if number.place != place:
                place = number.place
                self.lines.append(_Line(depth, " · ".join(place), number=True))
            known = " (see above)" if number.chain and self.seen.issuperset(number.chain) else ""
            wrong = f"; {len(number.problems)} problems, see below" if number.problems else ""
            line = f"{number.mark} {number.text:8} {number.column} = {number.source}{known}{wrong}"
            self.lines.append(_Line(depth + 1, line, number=True))
            for path in number.chain:
                if path not in self.seen:
                    self._receipt(path, depth + 2)


def title(node: "Node") -> str:
    """A receipt in one line: verdict, stage, wildcards that its path does not tell, first output."""
    first = node.receipt.path.removesuffix(receipts.SUFFIX)
    wildcards = (f"{name}={value}" for name, value in node.receipt.key["wildcards"].items() if value not in first)
    absent = ["(not here, judged by its receipt)"] if node.mark == ABSENT else []
    return " ".join([node.mark, node.receipt.key["kind"], *wildcards, f" {first}", *absent])
