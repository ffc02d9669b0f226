"""The embedded benchmark: simulated cameras on dead-leaves scenes (train, val) and on real photographs (test).

Settings: `recipe` {recipes: {scale: see cameras.py}}, `train` and `val` {patches, size (of HR), seed, scene: {size,
smallest, largest, layers}}, `test` {seed, photographs: [{name, distribution, file, sha256, licence}]}. Training scenes
differ from camera to camera; validation scenes and photographs are the same for all, so that cameras can be compared.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.datasets import Item, Split
from pipeline.datasets.cameras import capture, check
from pipeline.datasets.deadleaves import scene
from pipeline.errors import UserError
from pipeline.images.rgb import read_rgb

# First number after the seed, so that two uses never share a random stream.
TRAIN_SCENE, VAL_SCENE, NOISE = 1, 2, 3
SCENE_LICENCE = "generated, free of rights"
Pairs = Iterator[tuple[np.ndarray, np.ndarray]]


def collect(settings: dict, camera: str, scale: int, folder: Path | None) -> list[Split]:
    """The three splits of one camera; `folder` is not used, everything is generated or installed with the pipeline."""
    recipes = settings["recipe"].get("recipes", {})
    if str(scale) not in recipes:
        raise UserError(
            f"no recipe for this scale: {camera} is simulated for the scales {', '.join(recipes) or 'none'}, not for {scale}. "
            f"Add {scale} to `recipes` of the camera in params/domains.yaml."
        )
    recipe = recipes[str(scale)]
    check(recipe)
    return [
        _scenes("train", settings["train"], recipe, scale, camera),
        _scenes("val", settings["val"], recipe, scale, camera),
        _photographs(settings["test"], recipe, scale, camera),
    ]


def _scenes(split: str, settings: dict, recipe: dict, scale: int, camera: str) -> Split:
    patch, count, seed = settings["size"], settings["patches"], settings["seed"]
    size = settings["scene"]["size"]
    if patch % scale or size % patch:
        raise UserError(
            f"{split}.size {patch}: expected a multiple of the scale {scale} that divides {split}.scene.size {size}. "
            "Change one of them in params/domains.yaml."
        )
    per_scene = (size // patch) ** 2
    prefix, owner = (camera, [*camera.encode()]) if split == "train" else ("scene", [])
    kind = TRAIN_SCENE if split == "train" else VAL_SCENE
    items = [
        Item(f"{prefix}_{n // per_scene:04d}_{n % per_scene:02d}", (patch, patch), "dead leaves", SCENE_LICENCE)
        for n in range(count)
    ]

    def pairs() -> Pairs:
        for n in range(count):
            number, place = divmod(n, per_scene)
            if place == 0:
                hr = scene([seed, kind, number, *owner], **settings["scene"])
                lr = capture(hr, recipe, scale, [seed, NOISE, kind, number, *camera.encode()])
            row, column = divmod(place, size // patch)
            yield _cut(lr, row, column, patch // scale), _cut(hr, row, column, patch)

    return Split(split, True, items, pairs())


def _cut(image: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    return image[row * side : (row + 1) * side, column * side : (column + 1) * side]


def _photographs(settings: dict, recipe: dict, scale: int, camera: str) -> Split:
    photographs = settings["photographs"]
    images = [_photograph(entry, scale) for entry in photographs]
    items = [
        Item(entry["name"], image.shape[:2], f"{entry['distribution']}: {entry['file']}", entry["licence"])
        for entry, image in zip(photographs, images, strict=True)
    ]

    def pairs() -> Pairs:
        for number, hr in enumerate(images):
            yield capture(hr, recipe, scale, [settings["seed"], NOISE, 0, number, *camera.encode()]), hr

    return Split("test", False, items, pairs())


def _photograph(entry: dict, scale: int) -> np.ndarray:
    """A verified photograph of an installed package, cut at the right and bottom to a multiple of the scale."""
    distribution, file = entry["distribution"], entry["file"]
    try:
        # The file is located without importing its package, which would be slow and run its code.
        path = Path(importlib.metadata.distribution(distribution).locate_file(file))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise UserError(
            f"photograph {entry['name']}: {file} of the package {distribution} cannot be read ({error}). "
            "Install the packages of requirements.lock."
        ) from error
    if digest != entry["sha256"]:
        raise UserError(
            f"{path}: sha256 {digest}, but params/domains.yaml expects {entry['sha256']} for the photograph {entry['name']}. "
            f"Install {distribution} as in requirements.lock."
        )
    image = read_rgb(path)
    height, width = (side // scale * scale for side in image.shape[:2])
    return np.ascontiguousarray(image[:height, :width])
