"""Room on the disk and leave to write there: seen before a byte comes, and said plainly when room runs out all the same."""

import shutil
import tempfile
from pathlib import Path

from pipeline.errors import UserError


def check_writable(*folders: Path) -> None:
    """Make folders that are not there; UserError for one that no file can be written to."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            linked = isinstance(error, FileExistsError) and folder.is_symlink()
            why = f"a link to {folder.readlink()}, where no folder is" if linked else error.strerror
            raise UserError(
                f"{folder}: no file can be written there ({why}), expected a folder, or a link to one. Is its disk mounted, and "
                "may you write to it? Mend that, then run again."
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
    """What to say when a write failed for want of room; `left` tells what is left."""
    return UserError(f"{path}: {error.strerror}. {left} Free some space, then run again.")
