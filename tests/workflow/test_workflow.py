"""The real workflow on a tiny edition: from nothing to the tables, then one change after the other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.workflow.workspace import CROSS, ENVIRONMENT, TABLE, Workspace

TARGETS = (TABLE, CROSS)
ADAPT = "results/runs/simcam_x4/real/panasonic-sony/dada/adapt/seed0"


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Workspace:
    """A workspace after one complete run, committed."""
    workspace = Workspace.create(tmp_path_factory.mktemp("workflow") / "repo")
    workspace.snakemake("-c2", "--", *TARGETS)
    workspace.commit("results")
    return workspace


@pytest.fixture
def changed(finished, tmp_path) -> Workspace:
    """A copy of the finished workspace, for one test to change."""
    shutil.copytree(finished.folder, tmp_path / "repo", symlinks=True)
    return Workspace(tmp_path / "repo")


def test_tables_are_made_and_a_second_call_has_nothing_to_do(finished):
    for target in TARGETS:
        for suffix in (".tex", ".csv", ".html", ".tex.receipt.json"):
            assert (finished.folder / target.replace(".tex", suffix)).stat().st_size > 0
    started = time.monotonic()
    assert finished.plan(*TARGETS) == {}
    assert time.monotonic() - started < 30


def test_nothing_undeclared_is_left(finished):
    names = {path.name for path in (finished.folder / ADAPT).iterdir()}
    declared = {"generator.safetensors", "generator.safetensors.receipt.json", "history.jsonl", "log.txt"}
    measured = {"metrics_sony.json", "metrics_sony.json.receipt.json", "log_sony.txt"}
    assert names == declared | measured


def test_fresh_clone_with_nothing_pulled_has_nothing_to_do(finished, tmp_path):
    clone = finished.clone(tmp_path / "clone")
    assert not (clone.folder / ADAPT / "generator.safetensors").exists()
    assert clone.plan(*TARGETS) == {}
    assert clone.python("-m", "pipeline.audit", *TARGETS).returncode == 0


def test_one_setting_of_one_stage(changed):
    changed.change(lambda p: p["methods"]["dada"]["stages"]["adapt"]["loss"]["code"].update(adversarial_weight=0.01))
    assert changed.plan(*TARGETS) == {"train_dada_adapt": 1, "evaluate": 1, "table": 1}


def test_swapped_values_are_seen(changed):
    def swap(params):
        loss = params["methods"]["dada"]["stages"]["adapt"]["loss"]["code"]
        loss["perceptual_weight"], loss["adversarial_weight"] = loss["adversarial_weight"], loss["perceptual_weight"]

    changed.change(swap)
    assert changed.plan(*TARGETS) == {"train_dada_adapt": 1, "evaluate": 1, "table": 1}


def test_comment_layout_docstring_and_key_order_change_nothing(changed):
    for path in sorted((changed.folder / "pipeline").rglob("*.py")):
        text = path.read_text()
        assert text.startswith('"""')
        path.write_text('"""Said otherwise. ' + text[3:] + "\n\n# a comment\n")
    changed.change(lambda p: p["methods"].update(dada=dict(reversed(p["methods"].pop("dada").items()))))
    assert changed.plan(*TARGETS) == {}


def test_code_of_one_method(changed):
    path = changed.folder / "pipeline/methods/source_only.py"
    path.write_text(path.read_text() + "\n\nEXTRA = 1\n")
    # Two cameras' models, which DADA starts from as well.
    plan = {"train_source_only_train": 2, "train_dada_circle": 1, "train_dada_adapt": 1, "evaluate": 5, "table": 2}
    assert changed.plan(*TARGETS) == plan


def test_new_files_of_a_method_touch_nothing(changed):
    (changed.folder / "pipeline/methods/mine.py").write_text('"""Mine."""\n\nthis is not even Python\n')
    assert changed.plan(*TARGETS) == {}


