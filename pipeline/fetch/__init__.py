"""Files of others: planned, downloaded, checked, pinned, unpacked, counted. `python -m pipeline.fetch --help`."""
