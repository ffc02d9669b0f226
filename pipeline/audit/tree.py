"""An audit as text: the tree from numbers to data, then what does not hold, then the verdict."""

from typing import TYPE_CHECKING

from pipeline import receipts
from pipeline.audit.marks import ABSENT, FAILS

if TYPE_CHECKING:
    from pipeline.audit.cells import Checked
    from pipeline.audit.report import Report

# Longer trees show only what fails, unless asked for.
LINES = 250
CHANGES = 20


def text(report: "Report", whole: bool = False) -> str:
    """The report for a terminal: verdict and problems last, where the eye is; `whole`: the tree however long."""
    lines = _Tree(report).lines
    if len(lines) > LINES and not whole:
        failing = [line for line in lines if line.lstrip().startswith(FAILS)]
        lines = [*failing, f"… {len(lines) - len(failing)} lines that hold are not shown; --whole shows them"]
    wrong = problems(report)
    if wrong:
        lines += ["", "what does not hold:", *(f"{FAILS} {problem}" for problem in wrong)]
    lines += _changes(report)
    numbers = sum(len(checked.numbers) for checked in report.tables.values())
    counts = [f"{numbers} numbers"] if report.tables else []
    counts += [f"{len(report.nodes)} receipts", f"{len(wrong)} problems", f"{len(report.absent)} files not here"]
    verdict = "holds" if report.holds else "does NOT hold"
    return "\n".join([*lines, "", ", ".join(counts), *(f"{target}: {verdict}" for target in report.targets)])


def problems(report: "Report") -> list[str]:
    """Everything that does not hold: numbers first, then files and receipts; what many receipts share once."""
    found = [text for checked in report.tables.values() for text in checked.problems]
    found += report.complaints
    shared: dict[str, list[str]] = {}
    for path, node in report.nodes.items():
        for reason in node.reasons:
            shared.setdefault(str(reason), []).append(path)
    for reason, paths in shared.items():
        named = any(path.removesuffix(receipts.SUFFIX) in reason for path in paths)
        where = "" if named else f" (of {paths[0]}" + (f" and {len(paths) - 1} more)" if len(paths) > 1 else ")")
        found.append(reason + where)
    return list(dict.fromkeys(found))


def _changes(report: "Report") -> list[str]:
    lines = []
    if report.places:
        lines += ["", "what git knows of the changes:", *(f"  {place}" for place in report.places)]
    if report.settings:
        changes = [f"  {change}  ({count} receipts)" for change, count in report.settings.items()]
        more = [f"  … and {len(changes) - CHANGES} more"] if len(changes) > CHANGES else []
        lines += ["", "settings that are not those of the results:", *changes[:CHANGES], *more]
    return lines


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
        key = node.receipt.key
        words = [node.mark, key["stage"], *(f"{name}={value}" for name, value in key["wildcards"].items())]
        words.append(f" {path.removesuffix(receipts.SUFFIX)}")
        words += ["(not here, judged by its receipt)"] if node.mark == ABSENT else []
        words += ["(see above)"] if again else []
        self.lines.append("  " * depth + " ".join(words) + "".join(f"; {reason}" for reason in node.reasons))
        if again:
            return
        if path in self.report.tables:
            self._numbers(self.report.tables[path], depth + 1)
        for other in node.needs:
            if other not in self.seen or path not in self.report.tables:
                self._receipt(other, depth + 1)

    def _numbers(self, checked: "Checked", depth: int) -> None:
        for number in checked.numbers:
            known = " (see above)" if number.chain and self.seen.issuperset(number.chain) else ""
            wrong = f"; {len(number.problems)} problems, see below" if number.problems else ""
            line = f"{number.mark} {number.text}  {number.where}  = {number.source}{known}{wrong}"
            self.lines.append("  " * depth + line)
            for path in number.chain:
                if path not in self.seen:
                    self._receipt(path, depth + 1)
