"""Command: what tables cost before anything is run. `python -m pipeline.cost [TABLE ...] [--csv FILE] [--jobs] [--seeds N ...]`.

Runs, steps, operations, bytes and hours of every training below the tables, each run counted once however many tables and
pairs share it; evaluation and packed data; sums. Operations are counted (`pipeline.cost.operations`), seconds per step taken
from receipts of the same training where there are any, else from the rate that params.yaml declares in `plan`.
"""

import argparse
import sys
from pathlib import Path, PurePath

from pipeline.cost import cluster, table
from pipeline.cost.estimate import rows
from pipeline.errors import exit_code
from pipeline.files import write_text
from pipeline.plan import cells, params


def with_seeds(settings: dict, tables: list[str], seeds: list[int]) -> dict:
    """The settings with these tables measured over these seeds."""
    changed = {name: settings["tables"][name] | {"seeds": seeds} for name in tables if name in settings["tables"]}
    return settings | {"tables": settings["tables"] | changed}


def main() -> int:
    """Print the plan; 0, or 1 after an error that the user can mend."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.cost", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="results/tables/NAME.tex or NAME (default: all)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--jobs", action="store_true", help="as jobs of a cluster: rules, submissions, hours")
    parser.add_argument(
        "--seeds", type=int, nargs="+", metavar="N", help="as if the tables were measured over these seeds"
    )
    arguments = parser.parse_args()
    return exit_code(lambda: _print(arguments))


def _print(arguments: argparse.Namespace) -> None:
    settings = params.load()
    names = list(dict.fromkeys(PurePath(table).stem for table in arguments.tables or settings["tables"]))
    if arguments.seeds:
        settings = with_seeds(settings, names, arguments.seeds)
    found = rows(settings, names)
    if arguments.csv:
        write_text(arguments.csv, table.as_csv(found))
    if arguments.jobs:
        print(cluster.as_text(settings, names, found))
    else:
        print(table.as_text(found, names, settings["plan"]["tflops"]))
    if left_out := sum(len(cells.absent_cells(settings, name)) for name in names):
        print(f"without {left_out} cells that need cameras which `available` of their data set leaves out")


if __name__ == "__main__":
    sys.exit(main())
