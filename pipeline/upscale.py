"""Command: enlarge one picture with a trained generator.

`python -m pipeline.upscale IN.png OUT.png --generator results/runs/…/generator.safetensors`
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm import tqdm

from pipeline import models
from pipeline.errors import UserError
from pipeline.files import atomic
from pipeline.images.rgb import PNG_SIGNATURE
from pipeline.images.tiles import count_tiles, to_tensor, upscale_tiled
from pipeline.reproducibility import prepare
from pipeline.weights.checkpoints import load_network

COLOURS = {"1": "L", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "P": "RGB", "PA": "RGBA"}


def read_picture(path: Path) -> Image.Image:
    """Read a PNG or JPEG picture as L, LA, RGB or RGBA with 8 bits; palettes become colours, rotation flags are applied.

    Raises UserError for a missing or damaged file, another format or colour model, and 16 bits per channel.
    """
    try:
        with open(path, "rb") as stream:
            head = stream.read(26)
        # Pillow silently reduces 16-bit colour to 8 bits, so the depth is read from the file itself.
        if head.startswith(PNG_SIGNATURE) and head[24:25] == b"\x10":
            raise UserError(f"{path}: has 16 bits per channel, expected 8. Convert it to an 8-bit PNG first.")
        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            image.load()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path}: cannot be read as a PNG or JPEG picture ({error}). Save it again as an 8-bit PNG."
        ) from error
    if image.mode not in COLOURS:
        raise UserError(
            f"{path}: colour mode {image.mode}, expected grey or RGB with 8 bits. Convert it to an 8-bit RGB PNG."
        )
    mode = COLOURS[image.mode]
    if "transparency" in image.info:
        mode = {"L": "LA", "RGB": "RGBA"}.get(mode, mode)
    return ImageOps.exif_transpose(image).convert(mode)


def enlarge(
    network: torch.nn.Module, picture: Image.Image, tile: int, margin: int, device: torch.device
) -> Image.Image:
    """Enlarge a picture from `read_picture`; the result has the same mode.

    Grey goes through the network as RGB and becomes grey again; alpha is up-sampled bicubically. A picture smaller than
    one tile goes through whole. Raises UserError when the network gives NaN or infinity.
    """
    colour = picture.convert("RGB")
    lr = to_tensor(np.array(colour))
    height, width = lr.shape[2:]
    with tqdm(total=count_tiles(network, height, width, tile, tile), unit="tile", desc="upscale") as bar:
        sr = upscale_tiled(network, lr, tile, margin, whole_below=tile, device=device, progress=bar.update)
    if not torch.isfinite(sr).all():
        raise UserError(
            "the generator gave NaN or infinity: its file is damaged or its training diverged. Use another."
        )
    enlarged = _picture(sr)
    if picture.mode in ("L", "LA"):
        enlarged = enlarged.convert("L")
    if picture.mode in ("LA", "RGBA"):
        bicubic = models.build({"name": "bicubic", "scale": network.scale})
        enlarged.putalpha(_picture(bicubic(to_tensor(np.array(picture.getchannel("A"))))))
    return enlarged


def _picture(sr: Tensor) -> Image.Image:
    """(1, C, H, W) → L or RGB, clamped and rounded to 8 bits (halves up); overwrites `sr`."""
    values = sr.clamp_(0, 1).mul_(255).add_(0.5).to(torch.uint8)[0].permute(1, 2, 0).numpy()
    return Image.fromarray(np.ascontiguousarray(values.squeeze(2) if values.shape[2] == 1 else values))


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, enlarge, write; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.upscale", description="Enlarge one picture.")
    parser.add_argument("input", type=Path, help="PNG or JPEG picture, 8 bits per channel, any size")
    parser.add_argument("output", type=Path, help="PNG file to write")
    parser.add_argument("--generator", type=Path, required=True, help="generator.safetensors of a run")
    parser.add_argument("--tile", type=int, default=480, help="pixels per tile side; smaller needs less memory")
    parser.add_argument("--margin", type=int, default=16, help="pixels of context around each tile")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--force", action="store_true", help="overwrite the output file")
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except UserError as error:
        print(f"upscale: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("upscale: interrupted; nothing was written.", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    """Check all arguments before the computation, then enlarge and write the picture."""
    if options.output.suffix.lower() != ".png":
        raise UserError(f"{options.output}: expected a name that ends with .png; the result is always a PNG.")
    if options.output.exists() and not options.force:
        raise UserError(f"{options.output}: exists. Choose another name, or add --force to overwrite it.")
    picture = read_picture(options.input)
    network = load_network(options.generator)
    compute = {"device": options.device, "threads": torch.get_num_threads(), "precision": "fp32"}
    device = prepare(compute, seed=0)
    enlarged = enlarge(network.to(device), picture, options.tile, options.margin, device)
    with atomic(options.output) as temporary:
        enlarged.save(temporary, format="PNG", icc_profile=picture.info.get("icc_profile"))
    print(f"{options.output}: {enlarged.width}x{enlarged.height} pixels, {picture.width}x{picture.height} before.")


if __name__ == "__main__":
    sys.exit(main())
