"""Every stage of every method: what must move moves, what is frozen stays, target HR is never needed, resume is exact."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import UserError
from pipeline.jobs import train
from pipeline.methods.base import NonFiniteLoss
from pipeline.plan import params, runs
from pipeline.plan import train as plan_of_training
from pipeline.provenance.job import Job
from pipeline.training import loop
from pipeline.weights.checkpoints import load_network
from tests.packing import write_stack

PARAMS = params.load()
SCALE, PATCH = 4, 8
NETWORKS = {
    "generator": {
        "name": "cdc",
        "width": 4,
        "hourglasses": 2,
        "poolings": 2,
        "mid": 1,
        "tail": 1,
        "gain": 0.5,
        "skip": False,
    },
    "downsampler": {"name": "de_resnet", "width": 4, "blocks": 1},
    "discriminator": {"name": "patchgan", "width": 4},
    "translator": {"name": "cincgan_generator", "width": 4, "blocks": 1, "skip": True},
    "cycle_discriminator": {"name": "cincgan_discriminator", "width": 4},
    "rrdb": {"name": "rrdb", "width": 4, "blocks": 1, "growth": 4, "gain": 0.5, "skip": False},
    "degrader": {"name": "dsn", "width": 4, "blocks": 1, "skip": True},
    "domain_discriminator": {"name": "domain_discriminator", "width": 4},
    "frequency_discriminator": {"name": "frequency_patchgan", "width": 4},
    "drn": {"name": "drn", "width": 2, "blocks": 1, "reduction": 4, "skip": False},
    "drn_dual": {"name": "drn_dual", "width": 2, "direct": False},
}
STAGES = [
    (method, preset, stage)
    for method, block in PARAMS["methods"].items()
    for stage, settings in block.get("stages", {}).items()
    for preset in settings["loss"]
]


def settings_of(method, stage, preset, steps=3):
    """The settings of a run as the workflow makes them, with tiny networks and few steps."""
    block = PARAMS["methods"][method]
    settings = block["stages"][stage]
    return {
        "method": block.get("module", method),
        "stage": stage,
        "scale": SCALE,
        "seed": 3,
        "networks": {role: NETWORKS[role] for role in settings["networks"]},
        "loss": settings["loss"][preset],
        "schedule": settings["schedule"]["small"]
        | {
            "steps": steps,
            "batch": 2,
            "patch": PATCH,
            "lr": 1e-3,
            "betas": [0.9, 0.999],
            "milestones": [2],
            "gamma": 0.5,
        },
        "selection": "last",
        "weights": {},
        "compute": {"device": "cpu", "threads": 1, "precision": "fp32"},
    }


def write_data(folder: Path) -> dict[str, Path]:
    """Packed LR and HR patches of two cameras, 5 patches each."""
    random, files = np.random.default_rng(0), {}
    for name, size in (("source_lr", 12), ("source_hr", 48), ("target_lr", 12)):
        files[name] = folder / f"{name}.safetensors"
        write_stack(files[name], [f"p{i}" for i in range(5)], random.integers(0, 256, (5, size, size, 3), np.uint8))
    return files


def make_job(folder: Path, method, stage, preset="code", steps=3, name="run") -> Job:
    """A training job; the stages it starts from are trained first (3 steps)."""
    block = runs.stage_block(PARAMS, method, stage)
    files = write_data(folder)
    inputs = {name: [files[name]] for name in block["reads"]}
    for network, origin in block["starts"].items():
        start_method, start_stage = origin.split("/")
        start = make_job(folder, start_method, start_stage, name=f"start_{start_stage}")
        if not start.outputs[network].exists():
            train.work(start)
        inputs[f"start_{network}"] = [start.outputs[network]]
    outputs = {network: folder / name / f"{network}.safetensors" for network in block["produces"]}
    outputs["history"] = folder / name / "history.jsonl"
    settings = settings_of(method, stage, preset, steps)
    options = {"training": {"log_every": 2, "state_minutes": 60}}
    return Job("train", {}, settings, inputs, outputs, {}, f"{method}{stage}{preset}{steps}", options=options)


def numbers(network) -> torch.Tensor:
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


@pytest.mark.parametrize(("method", "preset", "stage"), STAGES)
def test_trainable_networks_move_and_frozen_ones_do_not(tmp_path, method, preset, stage):
    job = make_job(tmp_path, method, stage, preset)
    built = train.load_stage(job, torch.device("cpu"))
    sampler = sampler_of(job)
    before = {name: numbers(network) for name, network in (built.trainable | built.frozen).items()}
    for step in range(3):
        terms = built.step(sampler(step))
    assert all(torch.isfinite(term) for term in terms.values())
    for name, network in built.trainable.items():
        assert not torch.equal(numbers(network), before[name]), f"{name} did not move"
    for name, network in built.frozen.items():
        assert torch.equal(numbers(network), before[name]), f"{name} is frozen but moved"
        assert not any(parameter.requires_grad for parameter in network.parameters())


def sampler_of(job: Job):
    schedule = job.settings["schedule"]
    files = {name: job.input(name) for name in loop.DATA if name in job.inputs}
    return train.PatchSampler(files, SCALE, schedule["patch"], schedule["batch"], job.settings["seed"])


@pytest.mark.parametrize(("method", "preset", "stage"), STAGES)
def test_no_stage_can_be_given_target_hr(method, preset, stage):
    for cameras in ("sony", "sony-panasonic"):
        block = runs.stage_block(PARAMS, method, stage)
        if ("target_lr" in block["reads"]) != ("-" in cameras):
            continue
        inputs = plan_of_training.inputs(
            PARAMS,
            {
                "dataset": "simcam",
                "scale": "4",
                "setting": "real",
                "cameras": cameras,
                "method": method,
                "stage": stage,
                "seed": "0",
            },
        )
        assert not [path for path in inputs.values() if "panasonic" in path and "/train_hr" in path]
        assert not [path for path in inputs.values() if "/test_" in path or "/val_" in path]


def test_target_hr_of_nan_leaves_the_loss_finite(tmp_path):
    """The target's HR is not a field of the batch at all; where source HR is NaN the loss says so."""
    job = make_job(tmp_path, "dada", "adapt")
    built, batch = train.load_stage(job, torch.device("cpu")), sampler_of(job)(0)
    assert set(batch._fields) == {"names", "source_lr", "source_hr", "target_lr"}
    with pytest.raises(NonFiniteLoss) as error:
        built.step(batch._replace(source_hr=torch.full_like(batch.source_hr, torch.nan)))
    assert error.value.terms == ["source_content", "target_source_content"]


