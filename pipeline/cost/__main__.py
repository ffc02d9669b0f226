"""`python -m pipeline.cost`."""

import sys

from pipeline.cost.estimate import main

if __name__ == "__main__":
    sys.exit(main())
