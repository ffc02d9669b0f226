"""A server that fails in every way we know of: each fault has one behaviour, and none leaves a wrong file."""

import hashlib
import os
import time
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.fetch import transfer
from pipeline.fetch.parts import remove_part
from pipeline.fetch.transfer import Refused, WebPage, download
from tests.fetch_server import QUICK, Answer
from tests.full_disk import small_disk

CONTENT = os.urandom(200_000)
OTHER = os.urandom(200_000)
PAGE = b"\n<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>"


@pytest.fixture(autouse=True)
def little_progress(monkeypatch):
    monkeypatch.setattr(transfer, "PROGRESS", 10_000)


def get(url, target, **named):
    return download(url, lambda _: url, target, QUICK, **named)


def arrives(server, tmp_path, *answers, content=CONTENT, **named):
    """The file comes whole; the ranges that were asked for."""
    got = get(server.put("/f.zip", *answers), tmp_path / "f.zip", **named)
    assert got.part.read_bytes() == content
    return server.ranges("/f.zip")


def test_a_good_server(server, tmp_path):
    assert arrives(server, tmp_path, CONTENT) == [None]


def test_dropped_connections_are_gone_on_from(server, tmp_path):
    ranges = arrives(server, tmp_path, Answer(CONTENT, drop_after=50_000), Answer(CONTENT, drop_after=60_000), CONTENT)
    assert ranges == [None, "bytes=50000-", "bytes=110000-"]
    assert {still for _, _, still in server.asked[1:]} == {'"one"'}


def test_more_drops_than_retries_are_survived_while_bytes_come(server, tmp_path):
    """Google Drive ends a connection after an hour: a large file needs as many as it needs."""
    ranges = arrives(server, tmp_path, Answer(CONTENT, drop_after=20_000))
    assert len(ranges) == 10 > QUICK.retries + 1


def test_drops_without_progress_end(server, tmp_path):
    with pytest.raises(Refused, match="given up after 4 attempts"):
        arrives(server, tmp_path, Answer(CONTENT, drop_after=5))


def test_an_interrupted_call_is_gone_on_with_by_the_next(server, tmp_path):
    url = server.put("/f.zip", Answer(CONTENT, drop_after=50_000), Answer(status=404))
    with pytest.raises(Refused, match="404"):
        get(url, tmp_path / "f.zip")
    assert arrives(server, tmp_path, CONTENT)[-1] == "bytes=50000-"


def test_a_part_that_is_complete_already(server, tmp_path):
    url = server.put("/f.zip", CONTENT)
    get(url, tmp_path / "f.zip")
    assert get(url, tmp_path / "f.zip").part.read_bytes() == CONTENT
    assert server.ranges("/f.zip") == [None, "bytes=200000-"]


@pytest.mark.parametrize("validator", [{"etag": None, "modified": "Sat, 01 Nov 2025 10:00:00 GMT"}, {}])
def test_date_or_tag_say_that_it_is_the_same(server, tmp_path, validator):
    answers = Answer(CONTENT, drop_after=50_000, **validator), Answer(CONTENT, **validator)
    assert arrives(server, tmp_path, *answers) == [None, "bytes=50000-"]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_validator_it_begins_anew(server, tmp_path, etag):
    answers = Answer(CONTENT, etag=etag, drop_after=50_000), Answer(CONTENT, etag=etag)
    assert arrives(server, tmp_path, *answers) == [None, None]
    remove_part(tmp_path / "f.zip.part")
    assert arrives(server, tmp_path, *answers, whole_checksum=True)[-1] == "bytes=50000-"


def test_200_to_a_range(server, tmp_path):
    answers = Answer(CONTENT, drop_after=50_000), Answer(CONTENT, ranges=False)
    assert arrives(server, tmp_path, *answers) == [None, "bytes=50000-"]


