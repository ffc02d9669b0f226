"""An S3 server on this machine: moto's, behind a door that a test can close or hold."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "store"
ACCESS = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}


class Server:
    """Objects outlive `stopped`. `written`: paths of objects as they came. After `hold_after` of them no more is taken."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.written: list[str] = []
        self.hold_after: int | None = None
        self.held, self.go_on = threading.Event(), threading.Event()
        self.port = 0
        self._start()
        # All of moto's servers in one process share their objects.
        urllib.request.urlopen(f"{self.url}/moto-api/reset", data=b"", timeout=60).close()
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS["access_key_id"],
            aws_secret_access_key=ACCESS["secret_access_key"],
            region_name=ACCESS["region"],
        )
        self.client.create_bucket(Bucket=BUCKET)
        self.written.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, str]:
        """What DVC must be told about this remote."""
        return {"endpointurl": self.url, **ACCESS}

    def keys(self) -> set[str]:
        """Names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nobody listens on the port."""
        self.stop()
        yield
        self._start()

    def stop(self) -> None:
        """Close the port; objects stay."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _start(self) -> None:
        self.server = make_server("127.0.0.1", self.port, self._answer, threaded=True)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _answer(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "PUT":
            if self.hold_after is not None and len(self.written) >= self.hold_after:
                self.held.set()
                self.go_on.wait(600)
                start_response("503 Service Unavailable", [])
                return []
            self.written.append(environ["PATH_INFO"])
        return self.moto(environ, start_response)
