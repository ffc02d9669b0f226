"""Archives of strangers: every kind, in parts, broken, too large for the disk; nothing but wanted files, all or nothing."""

import os
import subprocess
import tarfile
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.fetch import unpack as module
from pipeline.fetch.unpack import unpack
from tests.archive_examples import ENDINGS, make_tar, make_zip, refused, tree
from tests.full_disk import small_disk

FILES = {"set/HR/1.png": b"one", "set/HR/2.PNG": b"two" * 1000, "set/LR/1.jpg": b""}


@pytest.mark.parametrize("name", ["a.zip", *ENDINGS])
def test_every_kind_of_archive(tmp_path, name):
    make = make_zip if name == "a.zip" else lambda *words: make_tar(*words, mode=ENDINGS[name])
    assert unpack([make(tmp_path / name, FILES)], tmp_path / "out") == sorted(FILES)
    assert tree(tmp_path / "out") == FILES and {path.name for path in tmp_path.iterdir()} == {name, "out"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_parts_are_read_as_one(tmp_path, name, count):
    entries = {f"x/{index}.png": os.urandom(500) for index in range(20)}
    whole = make_zip(tmp_path / name, entries) if name == "a.zip" else make_tar(tmp_path / name, entries, "w:gz")
    content = whole.read_bytes()
    size = -(-len(content) // count)
    parts = [tmp_path / f"{name}.{index:03d}" for index in range(count)]
    for index, part in enumerate(parts):
        part.write_bytes(content[index * size : (index + 1) * size])
    unpack(parts, tmp_path / "out")
    assert tree(tmp_path / "out") == entries
    if count > 1:
        with pytest.raises(UserError, match="give all parts"):
            unpack(parts[:-1], tmp_path / "other")
        with pytest.raises(UserError, match=r"give all parts|damaged"):
            unpack(parts[::-1], tmp_path / "other")
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("names", [("a.png", "A.png"), ("a.png", "./a.png"), ("a.png", "a.png/b.png")])
def test_two_entries_of_one_name(tmp_path, names):
    refused(tmp_path, make_tar(tmp_path / "a.tar", dict.fromkeys(names, b"x")), "twice")


def test_the_same_entry_twice(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("a.png"))
    refused(tmp_path, tmp_path / "a.tar", "twice")


def test_other_kinds_are_left_out_and_counted(tmp_path, capsys):
    entries = {
        "s/a.png": b"x",
        "s/read.me": b"",
        "s/run.exe": b"MZ",
        "__MACOSX/s/._a.png": b"",
        "s/.b.png": b"",
        "s/c.txt": b"t",
    }
    archive = make_zip(tmp_path / "a.zip", entries)
    assert unpack([archive], tmp_path / "out") == ["s/a.png"]
    assert "left out 5 files" in capsys.readouterr().err
    assert unpack([archive], tmp_path / "text", suffixes={".TXT"}) == ["s/c.txt"]
    with pytest.raises(UserError, match=r"holds no \.mat file"):
        unpack([archive], tmp_path / "none", suffixes={".mat"})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["T/T/HR/a.png", "T/T/LR/a.png"], ["T/HR/a.png", "T/LR/a.png"]),
        (["x4/T/T/a.png", "x4/T/T/b.png"], ["x4/T/a.png", "x4/T/b.png"]),
        (["T/T/a.png", "T/b.png"], ["T/T/a.png", "T/b.png"]),
        (["T/T/a.png"], ["T/a.png"]),
        (["a.png"], ["a.png"]),
        (["./T/a.png", "T/b.png"], ["T/a.png", "T/b.png"]),
    ],
)
def test_double_nesting(tmp_path, names, expected):
    assert unpack([make_tar(tmp_path / "a.tar", dict.fromkeys(names, b"x"))], tmp_path / "out") == expected
    assert sorted(tree(tmp_path / "out")) == expected


@pytest.mark.parametrize(
    "content",
    [b"", b"<!DOCTYPE html><html>quota</html>", b"PK", b"PK\x03\x04" + b"x" * 100, b"\x1f\x8b\x08", b"x" * 2000],
)
def test_what_is_no_archive(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path, tmp_path / "a.zip", "not a whole zip or tar")


@pytest.mark.parametrize("name", ["a.zip", *ENDINGS])
def test_a_cut_or_damaged_archive_leaves_nothing(tmp_path, name):
    entries = {f"{index}.png": os.urandom(3000) for index in range(5)}
    whole = make_zip(tmp_path / name, entries) if name == "a.zip" else make_tar(tmp_path / name, entries, ENDINGS[name])
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    refused(tmp_path, whole, "not a whole|announces|damaged")
    if name != "a.tar":  # a plain tar has no checksum of contents; that of the whole file is what protects it
        for place in (len(content) // 2, len(content) - 4):
            whole.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
            refused(tmp_path, whole, "not a whole|announces|damaged")


def test_a_zip_with_a_name_that_is_no_text(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"é.png": b"x"})
    content = archive.read_bytes()
    first, last = content.find("é".encode()), content.rfind("é".encode())
    for place in ({first, last}, {first}):  # its list of entries is looked at first, then the entry itself
        damaged = bytearray(content)
        for index in place:
            damaged[index] = 255
        archive.write_bytes(damaged)
        refused(tmp_path, archive, "not a whole zip or tar" if last in place else "damaged")


def test_an_encrypted_zip(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a.png": b"x"})
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    archive.write_bytes(content)
    refused(tmp_path, archive, "encrypted")


def test_a_folder_in_use_is_kept(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a.png": b"x"})
    (tmp_path / "out").mkdir()
    assert unpack([archive], tmp_path / "out") == ["a.png"]
    refused(tmp_path, archive, "exists and is not empty")
    refused(tmp_path, [archive, tmp_path / "gone"], "gone: no such archive")
    with pytest.raises(UserError, match="all its parts"):
        unpack([], tmp_path / "none")


def test_too_little_room_is_seen_before(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    refused(tmp_path, make_zip(tmp_path / "a.zip", {"a.png": b"four"}), "needs 4 bytes, 3 are free")


@pytest.mark.parametrize("mounted", [True, False])
def test_a_disk_that_fills_up(tmp_path, monkeypatch, mounted):
    """1 MB of room; the look before is switched off, as if another program took the room meanwhile."""
    archive = make_zip(tmp_path / "a.zip", {f"{index}.png": os.urandom(400_000) for index in range(4)})
    monkeypatch.setattr(module, "check_room", lambda *_: None)
    if not mounted:
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    with small_disk(tmp_path / "disk", 1 << 20, monkeypatch) as disk:
        with pytest.raises(UserError, match="No space left on device"):
            unpack([archive], disk / "out")
        assert list(disk.iterdir()) == []
