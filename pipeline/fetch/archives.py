"""Read untrusted archives: zip and tar, whole or cut into parts, as a list of plain files."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import UserError

# tarfile reads extended headers into memory in one call; those of honest archives are a few kilobytes.
LONGEST_READ = 4 << 20
# Below this, a high ratio harms nobody and small text compresses well.
RATIO_FROM = 16 << 20
# Bytes allowed per file of a tar for headers and padding, including those of the folders around it.
HEADERS = 4096
MAGIC = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
# Errors that zipfile and tarfile raise for a broken archive: a name that is not UTF-8, an unknown compression or encryption, …
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    UnicodeDecodeError,
    NotImplementedError,
)


@dataclass(frozen=True)
class Limits:
    """What an archive may expand to: files and folders, bytes, and bytes out per byte in (photographs are about 1)."""

    files: int = 500_000
    bytes: int = 400_000_000_000
    ratio: float = 50.0


@dataclass(frozen=True)
class Member:
    """One plain file of an archive: its name as written, the size that it announces, and a function that opens it."""

    name: str
    size: int
    open: Callable[[], BinaryIO]


class Joined(io.RawIOBase):
    """The bytes of several files one after the other, without a second copy on disk."""

    def __init__(self, parts: Sequence[Path]):
        super().__init__()
        self._parts = list(parts)
        self._sizes = [path.stat().st_size for path in self._parts]
        self._position = 0
        self._open: tuple[int, BinaryIO] | None = None

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(self._sizes)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError(22, "seek before the beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer) -> int:
        start = 0
        for index, size in enumerate(self._sizes):
            if self._position < start + size:
                stream = self._part(index)
                stream.seek(self._position - start)
                count = stream.readinto(memoryview(buffer)[: start + size - self._position])
                self._position += count
                return count
            start += size
        return 0

    def close(self) -> None:
        if self._open:
            self._open[1].close()
            self._open = None
        super().close()

    def _part(self, index: int) -> BinaryIO:
        if self._open is None or self._open[0] != index:
            if self._open:
                self._open[1].close()
            self._open = index, open(self._parts[index], "rb", buffering=0)  # noqa: SIM115, closed above and in `close`
        return self._open[1]


class Guarded:
    """A decompressed stream that raises UserError after `most` bytes, before an archive bomb fills the memory."""

    def __init__(self, stream: BinaryIO, most: int, name: str):
        self.most = most
        self._stream, self._name = stream, name

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= LONGEST_READ:
            raise UserError(
                f"{self._name}: a header of {count:,} bytes is too large to be genuine. Nothing was unpacked."
            )
        data = self._stream.read(count)
        if self._stream.tell() > self.most:
            raise self._bomb()
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset > self.most:
            raise self._bomb()
        return self._stream.seek(offset)

    def tell(self) -> int:
        return self._stream.tell()

    def _bomb(self) -> UserError:
        return UserError(
            f"{self._name}: expands to more than {self.most:,} bytes, too many for its size and the files in it. "
            "Nothing was unpacked."
        )


@contextmanager
def intact(say: Callable[[Exception], str]) -> Iterator[None]:
    """Turn an error of zipfile or tarfile about a broken archive into a UserError with the text `say(error)`."""
    try:
        yield
    except BROKEN as error:
        raise UserError(say(error)) from error
    except OSError as error:
        # bz2 raises OSError without a number for a damaged stream; errors of the system have one.
        if error.errno is not None:
            raise
        raise UserError(say(error)) from error


@contextmanager
def members(parts: Sequence[Path], limits: Limits) -> Iterator[Iterator[Member]]:
    """Yield the plain files of the archive whose bytes are those of `parts`; they must be read in this order.

    UserError for links, devices and other special entries, for encrypted files, for a file that is neither zip nor tar,
    for more entries than `limits`, and for a tar that expands to more bytes than its files account for.
    """
    name = parts[0].name if len(parts) == 1 else f"{parts[0].name} and {len(parts) - 1} more parts"

    def say(error: Exception) -> str:
        return (
            f"{parts[0]}: is not a whole zip or tar archive ({error}). It may be a broken download, a saved web page, or "
            "one part of several: give all parts, in order."
        )

    with Joined(parts) as joined, io.BufferedReader(joined, 1 << 20) as stream, intact(say):
        start = stream.read(6)
        stream.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(stream) as archive:
                yield _zip_members(_counted(archive.infolist(), limits, name), archive, name)
            return
        unpacker = next((unpacker for magic, unpacker in MAGIC.items() if start.startswith(magic)), None)
        plain = unpacker(stream) if unpacker else stream
        most = min(limits.bytes, int(joined.size * limits.ratio)) + RATIO_FROM
        with tarfile.open(fileobj=Guarded(plain, most, name), mode="r:") as archive:
            yield _tar_members(_counted(archive, limits, name), archive, name)


def _counted(entries: Iterable, limits: Limits, name: str) -> Iterator:
    for count, entry in enumerate(entries, 1):
        if count > limits.files:
            raise UserError(
                f"{name}: holds at least {count:,} files and folders; allowed are {limits.files:,} files and folders. "
                "Nothing was unpacked."
            )
        yield entry


def _zip_members(entries: Iterator[zipfile.ZipInfo], archive: zipfile.ZipFile, name: str) -> Iterator[Member]:
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.orig_filename.endswith("/") and kind in (0, stat.S_IFDIR):
            continue
        if kind not in (0, stat.S_IFREG):
            raise UserError(
                f"{name}: {entry.filename!r} is a link or a device, expected plain files. Nothing was unpacked."
            )
        if entry.flag_bits & 1:
            raise UserError(
                f"{name}: {entry.filename!r} is encrypted. If the archive is one part of several, give all parts."
            )
        # The raw name: zipfile cuts names at NUL, so the name checked could differ from the name that other programs see.
        yield Member(entry.orig_filename, entry.file_size, lambda entry=entry: archive.open(entry))


def _tar_members(entries: Iterator[tarfile.TarInfo], archive: tarfile.TarFile, name: str) -> Iterator[Member]:
    for entry in entries:
        if entry.isdir():
            continue
        if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.issparse():
            raise UserError(
                f"{name}: {entry.name!r} is a link, a device or another special entry, expected plain files. "
                "Nothing was unpacked."
            )
        archive.fileobj.most += HEADERS
        yield Member(entry.name, entry.size, lambda entry=entry: archive.extractfile(entry))
    # Read to the end: the checksum of the compressed stream comes after the last entry.
    while archive.fileobj.read(LONGEST_READ):
        pass
