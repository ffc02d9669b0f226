"""The beginning of a file that broke off, and what the server said of its content: may it be gone on with?

`<target>.part` and, beside it, `<target>.part.json`. A part is gone on with only when the server says, by ETag or
Last-Modified, that it still has the same content; one that says neither is trusted only where a whole checksum is known.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.files import write_json


@dataclass(frozen=True)
class Content:
    """What a server says of a content: enough to see whether it is the same the next time."""

    origin: str
    etag: str | None
    modified: str | None
    size: int | None

    @property
    def validator(self) -> str | None:
        """What If-Range may hold: a strong ETag, else the date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def forget(part: Path) -> None:
    """Remove a part and what was known of it."""
    part.unlink(missing_ok=True)
    _memo(part).unlink(missing_ok=True)


def described(origin: str, response) -> Content:
    """Size of the whole content, whatever piece of it the answer holds."""
    told = response.headers.get("Content-Range", "").rpartition("/")[2]
    if response.status_code == 200:
        told = response.headers.get("Content-Length", "")
    return Content(
        origin,
        response.headers.get("ETag"),
        response.headers.get("Last-Modified"),
        int(told) if told.isdigit() else None,
    )


def continues(response, content: Content, offset: int, before: Content) -> bool:
    """Whether a 206 is exactly the rest of the content that the part is the beginning of."""
    piece = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    return (
        piece is not None
        and int(piece[1]) == offset
        and int(piece[2]) == int(piece[3]) - 1
        and content.size == before.size
        and (content.etag or before.etag) == before.etag
        and (content.modified or before.modified) == before.modified
    )


def known(part: Path, origin: str, whole_checksum: bool) -> Content | None:
    """What is known of the content that a part is the beginning of; None when it cannot be gone on with."""
    try:
        content = Content(**json.loads(_memo(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    usable = content.origin == origin and content.size is not None and 0 < size_of(part) <= content.size
    return content if usable and (content.validator or whole_checksum) else None


def remember(part: Path, content: Content) -> None:
    """Note what content the part is the beginning of."""
    write_json(_memo(part), asdict(content))


def _memo(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def size_of(part: Path) -> int:
    """Bytes that are there."""
    return part.stat().st_size if part.is_file() else 0
