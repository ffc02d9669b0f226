"""Pretrained files: checked before they are opened, fetched whole or not at all, and a way out without internet."""

import http.server
import pickle
import socket
import threading

import pytest
import safetensors.torch
import torch

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.weights import fetch, open_weights, verify

CONTENT = b"weights " * 300_000


def describe(path, url="https://example.org/trunk.pth"):
    return {"file": path.name, "url": url, "sha256_prefix": sha256(path)[:8]}


@pytest.fixture
def trunk(tmp_path):
    path = tmp_path / "trunk.pth"
    torch.save({"layer.weight": torch.arange(6.0).reshape(2, 3)}, path)
    return path


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


def test_opens_a_verified_file(trunk, tmp_path):
    assert open_weights(trunk, describe(trunk))["layer.weight"][1, 2] == 5
    whole = {**describe(trunk), "sha256_prefix": sha256(trunk).upper()}
    assert list(open_weights(trunk, whole)) == ["layer.weight"]
    other = tmp_path / "trunk.safetensors"
    safetensors.torch.save_file({"bias": torch.ones(2)}, other)
    assert torch.equal(open_weights(other, describe(other))["bias"], torch.ones(2))


def test_refuses_a_file_with_another_digest(trunk):
    spec = describe(trunk)
    trunk.write_bytes(trunk.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"trunk\.pth: its SHA-256 is .*{spec['sha256_prefix']}"):
        open_weights(trunk, spec)


@pytest.mark.parametrize("digest", ["", "abc", "not hexadecimal", "0" * 65])
def test_refuses_a_digest_that_proves_nothing(trunk, digest):
    with pytest.raises(UserError, match="8 to 64"):
        verify(trunk, {**describe(trunk), "sha256_prefix": digest})


def test_missing_file_says_where_it_comes_from(trunk, tmp_path):
    with pytest.raises(UserError, match=r"gone\.pth: no such file.*https://example\.org/trunk\.pth"):
        verify(tmp_path / "gone.pth", describe(trunk))


class Explosive:
    def __reduce__(self):
        return pytest.fail, ("a weights file ran code",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("content", [Explosive(), [1, 2], {"layer": "text"}])
def test_nothing_but_tensors_comes_out_of_a_file(tmp_path, content):
    path = tmp_path / "odd.pth"
    torch.save(content, path)
    with pytest.raises(UserError, match=r"odd\.pth"):
        open_weights(path, describe(path))
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"odd\.pth"):
        open_weights(path, describe(path))


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
