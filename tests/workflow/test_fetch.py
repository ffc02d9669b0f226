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


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        running.put("/toy.zip", Answer(archive(), drop_after=100), archive())
        running.put("/trunk.pth", Answer(status=503, headers={"Retry-After": "0"}), CONTENT)
        yield running


@pytest.fixture(scope="module")
def fetched(tmp_path_factory, server) -> Workspace:
    """A workspace that knows a small data set and a small pretrained file, and has fetched both, and not what no script can."""
    workspace = Workspace.create(tmp_path_factory.mktemp("fetch") / "repo")
    path = workspace.folder / "data/sources.yaml"
    catalogue = yaml.safe_load(path.read_text())
    toy = {"name": "toy.zip", "into": "Toy", "at": [{"http": f"{server.url}/toy.zip"}]}
    toy["checksums"] = [{"sha256": hashlib.sha256(archive()).hexdigest(), "by": "tfds"}]
    block = {"kind": "dataset", "title": "Toy", "home": "https://example.org", "licence": "mit", "files": [toy]}
    path.write_text(yaml.safe_dump({**catalogue, "sources": catalogue["sources"] | {"toy": block}}))

    def settings(params: dict) -> None:
        params["fetch"] |= {"first_wait": 0.1, "longest_wait": 0.1}
        params["weights"]["vgg19"] |= {
            "file": "trunk.pth",
            "url": f"{server.url}/trunk.pth",
            "sha256_prefix": SHA256[:8],
        }

    workspace.change(settings)
    done = workspace.snakemake("-c2", "--keep-going", "--retries=0", "--", MANIFEST, TRUNK, MANUAL, check=False)
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
    assert set(yaml.safe_load((folder / "data/sources.lock.yaml").read_text())) == {"toy.zip", "trunk.pth"}


def test_what_no_script_can_fetch_says_what_to_do(fetched):
    assert "pan.baidu.com" in (fetched.folder / MANUAL).with_name("fetch.log").read_text()


def test_other_settings_of_downloads_fetch_nothing_again(fetched):
    fetched.change(lambda params: params["fetch"].update(retries=1, mirror="/nowhere"))
    assert fetched.plan(MANIFEST, TRUNK) == {}
