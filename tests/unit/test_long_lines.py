"""A job's line may be longer than the shell takes, as of a table with a thousand cells."""

import shlex
import subprocess

import pytest

from pipeline.provenance import job
from pipeline.workflow import rules


@pytest.fixture
def words(tmp_path, monkeypatch):
    """Words of a job with so many inputs."""
    monkeypatch.chdir(tmp_path)

    def words(count: int) -> list[str]:
        inputs = {"metrics": [f"results/it's a/{index}.json" for index in range(count)]}
        return job.words("pipeline.jobs.table", '{"stage": "→"}', inputs, {"tex": "a.tex"}, "a.tex.receipt.json")

    return words


def test_a_usual_line_is_itself(words, tmp_path):
    assert shlex.split(rules.fitting(words(10))) == words(10)
    assert not list(tmp_path.iterdir())


def test_the_words_of_a_long_line_stand_in_a_file(words, tmp_path):
    many = words(9000)
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["bash", "-c", f": {shlex.join(many)}"])
    line = rules.fitting(many)
    start, path = line.rsplit(" @", 1)
    assert shlex.split(start) == many[:3] and subprocess.run(["bash", "-c", f": {line}"]).returncode == 0
    assert (tmp_path / path).read_text(encoding="utf-8").splitlines() == many[3:]
    assert rules.fitting(many) == line and rules.fitting(words(9001)) != line
