"""For all tests: where LaTeX must be, and Ctrl-C as a terminal would send it."""

import os
import shutil
import signal


def pytest_configure(config):
    """A suite started in the background inherits "ignore SIGINT" and would hand it on to the programs that it interrupts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Tests that need LaTeX run wherever it is installed, and always in CI: there its absence is a failure, not a skip."""
    if os.environ.get("CI") == "true" or all(map(shutil.which, ("pdflatex", "pdftoppm", "pdftotext"))):
        return
    dropped = [item for item in items if item.get_closest_marker("latex")]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]
