"""Command: `python -m pipeline.tracking`, see `pipeline.tracking.ingest`."""

import sys

from pipeline.tracking.ingest import main

if __name__ == "__main__":
    sys.exit(main())