@pytest.mark.parametrize("shift", [-7, 7])
def test_206_with_another_piece_than_asked_for(server, tmp_path, shift):
    answers = Answer(CONTENT, drop_after=50_000), Answer(CONTENT, shift=shift), CONTENT
    assert arrives(server, tmp_path, *answers) == [None, "bytes=50000-", None]


def test_206_with_fewer_bytes_than_its_range(server, tmp_path):
    """Its Content-Length is met, its Content-Range is not."""
    answers = Answer(CONTENT, drop_after=50_000), Answer(CONTENT, length=100), CONTENT
    assert arrives(server, tmp_path, *answers) == [None, "bytes=50000-", "bytes=50100-"]


def test_206_with_more_bytes_than_its_range(server, tmp_path):
    answers = Answer(CONTENT, drop_after=50_000), Answer(CONTENT, length=-1, extra=b"more"), CONTENT
    assert arrives(server, tmp_path, *answers) == [None, "bytes=50000-", None]


def test_206_that_was_not_asked_for(server, tmp_path):
    piece = {"Content-Range": "bytes 10-199999/200000"}
    odd = Answer(CONTENT, drop_after=50_000), Answer(CONTENT, headers=piece), CONTENT
    assert arrives(server, tmp_path, *odd) == [None, "bytes=50000-", None]


@pytest.mark.parametrize("before", [60_000, 200_000, 300_000])
def test_content_that_changed_between_parts(server, tmp_path, before):
    """Another ETag: If-Range makes an honest server begin anew; one that ignores If-Range is found out."""
    first = Answer(CONTENT[:1] * before, drop_after=50_000)
    assert arrives(server, tmp_path, first, Answer(OTHER, etag='"two"'), content=OTHER)[0] is None
    remove_part(tmp_path / "f.zip.part")

    class Ignores(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

    dishonest = Answer(OTHER, etag=Ignores('"two"'))
    assert arrives(server, tmp_path, Answer(CONTENT, drop_after=50_000), dishonest, content=OTHER)[-2:] == [
        "bytes=50000-",
        None,
    ]


def test_a_length_that_promises_more(server, tmp_path):
    with pytest.raises(Refused, match="given up"):
        arrives(server, tmp_path, Answer(CONTENT, length=200_009))


def test_a_length_that_promises_less(server, tmp_path):
    """The rest cannot be seen: what was promised comes, and a stated size or checksum tells."""
    got = get(server.put("/f.zip", Answer(CONTENT, length=150_000)), tmp_path / "f.zip")
    assert got.part.stat().st_size == 150_000
    remove_part(got.part)
    with pytest.raises(Refused, match="150,000 bytes there, expected 200,000"):
        arrives(server, tmp_path, Answer(CONTENT, length=150_000), size=200_000)
    assert list(tmp_path.iterdir()) == []


def test_no_length_at_all(server, tmp_path):
    assert arrives(server, tmp_path, Answer(CONTENT, length=-1)) == [None]


def test_a_truncated_file_is_not_taken(server, tmp_path):
    with pytest.raises(Refused, match="given up"):
        arrives(server, tmp_path, Answer(CONTENT, drop_after=190_000, ranges=False, etag=None))


@pytest.mark.parametrize("headers", [{"Content-Type": "text/html; charset=utf-8"}, {}])
def test_a_page_instead_of_the_file(server, tmp_path, headers):
    with pytest.raises(WebPage, match="Quota exceeded" if headers else "web page"):
        arrives(server, tmp_path, Answer(PAGE, headers=headers))
    assert list(tmp_path.iterdir()) == []


def test_a_page_instead_of_the_rest(server, tmp_path):
    """The beginning is not lost, nor does the page come into it."""
    html = Answer(PAGE, headers={"Content-Type": "text/html"}, ranges=False)
    with pytest.raises(WebPage):
        arrives(server, tmp_path, Answer(CONTENT, drop_after=50_000), html)
    assert (tmp_path / "f.zip.part").read_bytes() == CONTENT[:50_000]
    assert arrives(server, tmp_path, CONTENT)[-1] == "bytes=50000-"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_servers_are_asked_again(server, tmp_path, status):
    assert len(arrives(server, tmp_path, Answer(status=status), Answer(status=status), CONTENT)) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_refusals_are_not(server, tmp_path, status):
    with pytest.raises(Refused, match=str(status)):
        arrives(server, tmp_path, Answer(status=status))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [("0", 0, 0), ("100", 0.3, 0.3), ("Sat, 01 Nov 2125 10:00:00 GMT", 0.3, 0.3), (None, 0.005, 0.01)],
)
def test_retry_after_is_followed_up_to_the_setting(server, tmp_path, monkeypatch, told, least, most):
    slept = []
    monkeypatch.setattr(transfer, "time", SimpleNamespace(sleep=slept.append))
    arrives(server, tmp_path, Answer(status=503, headers={"Retry-After": told} if told else {}), CONTENT)
    assert len(slept) == 1 and least <= slept[0] <= most


