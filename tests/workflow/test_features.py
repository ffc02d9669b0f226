"""`make demo WEIGHTS=FOLDER`: the simulated cameras with pretrained features, beside those without, on made-up files."""

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest
import torch
import torchvision

from pipeline.files import sha256
from tests.workflow.workspace import ENVIRONMENT, TABLE, Workspace

FEATURES = "results/tables/dada_simcam_features.tex"
RUN = "results/runs/simcam_features_x4/real/panasonic-sony/dada/adapt/seed0"
# Not the published names: other bytes under those are refused, and rightly.
FILES = {"vgg19": "vgg19-random.pth", "alexnet": "alexnet-random.pth"}
VGG19 = f"data/weights/{FILES['vgg19']}"


def networks(folder: Path) -> dict[str, str]:
    """Files of the published architectures and names with random numbers; name of the entry -> SHA-256."""
    torch.manual_seed(3)
    vgg = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    made = {"vgg19": vgg, "alexnet": torchvision.models.alexnet(weights=None).features}
    folder.mkdir(parents=True)
    for name, layers in made.items():
        torch.save({f"features.{key}": value for key, value in layers.state_dict().items()}, folder / FILES[name])
    return {name: sha256(folder / file) for name, file in FILES.items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Workspace, Path]:
    """A workspace after the demo's Snakemake call with a folder of files, committed; and that folder."""
    place = tmp_path_factory.mktemp("features")
    folder = place / "my files"
    digests = networks(folder)
    workspace = Workspace.create(place / "repo")

    def offline(params):
        params["tables"]["dada_simcam_features"]["methods"] = ["source_only", "dada"]

    def made_up(sources):
        for name, digest in digests.items():
            stated = [{"sha256": digest, "by": "file_name"}]
            at = [{"http": f"http://127.0.0.1:9/{name}.pth"}]  # nothing can be fetched from there
            sources[name]["files"] = [{"name": FILES[name], "checksums": stated, "at": at}]

    workspace.change(offline)
    workspace.change_sources(made_up)
    workspace.snakemake("-c2", "--config", option_of_make(folder), "--", FEATURES)
    workspace.commit("results")
    return workspace, folder


def option_of_make(folder: Path) -> str:
    """What `make demo WEIGHTS=…` gives to `snakemake --config`, as the shell hands it over."""
    words = ["make", "-n", "-s", "demo", f"WEIGHTS={folder}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={**ENVIRONMENT, "MAKEFLAGS": ""})
    line = next(line for line in done.stdout.splitlines() if "--config" in line)
    assert FEATURES in done.stdout and TABLE not in done.stdout
    return re.search(r"--config '(.*?)'", line)[1]


def test_the_plain_demo_is_as_it_was():
    done = subprocess.run(["make", "-n", "-s", "demo"], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert TABLE in done.stdout and "features" not in done.stdout and "--config" not in done.stdout


def test_lpips_is_measured_and_the_table_says_on_what_it_rests(finished):
    workspace = finished[0]
    metrics = json.loads((workspace.folder / RUN / "metrics_sony.json").read_text())
    assert all(row["lpips_alex"] > 0 for row in metrics["images"].values()) and not metrics["missing"]
    text = (workspace.folder / FEATURES).read_text()
    assert "LPIPS" in text and f"{FILES['vgg19']} by DADA adapt" in text
    assert "left out" not in text and "No LPIPS" not in text
    with open(workspace.folder / FEATURES.replace(".tex", ".csv"), encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row for row in rows if row["metric"] == "lpips_alex" and row["value"]]


def test_the_perceptual_term_was_trained_with(finished):
    history = (finished[0].folder / RUN / "history.jsonl").read_text().splitlines()
    assert "perceptual" in history[-1]


def test_the_job_read_the_checked_file_and_its_receipt_says_so(finished):
    workspace, folder = finished
    receipt = json.loads((workspace.folder / f"{RUN}/generator.safetensors.receipt.json").read_text())
    digest = sha256(folder / FILES["vgg19"])
    assert receipt["inputs"][VGG19] == digest
    assert receipt["key"]["settings"]["weights"] == {"vgg19": {"file": FILES["vgg19"], "sha256_prefix": digest}}
    fetched = json.loads((workspace.folder / f"{VGG19}.receipt.json").read_text())
    assert fetched["outputs"][VGG19]["sha256"] == digest and fetched["run"]["folders"]["weights"] == str(folder)


def test_the_results_hold_without_naming_the_folder_again(finished):
    """The folder is no part of a result: neither the audit nor a plain call knows of it."""
    workspace = finished[0]
    assert workspace.holds(FEATURES), workspace.said
    assert workspace.plan(FEATURES) == {}


def test_nothing_of_it_is_taken_for_the_plain_demo(finished):
    """Every training and evaluation of the plain table is still to be run, and none reads a pretrained file."""
    jobs = finished[0].planned(TABLE)
    assert len([job for job in jobs if job.startswith("train_")]) == 4
    assert not any("fetch_weights" in job for job in jobs)


def test_another_file_is_noticed(finished, tmp_path):
    workspace = finished[0].clone(tmp_path / "clone")
    (workspace.folder / VGG19).write_bytes(b"another")
    assert not workspace.holds(FEATURES)
    assert VGG19 in workspace.said
