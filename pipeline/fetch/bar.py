"""Progress bar with rate and remaining time: live on a terminal, one line every few seconds in a log."""

import sys

from tqdm import tqdm

IN_A_LOG = 15.0  # seconds between lines


def bar(what: str, total: int | None, initial: int = 0) -> tqdm:
    """A bar that counts bytes."""
    often = 0.2 if sys.stderr.isatty() else IN_A_LOG
    return tqdm(
        total=total, initial=initial, unit="B", unit_scale=True, desc=what, mininterval=often, maxinterval=often
    )
