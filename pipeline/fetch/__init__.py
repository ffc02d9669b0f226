"""Fetch files from others: plan, download, check, pin, unpack, count. See `python -m pipeline.fetch --help`."""
