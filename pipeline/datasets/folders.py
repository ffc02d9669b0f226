"""Walk through a user's folder, following links but never in circles."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def walk(root: str | Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield (folder, its folders, its files) for everything below `root`, names sorted, links followed.

    A folder that is reached again through a link is entered only once. Only listings are read. PermissionError for a
    folder that cannot be listed, as it would silently count as empty.
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
    """`path` relative to the parent of `root`: the name of `root` may be part of a layout."""
    name = Path(os.path.abspath(root)).name  # noqa: PTH100, a link goes by its own name
    return PurePosixPath(name, path.relative_to(root)).as_posix()
