"""Stores that are cut off, are shared, and ingests that are killed: every run exactly once, all points exactly once."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.tracking import store
from pipeline.tracking.finished import collect
from pipeline.tracking.ingest import ingest
from tests.tracking_examples import write_seeds, write_training
from tests.tracking_servers import Cut, Server

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def clone(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)


# For tests of what arrives, on a machine that has other things to do.
PATIENT = """
import sys
from pipeline.tracking import ingest as tracking, store
store.ANSWER, store.PACE = 90.0, 60.0
sys.exit(tracking.main())
"""


def call(uri: str, receipts: list[Path], output: str = "ids.json") -> subprocess.Popen:
    """The command that the rule runs, in the current folder."""
    words = [sys.executable, "-c", PATIENT, "--uri", uri, "--output", output, *map(str, receipts)]
    return subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outputs_of(receipts: list[Path]) -> set[str]:
    return {str(path).removesuffix(".receipt.json") for path in receipts}


def check(database: Path, receipts: list[Path], points: int, parts: str = "") -> dict[str, str]:
    """Output -> the one run of it: complete, with all its points once; of those whose output contains `parts`, no other."""
    found: dict[str, str] = {}
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT run_uuid, status FROM runs WHERE lifecycle_stage = 'active'").fetchall()
        for number, status in rows:
            tags = dict(connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (number,)))
            output = tags["pipeline.output"]
            if parts not in output:
                continue
            assert output not in found, f"{output}: twice"
            assert "pipeline.receipt" in tags and status == "FINISHED", f"{output}: half a run"
            assert "pipeline.superseded_by" not in tags
            told = connection.execute("SELECT key, step FROM metrics WHERE run_uuid = ?", (number,)).fetchall()
            assert len(told) == len(set(told)) == points, f"{output}: {len(told)} points"
            found[output] = number
    assert set(found) == outputs_of(receipts)
    return found


def test_every_place_to_cut(server, monkeypatch):
    """The connection ends at the first, second, … request of an ingest, before it arrives or with its answer lost."""
    cut, done = Cut(server.port), []
    folder = Path("results/runs/cut_x4")
    for name in ("ANSWER", "PACE"):
        monkeypatch.setattr(store, name, 90.0)
    with cut.serving() as address:
        for when in ("before", "after"):
            for at in range(1, 100):
                receipts = [write_training(600, folder=folder / f"{when}{at}")]
                runs = collect(receipts)
                cut.set(at, when)
                try:
                    ingest(runs, address)
                except UserError as error:
                    assert "Nothing is lost" in str(error)
                else:
                    assert cut.count == at - 1, "an ingest that was cut off says that it succeeded"
                    done += receipts
                    break
                cut.set(0)
                # The first request that makes something is a run's; a lost answer at its last tag loses nothing.
                ingest(runs, address)
                done += receipts
            assert at > 6
    check(server.database, done, 1200, folder.as_posix())


def test_two_clones_at_one_server_at_once(server, tmp_path, monkeypatch):
    children = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        os.chdir(tmp_path / name)
        receipts = [write_training(100, folder=Path(f"results/runs/shared_x4/seed{seed}")) for seed in range(10)]
        children.append(call(server.address, receipts))
    for child in children:
        _, error = child.communicate(timeout=500)
        assert child.returncode == 0, error
    found = check(server.database, receipts, 200, "shared_x4")
    os.chdir(tmp_path / "one")
    for name in ("ANSWER", "PACE"):
        monkeypatch.setattr(store, name, 90.0)
    assert ingest(collect(receipts), server.address) == (found, 0)


def test_eight_at_once_into_one_new_file(tmp_path):
    """Four clones with two ingests each, started together; half of the runs are everybody's."""
    uri, children = f"sqlite:///{tmp_path}/shared.db", []
    for number in range(8):
        folder = tmp_path / f"clone{number % 4}"
        folder.mkdir(exist_ok=True)
        os.chdir(folder)
        receipts = write_seeds(20, 50)
        mine = receipts[:10] + receipts[10 + number : 13 + number]
        children.append((mine, call(uri, mine, output=f"ids{number}.json")))
    results = [(mine, *child.communicate(timeout=600), child.returncode) for mine, child in children]
    assert [code for *_, code in results] == [0] * 8, results
    found = check(tmp_path / "shared.db", receipts, 100)
    for number, (mine, *_) in enumerate(results):
        ids = json.loads((tmp_path / f"clone{number % 4}/ids{number}.json").read_text())
        assert ids == {output: found[output] for output in outputs_of(mine)}
    assert sum(int(told.split()[0]) for _, told, _, _ in results) == 20
    assert [path.name for path in tmp_path.glob("*shared*")] == ["shared.db"]


def test_ingests_killed_at_random_moments():
    """SIGKILL while the tables are made, then among the runs; the lock is free, the next call goes on, nothing is half."""
    receipts, rng, database = write_seeds(40, 250), random.Random(5), Path("mlflow.db")
    seen = []
    for kill in range(10):
        child, more = call("sqlite:///mlflow.db", receipts), rng.randint(1, 4)
        made = Path(f".mlflow.db.{child.pid}.tmp")
        before = _complete(database)
        while not (made.exists() if kill < 3 else _complete(database) >= before + more):
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.8 if kill < 3 else 0.2))
        child.kill()
        child.communicate(timeout=60)
        assert child.returncode == -9
        seen.append(_complete(database))
    child = call("sqlite:///mlflow.db", receipts)
    told, error = child.communicate(timeout=400)
    assert child.returncode == 0, error
    assert seen == sorted(seen) and 0 < seen[-1] < 40
    assert told.startswith(f"{40 - seen[-1]} runs copied, {seen[-1]} already there")
    assert check(database, receipts, 500) == json.loads(Path("ids.json").read_text())
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["ids.json", "mlflow.db", "results"]


def test_a_run_costs_the_same_however_many_are_there(tmp_path):
    uri, seconds, receipts = f"sqlite:///{tmp_path}/mlflow.db", [], write_seeds(90, 100)
    with store.opened(uri):
        pass
    for part in (receipts[:30], receipts[30:]):
        begin = time.process_time()
        assert ingest(collect(part), uri)[1] == len(part)
        seconds.append((time.process_time() - begin) / len(part))
    assert ingest(collect(receipts), uri)[1] == 0
    assert seconds[1] < 2 * seconds[0]


def _complete(database: Path) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT COUNT(*) FROM tags WHERE key = 'pipeline.receipt'").fetchone()[0]
