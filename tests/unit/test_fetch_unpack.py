"""Archives of strangers: nothing leaves the folder, nothing but plain wanted files is written, all or nothing."""

import io
import os
import stat
import struct
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.fetch import unpack as module
from pipeline.fetch.unpack import Limits, unpack
from tests.full_disk import small_disk

ENDINGS = {"a.tar": "w", "a.tar.gz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}


def make_zip(path: Path, entries: dict[str, bytes], **attributes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            # zipfile tidies names on the way in; a hostile tool would not.
            info.filename = info.orig_filename = name
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def make_tar(path: Path, entries: dict[str, bytes], mode: str = "w", **attributes) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.addfile(info, io.BytesIO(content))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(tmp_path: Path, parts, match: str, **limits) -> None:
    """`parts` are refused with that message and leave the folder as it was."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=match):
        unpack([parts] if isinstance(parts, Path) else parts, tmp_path / "out", **limits)
    assert sorted(tmp_path.rglob("*")) == before


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
        with pytest.raises(UserError, match="all parts are needed"):
            unpack(parts[:-1], tmp_path / "other")
        with pytest.raises(UserError, match=r"all parts are needed|damaged"):
            unpack(parts[::-1], tmp_path / "other")
        assert not (tmp_path / "other").exists()


OUTSIDE = ["../a.png", "x/../../a.png", "/tmp/a.png", "//a.png", "..\\a.png", "C:/a.png", "C:\\a.png", "x/\na.png"]


@pytest.mark.parametrize("name", [*OUTSIDE, "x/" * 600 + "a.png", "n" * 300 + ".png"])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_lead_elsewhere(tmp_path, make, name):
    # The last entry: what comes before it must not have been written either.
    refused(tmp_path, make(tmp_path / "a", {"good.png": b"good", name: b"bad"}), "Nothing was unpacked")


PIECES = st.sampled_from(["..", ".", "", "/", "a", "b", "a.png", "~", "\\", "C:", "\0", "é", "-", " ", "a.PNG", "con"])


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(st.lists(PIECES, min_size=1, max_size=6).map("/".join), min_size=1, max_size=4, unique=True),
    zipped=st.booleans(),
)
def test_no_name_ever_escapes(names, zipped):
    """Whatever the names: all files written lie below the folder, and beside it nothing new is there."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "deep/er"
        root.mkdir(parents=True)
        archive = (make_zip if zipped else make_tar)(
            root / "archive", dict.fromkeys((f"{name}.png" for name in names), b"x")
        )
        try:
            written = unpack([archive], root / "out")
        except UserError:
            written = []
        assert tree(Path(place)).keys() == {"deep/er/archive", *(f"deep/er/out/{name}" for name in written)}
        assert all(".." not in Path(name).parts for name in written)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_of_a_tar(tmp_path, kind):
    archive = make_tar(tmp_path / "a.tar", {"x/a.png": b""}, type=kind, linkname="/etc/passwd")
    refused(tmp_path, archive, "link, a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_of_a_zip(tmp_path, kind):
    archive = make_zip(tmp_path / "a.zip", {"x/a.png": b"/etc/passwd"}, external_attr=(kind | 0o777) << 16)
    refused(tmp_path, archive, "link or a device")


def test_a_link_and_then_a_file_through_it(tmp_path):
    """The classic: a link to elsewhere, then an entry below the link's name."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("x")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "elsewhere")
        archive.addfile(link)
        below = tarfile.TarInfo("x/a.png")
        archive.addfile(below)
    (tmp_path / "elsewhere").mkdir()
    refused(tmp_path, tmp_path / "a.tar", "link")


def test_no_rights_are_taken_from_an_archive(tmp_path):
    unpack([make_tar(tmp_path / "a.tar", {"a.png": b"x"}, mode="w")], tmp_path / "one")
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        info = tarfile.TarInfo("a.png")
        info.mode, info.uid = 0o4777, 12345
        archive.addfile(info)
    unpack([tmp_path / "b.tar"], tmp_path / "two")
    status = (tmp_path / "two/a.png").stat()
    assert not status.st_mode & 0o7111 and status.st_uid == os.getuid()


@pytest.mark.parametrize("make", [make_zip, lambda *words: make_tar(*words, mode="w:gz")])
def test_a_bomb_by_its_ratio(tmp_path, make):
    archive = make(tmp_path / "a", {"a.png": bytes(40 << 20)})
    assert archive.stat().st_size < 1 << 20
    refused(tmp_path, archive, "times its size")
    assert unpack([archive], tmp_path / "out", limits=Limits(ratio=2000)) == ["a.png"]


def test_a_bomb_that_understates_itself(tmp_path):
    """A directory that says 10 bytes where 30 MB come."""
    archive = make_zip(tmp_path / "a.zip", {"a.png": bytes(30 << 20)})
    content = archive.read_bytes().replace(struct.pack("<L", 30 << 20), struct.pack("<L", 10))
    archive.write_bytes(content)
    refused(tmp_path, archive, "damaged|announces")


def test_a_bomb_in_a_header(tmp_path):
    """An extended header of 100 MB, which tarfile would read into memory at once."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
        header = tarfile.TarInfo("h")
        header.type, header.size = tarfile.XHDTYPE, 100 << 20
        archive.addfile(header, io.BytesIO(bytes(header.size)))
        archive.addfile(tarfile.TarInfo("b.png"))
    refused(tmp_path, tmp_path / "a.tar.gz", "header of")


def test_limits_on_count_and_bytes(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {f"{index}.png": b"12345" for index in range(10)})
    refused(tmp_path, archive, "allowed are 9 files", limits=Limits(files=9))
    refused(tmp_path, archive, "49 bytes", limits=Limits(bytes=49))
    assert len(unpack([archive], tmp_path / "out", limits=Limits(files=10, bytes=50))) == 10


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
    refused(tmp_path, tmp_path / "a.zip", "no whole zip or tar")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_cut_or_damaged_archive_leaves_nothing(tmp_path, name):
    entries = {f"{index}.png": os.urandom(3000) for index in range(5)}
    whole = make_zip(tmp_path / name, entries) if name == "a.zip" else make_tar(tmp_path / name, entries, ENDINGS[name])
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    refused(tmp_path, whole, "no whole|announces|damaged")
    if name != "a.tar":  # a plain tar has no checksum of contents; that of the whole file is what protects it
        middle = len(content) // 2
        whole.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
        refused(tmp_path, whole, "no whole|announces|damaged")


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
    refused(tmp_path, archive, "not empty")
    refused(tmp_path, [archive, tmp_path / "gone"], "gone: no such archive")
    with pytest.raises(UserError, match="all its parts"):
        unpack([], tmp_path / "none")


def test_too_little_room_is_seen_before(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    refused(tmp_path, make_zip(tmp_path / "a.zip", {"a.png": b"four"}), "has 3 bytes free")


@pytest.mark.parametrize("mounted", [True, False])
def test_a_disk_that_fills_up(tmp_path, monkeypatch, mounted):
    """1 MB of room; the look before is switched off, as if another program took the room meanwhile."""
    archive = make_zip(tmp_path / "a.zip", {f"{index}.png": os.urandom(400_000) for index in range(4)})
    monkeypatch.setattr(module, "_check_room", lambda *_: None)
    if not mounted:
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    with small_disk(tmp_path / "disk", 1 << 20, monkeypatch) as disk:
        with pytest.raises(UserError, match="No space left on device"):
            unpack([archive], disk / "out")
        assert list(disk.iterdir()) == []
