"""Second door: evaluate again from the stored generators and test images, and compare with the stored metrics.

`python -m pipeline.audit --door re-measure TABLE…`. Every evaluation below the tables runs in a folder of its own from
its receipt alone; nothing of the user's results is touched. Exact where processor and packages are the receipt's.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from pipeline import files
from pipeline.audit import compare, read, rerun
from pipeline.audit.rerun import DEVIATES, EQUAL, WITHIN
from pipeline.errors import UserError
from pipeline.plan import params
from pipeline.provenance import fingerprint, receipts
from pipeline.provenance.receipts import Receipt

UNMEASURED = "NOT MEASURED"


@dataclass
class Cell:
    """What came out for one evaluation."""

    metrics: str
    verdict: str = UNMEASURED
    regime: str | None = None
    rows: list[compare.Row] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.metrics}: {self.verdict}", *(f"    {row}" for row in self.rows)]
        lines += [f"    {self.regime}"] if self.regime and self.verdict != EQUAL else []
        return "\n".join(lines + [f"    {line}" for line in self.complaints + self.notes])


def measure(receipt: Receipt, tolerance: dict, show: bool) -> Cell:
    """Run one evaluation again and compare; `tolerance` (metric -> difference) where rounding may differ."""
    cell = Cell(receipt.path.removesuffix(receipts.SUFFIX))
    with rerun.temporary("re-measure-") as folder:
        shutil.copytree(fingerprint.PACKAGE, folder / fingerprint.PACKAGE.name)
        try:
            stored, measured, done = rerun.measured(receipt, folder, show)
        except UserError as error:
            cell.complaints = str(error).splitlines()
            return cell
        regime = rerun.regime(receipt.run, done.run)
        cell.regime, cell.rows = str(regime), compare.rows(stored, measured)
        cell.complaints = compare.metrics(stored, measured, {} if regime.exact else tolerance)
        if regime.exact and cell.complaints and not compare.metrics(stored, measured, tolerance):
            cell.notes.append(
                "a processor of another kind under the same name would differ as little (virtual machines)"
            )
    cell.verdict = DEVIATES if cell.complaints else EQUAL if stored == measured else WITHIN
    return cell


def check_declared(tolerance: dict, chosen: list[Receipt]) -> None:
    """UserError before anything runs when a metric has no tolerance; it may turn out to be needed hours later."""
    used = dict.fromkeys(metric for receipt in chosen for metric in receipt.key["settings"].get("metrics", ()))
    unknown = [metric for metric in used if metric not in tolerance]
    if unknown:
        raise UserError(f"params.yaml: audit.re_measure has no tolerance for {', '.join(unknown)}. Declare it there.")


def measured(chosen: list[Receipt], tolerance: dict, show: bool) -> Iterator[tuple[Cell, str]]:
    """Every cell and how far the work is; the time left is estimated by the size of the test images."""
    sizes = [sum(Path(path).stat().st_size for path in receipt.inputs if Path(path).is_file()) for receipt in chosen]
    began, done = time.monotonic(), 0
    for number, (receipt, size) in enumerate(zip(chosen, sizes, strict=True), 1):
        cell = measure(receipt, tolerance, show)
        done += size
        spent = time.monotonic() - began
        left = timedelta(seconds=round(spent * (sum(sizes) - done) / done)) if done else "?"
        yield cell, f"[{number}/{len(chosen)}, {spent / number:.1f} s each, {left} left]"


def main(words: list[str]) -> int:
    """Command line; 0 when every evaluation below the tables was measured again and agrees, and the first door holds."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.audit --door re-measure", description="Measure again.")
    parser.add_argument("targets", nargs="+", metavar="TABLE", help="for example results/tables/dada_simcam.tex")
    parser.add_argument("--params", default="params.yaml", help="settings to compare with; `audit.re_measure` of it")
    parser.add_argument("--json", metavar="PATH", help="also write the report as data")
    arguments = parser.parse_args(words)
    now = params.load(arguments.params)
    targets = [Path(target).as_posix() for target in arguments.targets]
    report = read.report_of(targets, now)
    below = [report.nodes[path].receipt for path in sorted(report.nodes)]
    chosen = [receipt for receipt in below if receipt.key["kind"] == "evaluate"]
    if not chosen:
        problems = [*report.complaints, f"{', '.join(targets)}: rests on no evaluation; name a finished table."]
        raise UserError("\n".join(problems))
    check_declared(now["audit"]["re_measure"], chosen)
    print(f"first door: {'holds' if report.holds else 'does NOT hold'}")
    print(f"{len(chosen)} evaluations below {', '.join(targets)}, measured again in a folder of their own", flush=True)
    cells = []
    with rerun.stoppable():
        for cell, progress in measured(chosen, now["audit"]["re_measure"], sys.stderr.isatty()):
            cells.append(cell)
            print(f"{progress} {cell}", flush=True)
    if arguments.json:
        content = {"targets": targets, "first_door_holds": report.holds, "cells": [asdict(cell) for cell in cells]}
        files.write_json(arguments.json, content)
    return _conclude(targets, cells, report.holds)


def _conclude(targets: list[str], cells: list[Cell], reads: bool) -> int:
    """Print what it all comes to; the exit code."""
    regimes = [cell.regime for cell in cells if cell.regime]
    lines = [f"{regimes.count(regime)} {regime}" for regime in sorted(set(regimes))]
    print("\n" + "\n".join(lines))
    verdicts = [cell.verdict for cell in cells]
    count = {verdict: verdicts.count(verdict) for verdict in (EQUAL, WITHIN, DEVIATES, UNMEASURED)}
    print(f"{len(cells)} evaluations: " + ", ".join(f"{number} {verdict}" for verdict, number in count.items()))
    if count[DEVIATES]:
        print("measured again: does NOT hold")
    elif count[UNMEASURED]:
        print("measured again: what could be measured holds, the rest is open")
    else:
        print("measured again: holds")
    if not reads:
        print(f"first door: does NOT hold; `python -m pipeline.audit {' '.join(targets)}` says why")
    return 0 if reads and not count[DEVIATES] and not count[UNMEASURED] else 1
