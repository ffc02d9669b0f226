"""Command line of the audit: `python -m pipeline.audit [--door read|re-measure|retrain] …`, the first by default.

Each door has its own words (`main(words) -> exit code`) and is imported only when it is opened: reading needs no torch.
"""

import argparse
import importlib
import sys

from pipeline.errors import UserError

DOORS = {"read": "read", "re-measure": "remeasure", "retrain": "retrain"}


def main() -> None:
    """Open a door; exit code 0 when everything holds, 1 otherwise."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--door", choices=DOORS, default="read")
    chosen, words = parser.parse_known_args()
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        sys.exit(importlib.import_module(f"pipeline.audit.{DOORS[chosen.door]}").main(words))
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
