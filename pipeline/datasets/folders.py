"""A user's folder, walked without ever going round in circles."""

import os
from collections.abc import Iterator
from pathlib import Path


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
