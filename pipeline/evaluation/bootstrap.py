"""How far a mean over test images may be trusted: percentile bootstrap over images."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.errors import UserError


def percentile_interval(values: Sequence[float], samples: int, seed: int, level: float) -> tuple[float, float]:
    """Bounds that hold the mean of `values` in a share `level` of `samples` resamplings with replacement.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, ch. 13. Same seed and count → same resamplings.
    Raises UserError for no values, non-finite values or settings out of range.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise UserError(f"bootstrap: expected at least one finite value, one per image; got {values.tolist()}.")
    if samples < 1 or not 0 < level < 1:
        raise UserError(f"bootstrap: samples {samples}, level {level}; expected samples >= 1 and 0 < level < 1.")
    drawn = np.random.default_rng(seed).integers(0, values.size, size=(samples, values.size))
    means = values[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    a: Mapping[str, float], b: Mapping[str, float], samples: int, seed: int, level: float
) -> tuple[float, float, float]:
    """Mean of a - b over the images both name, and its percentile interval; the images are resampled as pairs.

    Raises UserError when the two do not name the same images.
    """
    if set(a) != set(b):
        odd = sorted(set(a) ^ set(b))
        raise UserError(f"paired difference: {', '.join(odd[:5])} measured on one side only; expected the same images.")
    differences = [a[name] - b[name] for name in sorted(a)]
    low, high = percentile_interval(differences, samples, seed, level)
    return float(np.mean(differences)), low, high
