"""Photographs in and out, 8-bit rounding, and bicubic resizing. No torch."""

import math
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import UserError
from pipeline.files import atomic

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
EXPECTED = "expected an 8-bit RGB PNG or JPEG without alpha"
# What Pillow raises for files that are no whole image (UnidentifiedImageError is an OSError).
BROKEN = (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError)
CONVERT = (
    "convert it, for example: python -c \"from PIL import Image; Image.open('IN').convert('RGB').save('OUT.png')\""
)


def image_size(path: str | Path, grey: bool = False) -> tuple[int, int]:
    """(height, width) from the header alone; the same checks of the file type as `read_rgb`."""
    path = Path(path)
    try:
        with open(path, "rb") as stream:
            head = stream.read(33)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); {EXPECTED}.") from error
    if not head:
        raise UserError(f"{path}: the file is empty (0 bytes); {EXPECTED}. Copy or download it again.")
    if head.startswith(PNG_SIGNATURE):
        return _png_size(path, head, grey)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(path)
    raise UserError(f"{path}: neither PNG nor JPEG (first bytes {head[:8]!r}); {EXPECTED}.")


def read_rgb(path: str | Path, grey: bool = False) -> np.ndarray:
    """Read an 8-bit RGB PNG or JPEG as uint8 (H, W, 3), upright as its orientation tag says.

    `grey`: an 8-bit grey PNG is taken, too, as three equal channels; old test sets hold some.

    Raises UserError for anything that would need a silent conversion (16-bit, palette, grey, alpha, CMYK) and for
    files that are empty, truncated, of zero size or no image.
    """
    image_size(path, grey)
    try:
        with Image.open(path) as image:
            if "transparency" in image.info:
                raise UserError(f"{path}: has a transparent colour; {EXPECTED}; {CONVERT}.")
            pixels = np.array(ImageOps.exif_transpose(image))
    except BROKEN as error:
        raise UserError(f"{path}: damaged or truncated image ({error}). Copy or download it again.") from error
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def _png_size(path: Path, head: bytes, grey: bool) -> tuple[int, int]:
    # Pillow reduces 16-bit RGB to 8 bits without a word, so the depth is read from the file itself.
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise UserError(f"{path}: truncated PNG ({len(head)} bytes). Copy or download it again.")
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    if width == 0 or height == 0:
        raise UserError(f"{path}: the image has no pixels ({width}x{height}); {EXPECTED}.")
    if (depth, colour) not in ((8, 2), (8, 0) if grey else ()):
        kind = PNG_COLOURS.get(colour, f"colour type {colour}")
        raise UserError(f"{path}: {depth}-bit {kind} PNG; {EXPECTED}; {CONVERT}.")
    return height, width


def _jpeg_size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            mode, (width, height) = image.mode, ImageOps.exif_transpose(image).size
    except BROKEN as error:
        raise UserError(f"{path}: damaged or truncated image ({error}). Copy or download it again.") from error
    if mode != "RGB":
        raise UserError(f"{path}: JPEG of mode {mode}; {EXPECTED}; {CONVERT}.")
    return height, width


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Write uint8 (H, W, 3) or (H, W) as PNG, whole or not at all."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        raise ValueError(f"write_png wants uint8 (H, W, 3) or (H, W), got {image.dtype} {image.shape}")
    with atomic(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG")


def to_uint8(image: np.ndarray) -> np.ndarray:
    """[0, 1] to 8 bits: clip, times 255, halves rounded up."""
    return np.floor(np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def imresize(image: np.ndarray, scale: float) -> np.ndarray:
    """MATLAB's `imresize(image, scale, 'bicubic')` with antialiasing for float (H, W) or (H, W, C), any range.

    a = -0.5, symmetric borders, output size ceil(scale * size); not clipped. Each axis is a table of taps (row of
    the weight matrix without its zeros), added in a fixed order, so that the result does not depend on the machine.
    """
    for axis in (0, 1):
        index, weight = _taps(image.shape[axis], scale)
        weight = weight.astype(image.dtype)
        shape = [1] * image.ndim
        shape[axis] = -1
        image = sum(
            np.take(image, index[:, tap], axis=axis) * weight[:, tap].reshape(shape) for tap in range(index.shape[1])
        )
    return image


def bicubic(image: np.ndarray, scale: float) -> np.ndarray:
    """`imresize` of an 8-bit image, rounded once at the end to 8 bits (halves up)."""
    resized = imresize(image.astype(np.float64), scale)
    return np.floor(np.clip(resized, 0, 255) + 0.5).astype(np.uint8)


def _taps(length: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Source indices and weights, each (output length, taps), of MATLAB's `contributions`."""
    stretch = min(scale, 1.0)
    outputs = math.ceil(length * scale - 1e-9)
    taps = math.ceil(4 / stretch) + 2
    centre = (np.arange(outputs) + 0.5) / scale - 0.5
    index = np.floor(centre - 2 / stretch)[:, None] + np.arange(1, taps + 1)
    weight = _cubic(stretch * (centre[:, None] - index))
    weight /= sum(weight[:, tap] for tap in range(taps))[:, None]
    mirror = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    used = np.any(weight != 0, axis=0)
    return mirror[index.astype(int) % (2 * length)][:, used], weight[:, used]


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.5."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))
