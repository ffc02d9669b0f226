"""Hostile archives: nothing leaves the folder, no link, no device, no bomb; all or nothing."""

import contextlib
import gzip
import io
import os
import stat
import struct
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.fetch import archives
from pipeline.fetch import unpack as module
from pipeline.fetch.archives import Limits, Member
from pipeline.fetch.unpack import unpack
from tests.archive_examples import make_tar, make_zip, refused, tree

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


@pytest.mark.parametrize("came", [b"12345", b"123456789"])
def test_an_entry_of_another_size_than_it_says(tmp_path, monkeypatch, came):
    """Python's own readers find this out first; should one not, it is found out here."""
    archive = make_zip(tmp_path / "a.zip", {"a.png": b"1234567"})
    entry = Member("a.png", 7, lambda: io.BytesIO(came))
    monkeypatch.setattr(module, "members", lambda *_: contextlib.nullcontext(iter([entry])))
    refused(tmp_path, archive, "does not have the 7 bytes")


def test_a_bomb_in_a_header(tmp_path):
    """An extended header of 100 MB, which tarfile would read into memory at once."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
        header = tarfile.TarInfo("h")
        header.type, header.size = tarfile.XHDTYPE, 100 << 20
        archive.addfile(header, io.BytesIO(bytes(header.size)))
        archive.addfile(tarfile.TarInfo("b.png"))
    refused(tmp_path, tmp_path / "a.tar.gz", "header of")


def test_a_bomb_behind_the_end_of_a_tar(tmp_path):
    """Zeros that belong to no file: 64 MB in 300 kB."""
    content = make_tar(tmp_path / "a.tar.gz", {"a.png": b"x"}).read_bytes() + bytes(64 << 20)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(content, 1))
    refused(tmp_path, tmp_path / "a.tar.gz", "expands to more than")


def test_a_bomb_of_folders(tmp_path):
    folder = tarfile.TarInfo("x")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(folder.tobuf() * 50_000))
    refused(tmp_path, tmp_path / "a.tar.gz", "expands to more than")


def test_many_tiny_files_are_no_bomb(tmp_path, monkeypatch):
    """Their headers are more than the ratio would allow."""
    monkeypatch.setattr(archives, "RATIO_FROM", 0)
    content = make_tar(tmp_path / "a.tar.gz", {f"{index:03d}.png": b"" for index in range(500)}).read_bytes()
    packed = gzip.compress(content)
    (tmp_path / "a.tar.gz").write_bytes(packed)
    assert len(content) > 40 * len(packed)
    assert len(unpack([tmp_path / "a.tar.gz"], tmp_path / "out", limits=Limits(ratio=40))) == 500


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_folders_count(tmp_path, make):
    kind = {"type": tarfile.DIRTYPE} if make is make_tar else {}
    archive = make(tmp_path / "a", {f"{index}/": b"" for index in range(10)}, **kind)
    refused(tmp_path, archive, "allowed are 9 files and folders", limits=Limits(files=9))


def test_limits_on_count_and_bytes(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {f"{index}.png": b"12345" for index in range(10)})
    refused(tmp_path, archive, "allowed are 9 files", limits=Limits(files=9))
    refused(tmp_path, archive, "49 bytes", limits=Limits(bytes=49))
    assert len(unpack([archive], tmp_path / "out", limits=Limits(files=10, bytes=50))) == 10
