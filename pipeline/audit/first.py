"""First door: `python -m pipeline.audit results/tables/dada_simcam.tex`. Needs no data, no GPU, no Snakemake, no torch."""

import argparse
from pathlib import Path

from pipeline import files, params, stages
from pipeline.audit import history
from pipeline.audit.read import audit
from pipeline.audit.report import Report

TABLES = "pipeline.tables"
FOLDER = "results/report"


def main(words: list[str]) -> int:
    """Command line; 0 when everything holds, 1 otherwise."""
    arguments = _parse(words)
    now = params.load(arguments.params)
    report = read([Path(target).as_posix() for target in arguments.targets], now)
    if not report.holds:
        report.places = history.changes(report, now, arguments.params)
    if arguments.json:
        files.write_json(arguments.json, report.as_json())
    print(report)
    return 0 if report.holds else 1


def read(targets: list[str], now: dict) -> Report:
    """Walk from every target to everything below it, and look into every table among the targets."""
    report = audit(targets, lambda stage, wildcards: files.canonical_json(stages.key(now, stage, wildcards)))
    for path in report.roots:
        if TABLES in report.nodes[path].receipt.key["code"]["modules"]:
            # Other targets need no numerical packages.
            from pipeline.audit import numbers

            report.tables[path] = numbers.check(report, path)
    return report


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline.audit", description="Does this table follow?")
    parser.add_argument("targets", nargs="+", metavar="TABLE", help="for example results/tables/dada_simcam.tex")
    parser.add_argument("--params", default="params.yaml", help="settings to compare with")
    parser.add_argument("--json", metavar="PATH", help="also write the report as data")
    return parser.parse_args(words)
