"""Large files to a store and back: a folder, an S3 server, one that dies, a push that is killed, a part of the files."""

import hashlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

from tests.long.changes import ADAPT, GENERATOR, setting
from tests.long.finished import finished_workspace, shared_folder
from tests.long.jobs import PACKED
from tests.long.s3 import BUCKET, Server
from tests.workflow.workspace import CROSS, ENVIRONMENT, REPORT, TABLE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

TARGETS = (TABLE, CROSS, REPORT)
STORE = f"s3://{BUCKET}/results"


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Workspace:
    return finished_workspace(shared_folder(tmp_path_factory, worker_id))


@pytest.fixture
def server():
    server = Server()
    yield server
    server.go_on.set()
    server.stop()


@pytest.fixture
def author(finished, server, tmp_path) -> Workspace:
    """A clone with all files, whose own store is the S3 server, still empty."""
    clone = finished.pulled(tmp_path / "author")
    clone.use_store(STORE, **server.options)
    return clone


def contents(workspace: Workspace) -> dict[str, str]:
    """Path -> hash of every file below data/ and results/, but logs and the pages that audits leave."""
    files = (path for place in ("data", "results") for path in sorted((workspace.folder / place).rglob("*")))
    kept = (path for path in files if path.is_file() and not path.name.startswith(("log", "audit_")))
    return {
        path.relative_to(workspace.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in kept
        if path.suffix != ".log"
    }


def large(workspace: Workspace) -> dict[str, str]:
    """The files that DVC keeps."""
    return {path: value for path, value in contents(workspace).items() if path.endswith((".safetensors", ".html"))}


def said(done: subprocess.CompletedProcess) -> str:
    text = done.stdout + done.stderr
    assert "Traceback" not in text, text
    return text


def nothing_to_do(clone: Workspace) -> None:
    assert clone.planned(*TARGETS) == set()
    assert clone.holds(*TARGETS), clone.said


def test_folder_round_trip(finished, tmp_path):
    clone = finished.pulled(tmp_path / "clone")
    assert large(clone) == large(finished) and len(large(clone)) > 25
    assert "up to date" in clone.dvc("status").stdout
    assert clone.git("status", "--porcelain") == ""
    nothing_to_do(clone)


def test_s3_round_trip(author, server, finished, tmp_path):
    author.python("-m", "pipeline.publish")
    assert author.git("status", "--porcelain") == "", "the same results were published before"
    other = finished.clone(tmp_path / "other")
    other.use_store(STORE, **server.options)
    other.python("-m", "pipeline.pull")
    assert large(other) == large(author)
    assert other.git("status", "--porcelain") == ""
    nothing_to_do(other)
    assert len(server.written) == len(server.keys()) == len(set(large(author).values())) - 2 + 3, "tables are git's"


def test_s3_dies_and_comes_back(author, server, finished, tmp_path):
    setting("tables.dada_simcam.notes", ["Said otherwise."])(author)
    author.snakemake("-c1", "--", *TARGETS)
    before = contents(author)
    with server.stopped():
        done = author.python("-m", "pipeline.publish", check=False)
        assert done.returncode == 1 and "dvc push failed" in said(done) and server.url in said(done)
        assert contents(author) == before
        nothing_to_do(author)
    author.publish("said otherwise")
    assert contents(author) == before

    other = author.clone(tmp_path / "other")
    other.use_store(STORE, **server.options)
    saved = other.folder / ADAPT / "state.pt"
    saved.write_text("of a training that goes on")
    before = contents(other)
    with server.stopped():
        done = other.python("-m", "pipeline.pull", check=False)
        assert done.returncode == 1 and "dvc fetch" in said(done) and server.url in said(done)
        assert contents(other) == before
    other.python("-m", "pipeline.pull")
    assert large(other) == large(author) and saved.exists()
    saved.unlink()
    nothing_to_do(other)


def test_killed_push_goes_on(author, server):
    server.hold_after = 5
    child = subprocess.Popen(
        [sys.executable, "-m", "dvc", "push"],
        cwd=author.folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert server.held.wait(300)
    child.send_signal(signal.SIGKILL)
    child.wait(60)
    first = server.keys()
    server.hold_after = None
    server.go_on.set()
    assert 0 < len(first) <= 5
    author.python("-m", "pipeline.publish")
    assert len(server.keys()) > 25
    before = large(author)
    shutil.rmtree(author.folder / ".dvc/cache")
    for path in before:
        if not path.startswith("results/tables/"):
            (author.folder / path).unlink()
    author.python("-m", "pipeline.pull")
    assert large(author) == before


def test_part_of_the_files(finished, tmp_path):
    clone = finished.clone(tmp_path / "clone")
    clone.use_store((finished.folder / "../sr-adaptation-store").resolve())
    clone.python("-m", "pipeline.pull", f"{ADAPT}/{GENERATOR}")
    assert [path for path in large(clone) if "results/tables/" not in path] == [f"{ADAPT}/{GENERATOR}"]
    assert clone.planned(TABLE, CROSS) == set()
    assert clone.holds(TABLE, CROSS), clone.said
    marks = re.findall(r"^ *([✓✗○]) (.*)$", clone.said, flags=re.MULTILINE)
    assert {mark for mark, _ in marks} == {"✓", "○"}
    assert [mark for mark, text in marks if f"{ADAPT}/{GENERATOR}" in text] == ["✓"], clone.said
    clone.python("-m", "pipeline.pull", PACKED, REPORT)
    nothing_to_do(clone)


def test_an_object_that_the_store_lost(finished, tmp_path):
    """DVC alone would remove results/runs with all receipts and saved states; the clone stays as it was."""
    store = tmp_path / "store"
    shutil.copytree(finished.folder / "../sr-adaptation-store", store)
    clone = finished.clone(tmp_path / "clone")
    (clone.folder / ADAPT / "state.pt").write_text("of a training that goes on")
    before = contents(clone)
    objects = [path for path in store.rglob("*") if path.is_file() and path.suffix != ".dir"]
    for lost in (objects[:1], objects):
        for path in lost:
            path.unlink(missing_ok=True)
        clone.use_store(store)
        done = clone.python("-m", "pipeline.pull", check=False)
        assert done.returncode == 1 and "store" in said(done)
        assert contents(clone) == before
    (clone.folder / "dvc.lock").unlink()
    done = clone.python("-m", "pipeline.pull", check=False)
    assert done.returncode == 1 and "this version has no published results" in said(done)
    assert contents(clone) == before
