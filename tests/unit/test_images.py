"""Reading, refusing and writing photographs; bicubic resizing against values of another program."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.images.rgb import bicubic, image_size, imresize, read_rgb, to_uint8, write_png


def photograph(height=12, width=10):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def waves(channels, height, width):
    """The test image of the golden values, (H, W, C)."""
    y, x, c = np.ogrid[:height, :width, :channels]
    return 0.5 + 0.5 * np.sin(0.7 * c + 0.31 * y + 0.17 * x + 0.05 * y * x / 8)


def test_png_round_trip(tmp_path):
    image = photograph()
    write_png(tmp_path / "a" / "b.png", image)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a" / "b.png"), image)
    assert image_size(tmp_path / "a" / "b.png") == (12, 10)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.png"]


def test_jpeg_is_read_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photograph(8, 16)).save(tmp_path / "a.jpg", exif=exif)
    assert image_size(tmp_path / "a.jpg") == (16, 8)
    assert read_rgb(tmp_path / "a.jpg").shape == (16, 8, 3)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "grey"), ("P", "palette"), ("RGBA", "alpha"), ("LA", "alpha"), ("I;16", "16-bit"), ("1", "1-bit")],
)
def test_other_kinds_of_png_are_refused_with_advice(tmp_path, mode, kind):
    path = tmp_path / "a.png"
    image = Image.new("I;16", (4, 4)) if mode == "I;16" else Image.fromarray(photograph()).convert(mode)
    image.save(path)
    for read in (read_rgb, image_size):
        with pytest.raises(UserError, match=rf"a\.png.*{kind}.*convert"):
            read(path)


def png(width, height, depth, pixels=b"", extra=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_16_bit_colour_is_not_reduced_silently(tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(png(2, 1, 16, b"\0" + bytes(12)))
    with Image.open(path) as image:
        assert image.mode == "RGB"  # what Pillow would have made of it
    with pytest.raises(UserError, match=r"deep\.png: 16-bit RGB PNG.*8-bit"):
        read_rgb(path)


def test_zero_size_empty_truncated_and_foreign_files_are_refused(tmp_path):
    write_png(tmp_path / "whole.png", photograph(64, 64))
    whole = (tmp_path / "whole.png").read_bytes()
    Image.fromarray(photograph(64, 64)).save(tmp_path / "whole.jpg")
    jpeg = (tmp_path / "whole.jpg").read_bytes()
    broken = {
        "zero.png": (png(0, 4, 8), "no pixels"),
        "empty.png": (b"", "0 bytes"),
        "cut.png": (whole[: len(whole) // 2], "truncated"),
        "head.png": (whole[:20], "truncated"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "head.jpg": (jpeg[:4], "truncated"),
        "page.png": (b"<html>quota exceeded</html>", "neither PNG nor JPEG"),
        "key.png": (
            png(1, 1, 8, bytes(4), b"\0\0\0\6tRNS" + bytes(6) + struct.pack(">I", zlib.crc32(b"tRNS" + bytes(6)))),
            "transparent",
        ),
    }
    for name, (data, reason) in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=f"{name}.*{reason}"):
            read_rgb(tmp_path / name)
    with pytest.raises(UserError, match=r"absent\.png: cannot be read"):
        read_rgb(tmp_path / "absent.png")


def test_a_jpeg_whose_header_promises_more_pixels_than_memory_has_is_refused(tmp_path):
    path = tmp_path / "bomb.jpg"
    Image.fromarray(photograph(64, 64)).save(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", 65000, 65000)
    path.write_bytes(data)
    for read in (read_rgb, image_size):
        with pytest.raises(UserError, match=r"bomb\.jpg: damaged or truncated image .*4225000000 pixels"):
            read(path)


def test_grey_jpeg_is_refused(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "grey.jpg")
    with pytest.raises(UserError, match="JPEG of mode L"):
        read_rgb(tmp_path / "grey.jpg")


def test_write_png_refuses_other_arrays(tmp_path):
    for image in (np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            write_png(tmp_path / "a.png", image)


def test_imresize_equals_the_reference_program():
    small = imresize(waves(3, 32, 32), 1 / 4)
    assert small.shape == (8, 8, 3)
    assert small.mean() == pytest.approx(0.4920920, abs=2e-7)
    assert small[0, 0, 0] == pytest.approx(0.8031519, abs=2e-7)
    assert small[3, 5, 1] == pytest.approx(0.1418825, abs=2e-7)
    assert small[7, 7, 2] == pytest.approx(0.8392208, abs=2e-7)


@pytest.mark.parametrize(
    ("scale", "side", "mean", "corner", "inner", "last"),
    [
        (2, 32, 0.497640145992, 0.608741878367, 0.867796256992, 0.028605227727),
        (3, 36, 0.498340120799, 0.712602966472, 0.420247206892, 0.875502561669),
        (4, 32, 0.498598266790, 0.803151910105, 0.059987186856, 0.124188046186),
        (8, 64, 0.500401554585, 0.824016546920, 0.589503565098, 0.498313952826),
        (16, 96, 0.499635429120, 0.533219769226, 0.496352162850, 0.499884551425),
    ],
)
def test_imresize_equals_resizeright(scale, side, mean, corner, inner, last):
    """Values of ResizeRight 0.0.2 (Shocher): cubic, symmetric padding, antialiased, in float64."""
    small = imresize(waves(3, side, side + 2 * scale), 1 / scale)
    assert small.shape == (side // scale, side // scale + 2, 3)
    found = (small.mean(), small[0, 0, 0], small[1, 2, 1], small[-1, -1, 2])
    assert found == pytest.approx((mean, corner, inner, last), abs=1e-11)


@pytest.mark.parametrize("scale", [2, 3, 4, 8, 16])
def test_imresize_equals_pillow_up_to_the_border(scale):
    """Pillow has the same kernel, but renormalises at borders; given mirrored ones, every pixel is the same."""
    image, wide = waves(3, 6 * scale, 9 * scale), 3 * scale
    padded = np.pad(image, ((wide, wide), (wide, wide), (0, 0)), mode="symmetric").astype(np.float32)
    shape = (padded.shape[1] // scale, padded.shape[0] // scale)
    theirs = [
        np.array(Image.fromarray(plane).resize(shape, Image.Resampling.BICUBIC)) for plane in np.moveaxis(padded, 2, 0)
    ]
    np.testing.assert_allclose(imresize(image, 1 / scale), np.stack(theirs, 2)[3:-3, 3:-3], atol=3e-7)


@pytest.mark.parametrize("scale", [2, 3, 4, 8, 16])
def test_imresize_weights_by_hand(scale):
    """One axis against the plain definition: cubic a = -0.5 stretched by the scale, symmetric borders, normalised."""
    line = np.random.default_rng(1).random(12 * scale)
    result = imresize(np.repeat(line[:, None], 4 * scale, axis=1), 1 / scale)

    def cubic(x):
        x = abs(x)
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    for out in range(12):
        centre = (out + 0.5) * scale - 0.5
        taps = range(int(centre) - 3 * scale, int(centre) + 3 * scale + 1)
        weights = [cubic((centre - tap) / scale) for tap in taps]
        values = [
            line[tap if 0 <= tap < len(line) else -1 - tap if tap < 0 else 2 * len(line) - 1 - tap] for tap in taps
        ]
        assert result[out, 0] == pytest.approx(np.dot(weights, values) / sum(weights), abs=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_imresize_up_keeps_a_plane_and_turns(scale):
    y, x = np.mgrid[:20, :24].astype(float)
    large = imresize(3 * y - 2 * x + 5, scale)
    fine_y, fine_x = ((np.mgrid[: 20 * scale, : 24 * scale] + 0.5) / scale - 0.5)[
        :, 4 * scale : -4 * scale, 4 * scale : -4 * scale
    ]
    inside = large[4 * scale : -4 * scale, 4 * scale : -4 * scale]
    np.testing.assert_allclose(inside, 3 * fine_y - 2 * fine_x + 5, atol=1e-9)
    image = waves(3, 24, 36)
    np.testing.assert_allclose(
        imresize(image[::-1].transpose(1, 0, 2), scale), imresize(image, scale)[::-1].transpose(1, 0, 2), atol=1e-12
    )


def test_imresize_keeps_float32_and_odd_sizes():
    assert imresize(np.ones((33, 17), np.float32), 0.25).dtype == np.float32
    assert imresize(np.ones((33, 17)), 0.25).shape == (9, 5)
    np.testing.assert_allclose(imresize(np.full((9, 9, 3), 0.3), 1 / 3), 0.3, atol=1e-15)


def test_rounding_to_8_bits():
    np.testing.assert_array_equal(to_uint8(np.array([-0.1, 0.5 / 255, 0.499 / 255, 1.0, 1.2])), [0, 1, 0, 255, 255])


def test_bicubic_clips_and_rounds_once():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    small = bicubic(image, 1 / 4)
    assert small.dtype == np.uint8
    exact = imresize(image.astype(float), 1 / 4)
    assert exact.min() < 0
    assert exact.max() > 255
    np.testing.assert_allclose(small, np.clip(exact, 0, 255), atol=0.5)
