"""Making a result again: where bits must be equal, what counts as near enough, which training is meant; no torch, no training."""

import copy
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline import files
from pipeline.audit import compare, remeasure, rerun, trainings
from pipeline.audit.retrain import check_code, worktree
from pipeline.audit.trainings import Trainings
from pipeline.errors import UserError
from pipeline.plan import params
from pipeline.provenance import fingerprint
from pipeline.provenance.receipts import Receipt

ROOT = Path(__file__).parents[2]
HERE = {"device": "cpu", "cpu": "Processor A", "packages": {"torch": "2.15.0"}}
GPU = {"device": "cuda", "gpu": "Card B", "cpu": "Processor A", "packages": {"torch": "2.15.0"}}
TOLERANCE = {"psnr_y": 0.01, "ssim_rgb": 1e-4, "crop_levels": 2}
METRICS = {
    "camera": "sony",
    "images": {"astronaut": {"psnr_y": 27.5, "ssim_rgb": 0.81}, "chelsea": {"psnr_y": 29.5, "ssim_rgb": 0.79}},
    "mean": {"psnr_y": 28.5, "ssim_rgb": 0.8},
    "interval": {"psnr_y": [27.5, 29.5], "ssim_rgb": [0.79, 0.81]},
    "missing": {"lpips_alex": "no file"},
}


@pytest.mark.parametrize(
    ("then", "now", "exact", "said"),
    [
        (HERE, HERE, True, "Processor A"),
        (HERE, HERE | {"cpu": "Processor B"}, False, "Processor A then, Processor B now"),
        (GPU, GPU, False, "Card B then, Card B now"),
        (GPU, HERE, False, "Card B then, cpu now"),
        (HERE, HERE | {"packages": {"torch": "2.16.0"}}, False, "2.16.0"),
        ({}, HERE, False, "unknown device"),
    ],
)
def test_bits_must_be_equal_only_on_the_same_processor_with_the_same_packages(then, now, exact, said):
    regime = rerun.regime(then, now)
    assert regime.exact == exact and said in str(regime)


def changed(*place, value) -> dict:
    metrics = copy.deepcopy(METRICS)
    inner = metrics
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return metrics


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("images", "chelsea", "psnr_y"), 29.52, "image chelsea, psnr_y: stored 29.52, measured 29.5"),
        (("mean", "ssim_rgb"), 0.8002, "mean of ssim_rgb"),
        (("interval", "psnr_y"), [27.5, 29.6], "upper bound of psnr_y"),
        (("camera",), "olympus", "camera: stored olympus, measured sony"),
        (("missing",), {}, "missing"),
        (("images", "rocket"), {"psnr_y": 30.0}, "image rocket, psnr_y: stored 30.0, measured nothing"),
        (("images", "chelsea"), "good", "images.chelsea: stored good"),
        (("images", "chelsea", "psnr_y"), float("nan"), "image chelsea, psnr_y: stored nan"),
        (("images", "chelsea", "psnr_y"), None, "stored None"),
    ],
)
def test_what_differs_is_named(place, value, said):
    stored = changed(*place, value=value)
    for tolerance in ({}, TOLERANCE):
        assert any(said in text for text in compare.metrics(stored, METRICS, tolerance)), said
    assert {row.metric for row in compare.rows(stored, METRICS)} == {"psnr_y", "ssim_rgb"}


def test_nothing_may_differ_without_a_tolerance_and_little_with_one():
    stored = changed("images", "chelsea", "psnr_y", value=29.5000001)
    assert compare.metrics(METRICS, METRICS, {}) == []
    assert len(compare.metrics(stored, METRICS, {})) == 1
    assert compare.metrics(stored, METRICS, TOLERANCE) == []
    # Other numbers than measured ones have no tolerance.
    assert compare.metrics({**METRICS, "scale": 4.001}, {**METRICS, "scale": 4}, TOLERANCE)


def test_rows_say_where_the_largest_difference_is():
    row = compare.rows(changed("images", "chelsea", "psnr_y", value=29.75), METRICS)[0]
    assert (row.metric, row.image, row.largest, row.images) == ("psnr_y", "chelsea", 0.25, 2)
    assert compare.rows({"images": []}, METRICS) == []


def test_crops_are_compared_level_by_level(tmp_path):
    crop = np.full((4, 4, 3), 100, np.uint8)
    save_file({"sr/a": crop}, tmp_path / "one")
    for name, tensors in {
        "near": {"sr/a": crop + np.uint8(2)},
        "far": {"sr/a": crop - np.uint8(3)},
        "other": {"sr/b": crop},
        "size": {"sr/a": crop[:2]},
    }.items():
        save_file(tensors, tmp_path / name)
        assert bool(compare.crops(tmp_path / "one", tmp_path / name, 2)) == (name != "near")


