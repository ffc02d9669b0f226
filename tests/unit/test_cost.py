"""The cost plan: operations against counts of the reference code, runs and steps against params.yaml, seconds from receipts."""

import copy
import csv
import dataclasses
import io
import json
import sys

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from pipeline.cost import estimate, operations
from pipeline.cost import table as cost_table
from pipeline.cost.__main__ import main
from pipeline.errors import UserError
from pipeline.models import build, cdc
from pipeline.plan import cells, params, paths
from pipeline.weights.checkpoints import save_network

PARAMS = params.load()
PAPER = PARAMS["editions"]["paper"]["networks"]


@pytest.fixture
def two_steps(monkeypatch):
    """Up-sampling and convolution one after the other, as in the reference; ours makes the same image with 4/9 of it."""

    def forward(self, x):
        enlarged = F.interpolate(x, scale_factor=self.factor, mode="nearest")
        return F.conv2d(enlarged, self.weight, self.bias, padding=1)

    monkeypatch.setattr(cdc._UpConvolution, "forward", forward)


def per_sample(method, stage, dataset="drealsr", settings=PARAMS):
    """GMAC of one training step for each sample of the batch."""
    counted = estimate.Counted(settings)
    batch = counted.job(dataset, 4, method, stage)["schedule"]["batch"]
    return counted.work(dataset, 4, method, stage).step / 2e9 / batch


def test_training_steps_cost_what_the_reference_costs(two_steps):
    """Forward and backward of the reference code, counted by others (GMAC per sample): CDC 97.3, circle 164, DADA 573."""
    assert per_sample("source_only", "train") == pytest.approx(97.3, rel=0.002)
    assert per_sample("dada", "circle") == pytest.approx(164, rel=0.002)
    # U_0's masks of the target are computed apart from its image for the perceptual term, 13 GMAC that the reference saves.
    assert per_sample("dada", "adapt") == pytest.approx(573 + 13, rel=0.005)


@pytest.mark.parametrize(
    ("spec", "side", "gmac"),
    [
        ({**PAPER["generator"], "scale": 4}, 48, 32.44),
        ({**PAPER["drn"], "scale": 4}, 48, 27.4),
        ({**PAPER["drn"], "scale": 4, "width": 20, "blocks": 40}, 48, 56.1),
        ({**PAPER["downsampler"], "scale": 4}, 192, 22.24),
        ({**PAPER["discriminator"], "channels": 3}, 192, 1.75),
    ],
)
def test_forward_passes_cost_what_the_reference_costs(two_steps, spec, side, gmac):
    assert operations.of_image(spec, side) / 2e9 == pytest.approx(gmac, rel=0.003)


def test_our_up_convolution_saves_a_sixth():
    assert per_sample("source_only", "train") == pytest.approx(80.3, rel=0.002)


def test_a_step_is_counted_as_it_is_run():
    """On simcam: no VGG there, so U_0 makes masks only; every part that is switched off takes its share away."""
    full, circle = per_sample("dada", "adapt", "simcam"), per_sample("dada", "circle", "simcam")
    assert full > 2 * circle
    missing = {name: full - per_sample(name, "adapt", "simcam") for name in ("dada_no_interaa", "dada_no_intraaa")}
    spec = {**PARAMS["editions"]["small"]["networks"]["discriminator"]}
    for name, channels in (("dada_no_interaa", 1), ("dada_no_intraaa", 3)):
        forward = forward_of({**spec, "channels": channels}, channels, 64)
        # Two discriminators. G's step: forward, and backward to the image; D's: two images, forward, backward to the
        # weights, and to the features but not to the image, so a little less than 2 x 3 + 2.
        assert 7.5 * forward < missing[name] / 2 < 8 * forward


def forward_of(spec, channels, side):
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        build(spec)(torch.empty(1, channels, side, side))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize("method", [name for name, block in PARAMS["methods"].items() if block.get("stages")])
def test_every_stage_of_every_method_can_be_counted(method):
    counted = estimate.Counted(PARAMS)
    for stage, block in PARAMS["methods"][method]["stages"].items():
        work = counted.work("simcam", 4, method, stage)
        assert work.step > 0 and set(work.files) == set(block["produces"]) == set(work.specs)
        assert work.state > 0 and all(size > 0 for size in work.files.values())


