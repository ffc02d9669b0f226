"""A metrics file looked into: mean and interval are computed again from its per-image values, and what was changed is named."""

import math
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluation.bootstrap import percentile_interval
from pipeline.files import read_json

# The last digits of a mean depend on the processor; of a file that is not its job's, every digit counts.
CLOSE = 1e-9


def follow(path: str | Path, draw: dict, exact: bool) -> tuple[dict, list[str]]:
    """A metrics file's content with the means and intervals that follow from its images, and complaints.

    `draw`: samples, seed and level of the bootstrap; `exact`: compare every digit. UserError for another kind of file.
    """
    content = read_json(path)
    complaints = []
    try:
        for metric in content["mean"]:
            column = {name: float(values[metric]) for name, values in content["images"].items()}
            stored = (float(content["mean"][metric]), *map(float, content["interval"][metric]))
            follows = _summary(list(column.values()), draw)
            wrong = [not _same(pair, exact) for pair in zip(stored, follows, strict=True)]
            if any(wrong):
                complaints.append(f"{path}: {_named(metric, column, stored, follows, wrong, draw)}")
                content["mean"][metric], content["interval"][metric] = follows[0], list(follows[1:])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a metrics file ({error!r}). Restore it with git, or evaluate again.") from error
    return content, complaints


def _summary(column: list[float], draw: dict) -> tuple[float, float, float]:
    low, high = percentile_interval(column, draw["samples"], draw["seed"], draw["level"])
    return float(np.mean(column)), low, high


def _same(pair: tuple[float, float], exact: bool) -> bool:
    return pair[0] == pair[1] or (not exact and math.isclose(*pair, rel_tol=CLOSE, abs_tol=CLOSE))


def _named(metric: str, column: dict, stored: tuple, follows: tuple, wrong: list[bool], draw: dict) -> str:
    """Which number was changed: mean, interval, or, if both disagree with the images, the image that explains both."""
    if wrong[0] and not all(wrong):
        suspects = [] if any(wrong[1:]) else [f"mean.{metric} says {stored[0]}, its images say {follows[0]}"]
    else:
        ends = [f"{end} {stored[i]}, its images say {follows[i]}" for i, end in ((1, "low"), (2, "high")) if wrong[i]]
        suspects = [] if wrong[0] else [f"interval.{metric} says {' and '.join(ends)}"]
    if suspects:
        return suspects[0]
    fitting = []
    for name in column:
        value = column[name] + len(column) * (stored[0] - follows[0])
        again = _summary([value if other == name else kept for other, kept in column.items()], draw)
        if all(_same(pair, exact=False) for pair in zip(stored, again, strict=True)):
            fitting.append(f"images.{name}.{metric} says {column[name]}, mean and interval say {value:.10g}")
    if len(fitting) == 1:
        return fitting[0]
    return f"mean and interval of {metric} do not follow from its per-image values"
