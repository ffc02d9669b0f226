"""Servers for the tests of tracking: a real one that can be killed, one that cuts a request off, and some that are none."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from urllib.request import urlopen

# What an MLflow server might answer to anything: enough for a client to go on to the next request.
ANSWER = {"experiment": {"experiment_id": "1", "name": "simcam_x4"}, "run": {"info": {"run_id": "a" * 32}}}


class Server:
    """`mlflow server` on a free port with an SQLite file of its own."""

    def __init__(self, folder: Path):
        self.folder, self.database = folder, folder / "server.db"
        with create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, timeout: float = 240.0) -> None:
        """Start it and wait until it answers; it needs many seconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        store = ["--backend-store-uri", f"sqlite:///{self.database}", "--artifacts-destination", str(self.folder)]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *place, *store],
                stdout=log,
                stderr=log,
                env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
                start_new_session=True,
            )
        end = time.monotonic() + timeout
        while True:
            try:
                with urlopen(f"{self.address}/health", timeout=5) as answer:
                    answer.read()
                return
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL to it and to the processes that it started."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=60)
            self.process = None


class Cut:
    """A way to a server on which the `at`-th request is the last: `before` it arrives, or `after`, with its answer lost.

    Later requests are refused until `at` is set anew. `count`: requests so far.
    """

    def __init__(self, port: int):
        self.port, self.count, self.at, self.when = port, 0, 0, "before"

    def set(self, at: int, when: str = "before") -> None:
        """Count anew; cut at request `at`, never if it is 0."""
        self.count, self.at, self.when = 0, at, when

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address of the way."""
        cut = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                cut.count += 1
                last = cut.at and cut.count >= cut.at
                self.close_connection = True
                if last and (cut.when == "before" or cut.count > cut.at):
                    return
                behind = http.client.HTTPConnection("127.0.0.1", cut.port, timeout=60)
                behind.request(self.command, self.path, body, {"Content-Type": "application/json"})
                answer = behind.getresponse()
                content = answer.read()
                behind.close()
                if last:
                    return
                self.send_response(answer.status)
                for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(content)))):
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(content)

            do_POST = do_PATCH = do_DELETE = do_GET

        with _serving(Handler) as address:
            yield address


@contextmanager
def pretender(kind: str) -> Iterator[str]:
    """The address of a server that is no MLflow server.

    `closed`: nobody listens; `silent`: takes connections and never answers; `dribble`: a header now and then, for ever;
    `slow`: a plausible answer after 0.3 seconds; `error`: status 500; `html`: a page to log in; `empty`: JSON that says
    nothing.
    """
    if kind in ("closed", "silent"):
        with create_server(("127.0.0.1", 0)) as listening:
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            if kind == "silent":
                yield address
        if kind == "closed":
            yield address
        return
    with _serving(_pretending(kind)) as address:
        yield address


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    handler.protocol_version, handler.log_message = "HTTP/1.1", lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _pretending(kind: str) -> type[BaseHTTPRequestHandler]:
    page = "<html><body>Please log in.</body></html>"
    answers = {"error": (500, "oops"), "html": (200, page), "empty": (200, "{}")}
    status, body = answers.get(kind, (200, json.dumps(ANSWER)))
    delay = 0.3 if kind == "slow" else 0.0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(delay)
            self.send_response(status)
            try:
                self.flush_headers()
                while kind == "dribble":
                    self.wfile.write(b"X-Wait: 1\r\n")
                    time.sleep(0.2)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())
            except ConnectionError:
                self.close_connection = True

        do_POST = do_GET

    return Handler
