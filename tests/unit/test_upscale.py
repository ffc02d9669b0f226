"""The photographer's command: every kind of picture in, a whole PNG or a clear refusal out."""

import errno
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline import models
from pipeline.images.rgb import imresize, to_uint8
from pipeline.upscale import main
from pipeline.weights.checkpoints import save_network

SPEC = {"name": "bicubic", "scale": 3}


@pytest.fixture(autouse=True)
def torch_settings_end_with_the_test():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def generator(tmp_path):
    path = tmp_path / "generator.safetensors"
    save_network(path, models.build(SPEC), SPEC)
    return path


@pytest.fixture
def upscale(tmp_path, generator):
    """Function: save a picture, run the command, give back (exit code, the picture it made or None)."""

    def run(picture, *options, name="in.png", **save):
        source, target = tmp_path / name, tmp_path / "out.png"
        if isinstance(picture, bytes):
            source.write_bytes(picture)
        elif picture is not None:
            picture.save(source, **save)
        code = main([str(source), str(target), "--generator", str(generator), *options])
        assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []
        return code, Image.open(target) if target.exists() else None

    return run


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def expected(values: np.ndarray) -> np.ndarray:
    return to_uint8(imresize(values / 255.0, 3))


def close(found, wanted: np.ndarray) -> bool:
    difference = np.abs(np.asarray(found).astype(int) - wanted)
    return difference.max() <= 1 and difference.mean() < 0.05


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (19, 23)])
def test_rgb_of_any_size(upscale, size):
    values = pixels(*size, 3)
    code, made = upscale(Image.fromarray(values))
    assert code == 0
    assert made.mode == "RGB"
    assert close(made, expected(values))


def test_grey_stays_grey(upscale):
    values = pixels(9, 12)
    code, made = upscale(Image.fromarray(values))
    assert (code, made.mode) == (0, "L")
    assert close(made, expected(values))


@pytest.mark.parametrize(("channels", "mode"), [(4, "RGBA"), (2, "LA")])
def test_alpha_is_kept(upscale, channels, mode):
    values = pixels(9, 12, channels)
    code, made = upscale(Image.fromarray(values, mode=mode))
    assert (code, made.mode) == (0, mode)
    assert close(made, expected(values))


def test_palette_becomes_colour_with_its_transparency(upscale):
    picture = Image.fromarray(pixels(9, 12) % 8, mode="P")
    picture.putpalette(pixels(8, 3).ravel().tolist())
    code, made = upscale(picture)
    assert (code, made.mode) == (0, "RGB")
    assert close(made, expected(np.array(picture.convert("RGB"))))
    code, made = upscale(picture, "--force", transparency=3)
    assert (code, made.mode) == (0, "RGBA")
    assert close(made.getchannel("A"), expected(np.where(np.array(picture) == 3, 0, 255).astype(np.uint8)))


def test_black_and_white_and_a_transparent_colour(upscale):
    values = pixels(8, 8) > 127
    code, made = upscale(Image.fromarray(values))
    assert (code, made.mode) == (0, "L")
    assert close(made, expected(values * np.uint8(255)))
    code, made = upscale(Image.fromarray(pixels(8, 8, 3)), "--force", transparency=(1, 2, 3))
    assert (code, made.mode) == (0, "RGBA")


def test_a_photograph_from_a_camera(upscale):
    exif = Image.Exif()
    exif[0x0112] = 6
    code, made = upscale(Image.fromarray(pixels(8, 16, 3)), name="in.jpg", exif=exif, quality=90)
    assert code == 0
    assert made.size == (24, 48), "the rotation flag is applied"


def test_tiles_do_not_show(tmp_path, upscale, monkeypatch):
    monkeypatch.setattr("pipeline.models.bicubic.Bicubic.whole_image", False)
    values = pixels(40, 33, 3)
    assert upscale(Image.fromarray(values), "--tile", "16", "--margin", "4")[0] == 0
    made = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    assert np.abs(made - expected(values))[6:-6, 6:-6].max() <= 1


def png(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    """A PNG written by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


GOOD = png(2, 2, 8, 2, b"\0" + bytes(6) + b"\0" + bytes(6))
BAD = {
    "16-bit grey": (png(2, 1, 16, 0, b"\0" + bytes(4)), "16 bits"),
    "16-bit colour": (png(2, 1, 16, 2, b"\0" + bytes(12)), "16 bits"),
    "empty": (b"", "cannot be read"),
    "truncated": (png(2, 2, 8, 2, b"\0" + bytes(6) + b"\0"), "cannot be read"),
    "header only": (GOOD[:40], "cannot be read"),
    "no pixels": (png(0, 0, 8, 2, b""), "cannot be read"),
    "text": (b"not a picture", "cannot be read"),
    "nothing": (None, "no such file"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_pictures_are_named(upscale, capsys, kind):
    content, message = BAD[kind]
    code, made = upscale(content)
    assert (code, made) == (1, None)
    assert message in (said := capsys.readouterr().err)
    assert "in.png" in said


def test_other_formats_and_colour_models(upscale, capsys):
    assert upscale(Image.new("CMYK", (4, 4)), name="in.jpg") == (1, None)
    assert "in.jpg: colour mode CMYK" in capsys.readouterr().err
    assert upscale(Image.new("RGB", (4, 4)), name="in.bmp") == (1, None)


def test_an_existing_result_is_kept_unless_forced(upscale, tmp_path, capsys):
    (tmp_path / "out.png").write_bytes(b"precious")
    source = tmp_path / "in.png"
    source.write_bytes(GOOD)
    arguments = [str(source), str(tmp_path / "out.png"), "--generator", str(tmp_path / "generator.safetensors")]
    assert main(arguments) == 1
    assert "out.png: exists" in capsys.readouterr().err
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    assert upscale(GOOD, "--force")[1].size == (6, 6)


def test_only_png_comes_out(tmp_path, generator, capsys):
    assert main(["in.png", str(tmp_path / "out.jpg"), "--generator", str(generator)]) == 1
    assert ".png" in capsys.readouterr().err


def test_a_file_that_is_no_generator(tmp_path, upscale, generator, capsys):
    generator.write_bytes(b"junk")
    assert upscale(GOOD) == (1, None)
    assert "generator.safetensors: not a whole safetensors file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "code"), [(OSError(errno.ENOSPC, "No space left on device"), 1), (KeyboardInterrupt(), 130)]
)
def test_full_disk_and_ctrl_c_leave_nothing(upscale, monkeypatch, capsys, failure, code):
    save = Image.Image.save

    def fail(image, path, **options):
        if image.size == (6, 6):
            path.write_bytes(b"half")
            raise failure
        save(image, path, **options)

    monkeypatch.setattr(Image.Image, "save", fail)
    assert upscale(GOOD) == (code, None)
    assert "upscale: " in capsys.readouterr().err


def test_a_generator_that_answers_nan(upscale, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.models.bicubic.Bicubic.forward", lambda self, x: x.repeat(1, 1, 3, 3) * float("nan"))
    assert upscale(GOOD) == (1, None)
    assert "NaN" in capsys.readouterr().err
