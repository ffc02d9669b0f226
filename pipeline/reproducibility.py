"""Seeds, threads, precision and random states: everything that decides whether two runs give the same bits."""

import contextlib

import numpy as np
import torch

from pipeline.errors import UserError

PRECISIONS = ("fp32", "tf32", "bf16")


def prepare(compute: dict, seed: int) -> torch.device:
    """Fix seed, thread count, deterministic algorithms and precision; return the device to work on.

    `compute` holds device (auto, cpu, cuda), threads (CPU threads: part of the settings, since a sum over another number
    of threads rounds differently) and precision (fp32, tf32, bf16). On the CPU equal settings give equal bits; on a GPU
    the results of two runs agree to a tolerance only. Raises UserError for an unknown precision or a missing GPU.
    """
    device, precision = compute["device"], compute["precision"]
    if precision not in PRECISIONS:
        raise UserError(f"compute.precision: '{precision}' is not one of {', '.join(PRECISIONS)}.")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("compute.device: 'cuda', but torch finds no GPU on this machine. Use 'auto' or 'cpu'.")
    torch.manual_seed(seed)
    torch.set_num_threads(compute["threads"])
    # The same switch as use_deterministic_algorithms, which would import a compiler first (seconds per job).
    torch.set_deterministic_debug_mode("error" if device == "cpu" else "default")
    torch.backends.cudnn.benchmark = device == "cuda"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return torch.device(device)


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """Context manager for forward passes: bfloat16 arithmetic for precision "bf16", else no change."""
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def random_state() -> dict[str, torch.Tensor]:
    """All random states of torch (patch samplers are functions of the step and have no state)."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict[str, torch.Tensor]) -> None:
    """Set the random states that `random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())


def generator(*key: int) -> np.random.Generator:
    """Random generator that depends on `key` alone, not on what was drawn before."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
