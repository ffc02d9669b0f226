"""One finished, published workspace for all tests of a session, and the table of what scenarios showed."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from tests.long.jobs import NAMES, shown
from tests.workflow.workspace import CROSS, REPORT, TABLE, Workspace


def shared_folder(factory: pytest.TempPathFactory, worker: str) -> Path:
    """A folder of this session; all workers of pytest-xdist see the same."""
    own = factory.getbasetemp()
    folder = (own if worker == "master" else own.parent) / "finished"
    folder.mkdir(exist_ok=True)
    return folder


def finished_workspace(folder: Path) -> Workspace:
    """`folder`/repo after one complete run, published to the store beside it and committed; made by whoever comes first."""
    with FileLock(folder / "lock"):
        if not (folder / "done").exists():
            workspace = Workspace.create(folder / "repo")
            workspace.change(_four_rows)
            workspace.commit("four rows")
            workspace.snakemake("-c2", "--", TABLE, CROSS, REPORT)
            workspace.commit("results")
            workspace.publish("published")
            (folder / "done").touch()
    return Workspace(folder / "repo")


def _four_rows(params: dict) -> None:
    """The rows for which tests.long.jobs has names, whatever methods there are; a picture of a photograph that is tested."""
    params["tables"]["dada_simcam"]["methods"] = ["bicubic", "source_only", "dada", "target_only"]
    params["datasets"]["simcam"]["crops"] = {"astronaut": [80, 168, 96, 96]}


def named(jobs: set[str]) -> frozenset[str]:
    """Planned jobs by their short names, in full where there is none."""
    return frozenset(NAMES.get(job, job) for job in jobs)


class Record:
    """Rows of scenario, expected, observed; as a Markdown table in a file that all workers write."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, scenario: str, expected: frozenset[str], observed: frozenset[str], more: str = "") -> None:
        """Note one scenario."""
        with FileLock(self.folder / "lock.rows"), open(self.folder / "rows.jsonl", "a", encoding="utf-8") as stream:
            stream.write(json.dumps([scenario, shown(expected), shown(observed), more], ensure_ascii=False) + "\n")

    def table(self) -> str:
        """The table so far, also written to scenarios.md."""
        with FileLock(self.folder / "lock.rows"):
            path = self.folder / "rows.jsonl"
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
            lines = ["| scenario | expected | observed | then |", "|---|---|---|---|"]
            text = "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
            (self.folder / "scenarios.md").write_text(text + "\n", encoding="utf-8")
        return text