def test_pretrained_networks_are_counted_without_their_files():
    settings = copy.deepcopy(PARAMS)
    settings["editions"]["small"]["weights"] = ["vgg19"]
    assert per_sample("dada", "adapt", "simcam", settings) > 1.5 * per_sample("dada", "adapt", "simcam")


def test_bytes_are_those_of_the_files(tmp_path):
    work = estimate.Counted(PARAMS).work("simcam", 4, "dada", "circle")
    for name, spec in work.specs.items():
        network = build(spec)
        save_network(tmp_path / name, network, spec)
        header = (tmp_path / name).stat().st_size - work.files[name]
        assert 0 < header < 30_000
    assert work.state == 3 * sum(work.files.values())


def test_a_step_that_asks_for_numbers_is_named(monkeypatch):
    from pipeline.methods import source_only

    class Curious(source_only.Supervised):
        def step(self, batch):
            return {"x": torch.zeros(()) if batch.source_lr.sum() > 0 else None}

    monkeypatch.setitem(source_only.STAGES, "train", Curious)
    with pytest.raises(UserError, match="source_only/train: its step asks for the values"):
        estimate.Counted(PARAMS).work("simcam", 4, "source_only", "train")


@pytest.fixture
def uncounted(monkeypatch):
    """The plan's arithmetic without the counting: every step 1e12 operations, every image 2e12."""
    monkeypatch.setattr(estimate, "of_image", lambda spec, side: 10**12)

    def work(settings, reads, starts):
        return operations.Work(10**12, 500, {"generator": 100, "downsampler": 10}, {name: {} for name in produced})

    stages = [stage for block in PARAMS["methods"].values() for stage in block.get("stages", {}).values()]
    produced = {name for stage in stages for name in stage["produces"]}
    monkeypatch.setattr(estimate, "of_training", work)


def small_plan():
    """Two tables over the same runs, and nothing but Source Only and DADA in them."""
    settings = copy.deepcopy(PARAMS)
    table = settings["tables"]["dada"] | {"methods": ["source_only", "dada", "target_only"], "seeds": [0, 1]}
    settings["tables"] = {"one": table, "two": table | {"settings": ["real"], "pairs": table["pairs"][:2]}}
    return settings


def test_shared_stages_are_counted_once(uncounted):
    settings = small_plan()
    found = {(row.what, row.stage): row for row in estimate.rows(settings, ["one"])}
    assert {place: row.runs for place, row in found.items()} == {
        ("packed images", "pack"): 3,
        ("Source Only", "train"): 12,  # 3 cameras, 2 settings, 2 seeds; Target Only is among them
        ("DADA", "circle"): 12,
        ("DADA", "adapt"): 24,
        ("Source Only", "evaluate"): 30,  # 12 sources on others, and each camera's real model on its own: 24 + 6
        ("DADA", "evaluate"): 24,
    }
    both = estimate.rows(settings, ["one", "two"])
    assert both == list(found.values())
    schedule = settings["methods"]["dada"]["stages"]["adapt"]["schedule"]["paper"]
    adapt = found["DADA", "adapt"]
    assert (adapt.steps, adapt.device, adapt.origin) == (schedule["steps"], "cuda", "estimated")
    assert adapt.seconds == pytest.approx(1 / settings["plan"]["tflops"]["cuda"])
    assert adapt.total_flop == 24 * schedule["steps"] * 10**12
    assert adapt.hours == pytest.approx(24 * schedule["steps"] / 15 / 3600)
    assert (adapt.bytes_kept, adapt.bytes_state) == (24 * 110, 500)


def test_runs_are_those_of_the_workflow(uncounted):
    for table in ("dada_simcam", "dada"):
        trained = [row for row in estimate.rows(PARAMS, [table]) if row.stage not in ("pack", "evaluate")]
        assert sum(row.runs for row in trained) == len(cells.training_runs(PARAMS, table))


