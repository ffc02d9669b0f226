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
def known(server):
    """A catalogue with one pretrained file, whose name states eight digits."""
    return trunk(f"{server.url}/trunk.pth")


def trunk(*addresses: str, digest: str | None = SHA256[:8], trust: str = "name_prefix", **named) -> dict:
    checksums = (stated(digest, trust=trust),) if digest else ()
    return source(file("trunk.pth", *addresses, checksums=checksums), kind="weights", **named)


@pytest.fixture
def bring(tmp_path):
    """fetch to data/weights in a folder of its own, without the shipped catalogue."""
    places = Places(tmp_path / "raw", tmp_path / "lock.yaml")

    def bring(sources, folder=None, settings=QUICK) -> dict:
        return fetch(tmp_path / "data/trunk.pth", "trunk.pth", settings, folder, places, sources)

    return bring


def nothing_came(tmp_path) -> bool:
    return not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())


def test_fetch_downloads_and_checks(known, bring, server, tmp_path):
    assert bring(known)["url"] == f"{server.url}/trunk.pth"
    assert (tmp_path / "data/trunk.pth").read_bytes() == CONTENT


def test_a_second_job_downloads_nothing_nor_takes_room(known, bring, tmp_path, server):
    bring(known)
    assert (tmp_path / "data/trunk.pth").samefile(tmp_path / "raw/weights/trunk.pth")
    (tmp_path / "data/trunk.pth").unlink()
    for _ in range(2):
        bring(known)
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
def test_a_bad_download_leaves_nothing(known, bring, server, tmp_path, answer, message):
    server.put("/trunk.pth", answer)
    with pytest.raises(UserError, match=message):
        bring(known)
    assert nothing_came(tmp_path) and not (tmp_path / "raw/weights/trunk.pth").exists()


def test_offline_says_which_file_to_put_where(bring, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/trunk.pth"
        offline = trunk(address)
        with pytest.raises(UserError, match=rf"{address}(.|\n)*put trunk\.pth into the folder.*adopt\.weights"):
            bring(offline)
        with pytest.raises(UserError, match=rf"put trunk\.pth into {tmp_path / 'mine'}"):
            bring(offline, tmp_path / "mine")
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "trunk.pth").write_bytes(CONTENT)
        assert bring(offline, tmp_path / "mine")["url"] == "adopt.weights"
    assert (tmp_path / "data/trunk.pth").read_bytes() == CONTENT and not (tmp_path / "raw/weights/trunk.pth").exists()


@pytest.mark.parametrize(("content", "words"), [(OTHER, "its SHA-256 is"), (b"<html>saved", "web page")])
def test_a_wrong_file_in_the_folder_is_named(known, bring, tmp_path, content, words):
    (tmp_path / "trunk.pth").write_bytes(content)
    with pytest.raises(UserError, match=rf"{tmp_path}/trunk\.pth: .*{words}"):
        bring(known, tmp_path)
    assert nothing_came(tmp_path)


def test_a_file_that_the_catalogue_does_not_have(bring, server):
    other = source(file("trunk.pth", f"{server.url}/trunk.pth", into="Toy"), kind="dataset")
    for sources in ({}, other):
        with pytest.raises(UserError, match=r"trunk\.pth: no pretrained file of data/sources\.yaml has this name"):
            bring(sources)
    assert server.asked == []


@pytest.mark.parametrize("local", [False, True])
def test_without_a_stated_digest_the_first_is_pinned(bring, server, tmp_path, local):
    address = f"{server.url}/trunk.pth"
    unstated = trunk(address, digest=None)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/trunk.pth").write_bytes(CONTENT)
    bring(unstated, tmp_path / "mine" if local else None)
    assert Lock(tmp_path / "lock.yaml").pin("trunk.pth")["sha256"] == SHA256
    server.put("/trunk.pth", OTHER)
    (tmp_path / "mine/trunk.pth").write_bytes(OTHER)
    (tmp_path / "raw/weights/trunk.pth").unlink(missing_ok=True)
    (tmp_path / "data/trunk.pth").unlink()
    for folder in (None, tmp_path / "mine"):
        place = f"{folder}/trunk.pth" if folder else f"trunk.pth from {address}"
        with pytest.raises(UserError, match=f"^{place}: its SHA-256 is .*pins {SHA256}"):
            bring(unstated, folder)
    assert nothing_came(tmp_path)


def test_a_place_that_is_not_there_is_named(known, bring, server, tmp_path):
    (tmp_path / "raw").symlink_to(tmp_path / "unmounted")
    with pytest.raises(UserError, match=rf"{tmp_path}/raw: .*{tmp_path}/unmounted, which is not a folder"):
        bring(known)
    assert nothing_came(tmp_path) and server.asked == []


def test_one_location_after_the_other_is_asked(bring, server):
    other = server.put("/other", CONTENT)
    server.put("/trunk.pth", Answer(status=404))
    pin = bring(trunk(f"{server.url}/trunk.pth", other, digest=SHA256, trust="upstream"))
    assert (pin["url"], pin["trust"]) == (other, "upstream")


def test_terms_have_to_be_accepted(bring, server):
    strict = trunk(f"{server.url}/trunk.pth", licence=Licence("strict", "Research only.", True))
    with pytest.raises(UserError, match=r"Research only.*fetch\.accept"):
        bring(strict)
    assert server.asked == []
    bring(strict, settings=replace(QUICK, accept=("strict",)))


def test_how_a_file_came_is_no_part_of_a_training():
    """Else a new way to download would train everything anew."""
    assert not [
        name
        for name in closure(["pipeline.jobs.train", "pipeline.jobs.evaluate"])
        if name.startswith(("pipeline.fetch", "pipeline.jobs.fetch_weights")) or name == "pipeline.plan.weights"
    ]
