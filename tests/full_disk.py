"""A disk that fills up: a file system of its own where the system lets us mount one (root), else writes that are refused."""

import builtins
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int, monkeypatch) -> Iterator[Path]:
    """`folder` with room for `size` bytes."""
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(options, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if mounted:
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        _refuse_writes(folder, size, monkeypatch)
        yield folder


def _refuse_writes(folder: Path, size: int, monkeypatch) -> None:
    real = builtins.open

    def opened(file, mode="r", *words, **named):
        stream = real(file, mode, *words, **named)
        if set("wxa+") & set(mode) and folder in Path(os.fsdecode(file)).absolute().parents:
            write = stream.write

            def bounded(data):
                if sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) + len(data) > size:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                count = write(data)
                stream.flush()
                return count

            return _Bounded(stream, bounded)
        return stream

    monkeypatch.setattr(builtins, "open", opened)


class _Bounded:
    """A stream whose `write` is another's."""

    def __init__(self, stream, write):
        self._stream, self.write = stream, write

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()