@pytest.mark.parametrize(("method", "preset", "stage"), STAGES)
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, monkeypatch, method, preset, stage):
    whole = make_job(tmp_path, method, stage, preset, steps=6, name="whole")
    train.work(whole)
    halves = make_job(tmp_path, method, stage, preset, steps=6, name="halves")
    original = loop.Loop._step

    def stop_after_third(self, step):
        original(self, step)
        if step == 2:
            self._stop(15, None)

    monkeypatch.setattr(loop.Loop, "_step", stop_after_third)
    with pytest.raises(SystemExit) as stopped:
        train.work(halves)
    assert stopped.value.code == 128 + 15
    assert not any(path.exists() for path in halves.outputs.values())
    monkeypatch.setattr(loop.Loop, "_step", original)
    train.work(halves)
    assert (halves.outputs["history"].parent / "state.pt").exists(), "without a receipt nothing is finished"
    train.tidy(halves)
    for name, path in whole.outputs.items():
        assert path.read_bytes() == halves.outputs[name].read_bytes(), f"{name} differs after resuming"
    assert sorted(path.name for path in halves.outputs["history"].parent.iterdir()) == sorted(
        path.name for path in halves.outputs.values()
    )


def test_state_of_other_settings_is_not_continued(tmp_path, monkeypatch, capsys):
    first = make_job(tmp_path, "source_only", "train", steps=6)
    monkeypatch.setattr(loop.Loop, "_save", lambda self, step: (_save(self, step), self._stop(15, None)))
    monkeypatch.setattr(loop.Training, "__post_init__", lambda self: None, raising=False)
    first.options["training"]["state_minutes"] = 1e-9
    with pytest.raises(SystemExit):
        train.work(first)
    monkeypatch.undo()
    other = make_job(tmp_path, "source_only", "train", steps=5)
    train.work(other)
    assert "training starts anew" in capsys.readouterr().out
    assert json.loads(other.outputs["history"].read_text().splitlines()[-1])["step"] == 5


