"""Simulated cameras: lens blur, sampling phase, noise and in-camera sharpening, from a recipe in the settings.

A recipe is {"psf": {"shape": "gaussian"|"disc", "sigma": [a, b], "angle": degrees}, "phase": [dy, dx],
"noise": {"dark": d, "bright": b}, "sharpen": s}. Lengths are in pixels of the LR image, so that one recipe may serve
several scales: `sigma` are the standard deviations of the blur along its two axes (for a disc its
half radii, which have the same deviations), `angle` turns the first axis from horizontal to downwards, `phase` moves
the sampling points down and right. Noise has the standard deviation `dark` at black and `bright` at white, in 8-bit
levels. `sharpen` is the weight of unsharp masking, after the noise as in a camera.

Blurring is done with whole numbers, so that equal inputs give equal bytes on every machine.
"""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.errors import UserError

ONE = 1 << 16
SUBPIXELS = 8
LARGEST_SIGMA = 8


def capture(hr: np.ndarray, recipe: dict, scale: int, seed: Sequence[int]) -> np.ndarray:
    """The picture that the camera takes of a scene: uint8 (H, W, 3) to uint8 (H/scale, W/scale, 3).

    `seed`: integers that seed the noise. Borders are repeated. Raises UserError for an invalid recipe, ValueError when
    `scale` does not divide H and W.
    """
    check(recipe)
    if hr.shape[0] % scale or hr.shape[1] % scale:
        raise ValueError(f"an image of {hr.shape[0]}x{hr.shape[1]} cannot be captured at 1/{scale}")
    lr = _blur_and_sample(hr, kernel(recipe, scale), recipe["phase"], scale)
    lr = _to_8_bits(lr + _noise(lr, recipe["noise"], seed))
    return _sharpen(lr, recipe["sharpen"])


def check(recipe: dict) -> None:
    """Raise UserError when an entry of the recipe is missing, unknown or out of range."""
    parts = {"psf": {"shape", "sigma", "angle"}, "noise": {"dark", "bright"}}
    if set(recipe) != {"phase", "sharpen", *parts} or any(set(recipe[part]) != keys for part, keys in parts.items()):
        raise UserError(
            f"camera recipe {recipe}: expected exactly psf {{shape, sigma, angle}}, phase, noise {{dark, bright}}, "
            "sharpen. Correct it in params/domains.yaml."
        )
    shape, sigma = recipe["psf"]["shape"], recipe["psf"]["sigma"]
    if shape not in _SHAPES:
        raise UserError(f"camera recipe: psf.shape {shape!r}: expected one of {', '.join(_SHAPES)}.")
    if len(sigma) != 2 or not all(0 < value <= LARGEST_SIGMA for value in sigma) or len(recipe["phase"]) != 2:
        raise UserError(
            f"camera recipe: psf.sigma {sigma}, phase {recipe['phase']}: expected two numbers each, in LR pixels, "
            f"sigma above 0 and at most {LARGEST_SIGMA}."
        )


def kernel(recipe: dict, scale: int) -> np.ndarray:
    """The blur as whole numbers that add up to 65536, int64 (K, K), centred on the sampling point.

    Its window begins at HR pixel floor(centre) - K // 2 + 1, centre = (i + 0.5) * scale - 0.5 + phase * scale.
    """
    psf, phase = recipe["psf"], recipe["phase"]
    major, minor = (value * scale for value in psf["sigma"])
    reach = math.ceil(3.5 * max(major, minor)) + 1
    offset = np.arange(-reach + 1, reach + 1)
    dy, dx = (offset - _split(shift, scale)[1] for shift in phase)
    cos, sin = math.cos(math.radians(psf["angle"])), math.sin(math.radians(psf["angle"]))
    fine = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    y = (dy[:, None] + fine).reshape(-1, 1)
    x = (dx[:, None] + fine).reshape(1, -1)
    along, across = (cos * x + sin * y) / major, (cos * y - sin * x) / minor
    dense = _SHAPES[psf["shape"]](along * along + across * across)
    size = len(offset)
    weight = dense.reshape(size, SUBPIXELS, size, SUBPIXELS).sum(axis=(1, 3))
    whole = np.rint(weight * (ONE / weight.sum())).astype(np.int64)
    whole[np.unravel_index(whole.argmax(), whole.shape)] += ONE - whole.sum()
    return whole


_SHAPES = {
    "gaussian": lambda square: np.exp(-0.5 * square),
    "disc": lambda square: (square <= 4).astype(np.float64),
}


def _split(shift: float, scale: int) -> tuple[int, float]:
    """Whole and fractional HR pixels from the LR cell's first pixel to its sampling point."""
    centre = (scale - 1) / 2 + shift * scale
    return math.floor(centre), centre - math.floor(centre)


def _blur_and_sample(hr: np.ndarray, weight: np.ndarray, phase: Sequence[float], scale: int) -> np.ndarray:
    """Weighted sums around the sampling points, float64 (h, w, 3) in 8-bit levels."""
    reach = len(weight) // 2
    first = [_split(shift, scale)[0] - reach + 1 for shift in phase]
    height, width = (side // scale for side in hr.shape[:2])
    rows, columns = (
        np.clip(np.arange(start, start + side + 2 * reach), 0, side - 1)
        for start, side in zip(first, hr.shape[:2], strict=True)
    )
    padded = hr.transpose(2, 0, 1)[:, rows][:, :, columns].astype(np.int32)
    # One contiguous image per position inside a cell makes the many small additions below fast.
    cells = {(y, x): np.ascontiguousarray(padded[:, y::scale, x::scale]) for y in range(scale) for x in range(scale)}
    total = np.zeros((3, height, width), np.int32)
    for y, x in np.argwhere(weight):
        cell = cells[y % scale, x % scale][:, y // scale : y // scale + height, x // scale : x // scale + width]
        total += cell * np.int32(weight[y, x])
    return total.transpose(1, 2, 0) / ONE


def _noise(lr: np.ndarray, noise: dict, seed: Sequence[int]) -> np.ndarray:
    """Nearly normal noise whose variance grows linearly with the signal: the normalised sum of four 16-bit draws."""
    draws = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(lr.size)
    parts = sum((draws >> np.uint64(16 * part)) & np.uint64(0xFFFF) for part in range(4))
    unit = (parts.astype(np.float64) - 2 * 65535) * (math.sqrt(3) / 65536)
    dark, bright = noise["dark"] * noise["dark"], noise["bright"] * noise["bright"]
    return np.sqrt(dark + (bright - dark) * (lr / 255)) * unit.reshape(lr.shape)


def _sharpen(lr: np.ndarray, weight: float) -> np.ndarray:
    """Unsharp masking of uint8 (h, w, 3) against the 1 2 1 average."""
    soft = lr.astype(np.float64)
    for axis in (0, 1):
        padded = np.pad(soft, [(1, 1) if side == axis else (0, 0) for side in range(3)], mode="edge")
        padded = np.moveaxis(padded, axis, 0)
        soft = np.moveaxis(padded[:-2] + 2 * padded[1:-1] + padded[2:], 0, axis) / 4
    return _to_8_bits(lr + weight * (lr - soft))


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(values, 0, 255) + 0.5).astype(np.uint8)
