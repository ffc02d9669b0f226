"""What must be in DVC's cache before anything is checked out; with DVC itself: tests/long/test_dvc_remotes.py."""

import json
from pathlib import Path

import pytest

from pipeline import pull
from pipeline.errors import UserError

FOLDERS = {"data/packed": "aa1.dir", "results/runs": "bb2.dir"}
CONTENT = {
    "aa1.dir": [{"md5": "cc3", "relpath": "sony/train.safetensors"}],
    "bb2.dir": [{"md5": "dd4", "relpath": "one/g.safetensors"}, {"md5": "ee5", "relpath": "one.more/g.safetensors"}],
}
OUTS = [{"data/packed": {"persist": True}}, {"results/runs": {"persist": True}}, {"results/tables": {"cache": False}}]


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A complete cache, and the files that name its objects."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(json.dumps({"stages": {"all": {"outs": OUTS}}}))
    outs = [{"path": path, "md5": md5} for path, md5 in {**FOLDERS, "results/tables": "ff6.dir"}.items()]
    Path("dvc.lock").write_text(json.dumps({"stages": {"all": {"outs": outs}}}))
    for md5 in ["cc3", "dd4", "ee5", *CONTENT]:
        path = tmp_path / "cache/files/md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(CONTENT.get(md5, "bytes")))
    return tmp_path / "cache"


@pytest.fixture
def calls(cache, monkeypatch) -> list[str]:
    """DVC replaced; what was called."""
    calls = []

    def dvc(*words: str) -> str:
        calls.append(" ".join(words))
        return str(cache) if words[0] == "cache" else ""

    monkeypatch.setattr(pull, "dvc", dvc)
    return calls


def lose(cache: Path, md5: str) -> None:
    (cache / "files/md5" / md5[:2] / md5[2:]).unlink()


def test_everything_or_a_part_is_fetched_then_checked_out(calls):
    pull.pull([])
    pull.pull(["results/runs/one"])
    everything, part = "data/packed results/runs", "results/runs/one"
    look = "cache dir"
    assert calls == [f"fetch {everything}", look, f"checkout {everything}", f"fetch {part}", look, f"checkout {part}"]


@pytest.mark.parametrize(
    ("lost", "asked", "named"),
    [
        ("ee5", [], r"results/runs/one\.more/g\.safetensors \(1 in all\)"),
        ("ee5", ["results/runs/one.more"], r"one\.more/g\.safetensors"),
        ("bb2.dir", ["results/runs/one"], r"Not in the store: results/runs \(1"),
        ("cc3", ["results/runs", "data/packed/sony/train.safetensors"], r"data/packed/sony/train\.safetensors"),
    ],
)
def test_nothing_is_checked_out_when_an_object_has_not_come(cache, calls, lost, asked, named):
    lose(cache, lost)
    with pytest.raises(UserError, match=named):
        pull.pull(asked)
    assert not any(call.startswith("checkout") for call in calls)


def test_an_object_that_is_not_asked_for_may_be_missing(cache, calls):
    lose(cache, "ee5")
    lose(cache, "aa1.dir")
    pull.pull(["results/runs/one"])
    assert calls[-1] == "checkout results/runs/one"


def test_a_folder_that_was_never_published_is_left_alone(cache, calls):
    lock = json.loads(Path("dvc.lock").read_text())
    del lock["stages"]["all"]["outs"][0]
    Path("dvc.lock").write_text(json.dumps(lock))
    pull.pull([])
    assert calls[-1] == "checkout results/runs"
    with pytest.raises(UserError, match=r"data/packed/sony: DVC keeps no files there, only in results/runs"):
        pull.pull(["data/packed/sony"])
    Path("dvc.lock").unlink()
    with pytest.raises(UserError, match="this version has no published results"):
        pull.pull([])
    assert len(calls) == 3