def test_waits_double_with_jitter():
    from pipeline.fetch.transfer import wait

    waits = [[wait(failures, None, QUICK) for _ in range(50)] for failures in range(1, 8)]
    longest = [min(0.3, 0.01 * 2**index) for index in range(7)]
    for found, most in zip(waits, longest, strict=True):
        assert most / 2 <= min(found) < max(found) <= most


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(server, tmp_path):
    assert arrives(server, tmp_path, Answer(CONTENT, pause=0.03)) == [None]
    remove_part(tmp_path / "f.zip.part")
    began = time.monotonic()
    assert arrives(server, tmp_path, Answer(CONTENT, stall_after=70_000), CONTENT)[-1] == "bytes=70000-"
    assert time.monotonic() - began < 20


def test_nobody_listens(tmp_path):
    with pytest.raises(Refused, match="no answer"):
        get("http://127.0.0.1:9/f.zip", tmp_path / "f.zip")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/f", "nothing"])
def test_only_web_addresses(tmp_path, address):
    with pytest.raises(Refused, match="is not an address"):
        get(address, tmp_path / "f.zip")


def test_redirects(server, tmp_path):
    server.put("/there.zip", CONTENT)
    got = get(
        server.put("/f.zip", Answer(location="/there.zip", headers={"X-Linked-Etag": '"abc"'})), tmp_path / "f.zip"
    )
    assert got.part.read_bytes() == CONTENT and got.linked == "abc"
    with pytest.raises(Refused, match="circle"):
        get(server.put("/g.zip", Answer(location="/g.zip")), tmp_path / "g.zip")


def test_a_full_disk_keeps_what_came(server, tmp_path, monkeypatch):
    """Too large for the room that is left: seen before. Room that goes meanwhile: said plainly, and gone on with later."""
    with small_disk(tmp_path / "disk", 150_000, monkeypatch) as disk:
        url = server.put("/f.zip", CONTENT)
        with pytest.raises(UserError, match="200,000 bytes"):
            get(url, disk / "f.zip")
        monkeypatch.setattr(transfer, "check_room", lambda *_: None)
        with pytest.raises(UserError, match=r"No space left on device.*kept"):
            get(url, disk / "f.zip")
        kept = (disk / "f.zip.part").read_bytes()
        assert 0 < len(kept) < 200_000 and CONTENT.startswith(kept)
        (tmp_path / "f.zip.part").write_bytes(kept)
        (tmp_path / "f.zip.part.json").write_bytes((disk / "f.zip.part.json").read_bytes())
    assert arrives(server, tmp_path, CONTENT)[-1] == f"bytes={len(kept)}-"


def test_a_part_of_another_address_is_not_gone_on_with(server, tmp_path):
    with pytest.raises(Refused):
        get(server.put("/a.zip", Answer(OTHER, drop_after=50_000), Answer(status=404)), tmp_path / "f.zip")
    assert arrives(server, tmp_path, CONTENT) == [None]
    assert hashlib.sha256((tmp_path / "f.zip.part").read_bytes()).digest() == hashlib.sha256(CONTENT).digest()
