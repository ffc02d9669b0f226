"""Ingest into a real SQLite store: complete, idempotent, superseding; a store that fails costs seconds and is named."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.exclusive import exclusive
from pipeline.tracking import store as tracking_store
from pipeline.tracking.finished import collect
from pipeline.tracking.ingest import BY, ingest
from tests.tracking_examples import ADAPT, write_evaluation, write_sealed, write_seeds, write_training
from tests.tracking_servers import pretender

ROOT = Path(__file__).parents[2]
BICUBIC = Path("results/runs/simcam_x4/bicubic")
OUTPUT = f"{ADAPT}/generator.safetensors"


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """An empty store: MLflow needs seconds to create its tables, once is enough."""
    path = tmp_path_factory.mktemp("schema") / "mlflow.db"
    with tracking_store.opened(f"sqlite:///{path}"):
        pass
    assert [other.name for other in path.parent.iterdir()] == ["mlflow.db"]
    return path.read_bytes()


@pytest.fixture
def uri(tmp_path, monkeypatch, schema):
    """A fresh store in an empty repository, by absolute path: MLflow keeps stores open by their name."""
    monkeypatch.chdir(tmp_path)
    Path("mlflow.db").write_bytes(schema)
    return f"sqlite:///{tmp_path}/mlflow.db"


def stored(uri: str) -> dict[str, object]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("simcam_x4")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    return {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}


def test_everything_arrives_and_a_second_call_adds_nothing(uri, monkeypatch):
    from mlflow import MlflowClient

    sizes, log_batch = [], MlflowClient.log_batch

    def watched(self, run_id, metrics=(), params=(), **rest):
        sizes.append((len(metrics), len(params)))
        return log_batch(self, run_id, metrics=metrics, params=params, **rest)

    monkeypatch.setattr(MlflowClient, "log_batch", watched)
    receipts = [write_training(1200), write_evaluation(ADAPT, "olympus", 27.5), write_evaluation(BICUBIC, "sony", 26.0)]
    runs = collect(receipts)
    ids, new = ingest(runs, uri, frozenset({"simcam"}))
    assert new == 2
    assert set(ids) == {OUTPUT, f"{BICUBIC}/metrics_sony.json"}

    run = stored(uri)[ids[OUTPUT]]
    assert run.data.params["schedule.lr"] == "0.0001"
    assert run.data.params["many.value149"] == "149"
    assert len(run.data.params["note"]) == 6000
    assert run.data.metrics["test/olympus/psnr_y"] == 27.5
    assert not [name for name in run.data.metrics if name.endswith((".low", ".high"))]
    assert "test/olympus/lpips_alex" not in run.data.metrics
    tags = run.data.tags
    assert tags["pipeline.output"] == OUTPUT
    assert tags["mlflow.source.git.commit"] == "abc123"
    assert tags["pipeline.host"] == "box"
    assert tags["dvc.md5/generator.safetensors"] == runs[1].main.outputs[OUTPUT]["md5"]
    assert tags["pipeline.receipt"] == next(r for r in runs if r.place.folder == str(ADAPT)).identity
    assert "simulated" in tags["pipeline.note"]
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 12_500

    assert max(metrics for metrics, _ in sizes) == 1000
    assert max(params for _, params in sizes) == 100
    curve = MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, "loss/cycle")
    assert [(point.step, point.value) for point in curve] == [(step, 1 / (step + 1)) for step in range(1200)]

    assert ingest(collect(receipts), uri, frozenset({"simcam"})) == (ids, 0)
    assert len(stored(uri)) == 2


def test_the_informational_part_of_a_receipt_does_not_make_a_new_run(uri):
    receipt = write_training(3)
    ids, _ = ingest(collect([receipt]), uri)
    changed = json.loads(receipt.read_text())
    changed["run"] |= {"commit": "later", "host": "elsewhere", "seconds": 99}
    write_sealed(receipt, changed)
    assert ingest(collect([receipt]), uri) == (ids, 0)


def test_a_changed_run_supersedes_and_is_reinstated_when_it_comes_back(uri):
    first = ingest(collect([write_training(3)]), uri)[0][OUTPUT]
    second = ingest(collect([write_training(3, 3.0e-4)]), uri)[0][OUTPUT]
    assert first != second
    runs = stored(uri)
    assert runs[first].data.tags["pipeline.superseded_by"] == second
    assert "pipeline.superseded_by" not in runs[second].data.tags

    assert ingest(collect([write_training(3)]), uri) == ({OUTPUT: first}, 0)
    runs = stored(uri)
    assert "pipeline.superseded_by" not in runs[first].data.tags
    assert runs[second].data.tags["pipeline.superseded_by"] == first


def test_an_evaluation_that_comes_later_joins_its_run(uri):
    receipt = write_training(3)
    ingest(collect([receipt]), uri)
    write_evaluation(ADAPT, "olympus", 27.5)
    ids, new = ingest(collect([receipt]), uri)
    assert new == 1
    assert stored(uri)[ids[OUTPUT]].data.metrics["test/olympus/psnr_y"] == 27.5


@pytest.mark.parametrize("call", ["log_batch", "set_terminated"])
def test_an_interrupted_ingest_is_cleaned_up_and_repeated(uri, monkeypatch, call):
    from mlflow import MlflowClient

    receipt = write_training(3)

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, die)
        with pytest.raises(KeyboardInterrupt):
            ingest(collect([receipt]), uri)
    (half,) = stored(uri)
    ids, new = ingest(collect([receipt]), uri)
    assert new == 1
    assert set(stored(uri)) == set(ids.values())
    assert half not in ids.values()


def test_many_pages_with_halves_among_them(uri, monkeypatch):
    """Removing what was left while turning pages would skip runs, and bring them in twice."""
    from mlflow import MlflowClient

    monkeypatch.setattr("pipeline.tracking.ingest.PAGE", 3)
    receipts = write_seeds(8, 1)
    ids, _ = ingest(collect(receipts), uri)
    client = MlflowClient(tracking_uri=uri)
    for seed in (1, 3, 4):
        client.delete_tag(ids[f"{ADAPT.with_name(f'seed{seed}')}/generator.safetensors"], "pipeline.receipt")
    again, new = ingest(collect(receipts), uri)
    assert new == 3
    assert set(stored(uri)) == set(again.values())


def test_two_clones_at_one_server(uri, monkeypatch):
    """What another clone has under way is left alone for an hour; of two equal runs the one completed first stays."""
    from mlflow import MlflowClient

    # The store is taken for one that others may be writing to.
    monkeypatch.setattr(tracking_store, "_database", lambda _: None)
    receipt = write_training(3)
    ids, _ = ingest(collect([receipt]), uri)
    client = MlflowClient(tracking_uri=uri)
    first = client.get_run(ids[OUTPUT])
    experiment, tags = first.info.experiment_id, {**first.data.tags, BY: "another:/clone"}
    half = {name: value for name, value in tags.items() if name != "pipeline.receipt"}

    def other(tags: dict, at: str) -> str:
        return client.create_run(experiment, tags=tags | {"pipeline.ingested_at": at}).info.run_id

    under_way = other(half, time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()))
    left = other(half, "2001-01-01T00:00:00+00:00")
    twin = other(tags, "2999-01-01T00:00:00+00:00")
    assert ingest(collect([receipt]), uri) == (ids, 0)
    assert set(stored(uri)) == {ids[OUTPUT], under_way}
    assert {left, twin}.isdisjoint(stored(uri))

    earlier = other(tags, "2001-01-01T00:00:00+00:00")
    assert ingest(collect([receipt]), uri) == ({OUTPUT: earlier}, 0)


@pytest.mark.parametrize("kind", ["closed", "silent", "dribble", "slow", "error", "html", "empty"])
def test_a_server_that_is_none_costs_seconds_and_is_named(uri, monkeypatch, kind):
    assert tracking_store.ANSWER <= 10 and tracking_store.TRIAL <= 20
    for name, seconds in (("ANSWER", 1.0), ("TRIAL", 1.0), ("PACE", 0.1)):
        monkeypatch.setattr(tracking_store, name, seconds)
    runs = collect([write_training(3)])
    with pretender(kind) as address:
        begin = time.monotonic()
        with pytest.raises(UserError, match=address) as caught:
            ingest(runs, address)
        assert time.monotonic() - begin < 5
    assert "\n" not in str(caught.value)
    assert ("Check that it is an MLflow server." if kind == "empty" else "Nothing is lost") in str(caught.value)


def test_passwords_are_not_shown(uri):
    with pretender("closed") as address, pytest.raises(UserError) as caught:
        ingest(collect([write_training(3)]), address.replace("//", "//me:secret@"))
    assert "secret" not in str(caught.value) and "//***@127.0.0.1" in str(caught.value)


def test_databases_that_cannot_be_used_are_named_at_once(uri, tmp_path):
    runs = collect([write_training(3)])
    Path("text.db").write_text("these are not the pages of a database" * 100)
    Path("file").touch()
    Path("folder.db").mkdir()
    begin = time.monotonic()
    for path, message in (
        ("text.db", "text.db: not an SQLite database that can be written"),
        ("folder.db", "folder.db: not an SQLite database that can be written"),
        ("file/mlflow.db", r"file/mlflow.db.lock: the lock of the MLflow store could not be taken"),
    ):
        with pytest.raises(UserError, match=message):
            ingest(runs, f"sqlite:///{tmp_path}/{path}")
    for address in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(UserError, match="names no file"):
            ingest(runs, address)
    assert time.monotonic() - begin < 5


def test_the_lock_of_a_database_lies_beside_it(uri, tmp_path, monkeypatch):
    """So that clones wait for each other, whatever folder they are in and whatever they call the file."""
    runs = collect([write_training(3)])
    (tmp_path / "link.db").symlink_to("mlflow.db")
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setattr(tracking_store, "TURN", 0.5)
    with exclusive(tmp_path / "mlflow.db.lock", ""):
        for name in ("mlflow.db", "link.db", "clone/../mlflow.db"):
            with pytest.raises(UserError, match=r"mlflow.db.lock: the lock .*no answer within"):
                ingest(runs, f"sqlite:///{tmp_path / name}")
    monkeypatch.chdir(tmp_path)
    assert ingest(runs, uri)[1] == 1


def test_a_database_half_made_is_not_left_behind(uri, monkeypatch):
    from mlflow import MlflowClient

    Path("mlflow.db").unlink()

    def half(_, tracking_uri):
        with sqlite3.connect(tracking_uri.removeprefix("sqlite:///")) as connection:
            connection.execute("CREATE TABLE experiments (x)")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "__init__", half)
        with pytest.raises(KeyboardInterrupt):
            ingest(collect([write_training(3)]), uri)
    assert not list(Path.cwd().glob("*mlflow.db*"))


def test_receipts_that_are_none_are_named(uri):
    path = ADAPT / "generator.safetensors.receipt.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"key": {}}')
    with pytest.raises(UserError, match="not the receipt of"):
        collect([path])
    path.write_text(write_training(3).read_text()[:300])
    with pytest.raises(UserError, match=rf"{path}: not valid JSON"):
        collect([path])
    with pytest.raises(UserError, match="no such file"):
        collect([BICUBIC / "metrics_sony.json.receipt.json"])
    with pytest.raises(UserError, match="not a run folder"):
        collect([Path("data/packed/x.receipt.json")])


def test_changed_receipts_histories_and_metrics_are_named_all_at_once_and_nothing_is_sent(uri):
    receipts = [*write_seeds(3, 3), write_evaluation(BICUBIC, "sony", 26.0)]
    receipt = receipts[0]
    receipt.write_text(receipt.read_text().replace('"host": "box"', '"host": "fox"'))
    history = ADAPT.with_name("seed1") / "history.jsonl"
    history.write_bytes(history.read_bytes()[:-7])
    metrics = BICUBIC / "metrics_sony.json"
    metrics.write_text(metrics.read_text().replace("26.0", "26.1"))
    with pytest.raises(UserError) as caught:
        collect(receipts)
    assert "seed2" not in str(caught.value)
    for path, message in (
        (receipt, "changed after its job wrote it"),
        (history, "not what its job wrote"),
        (metrics, "not what its job wrote"),
    ):
        assert f"{path}: {message}" in str(caught.value)
    history.unlink()
    with pytest.raises(UserError, match=f"{history}: missing, but"):
        collect([receipts[1]])


def test_neither_torch_nor_mlflow_is_loaded_by_importing():
    code = "import sys, pipeline.tracking.ingest; print({'torch', 'mlflow'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True, timeout=120
    )
    assert done.stdout.strip() == "set()"
