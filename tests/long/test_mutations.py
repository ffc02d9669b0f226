"""Every single random change below a table is found by the audit and called by its name; what means nothing raises nothing."""

import json
import random
import shutil
import zlib
from pathlib import Path

import pytest
from filelock import FileLock

from tests.long.finished import finished_workspace, shared_folder
from tests.long.harmless import HARMLESS
from tests.long.mutations import KINDS
from tests.long.workshop import Workshop

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Path:
    return finished_workspace(shared_folder(tmp_path_factory, worker_id)).folder


@pytest.fixture(scope="session")
def copy(finished, tmp_path_factory) -> Path:
    """A copy for this worker; every change of it is taken back."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("mutated") / "repo", symlinks=True)


@pytest.fixture(scope="session")
def record(tmp_path_factory, worker_id):
    """Note (kind, how many as they should be, how many); at the end the table of all workers so far is printed."""
    path = shared_folder(tmp_path_factory, worker_id) / "mutations.jsonl"

    def note(kind: str, right: int, count: int) -> None:
        with FileLock(f"{path}.lock"), open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps([kind, right, count]) + "\n")

    yield note
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    lines = [f"| {kind} | {right} | {count} |" for kind, right, count in rows]
    lines.append(f"| all | {sum(row[1] for row in rows)} | {sum(row[2] for row in rows)} |")
    text = "\n".join(["| change | as it should be | tried |", "|---|---|---|", *lines])
    path.with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print(f"\n{path.with_suffix('.md')}\n{text}")


def test_the_programme_is_large():
    assert sum(count for _, count in KINDS.values()) >= 220
    assert sum(count for _, count in HARMLESS.values()) >= 40


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_is_found_and_named(kind, finished, copy, record):
    make, count = KINDS[kind]
    shop = Workshop(finished, seed=zlib.crc32(kind.encode()))
    missed = [text for mutation in shop.draw(kind, make, count) if (text := shop.missed(mutation, copy))]
    record(kind, count - len(missed), count)
    assert not missed, "\n\n".join(missed)
    assert shop.audit(copy, "--no-page")[0] == 0


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_means_nothing_raises_nothing(kind, finished, tmp_path, record):
    change, count = HARMLESS[kind]
    shop, alarms = Workshop(finished, seed=0), []
    for number in range(count):
        folder = shutil.copytree(finished, tmp_path / str(number), symlinks=True)
        change(folder, random.Random(f"{kind} {number}"))
        code, said = shop.audit(folder)
        if code != 0 or "0 problems" not in said or "✗" in said:
            alarms.append(f"{kind}, number {number}: exit code {code}\n{said[-2000:]}")
        shutil.rmtree(folder)
    record(f"harmless: {kind}", count - len(alarms), count)
    assert not alarms, "\n\n".join(alarms)
