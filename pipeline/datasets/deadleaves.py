"""Procedural scenes with the statistics of natural images: occluding random leaves of power-law sizes (dead leaves).

Model: Lee, Mumford, Huang, "Occlusion models for natural images", IJCV 2001: radii with density r^-3, later leaves hide
earlier ones. A leaf is an ellipse cut by up to four straight lines (disc, half disc, polygon, bar) with its own colour,
shading and fine texture. Scenes are drawn at twice the size and filtered down, so edges are soft.

The same seed gives the same bytes on every machine: random bits come from PCG64; between them and the 8-bit pixels
stand only +, -, *, /, sqrt, comparisons and rounding, element by element (IEEE 754 fixes each of them), no sum of
unspecified order, and of the mathematics library only one logarithm, which sizes the number of leaves in hundreds.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

OVERSAMPLING = 2
BACKDROP = 8
LEAVES_AT_ONCE = 1 << 11
TILE = 256
NEAREST = 5
Leaves = dict[str, np.ndarray]


def scene(seed: Sequence[int], size: int, smallest: float, largest: float, layers: float) -> np.ndarray:
    """One scene, uint8 (size, size, 3).

    `seed` is a list of integers (equal seeds, equal scenes); leaf radii lie between `smallest` and `largest` pixels
    (most scenes are coarser, as if nearer); about `layers` leaves lie over each point.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    canvas = size * OVERSAMPLING
    nearness = (1 << int(rng.integers(0, NEAREST))) * (1 + rng.random())
    finest = OVERSAMPLING * min(smallest * nearness, largest / 2)
    leaves = _draw(rng, canvas, finest, largest * OVERSAMPLING, layers)
    return _filter_down(_paint(_dress(rng, leaves, canvas), _owners(leaves, canvas)))


def _draw(rng: np.random.Generator, canvas: int, finest: float, largest: float, layers: float) -> Leaves:
    """Shapes in painting order. The first few are larger than the canvas, so that no point stays bare."""
    ratio = finest / largest
    mean_area = 0.55 * math.pi * 2 * finest * finest * math.log(1 / ratio) / (1 - ratio * ratio)
    count = BACKDROP + 100 * math.ceil(layers * canvas * canvas / mean_area / 100)
    radius = finest / np.sqrt(1 - rng.random(count) * (1 - ratio * ratio))
    x, y = (rng.random(count) * (canvas + 2 * radius) - radius for _ in range(2))
    radius[:BACKDROP] = 2 * canvas
    aspect = np.where(rng.random(count) < 0.4, 1.0, 0.2 + 0.8 * rng.random(count))
    aspect[:BACKDROP] = 1.0
    cos, sin = _directions(rng, count)
    kind = rng.random(count)
    # Signed distances of the four lines from the centre, in radii; 2 cuts nothing.
    cut = np.full((4, count), 2.0)
    spread = rng.random((4, count))
    half, bar, polygon = kind < 0.15, (kind >= 0.15) & (kind < 0.35), (kind >= 0.35) & (kind < 0.65)
    cut[0] = np.where(half, spread[0] - 0.5, cut[0])
    for side in (0, 2):
        cut[side] = np.where(bar, 0.04 + 0.3 * spread[0] * spread[0], cut[side])
    for side in range(4):
        cut[side] = np.where(polygon & (spread[side] < 0.9), 0.2 + 0.6 * spread[side], cut[side])
    cut[:, :BACKDROP] = 2.0
    cut[0, 1:BACKDROP] = spread[0, 1:BACKDROP] * 0.4 - 0.2
    skew = rng.random((4, count)) * 0.6 - 0.3
    skew[2] = np.where(bar, skew[0], skew[2])
    shape = {"x": x, "y": y, "radius": radius, "aspect": aspect, "cos": cos, "sin": sin}
    return shape | {f"cut{k}": cut[k] * radius for k in range(4)} | {f"skew{k}": skew[k] for k in range(4)}


