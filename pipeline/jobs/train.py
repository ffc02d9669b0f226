"""Job: train one stage of a method, from its saved state if there is one.

inputs: what the stage's block `reads`, `start_<network>` and pretrained files · outputs: networks, history · option:
training (`pipeline.training.loop.Training`).
"""

import shutil

import torch

from pipeline import files, reproducibility, settings
from pipeline.methods.base import Stage, stage_class
from pipeline.provenance.job import Job, run
from pipeline.sampling.patches import PatchSampler
from pipeline.training import state
from pipeline.training.loop import DATA, Loop, Training
from pipeline.training.state import RunFiles
from pipeline.weights.checkpoints import save_network


def work(job: Job) -> dict:
    """Train the stage that the job's settings describe, from its saved state if there is one."""
    device = reproducibility.prepare(job.settings["compute"], job.settings["seed"])
    stage = load_stage(job, device)
    sampler = PatchSampler(
        {name: job.input(name) for name in DATA if name in job.inputs},
        scale=job.settings["scale"],
        patch=stage.schedule.patch,
        batch=stage.schedule.batch,
        seed=job.settings["seed"],
    )
    run_files = RunFiles(job.outputs["history"].parent, stamp(job))
    training = settings.build(Training, job.option("training"), "training")
    measured = Loop(stage, sampler, run_files, training, device).run()
    for name, (network, spec) in stage.results().items():
        save_network(job.outputs[name], network, spec)
    with files.atomic(job.outputs["history"]) as temporary:
        shutil.copyfile(run_files.history, temporary)
    return measured


def tidy(job: Job) -> None:
    """The run is complete and has its receipt: nothing to go on from is needed any more."""
    state.remove(job.outputs["history"].parent)


def load_stage(job: Job, device: torch.device) -> Stage:
    """The stage that the job's settings describe, with its networks set up."""
    starts = {name.removeprefix("start_"): job.input(name) for name in job.inputs if name.startswith("start_")}
    weights = {name: job.input(name) for name in job.settings["weights"]}
    return stage_class(job.settings["method"], job.settings["stage"])(job.settings, starts, weights, device)


def stamp(job: Job) -> str:
    """What a saved state belongs to: the job's key and the contents of its inputs."""
    inputs = {str(path): files.sha256(path) for paths in job.inputs.values() for path in paths}
    return files.canonical_json({"key": job.key_sha256, "inputs": inputs})


if __name__ == "__main__":
    run(work, tidy)
