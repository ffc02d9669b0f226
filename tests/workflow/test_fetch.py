"""Files of others through Snakemake: a data set of the catalogue to its manifest, a pretrained file to its receipt."""

import hashlib
import json

import pytest
import yaml

from tests.fetch_examples import CONTENT, SHA256, archive
from tests.fetch_server import Answer, serving
from tests.workflow.workspace import Workspace

MANIFEST, TRUNK = "data/raw/toy/manifest.csv", "data/weights/trunk.pth"
MANUAL = "data/raw/drealsr/manifest.csv"
WRONG = ("/other.zip", "/few.zip", "/wrong.pth")
STOPPED = ("data/raw/other/manifest.csv", "data/raw/few/manifest.csv", "data/weights/wrong.pth")


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        running.put("/toy.zip", Answer(archive(), drop_after=100), archive())
        running.put("/trunk.pth", Answer(status=503, headers={"Retry-After": "0"}), CONTENT)
        for path in WRONG:
            running.put(path, archive())
        yield running


@pytest.fixture(scope="module")
def fetched(tmp_path_factory, server) -> Workspace:
    """A workspace that knows small data sets and pretrained files, and has fetched one of each, and not what is wrong.

    `other` and `wrong.pth` have another digest than stated, `few` fewer images; a profile asks for two retries.
    """
    workspace = Workspace.create(tmp_path_factory.mktemp("fetch") / "repo")
    digest = hashlib.sha256(archive()).hexdigest()
    blocks = {
        name: {
            "kind": "dataset",
            "title": name,
            "home": "https://example.org",
            "licence": "mit",
            "files": [
                {
                    "name": f"{name}.zip",
                    "into": "Toy",
                    "at": [{"http": f"{server.url}/{name}.zip"}],
                    "checksums": [{"sha256": stated, "by": "tfds"}],
                }
            ],
        }
        for name, stated in (("toy", digest), ("other", "0" * 64), ("few", digest))
    }
    blocks["few"]["files"][0]["holds"] = [{"names": ".*", "count": 9, "by": "tfds"}]
    for name, stated in (("trunk", SHA256[:8]), ("wrong", "0" * 8)):
        checksums = [{"sha256": stated, "by": "file_name"}]
        file = {"name": f"{name}.pth", "at": [{"http": f"{server.url}/{name}.pth"}], "checksums": checksums}
        blocks[name] = {**blocks["toy"], "kind": "weights", "files": [file]}
    workspace.change_sources(lambda sources: sources.update(blocks))
    workspace.change(lambda params: params["fetch"].update(first_wait=0.1, longest_wait=0.1))
    asked = ["-c2", "--keep-going", "--retries=2", "--", MANIFEST, TRUNK, MANUAL, *STOPPED]
    done = workspace.snakemake(*asked, check=False)
    assert done.returncode
    return workspace


def test_what_a_script_can_fetch_comes_whole(fetched, server):
    folder = fetched.folder
    assert len((folder / MANIFEST).read_text().splitlines()) == 4
    assert json.loads((folder / "data/raw/toy/inventory.json").read_text())["files"][0]["trust"] == "third_party"
    assert (folder / TRUNK).read_bytes() == CONTENT
    receipt = json.loads((folder / f"{TRUNK}.receipt.json").read_text())
    assert receipt["run"]["fetched_from"] == f"{server.url}/trunk.pth" and "first_wait" not in json.dumps(
        receipt["key"]
    )
    assert set(yaml.safe_load((folder / "data/sources.lock.yaml").read_text())) == {"toy.zip", "trunk.pth", "few.zip"}


def test_what_the_fetcher_stopped_at_is_not_done_again(fetched, server):
    """Whatever a profile says of retries."""
    assert [server.ranges(path) for path in WRONG] == [[None]] * 3
    assert not [name for name in STOPPED if (fetched.folder / name).exists()]


def test_counts_that_are_not_met_can_be_read(fetched):
    report = json.loads((fetched.folder / "data/raw/few/inventory.json").read_text())
    assert report["holds"] is False and report["counts"][0]["found"] == 3


def test_what_no_script_can_fetch_says_what_to_do(fetched):
    assert "pan.baidu.com" in (fetched.folder / MANUAL).with_name("fetch.log").read_text()


def test_other_settings_of_downloads_fetch_nothing_again(fetched):
    fetched.change(lambda params: params["fetch"].update(retries=1, mirror="/nowhere"))
    assert fetched.plan(MANIFEST, TRUNK) == {}
