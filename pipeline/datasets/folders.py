"""A user's folder, walked without ever going round in circles."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def walk(root: str | Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """(folder, folders in it, files in it) of everything below `root`, names sorted, links followed.

    A folder that is reached again through a link, as when a link leads upwards, is entered only once. Only listings are
    read. Folders that may not be listed raise PermissionError: they would silently count as empty.
    """
    seen: set[tuple[int, int]] = set()

    def stop(error: OSError) -> None:
        raise error

    for place, inside, files in os.walk(root, followlinks=True, onerror=stop):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            inside.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inside.sort()
        yield Path(place), inside, sorted(files)


def inside(root: str | Path, path: Path) -> str:
    """Path of what lies below `root`, from root's own name on: that may be the last folder that a layout knows."""
    name = Path(os.path.abspath(root)).name  # noqa: PTH100, a link goes by its own name
    return PurePosixPath(name, path.relative_to(root)).as_posix()
