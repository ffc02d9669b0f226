"""One file, verified and pinned, from whatever location has it: what is refused, and that no two do the same work."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.fetch import drive
from pipeline.fetch.catalogue import Location
from pipeline.fetch.checks import trust
from pipeline.fetch.lock import Lock
from pipeline.fetch.obtain import obtain
from tests.fetch_examples import CONTENT, OTHER, SHA256, file, left, stated
from tests.fetch_server import QUICK, Answer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lock(tmp_path):
    return Lock(tmp_path / "sources.lock.yaml")


def test_trust_on_first_use_is_pinned_and_held_to(server, tmp_path, lock):
    url = server.put("/a.pth", CONTENT)
    pin = obtain(file("a.pth", url), tmp_path / "one/a.pth", QUICK, lock)
    assert (pin["sha256"], pin["size"], pin["trust"], pin["url"], pin["etag"]) == (
        SHA256,
        100_000,
        "tofu",
        url,
        '"one"',
    )
    assert yaml.safe_load(lock.path.read_text())["a.pth"] == pin
    server.put("/a.pth", OTHER)
    before = lock.path.read_bytes()
    with pytest.raises(UserError, match=f"^a.pth from {url}: its SHA-256 is") as error:
        obtain(file("a.pth", url), tmp_path / "two/a.pth", QUICK, lock)
    assert SHA256 in str(error.value) and hashlib.sha256(OTHER).hexdigest() in str(error.value)
    assert lock.path.read_bytes() == before and left(tmp_path) == {"one/a.pth", "sources.lock.yaml"}


def test_pinning_anew_needs_a_reason_that_is_kept(server, tmp_path, lock):
    url = server.put("/a.pth", CONTENT)
    obtain(file("a.pth", url), tmp_path / "one/a.pth", QUICK, lock)
    server.put("/a.pth", OTHER)
    pin = obtain(file("a.pth", url), tmp_path / "two/a.pth", QUICK, lock, repin="the authors corrected it")
    assert pin["sha256"] == hashlib.sha256(OTHER).hexdigest()
    (kept,) = lock.pin("a.pth")["repinned"]
    assert kept["reason"] == "the authors corrected it" and kept["before"]["sha256"] == SHA256


def test_stated_digests_stop_it_and_say_who_states_them(server, tmp_path, lock):
    for checksum in (stated("0" * 64), stated("0" * 32, "md5"), stated("00000000", trust="name_prefix")):
        wrong = file("a.pth", server.put("/a.pth", CONTENT), checksums=(stated(SHA256), checksum))
        words = rf"^a.pth from {server.url}/a.pth: its .*, expected 0+, as stated by somebody"
        with pytest.raises(UserError, match=words):
            obtain(wrong, tmp_path / "one/a.pth", QUICK, lock)
        # No reason makes a stated digest wrong: correct the catalogue.
        with pytest.raises(UserError, match="as stated by somebody"):
            obtain(wrong, tmp_path / "one/a.pth", QUICK, lock, repin="no matter")
    assert left(tmp_path) == set()


def test_a_wrong_size_is_not_even_downloaded(server, tmp_path, lock):
    with pytest.raises(UserError, match="has 100,000 bytes there, expected 5"):
        obtain(file("a.pth", server.put("/a.pth", CONTENT), size=5), tmp_path / "a.pth", QUICK, lock)


def test_classes_of_trust():
    one, other = stated(SHA256), stated("0" * 32, "md5", "somebody else")
    own, prefix = stated(SHA256, trust="upstream"), stated(SHA256[:8], trust="name_prefix")
    assert trust([]) == "tofu" and trust([prefix]) == "name_prefix" and trust([one, prefix]) == "third_party"
    assert trust([one, stated("1" * 32, "md5")]) == "third_party" and trust([one, other]) == "two_third_parties"
    assert trust([one, other, own]) == "upstream"


def test_a_later_statement_raises_the_trust_of_a_pin(server, tmp_path, lock):
    plain = file("a.pth", server.put("/a.pth", CONTENT))
    obtain(plain, tmp_path / "a.pth", QUICK, lock)
    obtain(replace(plain, checksums=(stated(SHA256),)), tmp_path / "a.pth", QUICK, lock)
    assert lock.pin("a.pth")["trust"] == "third_party" and lock.pin("a.pth")["url"] == server.url + "/a.pth"
    obtain(plain, tmp_path / "a.pth", QUICK, lock)
    assert lock.pin("a.pth")["trust"] == "third_party"


def test_an_object_id_of_the_hub_is_held_to(server, tmp_path, lock, monkeypatch):
    server.put("/there", CONTENT)
    hub = Location("hub", {"repo": "a/b", "revision": "0" * 40, "path": "a.pth", "dataset": False})
    assert hub.origin == f"https://huggingface.co/a/b/resolve/{'0' * 40}/a.pth"
    monkeypatch.setattr(Location, "origin", server.url + "/hub")
    for linked, trusted in ((SHA256, "object_id"), ("0" * 40, "tofu")):
        server.put("/hub", Answer(location="/there", headers={"X-Linked-Etag": f'"{linked}"'}))
        assert obtain(file(f"{linked}.pth", hub), tmp_path / f"{linked}.pth", QUICK, lock)["trust"] == trusted
    server.put("/hub", Answer(location="/there", headers={"X-Linked-Etag": '"' + "0" * 64 + '"'}))
    with pytest.raises(UserError, match=r"huggingface\.co"):
        obtain(file("a.pth", hub), tmp_path / "a.pth", QUICK, lock)


@pytest.mark.parametrize("text", ["[", "- a", "a.pth: {sha256: x}"])
def test_a_lock_that_was_edited_by_hand(tmp_path, lock, text):
    lock.path.write_text(text)
    with pytest.raises(UserError, match="Restore it with git"):
        lock.pin("a.pth")


def test_parts_that_do_not_belong_together_are_fetched_once_more(server, tmp_path, lock):
    """No ETag, equal length, another content after the break: only the checksum can see it."""
    url = server.put("/a.pth", Answer(OTHER, etag=None, drop_after=50_000), Answer(CONTENT, etag=None))
    obtain(file("a.pth", url, checksums=(stated(SHA256),)), tmp_path / "a.pth", QUICK, lock)
    assert server.ranges("/a.pth") == [None, "bytes=50000-", None]
    assert (tmp_path / "a.pth").read_bytes() == CONTENT


def test_what_is_here_is_checked_and_kept(server, tmp_path, lock):
    good = file("a.pth", server.put("/a.pth", CONTENT), checksums=(stated(SHA256),))
    (tmp_path / "a.pth").write_bytes(CONTENT)
    assert obtain(good, tmp_path / "a.pth", QUICK, lock)["url"] == "put there by hand" and not server.asked
    (tmp_path / "a.pth").write_bytes(OTHER)
    with pytest.raises(UserError, match=f"^{tmp_path}/a.pth: .*as stated by somebody"):
        obtain(good, tmp_path / "a.pth", QUICK, lock)
    (tmp_path / "a.pth").write_bytes(b"<html>saved page</html>")
    with pytest.raises(UserError, match="is a saved web page"):
        obtain(good, tmp_path / "a.pth", QUICK, lock)


def test_downloads_are_read_only(server, tmp_path, lock):
    obtain(file("a.pth", server.put("/a.pth", CONTENT)), tmp_path / "a.pth", QUICK, lock)
    assert (tmp_path / "a.pth").stat().st_mode & 0o777 == 0o444


# -------------------------------------------------------------------------------------------------------- other locations


def test_the_next_location_is_asked(server, tmp_path, lock):
    page = server.put("/page", Answer(b"<html>", headers={"Content-Type": "text/html"}))
    places = server.put("/gone", Answer(status=404)), page, server.put("/a.pth", CONTENT)
    assert obtain(file("a.pth", *places), tmp_path / "a.pth", QUICK, lock)["url"] == server.url + "/a.pth"


def test_when_none_has_it_a_person_is_told_what_to_do(server, tmp_path, lock):
    page = server.put("/page", Answer(b"<html><title>Quota\nexceeded</title>", headers={"Content-Type": "text/html"}))
    other = Location("by_hand", {"url": "https://example.org/share?pwd=1"})
    with pytest.raises(UserError) as error:
        obtain(file("a.pth", page, other), tmp_path / "a.pth", QUICK, lock)
    for words in (
        "Quota exceeded",
        f"open:  {page}",
        "open:  https://example.org/share?pwd=1",
        f"save it as {tmp_path}/a.pth",
    ):
        assert words in str(error.value)


@pytest.fixture
def google(server, monkeypatch):
    monkeypatch.setattr(drive, "PAGE", server.url + "/uc")
    return Location("drive", {"id": "1" * 33})


def test_drive_asks_before_large_files(server, tmp_path, lock, google):
    form = f"""<html><body><form id="download-form" action="{server.url}/download" method="get">
    <input type="hidden" name="id" value="1"><input type="hidden" name="confirm" value="t"></form></body></html>"""
    server.put("/uc", Answer(form.encode(), headers={"Content-Type": "text/html"}))
    server.put("/download", Answer(CONTENT, drop_after=60_000), CONTENT)
    obtain(file("a.pth", google), tmp_path / "a.pth", QUICK, lock)
    assert (tmp_path / "a.pth").read_bytes() == CONTENT and server.ranges("/download") == [None, "bytes=60000-"]


def test_drive_gives_small_files_at_once(server, tmp_path, lock, google):
    server.put("/uc", Answer(CONTENT, headers={"Content-Disposition": 'attachment; filename="a.pth"'}))
    pin = obtain(file("a.pth", google), tmp_path / "a.pth", QUICK, lock)
    assert pin["url"] == f"https://drive.google.com/uc?id={'1' * 33}"


def test_drive_quota(server, tmp_path, lock, google):
    words = (
        '<html><p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p></html>'
    )
    server.put("/uc", Answer(words.encode(), headers={"Content-Type": "text/html"}))
    with pytest.raises(UserError, match=r"Google Drive says: Too many users(.|\n)*open:  https://drive\.google\.com"):
        obtain(file("a.pth", google), tmp_path / "a.pth", QUICK, lock)
    assert obtain(file("a.pth", google, server.put("/b", CONTENT)), tmp_path / "a.pth", QUICK, lock)["trust"] == "tofu"


@pytest.mark.parametrize("web", [False, True])
def test_a_mirror_is_asked_first(server, tmp_path, lock, web):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / SHA256).write_bytes(CONTENT)
    server.put(f"/mirror/{SHA256}", CONTENT)
    settings = replace(QUICK, mirror=f"{server.url}/mirror/" if web else str(folder))
    url = server.put("/a.pth", CONTENT)
    obtain(file("a.pth", url, checksums=(stated(SHA256),)), tmp_path / "a.pth", settings, lock)
    assert server.ranges("/a.pth") == [] and (tmp_path / "a.pth").read_bytes() == CONTENT
    # Nobody states a digest: the mirror cannot be asked for it, the pin of the first download can.
    obtain(file("b.pth", url), tmp_path / "b.pth", settings, lock)
    obtain(file("b.pth", url), tmp_path / "again/b.pth", settings, lock)
    assert len(server.ranges("/a.pth")) == 1
    (folder / SHA256).unlink()
    server.put(f"/mirror/{SHA256}", Answer(status=404))
    obtain(file("b.pth", url), tmp_path / "third/b.pth", settings, lock)
    assert len(server.ranges("/a.pth")) == 2


def test_a_damaged_mirror_is_not_believed(tmp_path, lock):
    (tmp_path / SHA256).write_bytes(OTHER)
    settings = replace(QUICK, mirror=str(tmp_path))
    place = f"^a.pth from {tmp_path}/{SHA256}: its SHA-256 is"
    with pytest.raises(UserError, match=f"{place}.*as stated by somebody"):
        obtain(file("a.pth", checksums=(stated(SHA256),)), tmp_path / "a.pth", settings, lock)
    assert left(tmp_path) == {SHA256}
    pinned = {"sha256": SHA256, "size": 1, "url": "u", "date": "d", "trust": "tofu", "stated_by": []}
    lock.note("a.pth", pinned)
    with pytest.raises(UserError, match=f"{place}.*pins {SHA256}"):
        obtain(file("a.pth"), tmp_path / "a.pth", settings, lock)


TWICE = """
import sys
from pathlib import Path
from pipeline.fetch.catalogue import File, Location
from pipeline.fetch.lock import Lock
from pipeline.fetch.obtain import obtain
from tests.fetch_server import QUICK
wanted = File("a.pth", None, (), (Location("http", {"url": sys.argv[1]}),), None, (), ())
print(obtain(wanted, Path(sys.argv[2]) / "a.pth", QUICK, Lock(Path(sys.argv[2]) / "lock.yaml"))["sha256"])
"""


def test_two_processes_fetch_one_file_once(server, tmp_path):
    url = server.put("/a.pth", Answer(CONTENT, pause=0.1))
    command = [sys.executable, "-c", TWICE, url, str(tmp_path)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    told = [process.communicate(timeout=60) for process in running]
    assert [out.strip() for out, _ in told] == [SHA256] * 3, told
    assert server.ranges("/a.pth") == [None] and left(tmp_path) == {"a.pth", "lock.yaml"}
    assert sum("another process fetches it" in error for _, error in told) == 2


def test_a_killed_process_is_gone_on_from(server, tmp_path):
    url = server.put("/a.pth", Answer(CONTENT, pause=0.2), CONTENT)
    command = [sys.executable, "-c", TWICE, url, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    part = tmp_path / "a.pth.part"
    while not (part.is_file() and part.stat().st_size):
        assert process.poll() is None
    process.kill()
    process.wait(timeout=60)
    size = part.stat().st_size
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == SHA256 and server.ranges("/a.pth") == [None, f"bytes={size}-"]


NOTE = """
import sys
from pathlib import Path
from pipeline.fetch.lock import Lock
for index in range(15):
    record = {"sha256": "0" * 64, "size": 1, "url": "u", "date": "d", "trust": "tofu", "stated_by": []}
    Lock(Path(sys.argv[1])).note(f"{sys.argv[2]}-{index}", record)
"""


def test_no_pin_of_another_process_is_lost(tmp_path):
    commands = [[sys.executable, "-c", NOTE, str(tmp_path / "lock.yaml"), str(number)] for number in range(3)]
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) for command in commands]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert len(yaml.safe_load((tmp_path / "lock.yaml").read_text())) == 45