_save = loop.Loop._save


def test_how_often_a_state_is_saved_is_no_setting(tmp_path):
    job = make_job(tmp_path, "source_only", "train")
    del job.options["training"]
    with pytest.raises(UserError, match="--option training="):
        train.work(job)


def test_non_finite_loss_names_step_term_and_batch(tmp_path, monkeypatch):
    job = make_job(tmp_path, "dada", "adapt", steps=4)
    original = train.PatchSampler.__call__

    def poisoned(self, step):
        batch = original(self, step)
        return batch._replace(target_lr=torch.full_like(batch.target_lr, torch.inf)) if step == 2 else batch

    monkeypatch.setattr(train.PatchSampler, "__call__", poisoned)
    with pytest.raises(
        UserError, match=r"step 3: loss term .*target_content.* not finite on the batch source:p\d.*target:p\d"
    ):
        train.work(job)
    assert not any(path.exists() for path in job.outputs.values())


def test_bf16_trains(tmp_path):
    job = make_job(tmp_path, "dada", "adapt")
    job.settings["compute"]["precision"] = "bf16"
    train.work(job)
    rows = [json.loads(line) for line in job.outputs["history"].read_text().splitlines()]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    assert load_network(job.outputs["generator"]).images.conv_in[0].weight.dtype == torch.float32


def test_history_rows_are_means_with_steps(tmp_path):
    job = make_job(tmp_path, "source_only", "train", steps=5)
    train.work(job)
    rows = [json.loads(line) for line in job.outputs["history"].read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 5]
    assert all(row["content"] > 0 for row in rows)


def test_adapted_generator_uses_the_masks_of_the_source_model(tmp_path):
    job = make_job(tmp_path, "dada", "adapt")
    train.work(job)
    adapted, origin = load_network(job.outputs["generator"]), load_network(job.input("start_generator"))
    assert adapted.spec["name"] == "cdc_pair"
    assert torch.equal(numbers(adapted.masks), numbers(origin))
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        expected = adapted.images.components(x, origin.components(x).masks).final
        assert torch.equal(adapted(x), expected)


def test_mask_heads_never_change_under_domain_invariant_attention(tmp_path):
    job = make_job(tmp_path, "dada", "adapt")
    train.work(job)
    adapted, origin = load_network(job.outputs["generator"]), load_network(job.input("start_generator"))
    heads = [name for name in origin.state_dict() if "_map" in name]
    assert heads
    for name in heads:
        assert torch.equal(adapted.images.state_dict()[name], origin.state_dict()[name])


def test_start_network_of_another_size_is_refused(tmp_path):
    job = make_job(tmp_path, "dada", "circle")
    job.settings["networks"]["generator"] = {**NETWORKS["generator"], "width": 8}
    with pytest.raises(UserError, match=r"start_train/generator.safetensors.*width"):
        train.work(job)


def test_unknown_loss_setting_is_named(tmp_path):
    job = make_job(tmp_path, "source_only", "train")
    job.settings["loss"] = {**job.settings["loss"], "contnet": 1}
    with pytest.raises(UserError, match=r"loss.contnet: unknown setting"):
        train.work(job)
