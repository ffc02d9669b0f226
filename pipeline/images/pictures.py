"""Pictures of a report as PNG bytes: crops enlarged without smoothing, difference maps on one scale, colour bar."""

import base64
import io
import math
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

SHOWN_WIDTH = 400


def png(pixels: np.ndarray) -> bytes:
    """uint8 (H, W, 3) as PNG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def embedded(content: bytes, kind: str = "image/png") -> str:
    """A data address, so that a page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel as a square of `factor` x `factor`: nothing is invented between pixels."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def factor_for(width: int) -> int:
    """Smallest whole enlargement that fills the shown width."""
    return max(1, math.ceil(SHOWN_WIDTH / width))


def difference(sr: np.ndarray, hr: np.ndarray) -> np.ndarray:
    """Absolute difference of two uint8 images, mean over R, G, B, in levels 0..255; (H, W) float32."""
    return np.abs(sr.astype(np.float32) - hr.astype(np.float32)).mean(axis=2)


def common_scale(maps: Iterable[np.ndarray]) -> int:
    """One white point for all maps: the 99.5th percentile of all their values, rounded up to 5 levels."""
    values = np.concatenate([part.ravel() for part in maps])
    return max(5, 5 * math.ceil(float(np.quantile(values, 0.995)) / 5))


def heat(values: np.ndarray, maximum: float) -> np.ndarray:
    """Map (H, W) → uint8 (H, W, 3): black at 0, brightest at `maximum` and above."""
    index = np.clip(values / maximum * 255 + 0.5, 0, 255).astype(np.uint8)
    return _palette()[index]


def colour_bar() -> np.ndarray:
    """The colours of `heat` from 0 to the maximum, left to right; uint8 (1, 256, 3)."""
    return _palette()[None]


def overview(pixels: np.ndarray, box: tuple[int, int, int, int], width: int = 320) -> np.ndarray:
    """The whole image, small, with the crop (top, left, height, width) framed."""
    image = Image.fromarray(pixels)
    scale = min(1.0, width / image.width)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )
    top, left, height, wide = (round(value * scale) for value in box)
    draw = ImageDraw.Draw(small)
    draw.rectangle((left - 1, top - 1, left + wide, top + height), outline=(0, 0, 0), width=4)
    draw.rectangle((left, top, left + wide - 1, top + height - 1), outline=(255, 214, 10), width=2)
    return np.asarray(small)


def _palette() -> np.ndarray:
    from matplotlib import colormaps

    return (colormaps["inferno"](np.linspace(0, 1, 256))[:, :3] * 255 + 0.5).astype(np.uint8)
