"""The programme of single changes that an audit must find: kind -> (how, how many)."""

from collections.abc import Callable

from tests.long import changed_results as results
from tests.long import changed_sources as sources
from tests.long.workshop import Made, Workshop

KINDS: dict[str, tuple[Callable[[Workshop], Made], int]] = {
    "a bit of a generator or downsampler": (results.byte("networks"), 14),
    "a bit of packed images": (results.byte("packed"), 14),
    "a bit of sample crops": (results.byte("samples"), 8),
    "a digit of a number in the .tex": (results.row_digit("tex"), 24),
    "a digit of a number in the .html": (results.row_digit("html"), 16),
    "a digit anywhere in the .tex": (results.any_digit("tex"), 10),
    "a digit anywhere in the .html": (results.any_digit("html"), 6),
    "a digit in the .csv": (results.csv_value, 16),
    "a line of a table or manifest": (results.line_of, 10),
    "the mark of the best": (results.bold, 4),
    "a digit of a metric": (results.metrics_value, 20),
    "a digit anywhere in a metrics file": (results.digit_of("metrics"), 6),
    "a digit in a training history": (results.digit_of("histories"), 6),
    "a digit in a manifest": (results.digit_of("manifests"), 10),
    "a value in a receipt": (results.receipt_leaf, 30),
    "two files swapped": (
        results.swapped("networks", "metrics", "packed", "receipts", "histories", "manifests", "samples"),
        18,
    ),
    "a file of another run": (
        results.replaced("networks", "metrics", "packed", "receipts", "histories", "samples"),
        14,
    ),
    "a file removed that git keeps": (results.removed, 8),
    "a parameter": (sources.parameter, 40),
    "a reported number": (sources.reported, 8),
    "a constant in a module": (sources.constant, 16),
    "a locked version": (sources.locked, 6),
    "a shell line": (sources.shell, 3),
}
