"""A metrics file looked into: means are computed again from its per-image values, and what was changed is named."""

import math
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files import read_json

# The last digits of a mean depend on the processor; of a file that is not its job's, every digit counts.
CLOSE = 1e-9


def follow(path: str | Path, exact: bool) -> tuple[dict, list[str]]:
    """A metrics file's content with the means that follow from its images, and complaints; `exact`: compare every digit.

    Raises UserError for another kind of file.
    """
    content = read_json(path)
    complaints = []
    try:
        for metric in content["mean"]:
            stored = float(content["mean"][metric])
            follows = float(np.mean([float(values[metric]) for values in content["images"].values()]))
            if stored != follows and (exact or not math.isclose(stored, follows, rel_tol=CLOSE, abs_tol=CLOSE)):
                complaints.append(f"{path}: mean.{metric} says {stored}, its images say {follows}")
                content["mean"][metric] = follows
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a metrics file ({error!r}). Restore it with git, or evaluate again.") from error
    return content, complaints
