"""Room on the disk: seen before a byte is written, and said plainly when it runs out all the same."""

import shutil
from pathlib import Path

from pipeline.errors import UserError


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
    """What to say when a write failed for want of room; `left` tells what is left."""
    return UserError(f"{path}: {error.strerror}. {left} Free some space, then run again.")
