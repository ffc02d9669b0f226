"""Table 2 of the DADA paper: each row is DADA without one part, in its settings, its training and its reported numbers."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.jobs import train
from pipeline.models.cdc_pair import CDCPair
from pipeline.plan import keys, params
from pipeline.plan import runs as plan
from pipeline.tables.scores import Reported
from pipeline.tables.settings import Pair
from pipeline.weights.checkpoints import load_network
from tests.unit.test_methods import make_job, numbers, sampler_of

PARAMS = params.load()
SWITCHES = {
    "dada_no_interaa": "inter_adversarial",
    "dada_no_intraaa": "intra_adversarial",
    "dada_no_dia": "domain_invariant_attention",
}
PAIR = Pair("sony", "olympus", "Sony → Olympus")


@pytest.mark.parametrize("method", SWITCHES)
@pytest.mark.parametrize("dataset", ["simcam", "simcam_lab", "drealsr"])
def test_a_row_differs_from_dada_in_one_switch(method, dataset):
    place = {
        "dataset": dataset,
        "scale": "4",
        "setting": "real",
        "cameras": "sony-olympus",
        "stage": "adapt",
        "seed": "0",
    }
    ours, full = (keys.STAGES["train"](PARAMS, {**place, "method": name})[1] for name in (method, "dada"))
    assert full["loss"][SWITCHES[method]] is True
    assert ours == {**full, "loss": {**full["loss"], SWITCHES[method]: False}}


@pytest.mark.parametrize("method", SWITCHES)
def test_rows_start_where_dada_starts(method):
    place = ("simcam", 4, "real", "sony-olympus")
    ours, full = (train.inputs(PARAMS, *place, name, "adapt", 0) for name in (method, "dada"))
    assert ours == full
    assert set(PARAMS["methods"][method]["stages"]) == {"adapt"}


@pytest.mark.parametrize("method", SWITCHES)
@pytest.mark.parametrize("preset", ["code", "paper"])
def test_discriminators_of_a_missing_part_do_not_exist(tmp_path, method, preset):
    built = train.load_stage(make_job(tmp_path, method, "adapt", preset), torch.device("cpu"))
    left = {"dada_no_interaa": {"intra"}, "dada_no_intraaa": {"inter"}, "dada_no_dia": {"inter", "intra"}}[method]
    assert {name.partition("_")[0] for name in built.discriminators} == left
    assert set(built.optimisers) == {"generators", *built.discriminators}


def adapted(folder: Path, method: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The generator that three steps leave, and the network that they started from."""
    job = make_job(folder, method, "adapt", name=method)
    train.work(job)
    return load_network(job.outputs["generator"]), load_network(job.input("start_generator"))


def heads(network: torch.nn.Module) -> Tensor:
    """All mask heads of a CDC."""
    return torch.cat([value.flatten() for name, value in network.state_dict().items() if "_map" in name])


@pytest.mark.parametrize("method", ["dada_no_interaa", "dada_no_intraaa"])
def test_masks_stay_those_of_the_source_model_but_without_dia(tmp_path, method):
    made, origin = adapted(tmp_path, method)
    assert isinstance(made, CDCPair)
    assert torch.equal(heads(made.images), heads(origin)) and torch.equal(numbers(made.masks), numbers(origin))


def test_without_dia_the_target_branch_trains_its_own_masks(tmp_path):
    """The generator is then one CDC, and the one that `evaluate` is told to expect."""
    made, origin = adapted(tmp_path, "dada_no_dia")
    assert made.spec["name"] == "cdc" == plan.evaluation_network(PARAMS, "simcam", 4, "dada_no_dia")["name"]
    assert not torch.equal(heads(made), heads(origin))
    assert plan.evaluation_network(PARAMS, "simcam", 4, "dada_no_interaa")["name"] == "cdc_pair"


def test_without_dia_both_branches_use_their_own_masks(tmp_path):
    job = make_job(tmp_path, "dada_no_dia", "adapt")
    built, batch = train.load_stage(job, torch.device("cpu")), sampler_of(job)(0)
    with torch.no_grad():
        for parameter in built.frozen["masks"].parameters():
            parameter.fill_(torch.nan)
    assert all(torch.isfinite(term) for term in built.step(batch).values())


def test_the_table_prints_the_papers_rows():
    """Reported numbers of Table 2, Sony to Olympus, real; nowhere else."""
    reported = Reported(Path("data/reported/dada.yaml"))
    rows = {"dada_no_interaa": 30.76, "dada_no_intraaa": 30.97, "dada_no_dia": 31.03, "dada": 31.08}
    block = PARAMS["tables"]["dada_ablation"]
    assert block["methods"] == list(rows) and block["reported"] == "dada" and block["pairs"] == [["sony", "olympus"]]
    for method, psnr in rows.items():
        assert reported.value(method, "real", PAIR, "psnr_y") == psnr
    assert reported.value("dada_no_interaa", "real", PAIR, "lpips_alex") == 0.472
    assert reported.value("dada_no_interaa", "synthetic", PAIR, "psnr_y") is None
    assert reported.value("dada_no_dia", "real", Pair("sony", "panasonic", ""), "psnr_y") is None
    assert reported.value("cincgan_no_cycle", "real", PAIR, "psnr_y") is None