def test_a_digit_typed_over_in_the_table_is_found_and_mended(changed):
    path = changed.folder / TABLE
    text = path.read_text()
    place = next(index for index, char in enumerate(text) if char.isdigit() and text[index - 1] == ".")
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
    done = changed.python("-m", "pipeline.audit", TABLE, check=False)
    assert done.returncode == 1 and TABLE in done.stdout
    assert changed.plan(*TARGETS) == {"table": 1}
    changed.snakemake("-c1", "--", *TARGETS)
    assert path.read_text() == text
    assert changed.python("-m", "pipeline.audit", TABLE).returncode == 0


def test_an_altered_generator_is_found(changed):
    path = changed.folder / ADAPT / "generator.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))
    assert changed.plan(*TARGETS) == {"train_dada_adapt": 1, "evaluate": 1, "table": 1}
    done = changed.python("-m", "pipeline.audit", TABLE, check=False)
    assert done.returncode == 1 and f"{ADAPT}/generator.safetensors" in done.stdout


def test_rerunning_a_run_gives_the_same_bytes(changed):
    path = changed.folder / ADAPT / "generator.safetensors"
    before, history = path.read_bytes(), (changed.folder / ADAPT / "history.jsonl").read_bytes()
    path.unlink()
    changed.snakemake("-c1", "--", f"{ADAPT}/generator.safetensors")
    assert path.read_bytes() == before
    assert (changed.folder / ADAPT / "history.jsonl").read_bytes() == history


def test_mlflow_holds_every_run_once(changed):
    changed.snakemake("-c1", "--", "results/tracking/dada_simcam.json")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{changed.folder}/mlflow.db")

    def runs():
        experiments = [found.experiment_id for found in client.search_experiments()]
        return {run.info.run_id: run for run in client.search_runs(experiments)}

    first = runs()
    assert len(first) == 5  # bicubic, 2 source_only, circle, adapt
    adapt = next(run for run in first.values() if run.data.tags["pipeline.output"].startswith(ADAPT))
    assert adapt.data.metrics["source_content"] > 0
    (changed.folder / "results/tracking/dada_simcam.json").unlink()
    changed.snakemake("-c1", "--", "results/tracking/dada_simcam.json")
    assert set(runs()) == set(first)


def test_report_page_is_made(changed):
    changed.change(lambda p: p["datasets"]["simcam"].update(crops={"astronaut": [80, 168, 96, 96]}))
    changed.snakemake("-c2", "--", "results/report/dada_simcam.html")
    page = (changed.folder / "results/report/dada_simcam.html").read_text()
    assert "imulated" in page and page.count("data:image/png;base64") > 8 and "<script" not in page


def test_upscale_uses_an_adapted_generator(finished, tmp_path):
    Image.new("RGB", (37, 23), (200, 30, 90)).save(tmp_path / "in.png")
    generator = f"{ADAPT}/generator.safetensors"
    words = [str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--generator", generator]
    finished.python("-m", "pipeline.upscale", *words)
    assert Image.open(tmp_path / "out.png").size == (148, 92)


def test_interrupt_leaves_nothing_half_written_and_the_next_call_finishes(changed):
    """Ctrl-C in the middle of a training: its state is kept, the rest is whole, the result is the same."""
    before = (changed.folder / ADAPT / "generator.safetensors").read_bytes()
    changed.change(lambda p: p["methods"]["dada"]["stages"]["adapt"]["schedule"]["small"].update(steps=3000))
    words = [sys.executable, "-m", "snakemake", "-c1", "--", f"{ADAPT}/generator.safetensors"]
    child = subprocess.Popen(
        words,
        cwd=changed.folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    progress, deadline = changed.folder / ADAPT / "progress.json", time.monotonic() + 90
    while not progress.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(child.pid, signal.SIGINT)
    child.wait(timeout=60)
    left = {path.name for path in (changed.folder / ADAPT).iterdir()}
    assert "state.pt" in left and "generator.safetensors" not in left
    assert not [name for name in left if name.endswith(".tmp")]
    changed.change(lambda p: p["methods"]["dada"]["stages"]["adapt"]["schedule"]["small"].update(steps=4))
    changed.snakemake("-c1", "--", f"{ADAPT}/generator.safetensors")
    assert (changed.folder / ADAPT / "generator.safetensors").read_bytes() == before
    assert json.loads((changed.folder / ADAPT / "history.jsonl").read_text().splitlines()[-1])["step"] == 4
