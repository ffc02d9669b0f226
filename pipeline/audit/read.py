"""First door: `python -m pipeline.audit results/tables/dada_simcam.tex`. Needs no data, no GPU, no Snakemake, no torch."""

import argparse
from pathlib import Path

from pipeline import files
from pipeline.audit import facts, history, text
from pipeline.audit.report import Report
from pipeline.audit.walk import audit
from pipeline.errors import UserError
from pipeline.plan import keys, params

FOLDER = "results/report"


def main(words: list[str]) -> int:
    """Command line; 0 when everything holds, 1 otherwise."""
    arguments = _parse(words)
    try:
        now = params.load(arguments.params)
    except UserError as error:
        # Settings that contradict each other: what changed since they did not is the better half of the message.
        raise UserError("\n".join([str(error), *history.unsaved()])) from error
    report = report_of([Path(target).as_posix() for target in arguments.targets], now)
    if not report.holds:
        report.changed = history.changes(report)
    if arguments.json:
        files.write_json(arguments.json, report.as_json())
    written = write(report) if arguments.page and report.tables else []
    print(text.chain(report, arguments.cell) if arguments.cell else text.tree(report, arguments.whole))
    if written:
        print(f"more: {', '.join(written)}")
    return 0 if report.holds else 1


def report_of(targets: list[str], now: dict) -> Report:
    """Walk from every target to everything below it, and look into every table among the targets."""

    def key_of(kind: str, wildcards: dict) -> str:
        return files.canonical_json(keys.key(now, kind, wildcards))

    report = audit(targets, key_of)
    for path in report.roots:
        if report.nodes[path].receipt.key["kind"] == "table":
            # Other targets need no numerical packages.
            from pipeline.audit import numbers

            report.tables[path] = numbers.check(report, path, key_of)
    return report


def write(report: Report) -> list[str]:
    """Leave the page of every table, and everything as data, beside the reports; paths of the pages."""
    from pipeline.audit import page

    pages = []
    for checked in report.tables.values():
        place, part = f"{FOLDER}/audit_{Path(checked.target).stem}", report.part(checked.target)
        known = {path: facts.of(node) for path, node in part.nodes.items()}
        files.write_json(f"{place}.json", part.as_json() | {"facts": known})
        files.write_text(f"{place}.html", page.text(part, checked))
        pages.append(f"{place}.html")
    return pages


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.audit",
        description="Does this table follow? From every number to metrics, weights, data, settings, code and machine.",
        epilog="Other doors: --door re-measure TABLE…, --door retrain CELL; each has its own --help.",
    )
    parser.add_argument("targets", nargs="+", metavar="TABLE", help="for example results/tables/dada_simcam.tex")
    parser.add_argument("--cell", metavar="WORDS", help="one number's whole chain, e.g. 28.60")
    parser.add_argument("--whole", action="store_true", help="the tree to its end, however long")
    parser.add_argument("--params", default="params.yaml", help="settings to compare with")
    parser.add_argument("--json", metavar="PATH", help="also write the report as data there")
    parser.add_argument(
        "--page", action=argparse.BooleanOptionalAction, default=True, help=f"pages in {FOLDER} (the default) or none"
    )
    return parser.parse_args(words)
