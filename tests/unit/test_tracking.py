"""Ingest into a real SQLite store: complete, idempotent, superseding; a server that is away costs seconds."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.finished import collect
from pipeline.tracking import QUIET, ingest

ADAPT = Path("results/runs/simcam_x4/real/sony-olympus/dada/adapt/seed0")
BICUBIC = Path("results/runs/simcam_x4/bicubic")


def write_receipt(output: Path, stage: str, settings: dict, content: str, more: dict | None = None) -> Path:
    outputs = {output.as_posix(): {"sha256": content, "md5": f"md5-{content}", "size": 1}, **(more or {})}
    key = {"stage": stage, "wildcards": {"dataset": "simcam", "scale": "4"}, "settings": settings}
    key |= {"code": {"modules": [], "sha256": "c"}, "packages": None}
    run = {"commit": "abc123", "dirty": False, "host": "box", "started": "2026-11-20T18:00:00+00:00", "seconds": 12.5}
    path = Path(f"{output}.receipt.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": key, "inputs": {}, "outputs": outputs, "run": run}, sort_keys=True))
    return path


def write_evaluation(folder: Path, camera: str, psnr: float) -> Path:
    output = folder / f"metrics_{camera}.json"
    receipt = write_receipt(output, "evaluate", {"shave": 4}, f"{camera}{psnr}")
    mean, interval = {"psnr_y": psnr, "lpips_alex": None}, {"psnr_y": [psnr - 1, psnr + 1]}
    output.write_text(json.dumps({"camera": camera, "mean": mean, "interval": interval}))
    return receipt


def write_training(steps: int, learning_rate: float = 1.0e-4) -> Path:
    ADAPT.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"step": step, "loss/cycle": 1 / (step + 1), "l1": 0.5}) for step in range(steps)]
    (ADAPT / "history.jsonl").write_text("\n".join(lines) + "\n")
    settings = {"schedule": {"steps": steps, "lr": learning_rate}, "weights": [], "note": "x" * 7000}
    settings["many"] = {f"value{number}": number for number in range(150)}
    more = {(ADAPT / name).as_posix(): {"sha256": name, "md5": name, "size": 1} for name in ("a.safetensors",)}
    more[(ADAPT / "history.jsonl").as_posix()] = {"sha256": "h", "md5": "h", "size": 1}
    return write_receipt(ADAPT / "generator.safetensors", "train", settings, f"w{steps}{learning_rate}", more)


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """An empty store: MLflow needs seconds to create its tables, once is enough."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("schema") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
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
    assert set(ids) == {f"{ADAPT}/generator.safetensors", f"{BICUBIC}/metrics_sony.json"}

    run = stored(uri)[ids[f"{ADAPT}/generator.safetensors"]]
    assert run.data.params["schedule.lr"] == "0.0001"
    assert run.data.params["many.value149"] == "149"
    assert len(run.data.params["note"]) == 6000
    assert run.data.metrics["test/olympus/psnr_y"] == 27.5
    assert run.data.metrics["test/olympus/psnr_y.low"] == 26.5
    assert "test/olympus/lpips_alex" not in run.data.metrics
    tags = run.data.tags
    assert tags["pipeline.output"] == f"{ADAPT}/generator.safetensors"
    assert tags["mlflow.source.git.commit"] == "abc123"
    assert tags["pipeline.host"] == "box"
    assert tags["dvc.md5/generator.safetensors"] == "md5-w12000.0001"
    assert tags["pipeline.receipt"] == next(r for r in runs if r.folder == ADAPT).identity
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
    receipt.write_text(json.dumps(changed))
    assert ingest(collect([receipt]), uri) == (ids, 0)


def test_a_changed_run_supersedes_and_is_reinstated_when_it_comes_back(uri):
    output = f"{ADAPT}/generator.safetensors"
    first = ingest(collect([write_training(3)]), uri)[0][output]
    second = ingest(collect([write_training(3, 3.0e-4)]), uri)[0][output]
    assert first != second
    runs = stored(uri)
    assert runs[first].data.tags["pipeline.superseded_by"] == second
    assert "pipeline.superseded_by" not in runs[second].data.tags

    assert ingest(collect([write_training(3)]), uri) == ({output: first}, 0)
    runs = stored(uri)
    assert "pipeline.superseded_by" not in runs[first].data.tags
    assert runs[second].data.tags["pipeline.superseded_by"] == first


def test_an_evaluation_that_comes_later_joins_its_run(uri):
    receipt = write_training(3)
    ingest(collect([receipt]), uri)
    write_evaluation(ADAPT, "olympus", 27.5)
    ids, new = ingest(collect([receipt]), uri)
    assert new == 1
    assert stored(uri)[ids[f"{ADAPT}/generator.safetensors"]].data.metrics["test/olympus/psnr_y"] == 27.5


def test_a_killed_ingest_is_cleaned_up_and_repeated(uri, monkeypatch):
    from mlflow import MlflowClient

    receipt = write_training(3)

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", die)
        with pytest.raises(KeyboardInterrupt):
            ingest(collect([receipt]), uri)
    (half,) = stored(uri)
    ids, new = ingest(collect([receipt]), uri)
    assert new == 1
    assert set(stored(uri)) == set(ids.values())
    assert half not in ids.values()


def test_a_server_that_is_gone_or_silent_costs_seconds_and_is_named(uri, monkeypatch):
    assert float(QUIET["MLFLOW_HTTP_REQUEST_TIMEOUT"]) * (1 + int(QUIET["MLFLOW_HTTP_REQUEST_MAX_RETRIES"])) <= 10
    monkeypatch.setitem(QUIET, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    runs = collect([write_training(3)])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begin = time.monotonic()
        with pytest.raises(UserError, match=f"{address}.*Nothing is lost"):
            ingest(runs, address)
        assert time.monotonic() - begin < 8
    with pytest.raises(UserError, match=f"{address}.*Nothing is lost"):
        ingest(runs, address)


def test_receipts_that_are_none_are_named(uri):
    path = ADAPT / "generator.safetensors.receipt.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"key": {}}')
    with pytest.raises(UserError, match="not a receipt, inputs, outputs, run missing"):
        collect([path])
    with pytest.raises(UserError, match="not a run folder"):
        collect([Path("data/packed/x.receipt.json")])
    write_training(3)
    (ADAPT / "history.jsonl").write_text('{"step": 1, "l1": 0.5}\n{"st')
    with pytest.raises(UserError, match="line 2"):
        list(collect([path])[0].curves())


def test_two_processes_at_once_on_a_new_store(uri, tmp_path):
    Path("mlflow.db").unlink()
    receipt = write_training(3).as_posix()
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pipeline.tracking", "--uri", uri, "--output"]
    calls = [
        subprocess.Popen([*command, f"out{number}.json", receipt], env={**os.environ, "PYTHONPATH": str(root)})
        for number in range(2)
    ]
    assert [call.wait(timeout=90) for call in calls] == [0, 0]
    first, second = (json.loads(Path(f"out{number}.json").read_text()) for number in range(2))
    assert first == second == {f"{ADAPT}/generator.safetensors": next(iter(stored(uri)))}
    assert len(stored(uri)) == 1
