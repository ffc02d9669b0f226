"""Command line of the audit: `python -m pipeline.audit [--door read|re-measure|retrain] …`, the first by default.

Each door has its own words (`main(words) -> exit code`) and is imported only when it is opened: reading needs no torch.
"""

import argparse
import sys

from pipeline.errors import UserError

DOORS = ("read", "re-measure", "retrain")


def main() -> None:
    """Open a door; exit code 0 when everything holds, 1 otherwise."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--door", choices=DOORS, default="read")
    chosen, words = parser.parse_known_args()
    sys.stdout.reconfigure(encoding="utf-8")
    if chosen.door == "re-measure":
        from pipeline.audit import remeasure as door
    elif chosen.door == "retrain":
        from pipeline.audit import retrain as door
    else:
        from pipeline.audit import read as door
    try:
        sys.exit(door.main(words))
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
