"""One file over http(s), whole: resumed where that is safe, retried where that may help, refused where it cannot.

`download` leaves `<target>.part` and, beside it, `<target>.part.json`: what the server said of its content. A part is gone
on with only when the server says, by ETag or Last-Modified, that it still has the same content; one that says neither is
trusted only where a whole checksum is known. Nothing here checks checksums: that is `pipeline.fetch.obtain`.
"""

import email.utils
import errno
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.fetch.room import check_room, full_disk
from pipeline.fetch.settings import Settings
from pipeline.files import write_json

if TYPE_CHECKING:
    import requests

IN_A_LOG = 15.0  # seconds between lines of progress
CHUNK = 1 << 18
# As much as this must have come before a broken connection counts as progress, so that a server which lets through an
# hour at a time is asked as often as it takes, and one that drops every connection at once is not.
PROGRESS = 1 << 20
RETRIED = {408, 425, 429, 500, 502, 503, 504}
PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<\?xml[^>]*>\s*<!doctype\s+html)", re.IGNORECASE)
TITLE = re.compile(rb"<title[^>]*>([^<]*)", re.IGNORECASE)
PAGES = (".html", ".htm", ".xml", ".svg")


class Refused(Exception):
    """This location does not give the file; another one may. The text says why, for people."""


class WebPage(Refused):
    """A page came where a file was expected: a quota, a login, a question to click on."""


class _Again(Exception):
    """The attempt failed; after `wait` seconds (None: the usual back-off) the next one may not."""

    def __init__(self, why: str, wait: float | None = None):
        super().__init__(why)
        self.wait = wait


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


@dataclass(frozen=True)
class Got:
    """A file that has come whole, as far as its server says. `joined`: made from more than one answer."""

    part: Path
    content: Content
    url: str
    linked: str | None
    joined: bool


def download(
    origin: str,
    address: Callable[["requests.Session"], str],
    target: Path,
    settings: Settings,
    *,
    size: int | None = None,
    whole_checksum: bool = False,
    fresh: bool = False,
) -> Got:
    """Bring the file at `address(session)` to `<target>.part`; `origin` is its lasting name, `size` what is expected.

    `address` is asked anew for every attempt. `whole_checksum`: the caller will see if parts do not belong together.
    Raises Refused when this location cannot give it, UserError when the disk is full.
    """
    import requests

    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        forget(part)
    failures, joined, begun = 0, False, size_of(part)
    with requests.Session() as session:
        session.headers.update({"Accept-Encoding": "identity", "User-Agent": "sr-adaptation-pipeline"})
        while True:
            try:
                url = _resolved(address, session)
                content, url, linked, continued = _attempt(session, origin, url, part, settings, size, whole_checksum)
                return Got(part, content, url, linked, joined or continued)
            except _Again as failure:
                now = size_of(part)
                failures, begun, joined = (1, now, True) if now - begun >= PROGRESS else (failures + 1, begun, joined)
                if failures > settings.retries:
                    raise Refused(f"{failure} (given up after {failures} attempts)") from None
                seconds = wait(failures, failure.wait, settings)
                told = f"{target.name}: {failure}; attempt {failures + 1} in {seconds:.1f} s"
                print(told, file=sys.stderr, flush=True)
                time.sleep(seconds)


def looks_like_page(start: bytes) -> bool:
    """Whether these first bytes of a file are those of a web page."""
    return bool(PAGE.match(start))


def _resolved(address: Callable, session: "requests.Session") -> str:
    import requests
    import urllib3

    try:
        return address(session)
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Again(f"no answer ({reason(error)})") from error


def _attempt(session, origin, url, part, settings, size, whole_checksum) -> tuple[Content, str, str | None, bool]:
    before = known(part, origin, whole_checksum)
    offset = size_of(part) if before else 0
    headers = {}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if before.validator:
            headers["If-Range"] = before.validator
    with _ask(session, url, headers, settings) as response:
        content = described(origin, response)
        _check_page(part, response)
        if response.status_code == 416:
            if offset and content.size in (None, offset) and offset == before.size:
                return before, response.url, None, True
            forget(part)
            raise _Again("the server has another content than before, begun anew")
        if response.status_code == 206 and not (offset and continues(response, content, offset, before)):
            forget(part)
            raise _Again("the server sent another piece than was asked for, begun anew")
        if response.status_code == 200:
            offset = 0
        if size is not None and content.size not in (None, size):
            forget(part)
            raise Refused(f"it has {content.size:,} bytes there, expected {size:,}")
        check_room((content.size or size or 0) - offset, part)
        _receive(response, content, part, offset)
        linked = next(
            (step.headers["X-Linked-Etag"] for step in response.history if "X-Linked-Etag" in step.headers), None
        )
        return content, response.url, linked and linked.strip('"'), bool(offset)


