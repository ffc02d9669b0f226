"""Command: `python -m pipeline.tracking`, see `pipeline.tracking.ingest`."""

import argparse
import sys
from pathlib import Path

from pipeline.errors import exit_code
from pipeline.files import write_json
from pipeline.tracking import ingest
from pipeline.tracking.finished import collect
from pipeline.tracking.store import shown

parser = argparse.ArgumentParser(prog="python -m pipeline.tracking", description=ingest.__doc__)
parser.add_argument("receipts", nargs="+", type=Path, help="receipts of finished trainings and evaluations")
parser.add_argument("--uri", required=True, help="MLflow store: sqlite:///FILE or a server")
parser.add_argument("--output", required=True, type=Path, help="JSON file: output -> MLflow run id")
parser.add_argument("--simulated", action="append", default=[], help="a data set whose cameras are simulated")


def main() -> None:
    """Copy the runs to MLflow and print how many are new."""
    arguments = parser.parse_args()
    ids, new = ingest.ingest(collect(arguments.receipts), arguments.uri, frozenset(arguments.simulated))
    write_json(arguments.output, ids)
    print(f"{new} runs copied, {len(ids) - new} already there: {shown(arguments.uri)}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
