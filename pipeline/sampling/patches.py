"""Training batches as a pure function of the step, so that a resumed run reads the same batches as an uninterrupted one."""

from typing import NamedTuple

import numpy as np
import torch

from pipeline.errors import UserError
from pipeline.reproducibility import generator
from pipeline.sampling.packed import Packed


class Batch(NamedTuple):
    """float32 RGB in [0, 1]; HR is `scale` times larger than LR; images that a stage does not read are None."""

    names: list[str]
    source_lr: torch.Tensor | None  # (N, 3, h, w)
    source_hr: torch.Tensor | None  # (N, 3, H, W)
    target_lr: torch.Tensor | None  # (N, 3, h, w)


class Crop(NamedTuple):
    """One augmentation: position of the crop (fractions of the possible range), flips, quarter turns."""

    top: float
    left: float
    flip_rows: bool
    flip_columns: bool
    turns: int


class PatchSampler:
    """Random crops with flips and quarter turns from packed LR/HR stacks of one source and, if read, one target camera.

    With a target, an epoch runs over the target's patches in shuffled order and every target patch meets a source patch
    drawn uniformly with replacement, which gets the same crop, flips and turn (DADA, Adapt_dataset.py). Without one, the
    epoch runs over the source. The last incomplete batch of an epoch is dropped.
    """

    def __init__(self, files: dict[str, str], scale: int, patch: int, batch: int, seed: int):
        self.scale, self.patch, self.batch, self.seed = scale, patch, batch, seed
        self.packed = {name: Packed(path) for name, path in files.items()}
        for name, stack in self.packed.items():
            self._check(name, str(files[name]), stack)
        if "source_hr" in self.packed:
            lr, hr = self.packed["source_lr"], self.packed["source_hr"]
            if lr.names != hr.names:
                raise UserError(
                    f"{files['source_lr']} and {files['source_hr']}: the patches do not match "
                    f"({len(lr)} LR, {len(hr)} HR). Pack the data set again."
                )
        self.order = "target_lr" if "target_lr" in self.packed else "source_lr"

    def _check(self, name: str, path: str, stack: Packed) -> None:
        if len(stack) < self.batch:
            raise UserError(
                f"{path}: {len(stack)} patches do not fill one batch of {self.batch}. Reduce schedule.batch."
            )
        room = self.patch * (self.scale if name.endswith("_hr") else 1)
        height, width = min(stack.sizes(), key=min)
        if min(height, width) < room:
            raise UserError(
                f"{path}: patches are {height}x{width}, smaller than the crop of {room}. Reduce schedule.patch."
            )

    def __call__(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        random = generator(self.seed, 0, step)
        crops = [
            Crop(
                random.random(),
                random.random(),
                *(bool(v) for v in random.integers(0, 2, 2)),
                int(random.integers(0, 4)),
            )
            for _ in range(self.batch)
        ]
        chosen = {self.order: self._epoch_indices(step)}
        if self.order == "target_lr":
            chosen["source_lr"] = random.integers(0, len(self.packed["source_lr"]), self.batch)
        chosen["source_hr"] = chosen["source_lr"]
        tensors = {name: self._read(name, chosen[name], crops) for name in self.packed}
        names = [
            f"{name.removesuffix('_lr')}:{self.packed[name].names[index]}"
            for name in ("source_lr", "target_lr")
            if name in chosen
            for index in chosen[name]
        ]
        return Batch(names, *(tensors.get(field) for field in Batch._fields[1:]))

    def _epoch_indices(self, step: int) -> np.ndarray:
        count = len(self.packed[self.order])
        steps_per_epoch = count // self.batch
        epoch, position = divmod(step, steps_per_epoch)
        order = generator(self.seed, 1, epoch).permutation(count)
        return order[position * self.batch : (position + 1) * self.batch]

    def _read(self, name: str, indices: np.ndarray, crops: list[Crop]) -> torch.Tensor:
        factor = self.scale if name.endswith("_hr") else 1
        size = self.patch * factor
        batch = np.empty((len(crops), size, size, 3), np.uint8)
        # A batch of quarter turns alone is stored column by column. Convolutions round differently for each memory layout of
        # their input, so the layout decides bits of results; this is the layout of `np.stack` of the turned images.
        if all(crop.turns % 2 for crop in crops):
            batch = batch.swapaxes(1, 2)
        for place, index, crop in zip(batch, indices, crops, strict=True):
            image = self._cut(self.packed[name].view(int(index)), crop, factor)
            # Copied from the memory map. Turned images are copied faster channel by channel than pixel by pixel.
            for channel in range(3):
                place[..., channel] = image[..., channel]
        return torch.from_numpy(batch).permute(0, 3, 1, 2).float().div_(255)  # (N, 3, H, W), channels last

    def _cut(self, image: np.ndarray, crop: Crop, factor: int) -> np.ndarray:
        height, width = image.shape[0] // factor, image.shape[1] // factor
        top = int(crop.top * (height - self.patch + 1)) * factor
        left = int(crop.left * (width - self.patch + 1)) * factor
        size = self.patch * factor
        image = image[top : top + size, left : left + size]
        image = image[::-1] if crop.flip_rows else image
        image = image[:, ::-1] if crop.flip_columns else image
        return np.rot90(image, crop.turns)
