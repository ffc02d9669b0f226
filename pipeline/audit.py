"""First door of the audit: `python -m pipeline.audit results/tables/dada_simcam.tex`.

Walks from a file to every receipt it rests on, computes every hash of every file that is here again, compares every key
with params.yaml, code and lock of now, and names what does not hold. Needs no data, no GPU, no Snakemake.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline import files, params, receipts, stages
from pipeline.errors import UserError
from pipeline.receipts import Reason, Receipt

HOLDS, FAILS, ABSENT = "✓", "✗", "○"


@dataclass
class Line:
    """One receipt in the tree; `again` is a receipt whose inputs are shown further up."""

    depth: int
    receipt: Receipt
    mark: str
    reasons: list[Reason]
    again: bool

    def __str__(self) -> str:
        key, first = self.receipt.key, self.receipt.path.removesuffix(receipts.SUFFIX)
        words = [self.mark, key["stage"], *(f"{name}={value}" for name, value in key["wildcards"].items()), f" {first}"]
        if self.mark == ABSENT:
            words.append("(not here, judged by its receipt)")
        if self.again:
            words.append("(see above)")
        return "  " * self.depth + " ".join(words) + "".join(f"; {reason}" for reason in self.reasons)


@dataclass
class Report:
    """What an audit found: the tree, and complaints that belong to no receipt."""

    targets: list[str]
    lines: list[Line] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything follows from code, settings, packages and data of now."""
        return not self.complaints and all(line.mark != FAILS for line in self.lines)

    @property
    def settings(self) -> dict[str, int]:
        """`name: old -> new` of changed settings, and how many receipts have the old value."""
        counts: dict[str, int] = {}
        for line in self.lines:
            for reason in line.reasons if not line.again else ():
                if reason.kind == "setting":
                    text = f"{reason.what}: {reason.text}"
                    counts[text] = counts.get(text, 0) + 1
        return counts

    def as_json(self) -> dict:
        """The report as data."""
        return {
            "targets": self.targets,
            "holds": self.holds,
            "complaints": self.complaints,
            "settings": self.settings,
            "not_present": self.absent,
            "receipts": [
                {
                    "receipt": line.receipt.path,
                    "stage": line.receipt.key["stage"],
                    "wildcards": line.receipt.key["wildcards"],
                    "depth": line.depth,
                    "state": {HOLDS: "holds", FAILS: "fails", ABSENT: "not present"}[line.mark],
                    "reasons": [reason._asdict() for reason in line.reasons],
                }
                for line in self.lines
                if not line.again
            ],
        }

    def __str__(self) -> str:
        shown = [*map(str, self.lines), *(f"{FAILS} {complaint}" for complaint in self.complaints)]
        if self.settings:
            shown.append("\nsettings that are not those of the results:")
            shown += [f"  {change}  ({count} receipts)" for change, count in self.settings.items()]
        own = [line for line in self.lines if not line.again]
        failed = sum(line.mark == FAILS for line in own) + len(self.complaints)
        shown.append(f"\n{len(own)} receipts, {failed} problems, {len(self.absent)} files not here")
        verdict = "holds" if self.holds else "does NOT hold"
        return "\n".join([*shown, *(f"{target}: {verdict}" for target in self.targets)])


def audit(targets: list[str], key_of: receipts.KeyOf) -> Report:
    """Judge everything that `targets` rest on; `key_of(stage, wildcards)` is the key of a job as of now, as text."""
    report, found, tracked = Report(targets), receipts.collect(), receipts.tracked_files()
    report.complaints += found.broken.values()
    keys = {path: receipts.key_reasons(receipt, key_of) for path, receipt in found.receipts.items()}
    makers = receipts.assign(found.receipts, keys)
    shown: dict[str, Line] = {}

    def stray(path: str) -> str | None:
        return receipts.stray_input(path, tracked, found.broken)

    def walk(path: str, depth: int) -> None:
        receipt = found.receipts[path]
        if path in shown:
            report.lines.append(Line(depth, receipt, shown[path].mark, shown[path].reasons, again=True))
            return
        reasons = keys[path] + receipts.content_reasons(receipt, found.receipts, makers, look, stray)
        missing = [output for output in receipt.outputs if look(output) is None]
        mark = FAILS if reasons else ABSENT if missing else HOLDS
        shown[path] = Line(depth, receipt, mark, reasons, again=False)
        report.lines.append(shown[path])
        report.absent += missing
        for maker in dict.fromkeys(makers[name] for name in receipt.inputs if name in makers):
            walk(maker, depth + 1)

    look = cache(content)
    for target in targets:
        if look(target) is None:
            report.complaints.append(f"{target}: is not here. Fetch it, or make it with snakemake.")
        if target in makers:
            walk(makers[target], 0)
        else:
            report.complaints.append(f"{target}: no receipt says how it was made. Make it with snakemake.")
    return report


def content(path: str) -> dict | None:
    """sha256, md5 and size of a file, computed now; None if it is not here."""
    if not Path(path).is_file():
        return None
    with open(path, "rb") as stream:
        md5 = hashlib.file_digest(stream, "md5").hexdigest()
    return {"sha256": files.sha256(path), "md5": md5, "size": Path(path).stat().st_size}


def main() -> None:
    """Command line; exit code 0 when everything holds, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.audit", description="Does this table follow?")
    parser.add_argument("targets", nargs="+", metavar="TABLE", help="for example results/tables/dada_simcam.tex")
    parser.add_argument("--params", default="params.yaml", help="settings to compare with")
    parser.add_argument("--json", metavar="PATH", help="also write the report as data")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        now = params.load(arguments.params)
        targets = [Path(target).as_posix() for target in arguments.targets]
        report = audit(targets, lambda stage, wildcards: files.canonical_json(stages.key(now, stage, wildcards)))
        if arguments.json:
            files.write_json(arguments.json, report.as_json())
    except UserError as error:
        sys.exit(f"error: {error}")
    print(report)
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
