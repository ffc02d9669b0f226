"""Print a finished table's CSV as plain text on the terminal: one block per setting and metric, pairs × methods."""

import argparse
import csv
import sys
from pathlib import Path

from pipeline.errors import UserError
from pipeline.printing.columns import aligned


def as_text(path: Path) -> str:
    """Aligned text of a table's long-form CSV; means over seeds for several seeds, `-` for a missing number.

    UserError when the file is missing or has other columns.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such table. Make it with `snakemake -c all -- {path}`.") from error
    needed = {"setting", "metric", "pair", "method", "seed", "value"}
    if not rows or not needed <= rows[0].keys():
        raise UserError(f"{path}: expected a table with the columns {', '.join(sorted(needed))}. Make it again.")
    cells: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for row in rows:
        block = cells.setdefault((row["setting"], row["metric"]), {})
        place = (row["pair"], row["method"])
        if row["value"] and row["seed"] != "std" and (row["seed"] == "mean" or place not in block):
            block[place] = f"{float(row['value']):.3f}"
    return "\n\n".join(_block(f"{setting}, {metric}", block) for (setting, metric), block in cells.items() if block)


def _block(title: str, cells: dict[tuple[str, str], str]) -> str:
    pairs, methods = (list(dict.fromkeys(place[axis] for place in cells)) for axis in (0, 1))
    lines = [[title, *methods], *([pair, *(cells.get((pair, method), "-") for method in methods)] for pair in pairs)]
    return "\n".join(aligned(lines, left=1))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.tables.show", description=__doc__)
    parser.add_argument("table", type=Path, help="results/tables/TABLE.csv")
    try:
        print(as_text(parser.parse_args().table))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
