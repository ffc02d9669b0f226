"""Command line of `pipeline.tracking.ingest`."""

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
    """Bring the runs in and say how many were new."""
    asked = parser.parse_args()
    ids, new = ingest.ingest(collect(asked.receipts), asked.uri, frozenset(asked.simulated))
    write_json(asked.output, ids)
    print(f"{new} runs brought in, {len(ids) - new} already there: {shown(asked.uri)}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
