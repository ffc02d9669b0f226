"""Packed image files and manifests: round trips, equal bytes, damage, full disks."""

import json
import resource
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file

from pipeline.errors import UserError
from pipeline.sampling import manifest
from pipeline.sampling.packed import Packed, write_images, writer
from tests.packing import read_manifest, write_stack


def pixels(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_stack_round_trip(tmp_path):
    path, images = tmp_path / "folder" / "train_lr.safetensors", pixels(5, 6, 4)
    write_stack(path, list("badce"), images)
    packed = Packed(path)
    assert (len(packed), packed.names, packed.sizes()) == (5, list("badce"), [(6, 4)] * 5)
    np.testing.assert_array_equal(packed[3], images[3])
    np.testing.assert_array_equal(packed.take([4, 0, 0]), images[[4, 0, 0]])
    assert packed[0].flags.writeable
    np.testing.assert_array_equal(load_file(path)["images"], images)


def test_images_of_different_size_keep_their_order(tmp_path):
    path = tmp_path / "test_hr.safetensors"
    images = {"zebra": pixels(4, 8), "ape": pixels(3, 5)}
    write_images(path, images)
    packed = Packed(path)
    assert (packed.names, packed.sizes()) == (["zebra", "ape"], [(4, 8), (3, 5)])
    np.testing.assert_array_equal(packed[1], images["ape"])
    np.testing.assert_array_equal(load_file(path)["zebra"], images["zebra"])
    with pytest.raises(ValueError, match="different size"):
        packed.take([0])


def test_one_image_alone_is_no_stack(tmp_path):
    write_images(tmp_path / "a", {"images": pixels(4, 8)})
    np.testing.assert_array_equal(Packed(tmp_path / "a")[0], pixels(4, 8))


def test_same_images_same_bytes(tmp_path):
    for name in "ab":
        write_stack(tmp_path / name, ["x", "y"], pixels(2, 4, 4))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_non_contiguous_images_are_written_right(tmp_path):
    image = pixels(8, 8)[::2, ::-1]
    write_images(tmp_path / "a", {"x": image})
    np.testing.assert_array_equal(Packed(tmp_path / "a")[0], image)


@pytest.mark.parametrize("images", [[pixels(4, 4)], [pixels(4, 4), pixels(4, 5)], [pixels(4, 4), pixels(4, 4) * 1.0]])
def test_a_broken_promise_leaves_nothing(tmp_path, images):
    with pytest.raises(ValueError), writer(tmp_path / "a", ["x", "y"], [(4, 4), (4, 4)], stack=True) as write:
        for image in images:
            write(image)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the third image no longer fits
    try:
        with pytest.raises(UserError, match=r"a\.safetensors: could not be written"):
            write_stack(tmp_path / "a.safetensors", list("xyz"), pixels(3, 64, 64))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_foreign_files_are_refused(tmp_path):
    good = tmp_path / "good"
    write_stack(good, ["x", "y"], pixels(2, 4, 4))
    data = good.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])

    def changed(**tensors):
        text = json.dumps(header | tensors).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + length :]

    broken = {
        "cut": data[:-1],
        "cut_header": data[:20],
        "short": data[:5],
        "text": b"hello, this is no safetensors file at all",
        "float": changed(images=header["images"] | {"dtype": "F32"}),
        "shape": changed(images=header["images"] | {"shape": [2, 4, 3, 3]}),
        "names": changed(__metadata__={"names": '["x"]'}),
        "no_names": changed(__metadata__={}),
        "other": changed(weight=header["images"]),
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name}: expected a file of packed images"):
            Packed(tmp_path / name)
    with pytest.raises(UserError, match="no such file"):
        Packed(tmp_path / "absent")


def test_manifest_round_trip(tmp_path):
    rows = [
        manifest.row("train", "a, b", "lr", np.zeros((2, 3, 3), np.uint8), "package: file", 'CC "BY"'),
        manifest.row("test", "ü", "hr", pixels(4, 4), "", ""),
    ]
    manifest.write(tmp_path / "m.csv", rows)
    assert read_manifest(tmp_path / "m.csv") == rows
    # sha256 of 18 zero bytes, from the sha256sum program
    assert rows[0].sha256 == "60daa3a5f7dbfa200f8c82840ecf5b42640b70f3b7218a4c6bbd67db542e75a4"
    assert (rows[0].height, rows[0].width) == (2, 3)
