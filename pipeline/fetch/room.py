"""Disk space and write permission, checked before the first byte is downloaded; and the message for a full disk."""

import shutil
import tempfile
from pathlib import Path

from pipeline.errors import UserError


def check_writable(*folders: Path) -> None:
    """Create missing folders; UserError for a folder in which no file can be created."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            linked = isinstance(error, FileExistsError) and folder.is_symlink()
            why = f"a link to {folder.readlink()}, which is not a folder" if linked else error.strerror
            raise UserError(
                f"{folder}: no file can be written there ({why}), expected a folder, or a link to one. Mount its disk, or get "
                "permission to write to it, then run again."
            ) from error


def free_bytes(path: Path) -> int:
    """Bytes free where `path` lies or will lie."""
    place = next(parent for parent in [path.absolute(), *path.absolute().parents] if parent.exists())
    return shutil.disk_usage(place).free


def check_room(needed: int, path: Path, what: str = "") -> None:
    """Raise UserError when fewer than `needed` bytes are free where `path` lies."""
    free = free_bytes(path)
    if needed > free:
        raise UserError(
            f"{what or path}: needs {needed:,} bytes, {free:,} are free in {path.parent}. Free some space or make data/raw a "
            "link to a larger disk, then run again."
        )


def full_disk(path: Path, error: OSError, left: str) -> UserError:
    """UserError for a write that failed on a full disk; `left` says what remains of the file."""
    return UserError(f"{path}: {error.strerror}. {left} Free some space, then run again.")
