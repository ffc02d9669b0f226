"""Tiny trees with the layouts and names of RealSR, DIV2K and the test sets, for tests: random colours, small sizes."""

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.images.rgb import bicubic, write_png


def pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random uint8 (height, width, 3)."""
    return np.random.default_rng([seed, height, width]).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_realsr(folder: Path, scale: int = 4, train: int = 3, test: int = 2) -> Path:
    """Pairs whose LR is the nearest-neighbour reduction of HR, so that alignment is checkable; returns `folder`."""
    for camera in ("Canon", "Nikon"):
        for part, count in (("Train", train), ("Test", test)):
            place = folder / "RealSR(V3)" / camera / part / str(scale)
            for number in range(1, count + 1):
                hr = pixels(scale * (30 + 6 * number), scale * 41, number)
                write_png(place / f"{camera}_{number:03d}_HR.png", hr)
                write_png(place / f"{camera}_{number:03d}_LR{scale}.png", hr[::scale, ::scale])
    return folder


def write_div2k(folder: Path, scale: int = 4, train: int = 3, valid: int = 2) -> Path:
    """HR whose sides are no multiples of the scale, and a published LR that differs from the one made here by one level."""
    for part, first, count in (("train", 1, train), ("valid", 801, valid)):
        for number in range(first, first + count):
            hr = pixels(100 + number % 10, 83, number)
            write_png(folder / "DIV2K" / f"DIV2K_{part}_HR" / f"{number:04d}.png", hr)
            whole = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
            lr = bicubic(whole, 1 / scale) ^ 1
            write_png(folder / "DIV2K" / f"DIV2K_{part}_LR_bicubic/X{scale}" / f"{number:04d}x{scale}.png", lr)
    return folder


def write_self_exemplar(
    folder: Path, name: str = "Set5", images: int = 3, srfs: tuple = (2, 3, 4), half: bool = False
) -> Path:
    """HR cropped to multiples of each scale; the second image is grey; `half`: the images of scale 2 are of half the size."""
    for srf in srfs:
        for number in range(1, images + 1):
            original = pixels(50 + number, 67, number)
            if half and srf == 2:
                original = original[::2, ::2]
            hr = original[: original.shape[0] // srf * srf, : original.shape[1] // srf * srf]
            place = folder / "data" / name / f"image_SRF_{srf}"
            write_png(place / f"img_{number:03d}_SRF_{srf}_HR.png", hr)
            write_png(place / f"img_{number:03d}_SRF_{srf}_LR.png", hr[::srf, ::srf])
            if number == 2:
                Image.fromarray(hr[..., 0]).save(place / f"img_{number:03d}_SRF_{srf}_HR.png")
    return folder
