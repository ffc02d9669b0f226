"""Many images in one safetensors file: written one by one, read through a memory map.

A *stack* holds images of one size as one tensor "images" (N, H, W, 3); otherwise there is one tensor (H, W, 3) per
name. The metadata holds the names, in order, as a JSON list. All pixels are uint8.
"""

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files import atomic

STACK = "images"
LARGEST_HEADER = 100_000_000


@contextmanager
def writer(path: str | Path, names: Sequence[str], sizes: Sequence[tuple[int, int]], stack: bool) -> Iterator[Callable]:
    """Yield a function that takes the images, uint8 (H, W, 3), in the order of `names`; sizes are (H, W).

    Only the header and the current image are in memory. The same images give the same bytes. Raises UserError when the
    file cannot be written, ValueError when an image does not have its announced size or is missing.
    """
    if len(set(names)) != len(names) or len(names) != len(sizes):
        raise ValueError("names must be unique, and as many as sizes")
    if stack and len(set(sizes)) != 1:
        raise ValueError(f"a stack needs images of one size, got {sorted(set(sizes))}")
    header = {"__metadata__": {"names": json.dumps(list(names))}}
    shapes = {STACK: (len(names), *sizes[0], 3)} if stack else {n: (*s, 3) for n, s in zip(names, sizes, strict=True)}
    start = 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    written = 0
    with atomic(path) as temporary:
        with open(temporary, "wb") as stream:
            stream.write(struct.pack("<Q", len(text)) + text)

            def write(image: np.ndarray) -> None:
                nonlocal written
                if image.dtype != np.uint8 or image.shape != (*sizes[written], 3):
                    raise ValueError(
                        f"{names[written]}: expected {sizes[written]} uint8, got {image.shape} {image.dtype}"
                    )
                stream.write(np.ascontiguousarray(image).data)
                written += 1

            yield write
        if written != len(names):
            raise ValueError(f"{path}: {written} of {len(names)} images were written")


def write_images(path: str | Path, images: Mapping[str, np.ndarray]) -> None:
    """Write images of any sizes under their names, uint8 (H, W, 3)."""
    with writer(path, list(images), [image.shape[:2] for image in images.values()], stack=False) as write:
        for image in images.values():
            write(image)


class Packed:
    """A packed file, read on demand: `names`, `len()`, `[i]` -> uint8 (H, W, 3), `take(indices)` -> (N, H, W, 3)."""

    def __init__(self, path: str | Path) -> None:
        """Raises UserError when the file is missing, truncated or not a file of packed images."""
        self.path = Path(path)
        header, start, size = self._header()
        try:
            self.names: list[str] = json.loads(header.pop("__metadata__")["names"])
            entries = {name: (tuple(entry["shape"]), *entry["data_offsets"]) for name, entry in header.items()}
            valid = all(
                entry["dtype"] == "U8" and len(shape) in (3, 4) and shape[-1] == 3 and stop - first == math.prod(shape)
                for entry, (shape, first, stop) in zip(header.values(), entries.values(), strict=True)
            )
            self.is_stack = set(entries) == {STACK} and len(entries[STACK][0]) == 4
            complete = len(self.names) == entries[STACK][0][0] if self.is_stack else set(entries) == set(self.names)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._bad(f"its header is not one of packed images ({error!r})") from error
        if not valid or not complete:
            raise self._bad("its header is not one of packed images")
        if start + max((stop for _, _, stop in entries.values()), default=0) != size:
            raise self._bad(f"its length, {size} bytes, does not match its header")
        # One map for the whole file: the system allows some ten thousand maps, a file may hold more images.
        pixels = np.asarray(np.memmap(self.path, np.uint8, "r"))[start:]
        self._arrays = {name: pixels[first:stop].reshape(shape) for name, (shape, first, stop) in entries.items()}

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.array(self.view(index))

    def view(self, index: int) -> np.ndarray:
        """View of an image in the file, uint8 (H, W, 3), read-only: only pixels that are used are read from disk."""
        return self._arrays[STACK][index] if self.is_stack else self._arrays[self.names[index]]

    def take(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copies of several images of a stack, uint8 (N, H, W, 3)."""
        if not self.is_stack:
            raise ValueError(f"{self.path}: images of different sizes have no common array; read them one by one")
        return self._arrays[STACK][np.asarray(indices, dtype=np.intp)]

    def sizes(self) -> list[tuple[int, int]]:
        """(H, W) of every image, in the order of `names`."""
        if self.is_stack:
            return [self._arrays[STACK].shape[1:3]] * len(self)
        return [self._arrays[name].shape[:2] for name in self.names]

    def _header(self) -> tuple[dict, int, int]:
        try:
            with open(self.path, "rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(0)
                head = stream.read(8)
                length = struct.unpack("<Q", head)[0] if len(head) == 8 else LARGEST_HEADER
                if length > min(size - 8, LARGEST_HEADER):
                    raise self._bad("it is truncated or not a safetensors file")
                header = json.loads(stream.read(length))
        except FileNotFoundError as error:
            raise UserError(f"{self.path}: no such file. Run the rule that packs this data set.") from error
        except (OSError, ValueError) as error:
            raise self._bad(f"it cannot be read ({error})") from error
        if not isinstance(header, dict):
            raise self._bad("its header is not one of packed images")
        return header, 8 + length, size

    def _bad(self, why: str) -> UserError:
        return UserError(
            f"{self.path}: expected a file of packed images, but {why}. Delete it and pack the data set again."
        )
