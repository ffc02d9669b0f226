"""The part of a download that broke off, `<target>.part`, and what the server said about its content: may it be resumed?"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.files import write_json


@dataclass(frozen=True)
class Content:
    """What a server says about a file's content, to recognise the same content next time; None: not stated."""

    origin: str
    etag: str | None
    modified: str | None
    size: int | None

    @property
    def validator(self) -> str | None:
        """Value for If-Range: a strong ETag, else the date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def remove_part(part: Path) -> None:
    """Remove a part and its `.part.json`."""
    part.unlink(missing_ok=True)
    _memo(part).unlink(missing_ok=True)


def content_of(origin: str, response) -> Content:
    """Content that an HTTP response describes; its size is that of the whole file, whichever piece the response holds."""
    size = response.headers.get("Content-Range", "").rpartition("/")[2]
    if response.status_code == 200:
        size = response.headers.get("Content-Length", "")
    return Content(
        origin,
        response.headers.get("ETag"),
        response.headers.get("Last-Modified"),
        int(size) if size.isdigit() else None,
    )


def continues(response, content: Content, offset: int, before: Content) -> bool:
    """Whether a 206 response is exactly the rest of the content that the part begins."""
    piece = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    return (
        piece is not None
        and int(piece[1]) == offset
        and int(piece[2]) == int(piece[3]) - 1
        and content.size == before.size
        and (content.etag or before.etag) == before.etag
        and (content.modified or before.modified) == before.modified
    )


def resumable(part: Path, origin: str, whole_checksum: bool) -> Content | None:
    """Stored content of a part that may be resumed, else None."""
    try:
        content = Content(**json.loads(_memo(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    usable = content.origin == origin and content.size is not None and 0 < size_of(part) <= content.size
    return content if usable and (content.validator or whole_checksum) else None


def store_content(part: Path, content: Content) -> None:
    """Store which content the part begins."""
    write_json(_memo(part), asdict(content))


def _memo(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def size_of(part: Path) -> int:
    """Bytes of the part on disk, 0 without one."""
    return part.stat().st_size if part.is_file() else 0