def _directions(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random unit vectors from points of a square; corner points are turned by 45 degrees to even out the angles."""
    x, y = 2 * rng.random((2, count)) - 1
    corner = x * x + y * y > 1
    x, y = np.where(corner, x + y, x), np.where(corner, y - x, y)
    length = np.sqrt(x * x + y * y) + 1e-12
    return x / length, y / length


def _owners(leaves: Leaves, canvas: int) -> np.ndarray:
    """Index of the topmost leaf at each point, int32 (canvas, canvas): every leaf is a set of horizontal spans."""
    owner = np.zeros(canvas * canvas, np.int32)
    count = len(leaves["x"])
    for first in range(0, count, LEAVES_AT_ONCE):
        part = {key: value[first : first + LEAVES_AT_ONCE] for key, value in leaves.items()}
        top = np.maximum(np.ceil(part["y"] - part["radius"]), 0).astype(np.int64)
        bottom = np.minimum(np.floor(part["y"] + part["radius"]), canvas - 1).astype(np.int64)
        rows = np.maximum(bottom - top + 1, 0)
        row = _runs(top, rows)
        low, high = _span({key: np.repeat(value, rows) for key, value in part.items()}, row)
        left = np.maximum(np.ceil(low), 0).astype(np.int64)
        right = np.minimum(np.floor(high), canvas - 1).astype(np.int64)
        points = np.maximum(right - left + 1, 0)
        leaf = np.repeat(np.arange(first, first + len(rows), dtype=np.int32), rows)
        # Of equal indices numpy keeps the last: later leaves cover earlier ones.
        owner[_runs(row * canvas + left, points)] = np.repeat(leaf, points)
    return owner.reshape(canvas, canvas)


def _runs(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """start, start + 1, … of the given length, for each run, one run after the other."""
    stop = np.cumsum(length)
    return np.repeat(start - stop + length, length) + np.arange(stop[-1])


def _span(leaf: Leaves, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right end, on one row, of ellipse and lines; left > right where the row misses the leaf."""
    dy = row - leaf["y"]
    cos, sin, radius = leaf["cos"], leaf["sin"], leaf["radius"]
    minor = radius * leaf["aspect"]
    a = cos * cos / (radius * radius) + sin * sin / (minor * minor)
    b = cos * sin * (1 / (radius * radius) - 1 / (minor * minor)) * dy
    c = (sin * sin / (radius * radius) + cos * cos / (minor * minor)) * dy * dy - 1
    root = b * b - a * c
    half = np.sqrt(np.maximum(root, 0)) / a
    low = np.where(root > 0, -b / a - half, 1.0)
    high = np.where(root > 0, -b / a + half, 0.0)
    for side, (nx, ny) in enumerate([(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos)]):
        skew = leaf[f"skew{side}"]
        nx, ny = nx - skew * ny, ny + skew * nx
        nx = np.where(nx == 0, 1e-12, nx)
        edge = (leaf[f"cut{side}"] - ny * dy) / nx
        low = np.where(nx < 0, np.maximum(low, edge), low)
        high = np.where(nx > 0, np.minimum(high, edge), high)
    return leaf["x"] + low, leaf["x"] + high


def _bell(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Nearly normal values of unit variance: sums of six uniform ones, added in a fixed order."""
    total = np.full(shape, -3.0)
    for _ in range(6):
        total += rng.random(shape)
    return total * math.sqrt(2)


def _dress(rng: np.random.Generator, leaves: Leaves, canvas: int) -> Leaves:
    """Colour (8-bit levels), shading and texture of each leaf."""
    count = len(leaves["x"])
    light, contrast = 60 + 110 * rng.random(), 40 + 55 * rng.random()
    # Neighbouring leaves resemble each other: half of the variance comes from a smooth field over the scene.
    row, column = (np.clip(leaves[key] * (TILE / canvas), 0, TILE - 1).astype(np.int64) for key in "yx")
    region = _cloud(rng, TILE, TILE, 0.5)[row, column] * 2
    grey = np.clip(light + contrast * (0.7 * _bell(rng, count) + region), 12, 235)
    # Natural colours vary most in luminance, less from blue to yellow, least from green to red; a few are vivid.
    vivid = np.where(rng.random(count) < 0.12, 3.0, 1.0)
    yellow = (12 * _bell(rng, 1) + 14 * _bell(rng, count)) * vivid
    red = (4 * _bell(rng, 1) + 7 * _bell(rng, count)) * vivid + 0.25 * yellow
    radius = np.minimum(leaves["radius"], canvas)
    slope = 0.5 * rng.random(count) * rng.random(count) / radius
    cos, sin = _directions(rng, count)
    ball = np.where((leaves["radius"] > 24) & (rng.random(count) < 0.3), -0.5 * rng.random(count), 0.0)
    ball = np.where(leaves["radius"] > canvas, 0.0, ball) / (radius * radius)
    x, y = leaves["x"], leaves["y"]
    strength = rng.random(count) * rng.random(count) * (0.15 + 0.45 * rng.random())
    dress = {
        "r": grey + 0.5 * yellow + red,
        "g": grey + 0.2 * yellow - 0.5 * red,
        "b": grey - yellow,
        # 1 + slope along (cos, sin) + ball * distance squared, multiplied out to a polynomial of the coordinates
        "one": 1 - slope * (cos * x + sin * y) + ball * (x * x + y * y),
        "x": slope * cos - 2 * ball * x,
        "y": slope * sin - 2 * ball * y,
        "square": ball,
        "texture": strength / 127,
    }
    dress = {key: value.astype(np.float32) for key, value in dress.items()}
    shift = rng.integers(0, TILE, (3, count), dtype=np.int32)
    return dress | {"tile": shift[0] % len(_tiles()), "down": shift[1], "right": shift[2]}


@cache
def _tiles() -> np.ndarray:
    """Periodic textures, int8 (tiles, TILE, TILE): clouds of several roughnesses, and fibres in several directions."""
    rng = np.random.Generator(np.random.PCG64(0))
    tiles = [_cloud(rng, TILE, TILE, gain) for gain in (0.6, 0.8, 1.0, 1.0, 1.3, 1.3)]
    for shear in (-2, -1, 0, 0, 1, 2):
        fibres = _cloud(rng, TILE, TILE // 8, 1.2)
        for _ in range(3):
            fibres = _double(fibres, 1)
        tiles.append(np.stack([np.roll(line, shear * y) for y, line in enumerate(fibres)]))
    tiles += [tile.T for tile in tiles[-6:]]
    return np.stack([np.rint(tile * (127 / np.abs(tile).max())).astype(np.int8) for tile in tiles])


def _cloud(rng: np.random.Generator, height: int, width: int, gain: float) -> np.ndarray:
    """Periodic noise with all octaves down to single pixels, each `gain` times as strong as the next coarser one."""
    octaves = int(math.log2(min(height, width))) - 2
    field, amplitude = np.zeros((height >> octaves, width >> octaves)), 1.0
    for octave in range(octaves + 1):
        if octave:
            field = _double(_double(field, 0), 1)
        field = field + amplitude * (rng.random(field.shape) - 0.5)
        amplitude *= gain
    return field


def _double(field: np.ndarray, axis: int) -> np.ndarray:
    """Linear interpolation to twice the length, periodic."""
    near = np.repeat(field, 2, axis)
    far = np.stack([np.roll(field, 1, axis), np.roll(field, -1, axis)], axis + 1).reshape(near.shape)
    return 0.75 * near + 0.25 * far


def _paint(dress: Leaves, owner: np.ndarray) -> np.ndarray:
    """Colours of all points, float32 (3, canvas, canvas), from the owner map; a band of rows at a time."""
    canvas = len(owner)
    image = np.empty((3, canvas, canvas), np.float32)
    tiles = _tiles().reshape(-1)
    x = np.arange(canvas, dtype=np.int32)
    xf = x.astype(np.float32)
    for first in range(0, canvas, 32):
        leaf = owner[first : first + 32]
        y = x[first : first + 32, None]
        yf = y.astype(np.float32)
        take = {key: np.take(value, leaf) for key, value in dress.items()}
        texel = (take["tile"] * TILE + ((take["down"] + y) & (TILE - 1))) * TILE + ((take["right"] + x) & (TILE - 1))
        shade = take["one"] + take["x"] * xf + take["y"] * yf + take["square"] * (xf * xf + yf * yf)
        shade = shade + take["texture"] * np.take(tiles, texel)
        for channel, key in enumerate("rgb"):
            np.clip(take[key] * shade, 0, 255, out=image[channel, first : first + 32])
    return image


def _filter_down(image: np.ndarray) -> np.ndarray:
    """Mean of 2x2 points, rounded: float32 (3, 2S, 2S) to uint8 (S, S, 3)."""
    image = image[:, 0::2] + image[:, 1::2]
    image = (image[:, :, 0::2] + image[:, :, 1::2]) * 0.25
    return np.ascontiguousarray(np.rint(image).astype(np.uint8).transpose(1, 2, 0))
