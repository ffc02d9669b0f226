"""A web server on this machine that fails as the ones of data sets do: each path plays its list of answers, the last for ever."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.fetch.settings import Settings

# Fast enough for tests; a wait that is not followed, or a timeout that does not come, would make them hang and fail.
QUICK = Settings(
    accept=(), mirror=None, retries=3, connect_timeout=5, read_timeout=2, first_wait=0.01, longest_wait=0.3
)


@dataclass(frozen=True)
class Answer:
    """One answer. Without faults: 200, or 206 for a Range whose If-Range still holds; ETag and Last-Modified if given."""

    content: bytes = b""
    etag: str | None = '"one"'
    modified: str | None = None
    status: int | None = None  # this, and no content
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True  # False: answers 200 to Range
    drop_after: int | None = None  # bytes of the body, then the connection is cut
    stall_after: int | None = None  # bytes of the body, then nothing for a long time
    pause: float = 0.0  # seconds after every 10 kB
    length: int | None = None  # what Content-Length says instead of the truth; -1: nothing
    extra: bytes = b""  # after the content
    shift: int = 0  # a 206 begins so many bytes later than asked for
    location: str | None = None  # a redirect


class Server:
    """`answers`: path -> what it says in turn; `asked`: (path, Range, If-Range) of every request."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.lock = threading.Lock()

    def put(self, path: str, *answers: Answer | bytes) -> str:
        """Let `path` answer so; its address."""
        self.answers[path] = [Answer(answer) if isinstance(answer, bytes) else answer for answer in answers]
        return self.url + path

    def ranges(self, path: str) -> list[str | None]:
        """The Range of every request for `path`."""
        return [asked for name, asked, _ in self.asked if name == path]

    def next(self, path: str, headers) -> Answer:
        with self.lock:
            self.asked.append((path, headers.get("Range"), headers.get("If-Range")))
            answers = self.answers.get(path) or [Answer(status=404)]
            return answers.pop(0) if len(answers) > 1 else answers[0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answer = self.server.plan.next(self.path.partition("?")[0], self.headers)
        self.close_connection = True
        if answer.location:
            self._head(302, {"Location": answer.location, "Content-Length": "0"}, answer)
        elif answer.status:
            self._head(answer.status, {"Content-Length": "0"}, answer)
        else:
            self._send(answer)

    def _send(self, answer: Answer):
        content, start, status = answer.content, 0, 200
        asked, still = self.headers.get("Range"), self.headers.get("If-Range")
        headers = {}
        if asked and answer.ranges and still in (None, answer.etag, answer.modified):
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(content):
                self._head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}, answer)
                return
            start += answer.shift
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:] + answer.extra
        length = len(body) if answer.length is None else answer.length
        if length >= 0:
            headers["Content-Length"] = str(length)
        headers |= {"ETag": answer.etag} if answer.etag else {}
        headers |= {"Last-Modified": answer.modified} if answer.modified else {}
        self._head(status, headers, answer)
        stop = min(x for x in (answer.drop_after, answer.stall_after, len(body)) if x is not None)
        try:
            for begin in range(0, stop, 10_000):
                self.wfile.write(body[begin : min(begin + 10_000, stop)])
                time.sleep(answer.pause)
            self.wfile.flush()
            if answer.stall_after is not None:
                time.sleep(30)
        except OSError:
            pass

    def _head(self, status: int, headers: dict, answer: Answer):
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/octet-stream", "Connection": "close"} | headers | answer.headers
        ).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A running server on a free port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        running.block_on_close = False
        running.plan = Server(running.server_port)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running.plan
        finally:
            running.shutdown()
            thread.join()