def _ask(session, url: str, headers: dict, settings: Settings) -> "requests.Response":
    """The answer to a request that is worth reading: 200, 206 or 416."""
    import requests

    timeout = (settings.connect_timeout, settings.read_timeout)
    try:
        response = session.get(url, headers=headers, stream=True, timeout=timeout)
    except requests.exceptions.SSLError as error:
        raise Refused(f"{url}: its certificate is not accepted ({error})") from error
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
    ) as error:
        raise Refused(f"{url}: is no address that begins with https:// or http://") from error
    except requests.exceptions.TooManyRedirects as error:
        raise Refused(f"{url}: leads in a circle") from error
    except requests.exceptions.RequestException as error:
        raise _Again(f"{url}: no answer ({reason(error)})") from error
    if url.startswith("https:") and not response.url.startswith("https:"):
        response.close()
        raise Refused(f"{url}: leads to an address without encryption, {response.url}")
    if response.status_code in RETRIED:
        response.close()
        raise _Again(f"{url}: the server answers {response.status_code}", retry_after(response))
    if response.status_code not in (200, 206, 416):
        response.close()
        raise Refused(f"{url}: the server answers {response.status_code} {response.reason}")
    return response


def _receive(response, content: Content, part: Path, offset: int) -> None:
    """Append what comes to the part; _Again when the connection breaks or other than the promised bytes came."""
    problem = None
    try:
        with open(part, "r+b" if offset else "wb") as stream:
            stream.truncate(offset)
            stream.seek(offset)
            # After the file was emptied and before bytes of another content are in it: the memo never speaks for others.
            remember(part, content)
            with bar(part.name.removesuffix(".part"), content.size, offset) as progress:
                problem = _copy(response, stream, progress, page=offset > 0 or _is_page(part))
            offset = stream.tell()
            stream.flush()
            os.fsync(stream.fileno())
    except WebPage:
        forget(part)
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise full_disk(part, error, "What came so far is kept and will be gone on with.") from error
        raise UserError(f"{part}: could not be written ({error.strerror or error}).") from error
    if problem is None and content.size not in (None, offset):
        problem = f"{offset:,} of {content.size:,} bytes came"
    if problem:
        raise _Again(problem)


def _copy(response, stream: BinaryIO, progress: tqdm, page: bool) -> str | None:
    """Write what comes, until it ends or the connection breaks; how it broke. WebPage unless a `page` may come."""
    import http.client

    import urllib3

    while True:
        try:
            chunk = response.raw.read1(CHUNK, decode_content=False)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            return f"the connection broke ({reason(error)})"
        if not chunk:
            return None
        if not page and looks_like_page(chunk):
            raise WebPage(f"{response.url}: a web page came instead of the file")
        page = True
        stream.write(chunk)
        progress.update(len(chunk))


def _check_page(part: Path, response) -> None:
    """A server that says it sends a page is believed; its title says why."""
    kind = response.headers.get("Content-Type", "")
    if response.status_code != 416 and kind.startswith("text/html") and not _is_page(part):
        title = TITLE.search(response.raw.read(1 << 16, decode_content=True))
        words = " ".join(title[1].decode("utf-8", "replace").split()) if title else "without a title"
        raise WebPage(f"{response.url}: a web page came instead of the file: {words}")


def _is_page(part: Path) -> bool:
    return part.name.removesuffix(".part").endswith(PAGES)


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


def wait(failures: int, told: float | None, settings: Settings) -> float:
    """Seconds until the next attempt: what the server asks for, else doubling with jitter, never more than the setting."""
    if told is not None:
        return min(told, settings.longest_wait)
    longest = min(settings.longest_wait, settings.first_wait * 2 ** (failures - 1))
    return random.uniform(longest / 2, longest)


def retry_after(response) -> float | None:
    """Seconds that the server asks for, as a number or a date; None when it does not."""
    told = response.headers.get("Retry-After", "")
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def reason(error: BaseException) -> str:
    """The innermost cause, in one line."""
    inner = getattr(error, "reason", None)
    while (error.args and isinstance(error.args[-1], BaseException)) or isinstance(inner, BaseException):
        error = inner if isinstance(inner, BaseException) else error.args[-1]
        inner = getattr(error, "reason", None)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def bar(what: str, total: int | None, initial: int = 0) -> tqdm:
    """Progress in bytes, with rate and remaining time: live on a terminal, a line now and then in a log."""
    often = 0.2 if sys.stderr.isatty() else IN_A_LOG
    return tqdm(
        total=total, initial=initial, unit="B", unit_scale=True, desc=what, mininterval=often, maxinterval=often
    )
