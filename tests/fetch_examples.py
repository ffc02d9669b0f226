"""Small sources for tests of `pipeline.fetch`."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

from pipeline.fetch.catalogue import Checksum, Expectation, File, Licence, Location, Source

CONTENT, OTHER = os.urandom(100_000), os.urandom(100_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OPEN = Licence("open", "Do as you like.", False)


def archive(images: int = 3) -> bytes:
    """A zip with doubly nested images."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        for index in range(images):
            # Without a date of its own an entry would get the time of day.
            zipped.writestr(zipfile.ZipInfo(f"Set/Set/{index:04d}.png"), f"image {index}")
    return content.getvalue()


def file(name: str, *locations: str | Location, **named) -> File:
    """A file at web addresses or other locations, of which nobody states anything but what is given."""
    where = tuple(place if isinstance(place, Location) else Location("http", {"url": place}) for place in locations)
    empty = {"size": None, "checksums": (), "into": None, "suffixes": (), "holds": ()}
    return File(name=name, locations=where, **{**empty, **named})


def source(
    *files: File, kind: str = "dataset", licence: Licence = OPEN, manual: str | None = None
) -> dict[str, Source]:
    return {"toy": Source("toy", kind, "Toy", "https://example.org", licence, files, manual)}


def stated(value: str, algorithm: str = "sha256", by: str = "somebody", trust: str = "third_party") -> Checksum:
    """A digest that somebody states."""
    return Checksum(algorithm, value, by, trust)


def toy(server, images: int = 3, expected: int = 3, **named) -> dict[str, Source]:
    """A data set of `images` images, of which `expected` are expected."""
    content = archive(images)
    holds = (Expectation(r"Set/\d{4}\.png", expected, "its page"),)
    one = file("toy.zip", server.put("/toy.zip", content), size=len(content), into="Toy", holds=holds)
    return source(one, **named)


def left(folder: Path) -> set[str]:
    """Names of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
