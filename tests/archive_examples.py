"""Archives for tests, also such as no honest tool makes."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.fetch.unpack import unpack

ENDINGS = {"a.tar": "w", "a.tar.gz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}


def make_zip(path: Path, entries: dict[str, bytes], **attributes) -> Path:
    """A zip with these names as they are, and attributes of every entry."""
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
    """The same as a tar."""
    with tarfile.open(path, mode) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.addfile(info, io.BytesIO(content))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Name -> content of every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(tmp_path: Path, parts, match: str, **limits) -> None:
    """`parts` are refused with that message and leave the folder as it was."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=match):
        unpack([parts] if isinstance(parts, Path) else parts, tmp_path / "out", **limits)
    assert sorted(tmp_path.rglob("*")) == before
