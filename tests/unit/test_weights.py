"""Pretrained files: fetched whole or not at all, pinned where nobody states a digest, and a way out without internet."""

import socket
from dataclasses import replace

import pytest

from pipeline.errors import UserError
from pipeline.fetch.catalogue import Licence
from pipeline.fetch.lock import Lock
from pipeline.fetch.settings import Places
from pipeline.jobs.fetch_weights import fetch
from pipeline.provenance.fingerprint import closure
from tests.fetch_examples import CONTENT, OTHER, SHA256, file, source, stated
from tests.fetch_server import QUICK, Answer, serving


@pytest.fixture
def server():
    with serving() as running:
        running.put("/trunk.pth", CONTENT)
        yield running


@pytest.fixture
def spec(server):
    return {"file": "trunk.pth", "url": f"{server.url}/trunk.pth", "sha256_prefix": SHA256[:8]}


@pytest.fixture
def bring(tmp_path):
    """fetch to data/weights in a folder of its own, without the shipped catalogue."""
    places = Places(tmp_path / "raw", tmp_path / "lock.yaml")

    def bring(spec, folder=None, settings=QUICK, sources=None) -> dict:
        return fetch(tmp_path / "data/trunk.pth", spec, settings, folder, places, sources or {})

    return bring


def nothing_came(tmp_path) -> bool:
    return not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())


def test_fetch_downloads_and_checks(spec, bring, tmp_path):
    assert bring(spec)["url"] == spec["url"]
    assert (tmp_path / "data/trunk.pth").read_bytes() == CONTENT


def test_a_second_job_downloads_nothing_nor_takes_room(spec, bring, tmp_path, server):
    bring(spec)
    assert (tmp_path / "data/trunk.pth").samefile(tmp_path / "raw/weights/trunk.pth")
    (tmp_path / "data/trunk.pth").unlink()
    for _ in range(2):
        bring(spec)
        assert (tmp_path / "data/trunk.pth").read_bytes() == CONTENT
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(CONTENT, drop_after=90_000, etag=None, ranges=False), "given up after 4 attempts"),
        (Answer(OTHER), "SHA-256"),
        (Answer(status=404), "404"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), "a web page came"),
    ],
)
def test_a_bad_download_leaves_nothing(spec, bring, server, tmp_path, answer, message):
    server.put("/trunk.pth", answer)
    with pytest.raises(UserError, match=message):
        bring(spec)
    assert nothing_came(tmp_path) and not (tmp_path / "raw/weights/trunk.pth").exists()


def test_offline_says_which_file_to_put_where(spec, bring, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        offline = {**spec, "url": f"http://127.0.0.1:{closed.getsockname()[1]}/trunk.pth"}
        with pytest.raises(UserError, match=rf"{offline['url']}(.|\n)*put trunk\.pth into the folder.*adopt\.weights"):
            bring(offline)
        with pytest.raises(UserError, match=rf"put trunk\.pth into {tmp_path / 'mine'}"):
            bring(offline, tmp_path / "mine")
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "trunk.pth").write_bytes(CONTENT)
        assert bring(offline, tmp_path / "mine")["url"] == "adopt.weights"
    assert (tmp_path / "data/trunk.pth").read_bytes() == CONTENT and not (tmp_path / "raw/weights/trunk.pth").exists()


@pytest.mark.parametrize(("content", "words"), [(OTHER, "its SHA-256 is"), (b"<html>saved", "web page")])
def test_a_wrong_file_in_the_folder_is_named(spec, bring, tmp_path, content, words):
    (tmp_path / "trunk.pth").write_bytes(content)
    with pytest.raises(UserError, match=rf"{tmp_path}/trunk\.pth: .*{words}"):
        bring(spec, tmp_path)
    assert nothing_came(tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://example.org/trunk.pth", "trunk.pth"])
def test_only_web_addresses(spec, bring, url):
    with pytest.raises(UserError, match="https://"):
        bring({**spec, "url": url})


@pytest.mark.parametrize("digest", ["", "abc", "not hexadecimal", "0" * 65])
def test_refuses_a_digest_that_proves_nothing(spec, bring, digest):
    with pytest.raises(UserError, match="8 to 64"):
        bring({**spec, "sha256_prefix": digest})


@pytest.mark.parametrize("local", [False, True])
def test_without_a_stated_digest_the_first_is_pinned(spec, bring, server, tmp_path, local):
    unstated = {**spec, "sha256_prefix": None}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/trunk.pth").write_bytes(CONTENT)
    bring(unstated, tmp_path / "mine" if local else None)
    assert Lock(tmp_path / "lock.yaml").pin("trunk.pth")["sha256"] == SHA256
    server.put("/trunk.pth", OTHER)
    (tmp_path / "mine/trunk.pth").write_bytes(OTHER)
    (tmp_path / "raw/weights/trunk.pth").unlink(missing_ok=True)
    (tmp_path / "data/trunk.pth").unlink()
    for folder in (None, tmp_path / "mine"):
        place = f"{folder}/trunk.pth" if folder else f"trunk.pth from {spec['url']}"
        with pytest.raises(UserError, match=f"^{place}: its SHA-256 is .*pins {SHA256}"):
            bring(unstated, folder)
    assert nothing_came(tmp_path)


def test_a_place_that_is_not_there_is_named(spec, bring, server, tmp_path):
    (tmp_path / "raw").symlink_to(tmp_path / "unmounted")
    with pytest.raises(UserError, match=rf"{tmp_path}/raw: .*{tmp_path}/unmounted, which is not a folder"):
        bring(spec)
    assert nothing_came(tmp_path) and server.asked == []


def test_the_catalogue_knows_more_places_and_digests(spec, bring, server):
    other = server.put("/other", CONTENT)
    known = source(file("trunk.pth", other, checksums=(stated(SHA256, trust="upstream"),)), kind="weights")
    server.put("/trunk.pth", Answer(status=404))
    pin = bring(spec, sources=known)
    assert (pin["url"], pin["trust"]) == (other, "upstream")


def test_another_file_under_a_known_name_stands_alone(spec, bring):
    """Settings that name another address and another digest mean another file."""
    known = source(
        file("trunk.pth", "https://example.org/a", checksums=(stated("0" * 64, trust="upstream"),)), kind="weights"
    )
    assert bring(spec, sources=known)["trust"] == "name_prefix"


def test_terms_have_to_be_accepted(spec, bring, server):
    known = source(file("trunk.pth", spec["url"]), kind="weights", licence=Licence("strict", "Research only.", True))
    with pytest.raises(UserError, match=r"Research only.*fetch\.accept"):
        bring(spec, sources=known)
    assert server.asked == []
    bring(spec, sources=known, settings=replace(QUICK, accept=("strict",)))


def test_how_a_file_came_is_no_part_of_a_training():
    """Else a new way to download would train everything anew."""
    assert not [
        name
        for name in closure(["pipeline.jobs.train", "pipeline.jobs.evaluate"])
        if name.startswith(("pipeline.fetch", "pipeline.jobs.fetch_weights"))
    ]
