"""A world small enough to train in: discs in front of discs, cameras by formula, stages without files of the workflow."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.methods.base import Stage
from pipeline.plan import params
from pipeline.sampling.patches import PatchSampler
from pipeline.weights.checkpoints import save_network
from tests.packing import write_stack

PARAMS = params.load()


def scenes(count: int, size: int, seed: int) -> torch.Tensor:
    """(count, 3, size, size) float32 in [0, 1]: opaque discs of random place, radius and colour, some of them striped."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    images = np.empty((count, 3, size, size), np.float32)
    for image in images:
        image[:] = random.uniform(0.2, 0.8, (3, 1, 1))
        for _ in range(30):
            row, column = random.uniform(0, size, 2)
            inside = (rows - row) ** 2 + (columns - column) ** 2 < random.uniform(2, size / 4) ** 2
            image[:, inside] = random.uniform(0.1, 0.9, (3, 1))
            if random.random() < 0.3:
                stripes = inside & ((rows * random.integers(0, 2) + columns) // random.integers(2, 5) % 2 == 0)
                image[:, stripes] = random.uniform(0.1, 0.9, (3, 1))
    return torch.from_numpy(images)


def write(folder: Path, **images: torch.Tensor) -> dict[str, Path]:
    """Packed uint8 stacks by name, as a `PatchSampler` reads them."""
    files = {}
    for name, stack in images.items():
        files[name] = folder / f"{name}.safetensors"
        pixels = (stack.clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy().astype(np.uint8)
        write_stack(files[name], [f"p{index}" for index in range(len(pixels))], pixels)
    return files


def settings(method: str, stage: str, networks: dict, schedule: dict, scale: int = 2, **loss) -> dict:
    """Settings of a stage with the shipped loss, changed by `loss` (nested by dots in the names: inner.real_label)."""
    block = PARAMS["methods"][method]
    chosen = dict(block["stages"][stage]["loss"][block["preset"]])
    for name, value in loss.items():
        group, _, entry = name.partition("__")
        chosen[group] = {**chosen[group], entry: value} if entry else value
    shared = {"betas": [0.9, 0.999], "milestones": [], "gamma": 1}
    return {
        "scale": scale,
        "networks": networks,
        "loss": chosen,
        "schedule": shared | schedule,
        "compute": {"device": "cpu", "threads": 1, "precision": "fp32"},
        "weights": {},
    }


def train(kind: type[Stage], settings: dict, files: dict[str, Path], starts: dict[str, Path], seed: int = 0) -> Stage:
    """The stage, trained for its schedule on the files."""
    torch.manual_seed(seed)
    stage = kind(settings, starts, {}, torch.device("cpu"))
    schedule = stage.schedule
    sampler = PatchSampler(files, settings["scale"], schedule.patch, schedule.batch, seed)
    for step in range(schedule.steps):
        stage.set_rates(step)
        stage.step(sampler(step))
    return stage


def save(stage: Stage, folder: Path) -> dict[str, Path]:
    """What the stage leaves, as files by name."""
    files = {}
    for name, (network, spec) in stage.results().items():
        files[name] = folder / f"{type(stage).__name__}_{name}.safetensors"
        save_network(files[name], network, spec)
    return files


@torch.no_grad()
def psnr(network: nn.Module, lr: torch.Tensor, hr: torch.Tensor) -> float:
    """PSNR in dB of a network's clamped output over a whole stack."""
    return float(-10 * torch.log10((network.eval()(lr).clamp(0, 1) - hr).square().mean()))
