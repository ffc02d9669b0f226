"""From a name to files that are unpacked and counted; the shipped catalogue; what is refused, and nothing done twice."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.adopt.layouts import LAYOUTS
from pipeline.adopt.parts import inventory
from pipeline.errors import UserError
from pipeline.fetch import catalogue, plan
from pipeline.fetch.catalogue import File, Licence, Location
from pipeline.fetch.checks import trust
from pipeline.fetch.lock import Lock
from pipeline.fetch.run import fetch
from tests.fetch_examples import CONTENT, SHA256, archive, file, left, source, toy
from tests.fetch_server import QUICK


def test_a_data_set_from_its_name_to_its_manifest(server, places):
    sources = toy(server)
    fetch(["toy"], QUICK, sources=sources, places=places)
    folder = places.raw / "toy"
    images = {f"Toy/Set/000{index}.png" for index in range(3)}
    assert left(folder) == images | {"archives/toy.zip", "archives/toy.zip.unpacked", "manifest.csv", "inventory.json"}
    lines = (folder / "manifest.csv").read_text().splitlines()
    assert lines[0] == "path,size,sha256" and lines[1] == f"Toy/Set/0000.png,7,{hashlib.sha256(b'image 0').hexdigest()}"
    report = json.loads((folder / "inventory.json").read_text())
    assert report["holds"] and report["manifest"]["files"] == 3 and report["counts"][0]["found"] == 3
    before = {path: path.read_bytes() for path in folder.glob("*.*")}
    fetch(["toy"], QUICK, sources=sources, places=places)
    assert {path: path.read_bytes() for path in folder.glob("*.*")} == before and len(server.asked) == 1


def test_a_count_that_is_not_met(server, places):
    with pytest.raises(UserError, match=r"Toy: 2 files .*, expected 3 \(its page\)"):
        fetch(["toy"], QUICK, sources=toy(server, images=2), places=places)
    assert not (places.raw / "toy/manifest.csv").exists()
    assert json.loads((places.raw / "toy/inventory.json").read_text())["holds"] is False


def test_terms_must_be_accepted_by_name(server, places):
    sources = toy(server, licence=Licence("strict", "Research only.", True))
    with pytest.raises(UserError, match=r"Research only\. Then add --accept strict"):
        fetch(["toy"], QUICK, sources=sources, places=places)
    assert server.asked == []
    fetch(["toy"], replace(QUICK, accept=("strict",)), sources=sources, places=places)


def test_a_plan_fetches_nothing(server, places, capsys):
    sources = toy(server, licence=Licence("strict", "Research only.", True))
    fetch(["toy"], QUICK, dry=True, sources=sources, places=places)
    size = len(archive())
    told = capsys.readouterr().out
    assert f"toy.zip: {size:,} bytes; proof: tofu" in told and "[accept with --accept strict]" in told
    assert server.asked == [] and not places.raw.exists()


def test_a_disk_that_is_too_small_is_seen_before(server, places, monkeypatch):
    monkeypatch.setattr(plan, "free_bytes", lambda _: 10)
    with pytest.raises(UserError, match="10 are free"):
        fetch(["toy"], QUICK, sources=toy(server), places=places)
    assert server.asked == []


def test_what_a_person_must_do(places):
    sources = source(manual="Open the page, log in, download all parts.")
    with pytest.raises(UserError, match=r"no script can fetch it\.\nOpen the page"):
        fetch(["toy"], QUICK, sources=sources, places=places)
    with pytest.raises(UserError, match="tory: not in data/"):
        fetch(["tory"], QUICK, sources=sources, places=places)


def test_what_a_person_put_there_is_taken(places, tmp_path):
    sources = source(
        file("a.pth", Location("by_hand", {"url": "https://example.org"})), kind="weights", manual="Open it."
    )
    with pytest.raises(UserError, match="Open it"):
        fetch(["toy"], QUICK, sources=sources, places=places)
    (places.raw / "weights").mkdir(parents=True)
    (places.raw / "weights/a.pth").write_bytes(CONTENT)
    fetch(["toy"], QUICK, sources=sources, places=places)
    assert Lock(places.lock).pin("a.pth")["sha256"] == SHA256


def test_a_hostile_archive_leaves_only_itself(server, places):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../../escaped.png"))
    one = file("toy.tar", server.put("/toy.tar", content.getvalue()), into="Toy")
    with pytest.raises(UserError, match="leads outside"):
        fetch(["toy"], QUICK, sources=source(one), places=places)
    assert left(places.raw) == {"toy/archives/toy.tar"}


def git(folder: Path, *words: str) -> str:
    names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env={**os.environ, **names}
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "data/Set5").mkdir(parents=True)
    (folder / "data/Set5/1.png").write_bytes(b"one")
    (folder / "data/Set5/run.sh").write_bytes(b"echo")
    (folder / "link").symlink_to("/etc/passwd")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def tree_of(repository: Path, path: str, tree: str | None = None) -> File:
    commit, found = git(repository, "rev-parse", "HEAD", f"HEAD:{path}" if path else "HEAD^{tree}").split()
    value = {"repo": f"file://{repository}", "commit": commit, "path": path, "tree": tree or found}
    return file("set5", Location("git", value), into="x4")


def test_a_folder_of_a_commit(repository, places):
    sources = source(tree_of(repository, "data/Set5"))
    git(repository, "commit", "-qm", "later", "--allow-empty")
    fetch(["toy"], QUICK, sources=sources, places=places)
    assert left(places.raw / "toy/x4") == {"1.png"}
    report = json.loads((places.raw / "toy/inventory.json").read_text())
    assert report["files"][0]["trust"] == "object_id" and len(report["files"][0]["tree"]) == 40
    repository.rename(repository.with_name("gone"))
    fetch(["toy"], QUICK, sources=sources, places=places)


def test_git_is_held_to_the_tree_and_to_plain_files(repository, places):
    with pytest.raises(UserError, match=f"expected {'0' * 40}"):
        fetch(["toy"], QUICK, sources=source(tree_of(repository, "data/Set5", "0" * 40)), places=places)
    with pytest.raises(UserError, match="link"):
        fetch(["toy"], QUICK, sources=source(tree_of(repository, "")), places=places)
    assert left(places.raw) == set() and not [*places.raw.glob("toy/.*.tmp")]


def test_git_that_cannot_be_reached(repository, places):
    sources = source(tree_of(repository, "data/Set5"))
    repository.rename(repository.with_name("gone"))
    with pytest.raises(UserError, match="could not be fetched"):
        fetch(["toy"], replace(QUICK, retries=1), sources=sources, places=places)


def test_the_shipped_catalogue_holds():
    sources = catalogue.load()
    assert {"drealsr", "manga109"} <= {name for name, one in sources.items() if not one.automatic and one.manual}
    assert sum(file.size for name in ("div2k_hr", "div2k_bicubic_x4") for file in sources[name].files) == 4_258_017_526
    assert trust(list(sources["div2k_hr"].files[0].checksums)) == "two_third_parties"
    assert sources["set5"].files[0].holds[0].count == 5
    for one in sources.values():
        assert one.licence.ask or one.licence.name not in ("unstated", "manga109", "div2k")


@pytest.mark.parametrize("name", ["set5", "set14", "bsd100", "urban100"])
def test_fetched_test_sets_lie_as_adoption_knows_them(tmp_path, name):
    for one in catalogue.load()[name].files:
        for expected in one.holds:
            image = tmp_path / one.into / expected.names.replace(r"\d{3}", "001").replace(r"\.", ".")
            image.parent.mkdir(exist_ok=True)
            image.touch()
    assert len(left(tmp_path)) >= 4 and not inventory(LAYOUTS[name](), tmp_path).strays


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("sources", "vgg19", "files", 0, "checksums", 0, "sha256"), "abc", "does not match"),
        (("sources", "vgg19", "files", 0, "checksums", 0, "by"), "nobody", "'nobody' is not one of witnesses"),
        (("sources", "vgg19", "files", 0, "name"), "../vgg19.pth", "does not match"),
        (("sources", "vgg19", "files", 0, "name"), "ViT-B-32.pt", "has a file of this name"),
        (("sources", "vgg19", "files"), [{"name": n, "at": [{"drive": "x" * 30}]} for n in "ab"], "can have only one"),
        (("sources", "vgg19", "files", 0, "inside"), "params.", "does not match"),
        (("sources", "vgg19", "files", 0, "strip"), "module", "does not match"),
        (("sources", "vgg19", "files", 0, "at", 0, "http"), "ftp://example.org/vgg19.pth", "does not match"),
        (("sources", "vgg19", "licence"), "gpl", "'gpl' is not one of licences"),
        (("sources", "vgg19", "files"), [], "is not valid"),
        (("sources", "set5", "files", 0, "into"), "archives", "should not be valid"),
        (("sources", "set5", "files", 0, "at", 0, "git", "commit"), "main", "does not match"),
        (("sources", "div2k_hr", "files", 0, "holds", 0, "names"), "(", "no regular expression"),
        (("sources", "clip_vit_b32", "files", 0, "at", 0, "hub", "revision"), None, "revision of 40 digits"),
        (("sources", "vgg19", "sise"), 1, "sise"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(tmp_path, place, value, words):
    content = yaml.safe_load(catalogue.CATALOGUE.read_text())
    block = content
    for key in place[:-1]:
        block = block[key]
    block[place[-1]] = value
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=rf"sources\.yaml: (.|\n)*{words}"):
        catalogue.load(tmp_path / "sources.yaml")


def test_the_command(monkeypatch, capsys):
    from pipeline.fetch.__main__ import main

    assert main([]) == 0 and "div2k_hr" in capsys.readouterr().out
    assert main(["div2k_hr", "--plan"]) == 0 and "3,530,603,713 bytes" in capsys.readouterr().out
    assert main(["drealsr"]) == 1 and "pan.baidu.com" in capsys.readouterr().err
    assert main(["div2k_wild"]) == 1 and "--accept div2k" in capsys.readouterr().err