def test_networks_are_compared_by_their_distance(tmp_path):
    weights = {"a": np.array([3.0, 0.0], np.float32), "b": np.array([4.0], np.float32)}
    save_file(weights, tmp_path / "one", {"network": "{}"})
    save_file(weights | {"b": np.array([4.5], np.float32)}, tmp_path / "near", {"network": "{}"})
    assert compare.networks(tmp_path / "one", tmp_path / "near") == (0.1, "b")
    assert compare.networks(tmp_path / "one", tmp_path / "one")[0] == 0
    save_file(weights, tmp_path / "spec", {"network": "other"})
    save_file({"a": weights["a"]}, tmp_path / "fewer", {"network": "{}"})
    (tmp_path / "torn").write_bytes(b"no")
    for other in ("spec", "fewer", "torn"):
        with pytest.raises(UserError):
            compare.networks(tmp_path / "one", tmp_path / other)


def receipt(stage: str, first: str, inputs: dict[str, str], outputs: list[str] = (), **run) -> Receipt:
    entries = {path: {"sha256": "0", "md5": "0", "size": 1} for path in (first, *outputs)}
    modules = ["pipeline.errors"]
    code = {"modules": modules, "sha256": fingerprint.code(*modules)}
    key = {"stage": stage, "wildcards": {}, "settings": {}, "code": code, "packages": None, "shell": "s"}
    key["files"] = {"inputs": {str(place): path for place, path in enumerate(inputs)}, "outputs": {"first": first}}
    known = {name: value[:16] for name, value in fingerprint.closure(modules).items()}
    return Receipt(f"{first}.receipt.json", key, inputs, entries, {"modules": known} | run, None)


def test_inputs_are_checked_before_a_job_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_text("data/a", "a")
    right = files.sha256("data/a")
    assert rerun.missing(receipt("train", "results/g", {"data/a": right})) == []
    inputs = {"data/a": "0", "results/g0": "1", "data/weights/v": "2", "../secret": "3"}
    problems = rerun.missing(receipt("train", "results/g", inputs))
    assert "data/a: is not the file that the job read" in problems[0]
    assert "results/g0: is not here; `python -m pipeline.pull results/g0`" in problems[1]
    assert "`snakemake -c1 -- data/weights/v`" in problems[2]
    assert "inside the repository" in problems[3]
    assert rerun.missing(receipt("train", "results/g", inputs), made=set(inputs)) == []


def test_other_code_is_named_with_the_way_to_get_the_right_one(tmp_path):
    package = tmp_path / "pipeline"
    package.mkdir()
    for name in ("__init__", "errors"):
        (package / f"{name}.py").write_bytes((ROOT / f"pipeline/{name}.py").read_bytes())
    known = receipt("train", "results/g", {}, commit="abc", dirty=False)
    check_code(known, tmp_path, "HEAD")
    (package / "errors.py").write_text("class UserError(ValueError): ...\n")
    assert rerun.other_code(known, package) == "its code is another: pipeline.errors"
    with pytest.raises(UserError, match=r"pipeline\.errors.*--commit abc"):
        check_code(known, tmp_path, "HEAD")
    with pytest.raises(UserError, match="not committed"):
        check_code(receipt("train", "results/g", {}, commit="abc", dirty=True), tmp_path, "HEAD")
    (package / "errors.py").unlink()
    with pytest.raises(UserError, match="no such module"):
        check_code(known, tmp_path, "HEAD")


RUN = "results/runs/simcam_x4/real/{}/{}/{}/seed0"


@pytest.fixture
def three(tmp_path, monkeypatch) -> Trainings:
    """source_only -> circle -> adapt, measured on one camera, and bicubic."""
    monkeypatch.chdir(tmp_path)
    base, circle, adapt = (
        RUN.format(*words)
        for words in (("sony", "source_only", "train"), ("sony", "dada", "circle"), ("sony-olympus", "dada", "adapt"))
    )
    found = [
        receipt("train", f"{base}/generator.safetensors", {}, [f"{base}/history.jsonl"]),
        receipt(
            "train",
            f"{circle}/generator.safetensors",
            {f"{base}/generator.safetensors": "0"},
            [f"{circle}/downsampler.safetensors"],
        ),
        receipt(
            "train",
            f"{adapt}/generator.safetensors",
            dict.fromkeys((f"{circle}/generator.safetensors", f"{circle}/downsampler.safetensors"), "0"),
        ),
        receipt("evaluate", f"{adapt}/metrics_olympus.json", {f"{adapt}/generator.safetensors": "0"}),
        receipt("evaluate", "results/runs/simcam_x4/bicubic/metrics_olympus.json", {}),
    ]
    made = trainings.Trainings.__new__(trainings.Trainings)
    made.receipts = {one.path: one for one in found}
    made.makers = {path: one.path for one in found for path in one.outputs}
    return made