def test_seconds_come_from_receipts_of_the_same_training(uncounted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = small_plan()
    job = estimate.Counted(settings).job("drealsr", 4, "source_only", "train")

    def leave(seed, seconds, **changes):
        run = paths.run_folder("drealsr", 4, "real", "sony", "source_only", "train", seed)
        path = tmp_path / run / "generator.safetensors.receipt.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"key": {"settings": job | {"seed": seed} | changes}, "run": {"seconds_per_step": seconds}}
        path.write_text(json.dumps(content))

    def source_only():
        return next(
            row for row in estimate.rows(settings, ["one"]) if (row.what, row.stage) == ("Source Only", "train")
        )

    leave(0, 0.5, schedule=job["schedule"] | {"batch": 1})
    leave(1, 9.0, compute={"device": "cpu", "threads": 1, "precision": "fp32"})
    assert source_only().origin == "estimated"
    leave(0, 0.25, schedule=job["schedule"] | {"steps": 7})
    row = source_only()
    assert (row.seconds, row.origin) == (0.25, "measured (1 of 12 runs)")
    assert row.hours == pytest.approx(12 * job["schedule"]["steps"] * 0.25 / 3600)


def test_packed_images_are_weighed_when_they_are_there(uncounted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = small_plan()
    assert estimate.rows(settings, ["one"])[0].bytes_kept == 0
    for path in paths.packed_files("drealsr", 4, "sony").values():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"12345")
    assert estimate.rows(settings, ["one"])[0].bytes_kept == 45


def test_unknown_table_and_data_set_are_named(uncounted):
    with pytest.raises(UserError, match=r"table tabel: params\.yaml knows one, two"):
        estimate.rows(small_plan(), ["tabel"])
    settings = small_plan()
    del settings["plan"]["datasets"]["drealsr"]
    with pytest.raises(UserError, match=r"plan\.datasets has no 'drealsr'"):
        estimate.rows(settings, ["one"])


def test_command_prints_a_table_and_writes_csv(uncounted, tmp_path, monkeypatch, capsys):
    arguments = ["cost", "results/tables/dada_simcam.tex", "--csv", str(tmp_path / "plan.csv")]
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "plan.csv").open()))
    assert {row["dataset"] for row in rows} == {"simcam"} and {row["device"] for row in rows} == {"", "cpu"}
    hours = sum(float(row["hours"]) for row in rows)
    assert f"{hours:,.1f} core-hours" in text and "tables dada_simcam" in text
    trainings = sum(int(row["runs"]) for row in rows if row["stage"] not in ("pack", "evaluate"))
    assert f"{trainings} trainings" in text
    header, *lines = text.split("\n\n")[0].splitlines()
    assert len(lines) == len(rows) and len({len(line) for line in (header, *lines)}) == 1
    monkeypatch.setattr(sys, "argv", ["cost", "nothing"])
    assert main() == 1
    assert "error: table nothing" in capsys.readouterr().err


def test_rows_are_written_with_every_column():
    row = cost_table.Row("simcam", 4, "dada", "DADA", "adapt", 2, 1800, 3, 1.0, "estimated", "cpu", 5, 6)
    (told,) = csv.DictReader(io.StringIO(cost_table.as_csv([row])))
    fields = {field.name for field in dataclasses.fields(row)} | {"total_flop", "hours"}
    assert set(told) == fields
    assert (told["total_flop"], told["hours"], told["what"]) == (str(2 * 1800 * 3), "1.0", "DADA")


def values(stage, batch):
    torch.empty(1).item()


def copied(stage, batch):
    torch.empty(1).cpu()


def misfit(stage, batch):
    torch.empty(2, 3) @ torch.empty(2, 3)


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (values, UserError, "source_only/train: its step asks for the values of tensors"),
        (copied, UserError, "source_only/train: its step asks for the values of tensors"),
        (misfit, RuntimeError, "same reduction dim"),
    ],
)
def test_only_a_step_that_needs_values_is_called_uncountable(monkeypatch, step, error, message):
    job = estimate.Counted(PARAMS).job("simcam", 4, "source_only", "train")
    monkeypatch.setattr("pipeline.methods.base.Supervised.step", step)
    with pytest.raises(error, match=message) as raised:
        operations.of_training(job, ["source_lr", "source_hr"], {})
    assert type(raised.value) is error
