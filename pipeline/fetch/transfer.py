"""Download one file over http(s) to `<target>.part`: resume where that is safe, retry where that may help, else refuse.

`<target>.part` holds the bytes, `<target>.part.json` what the server said about the file. A download is resumed only when
the server confirms, by ETag or Last-Modified, that the file is the same; without either only if a whole checksum is known.
Checksums are not checked here but in `pipeline.fetch.obtain`.
"""

import email.utils
import errno
import os
import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tqdm import tqdm

from pipeline.errors import UserError
from pipeline.fetch.parts import Content, content_of, continues, remove_part, resumable, size_of, store_content
from pipeline.fetch.room import check_room, full_disk
from pipeline.fetch.settings import Settings

if TYPE_CHECKING:
    import requests

IN_A_LOG = 15.0  # seconds between lines of progress
CHUNK = 1 << 18
# Bytes that must arrive before a broken connection counts as progress and resets the count of failures: a server that cuts
# connections every hour is asked until the file is whole, one that drops every connection at once is given up.
PROGRESS = 1 << 20
RETRIED = {408, 425, 429, 500, 502, 503, 504}
PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<\?xml[^>]*>\s*<!doctype\s+html)", re.IGNORECASE)
TITLE = re.compile(rb"<title[^>]*>([^<]*)", re.IGNORECASE)
PAGES = (".html", ".htm", ".xml", ".svg")


class Refused(Exception):
    """This location does not give the file; another one may. The text tells the user why."""


class WebPage(Refused):
    """The server sent a web page instead of the file, for example a login or a message about a quota."""


class _Again(Exception):
    """The attempt failed; try again after `wait` seconds (None: the usual back-off)."""

    def __init__(self, why: str, wait: float | None = None):
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Got:
    """A download that is complete according to the server. `joined`: made from more than one response."""

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
    """Download `address(session)` to `<target>.part`; `origin` is its permanent address, `size` the expected bytes.

    `address` is called for every attempt. `whole_checksum`: the caller can detect pieces of different files.
    Raises Refused when this location does not give the file, UserError when the disk is full.
    """
    import requests

    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        remove_part(part)
    failures, joined, begun = 0, False, size_of(part)
    with requests.Session() as session:
        session.headers.update({"Accept-Encoding": "identity", "User-Agent": "sr-adaptation-pipeline"})
        while True:
            try:
                url = _resolved(address, session)
                content, url, linked, continued = _attempt(session, origin, url, part, settings, size, whole_checksum)
                return Got(part, content, url, linked, joined or continued)
            except _Again as failure:
                received = size_of(part)
                failures, begun, joined = (
                    (1, received, True) if received - begun >= PROGRESS else (failures + 1, begun, joined)
                )
                if failures > settings.retries:
                    raise Refused(f"{failure} (given up after {failures} attempts)") from None
                seconds = wait(failures, failure.wait, settings)
                message = f"{target.name}: {failure}; attempt {failures + 1} in {seconds:.1f} s"
                print(message, file=sys.stderr, flush=True)
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
    before = resumable(part, origin, whole_checksum)
    offset = size_of(part) if before else 0
    headers = {}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if before.validator:
            headers["If-Range"] = before.validator
    with _ask(session, url, headers, settings) as response:
        content = content_of(origin, response)
        _check_page(part, response)
        if response.status_code == 416:
            if offset and content.size in (None, offset) and offset == before.size:
                return before, response.url, None, True
            remove_part(part)
            raise _Again("the file changed on the server, starting again from the beginning")
        if response.status_code == 206 and not (offset and continues(response, content, offset, before)):
            remove_part(part)
            raise _Again("the server sent a piece that was not requested, starting again")
        if response.status_code == 200:
            offset = 0
        if size is not None and content.size not in (None, size):
            remove_part(part)
            raise Refused(f"it has {content.size:,} bytes there, expected {size:,}")
        check_room((content.size or size or 0) - offset, part)
        _receive(response, content, part, offset)
        linked = next(
            (step.headers["X-Linked-Etag"] for step in response.history if "X-Linked-Etag" in step.headers), None
        )
        return content, response.url, linked and linked.strip('"'), bool(offset)


def _ask(session, url: str, headers: dict, settings: Settings) -> "requests.Response":
    """Send the request; return a response with status 200, 206 or 416, else raise _Again or Refused."""
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
        raise Refused(f"{url}: is not an address that begins with https:// or http://") from error
    except requests.exceptions.TooManyRedirects as error:
        raise Refused(f"{url}: redirects in a circle") from error
    except requests.exceptions.RequestException as error:
        raise _Again(f"{url}: no answer ({reason(error)})") from error
    if url.startswith("https:") and not response.url.startswith("https:"):
        response.close()
        raise Refused(f"{url}: redirects to an address without encryption, {response.url}")
    if response.status_code in RETRIED:
        response.close()
        raise _Again(f"{url}: the server answers {response.status_code}", retry_after(response))
    if response.status_code not in (200, 206, 416):
        response.close()
        raise Refused(f"{url}: the server answers {response.status_code} {response.reason}")
    return response


def _receive(response, content: Content, part: Path, offset: int) -> None:
    """Append the response to the part; _Again when the connection breaks or the number of bytes is not the announced one."""
    problem = None
    try:
        with open(part, "r+b" if offset else "wb") as stream:
            stream.truncate(offset)
            stream.seek(offset)
            # After the file is emptied and before new bytes are written, so that the stored content always fits the bytes.
            store_content(part, content)
            with bar(part.name.removesuffix(".part"), content.size, offset) as progress:
                problem = _copy(response, stream, progress, page=offset > 0 or _is_page(part))
            offset = stream.tell()
            stream.flush()
            os.fsync(stream.fileno())
    except WebPage:
        remove_part(part)
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise full_disk(part, error, "The bytes received so far are kept and will be continued.") from error
        raise UserError(f"{part}: could not be written ({error.strerror or error}).") from error
    if problem is None and content.size not in (None, offset):
        problem = f"{offset:,} of {content.size:,} bytes came"
    if problem:
        raise _Again(problem)


def _copy(response, stream: BinaryIO, progress: tqdm, page: bool) -> str | None:
    """Write the response to `stream`; return how the connection broke, else None. WebPage for HTML unless `page` is set."""
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
    """Raise WebPage, with the title of the page, when the response declares itself HTML and the file is not a page."""
    kind = response.headers.get("Content-Type", "")
    if response.status_code != 416 and kind.startswith("text/html") and not _is_page(part):
        title = TITLE.search(response.raw.read(1 << 16, decode_content=True))
        words = " ".join(title[1].decode("utf-8", "replace").split()) if title else "without a title"
        raise WebPage(f"{response.url}: a web page came instead of the file: {words}")


def _is_page(part: Path) -> bool:
    return part.name.removesuffix(".part").endswith(PAGES)


def wait(failures: int, requested: float | None, settings: Settings) -> float:
    """Seconds until the next attempt: what the server asks for, else doubling with jitter, never more than the setting."""
    if requested is not None:
        return min(requested, settings.longest_wait)
    longest = min(settings.longest_wait, settings.first_wait * 2 ** (failures - 1))
    return random.uniform(longest / 2, longest)


def retry_after(response) -> float | None:
    """Seconds that the header Retry-After asks for, given as a number or a date; None without it."""
    value = response.headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
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
    """Progress bar in bytes, with rate and remaining time: live on a terminal, one line every few seconds in a log."""
    often = 0.2 if sys.stderr.isatty() else IN_A_LOG
    return tqdm(
        total=total, initial=initial, unit="B", unit_scale=True, desc=what, mininterval=often, maxinterval=often
    )
