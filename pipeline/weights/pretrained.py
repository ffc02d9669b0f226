"""Open pretrained files of others: only after their SHA-256 was checked, and without running code from them.

A file is described by its entry in data/sources.yaml, as `plan.weights.spec` gives it to a job: {"file": name,
"sha256_prefix": 8 to 64 hexadecimal digits, or None if no source states them; "inside", "strip": see `pipeline.weights.unwrap`}.
Without a stated digest the file must be the one that was pinned in data/sources.lock.yaml when it was first fetched.
Files are read only from the path that the caller gives: no cache of torch or of the Hub, no network.
"""

import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.weights import unwrap

if TYPE_CHECKING:
    from torch import Tensor, nn

# Digests of files as first downloaded: file name -> {sha256, ...}. Written by `pipeline.fetch`, kept by git.
LOCK = Path("data/sources.lock.yaml")


@dataclass(frozen=True)
class StandIn:
    """Tensors in place of a file, for callers that need the shapes alone, such as the cost plan on torch's meta device."""

    state: dict[str, "Tensor"]


def verify(path: str | Path, spec: dict) -> None:
    """Raise UserError unless the file has the digest that `spec` states or, if it states none, the pinned one."""
    path, (digest, stated_in) = Path(path), _digest(spec)
    if not path.is_file():
        raise UserError(f"{path}: no such file. Expected {describe(spec)}. {_remedy(spec)}")
    actual = sha256(path)
    if not actual.startswith(digest):
        expected = describe(spec) if spec["sha256_prefix"] else f"{digest}, which {stated_in} pins for {spec['file']}"
        raise UserError(
            f"{path}: its SHA-256 is {actual}, expected {expected}. It is truncated, damaged or another file."
        )


def open_weights(path: str | Path | StandIn, spec: dict) -> dict[str, "Tensor"]:
    """State dict of a verified .safetensors, .pth or .pt file, on the CPU; that of the stand-in if `path` is one.

    Raises UserError when the file is missing, is not the one that `spec` describes, holds anything but plain data (a
    TorchScript archive, for example, is code), or has its tensors elsewhere than `spec` says.
    """
    if isinstance(path, StandIn):
        return path.state
    import safetensors.torch
    import torch

    verify(path, spec)
    try:
        if Path(path).suffix == ".safetensors":
            content = safetensors.torch.load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        *(pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError),
        safetensors.SafetensorError,
    ) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{path}: cannot be read as a file of tensors ({reason}). Expected {describe(spec)}."
        ) from error
    return unwrap.find_state_dict(content, path, spec.get("inside"), spec.get("strip"))


def fill(network: "nn.Module", state: dict[str, "Tensor"], path: str | Path, what: str) -> None:
    """Load `state` into `network`, in the network's precision; UserError unless names and shapes of all tensors match."""
    own_state = network.state_dict()
    problems = unwrap.differences(own_state, state)
    if problems:
        raise UserError(f"{path}: is not {what}: {'; '.join(problems)}.")
    # A network on torch's "meta" device has no memory of its own: it takes over the tensors of the file.
    empty = any(value.is_meta for value in own_state.values())
    network.load_state_dict({name: value.to(own_state[name].dtype) for name, value in state.items()}, assign=empty)


def describe(spec: dict) -> str:
    """Text with the name of the file and its digest."""
    stated = f"SHA-256 {spec['sha256_prefix']}…" if spec["sha256_prefix"] else "with no published SHA-256"
    return f"{spec['file']}, {stated}"


def _remedy(spec: dict) -> str:
    return f"`snakemake -c1 data/weights/{spec['file']}` fetches it; without internet see docs/weights.md."


def _digest(spec: dict) -> tuple[str, str]:
    """(expected digest or its beginning, file that states it)."""
    stated = spec["sha256_prefix"]
    if stated is None:
        return _pinned(spec), str(LOCK)
    digest = str(stated).lower()
    if not re.fullmatch(r"[0-9a-f]{8,64}", digest):
        raise UserError(f"weights {spec['file']}: sha256_prefix is {digest!r}, expected 8 to 64 hexadecimal digits.")
    return digest, "data/sources.yaml"


def _pinned(spec: dict) -> str:
    """The digest that was pinned when the file was first fetched."""
    import yaml

    try:
        pins = yaml.safe_load(LOCK.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pins = None
    except yaml.YAMLError as error:
        raise UserError(f"{LOCK}: not valid YAML: {error}. Restore it with git.") from error
    entry = pins.get(spec["file"]) if isinstance(pins, dict) else None
    if entry is None:
        raise UserError(
            f"{spec['file']}: no source states its SHA-256, and {LOCK} has no pin of it, so it cannot be checked. "
            f"{_remedy(spec)} Fetching pins the file; commit the pin."
        )
    digest = entry.get("sha256") if isinstance(entry, dict) else None
    if not (isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)):
        raise UserError(f"{LOCK}: {spec['file']}.sha256 is {digest!r}, expected 64 hexadecimal digits.")
    return digest
