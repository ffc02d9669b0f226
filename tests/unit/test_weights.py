"""Pretrained files: fetched whole or not at all, and a way out without internet."""

import http.server
import socket
import threading

import pytest

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.weights import fetch

CONTENT = b"weights " * 300_000


def describe(path, url="https://example.org/trunk.pth"):
    return {"file": path.name, "url": url, "sha256_prefix": sha256(path)[:8]}


@pytest.fixture
def server():
    """A web server on this machine: /trunk.pth whole, /short.pth cut off, /wrong.pth with other bytes; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/gone.pth":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            body = {"/short.pth": CONTENT[:-7], "/wrong.pth": CONTENT[::-1]}.get(self.path, CONTENT)
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def spec(tmp_path, server):
    (tmp_path / "original").write_bytes(CONTENT)
    return {**describe(tmp_path / "original"), "file": "trunk.pth", "url": f"{server}/trunk.pth"}


def test_fetch_downloads_and_checks(spec, tmp_path):
    target = tmp_path / "data" / "trunk.pth"
    assert fetch(target, spec) == spec["url"]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "message"),
    [("short.pth", "sent 2399993 of 2400000 bytes|IncompleteRead"), ("wrong.pth", "SHA-256"), ("gone.pth", "404")],
)
def test_a_bad_download_leaves_nothing(spec, server, tmp_path, name, message):
    target = tmp_path / "data" / "trunk.pth"
    with pytest.raises(UserError, match=message):
        fetch(target, {**spec, "url": f"{server}/{name}"})
    assert list(target.parent.iterdir()) == []


def test_offline_says_which_file_to_put_where(spec, tmp_path, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/trunk.pth"
    offline = {**spec, "url": url}
    with pytest.raises(UserError, match=rf"{url}.*{spec['sha256_prefix']}.*put it into the folder.*adopt\.weights"):
        fetch(tmp_path / "data" / "trunk.pth", offline)
    with pytest.raises(UserError, match=f"put it into {tmp_path / 'mine'}"):
        fetch(tmp_path / "data" / "trunk.pth", offline, tmp_path / "mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "trunk.pth").write_bytes(CONTENT)
    assert fetch(tmp_path / "data" / "trunk.pth", offline, tmp_path / "mine") == str(tmp_path / "mine" / "trunk.pth")
    assert (tmp_path / "data" / "trunk.pth").read_bytes() == CONTENT


def test_a_wrong_file_in_the_folder_is_named(spec, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "trunk.pth").write_bytes(b"saved web page")
    with pytest.raises(UserError, match=r"mine/trunk\.pth: its SHA-256"):
        fetch(tmp_path / "data" / "trunk.pth", spec, tmp_path / "mine")
    assert not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://example.org/trunk.pth", "trunk.pth"])
def test_only_web_addresses(spec, tmp_path, url):
    with pytest.raises(UserError, match="https://"):
        fetch(tmp_path / "trunk.pth", {**spec, "url": url})