@pytest.mark.parametrize(
    "word",
    [
        "{0}",
        "{0}/",
        "./{0}",
        "{0}/generator.safetensors",
        "{0}/generator.safetensors.receipt.json",
        "{0}/metrics_olympus.json",
        "✓ 26.90  S→O · DADA  = mean of 1: mean.psnr_y in {0}/metrics_olympus.json, and more",
    ],
)
def test_a_cell_may_be_named_in_many_ways(three, word):
    folder = RUN.format("sony-olympus", "dada", "adapt")
    for named in (word.format(folder), word.removeprefix("./").format(Path.cwd() / folder)):
        assert Path(three.find(named).path).parent.as_posix() == folder


def test_an_unknown_cell_is_answered_with_names_that_come_close(three):
    with pytest.raises(UserError, match=r"sony-olympus/dada/adapt/seed0"):
        three.find(RUN.format("sony-olympos", "dada", "adapt"))
    with pytest.raises(UserError, match="without a training"):
        three.find("results/runs/simcam_x4/bicubic/metrics_olympus.json")
    three.receipts.clear()
    with pytest.raises(UserError, match="at all"):
        three.find("results")


def test_a_chain_begins_with_what_the_others_start_from(three):
    adapt = three.find(RUN.format("sony-olympus", "dada", "adapt"))
    stages = [Path(one.path).parent.parent.name for one in three.chain(adapt)]
    assert stages == ["train", "circle", "adapt"]
    assert [one.key["stage"] for one in three.measured_with(adapt)] == ["evaluate"]


def test_shipped_tolerances_cover_every_metric():
    shipped = params.load(ROOT / "params.yaml", ROOT / params.SCHEMA)
    for door, own in (("re_measure", "crop_levels"), ("retrain", "network")):
        assert set(shipped["audit"][door]) == {*shipped["metrics"], own}
    with pytest.raises(UserError, match="no tolerance for vif"):
        one = receipt("evaluate", "results/m.json", {})
        one.key["settings"]["metrics"] = ["psnr_y", "vif"]
        remeasure.check_declared(shipped["audit"]["re_measure"], [one])


def test_a_job_that_fails_says_its_last_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline/jobs").mkdir(parents=True)
    (tmp_path / "pipeline/jobs/train.py").write_text("import sys\nsys.exit('error: no such camera')\n")
    with pytest.raises(UserError, match="code 1: no such camera"):
        rerun.run(receipt("train", "results/g", {}), tmp_path, show=False)
    unnamed = receipt("train", "results/g", {"data/a": "0"})
    unnamed.key["files"]["inputs"].clear()
    with pytest.raises(UserError, match="role"):
        rerun.run(unnamed, tmp_path, show=False)


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A repository of one commit, with a hook that would leave a trace after a checkout."""
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    hook = folder / ".git/hooks/post-checkout"
    subprocess.run(["git", "init", "-q"], check=True, timeout=60)
    (folder / "file").write_text("committed")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "add", "file"], check=True, timeout=60)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "one"], check=True, timeout=60)
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    return folder


@pytest.mark.parametrize("error", [None, UserError, KeyboardInterrupt, SystemExit])
def test_a_worktree_is_gone_whatever_happens(repository, error):
    (repository / "file").write_text("changed, not committed")
    try:
        with worktree("HEAD") as folder:
            assert (folder / "file").read_text() == "committed" and not folder.is_relative_to(repository)
            (folder / "link").symlink_to(repository / "file")
            if error:
                raise error
    except BaseException as raised:
        assert type(raised) is error
    assert not folder.parent.exists()
    assert (repository / "file").read_text() == "changed, not committed"
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True, timeout=60)
    assert len(listed.stdout.splitlines()) == 1 and not (repository / "../hook-ran").exists()


def test_an_unknown_commit_leaves_no_worktree(repository):
    with pytest.raises(UserError, match="no-such-commit"), worktree("no-such-commit"):
        pass
    assert not (repository / ".git/worktrees").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_work_and_clears_away(tmp_path, number):
    code = (
        "import time\nfrom pipeline.audit import rerun\n"
        "with rerun.stoppable(), rerun.temporary('t-') as folder:\n    print(folder, flush=True)\n    time.sleep(60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        # A suite started with nohup would hand on that it does not mind.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    folder = Path(child.stdout.readline().strip())
    assert folder.is_dir()
    os.kill(child.pid, number)
    assert child.wait(timeout=60) == 128 + number and not folder.exists()
    child.stdout.close()
