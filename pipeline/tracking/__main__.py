"""`python -m pipeline.tracking`."""

import sys

from pipeline.tracking.ingest import main

if __name__ == "__main__":
    sys.exit(main())
