"""What `sync` does to file times, and which receipts may stop a plan; the rest is tested with Snakemake in tests/workflow."""

import os
import re
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.workflow import sync


class Pattern(str):
    """An output of a rule, as far as `sync` asks it."""

    def match(self, path: str) -> re.Match | None:
        return re.fullmatch(self, path)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Three files and two links in another folder, as DVC links files to its cache."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cache").mkdir()
    for name, time in {"cache/a": 100, "cache/b": 200, "metrics": 300}.items():
        (tmp_path / name).write_text(name)
        os.utime(name, (time, time))
    for name, time in {"a": 400, "b": 350}.items():
        (tmp_path / name).symlink_to(tmp_path / "cache" / name)
        os.utime(name, (time, time), follow_symlinks=False)
    return tmp_path


def times(*paths: str) -> list[float]:
    return [os.lstat(path).st_mtime for path in paths]


def test_an_input_that_is_a_link_is_as_new_as_link_or_target(place):
    hashes = sync.HashCache(place / "hashes.json")
    sync._raise_times(["a"], ["metrics"], hashes)
    assert times("metrics") == [400]
    os.utime("cache/a", (500, 500))
    sync._raise_times(["a"], ["metrics"], hashes)
    assert times("metrics") == [500]


def test_an_output_that_is_a_link_gets_the_time_itself_and_the_cache_none(place):
    sync._raise_times(["a", "gone"], ["b", "gone"], sync.HashCache(place / "hashes.json"))
    assert times("b", "cache/b", "cache/a") == [400, 200, 100]


def test_only_receipts_that_a_rule_writes_stop_a_plan(place):
    rules = [SimpleNamespace(output=[Pattern(r"results/\d/x"), Pattern(r"results/\d/x\.receipt\.json")])]
    for folder in ("0", "0.mine"):
        (place / "results" / folder).mkdir(parents=True)
        (place / "results" / folder / "x.receipt.json").write_text("<<<<<<< HEAD\n")
    with pytest.raises(UserError, match=r"^results/0/x\.receipt\.json: not valid JSON[^\n]*$"):
        sync.sync({}, rules)
    with pytest.raises(UserError, match=r"results/0\.mine/x\.receipt\.json"):
        sync.sync({})
    (place / "results/0/x.receipt.json").unlink()
    sync.sync({}, rules)
