"""Network files: safetensors whose metadata holds the specification of the network, so that the file alone can rebuild it."""

import json
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import nn

from pipeline import models
from pipeline.errors import UserError
from pipeline.files import atomic, canonical_json
from pipeline.weights.pretrained import fill


def save_network(path: str | Path, network: nn.Module, spec: dict) -> None:
    """Write all parameters and buffers of `network`, which `pipeline.models.build(spec)` can rebuild.

    The same values give the same bytes. Raises UserError when the file cannot be written; no partial file remains.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    # Only one metadata entry: safetensors does not keep the order of several.
    content = safetensors.torch.save(tensors, metadata={"network": canonical_json(spec)})
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def load_network(path: str | Path, expect: str | dict | None = None) -> nn.Module:
    """The network of a file written by `save_network`, on the CPU, in evaluation mode, with attribute `spec`.

    `expect`: name, or whole specification, of the network that the file must hold. Raises UserError when the file is
    missing, truncated, not from this pipeline, of another network, or its tensors are not those of the network it names.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            spec = _spec(path, stream.metadata(), expect)
            network = models.build(spec)
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; expected a network file (.safetensors).") from error
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: not a whole safetensors file ({error}). Expected a network file of this pipeline; "
            "fetch it again or delete it and run the rule that makes it."
        ) from error
    fill(network, tensors, path, f"a {spec['name']} with the settings in its metadata, {canonical_json(spec)}")
    network.spec = spec
    return network.eval()


def _spec(path: str | Path, metadata: dict | None, expect: str | dict | None) -> dict:
    """The network specification in a file's metadata, checked against the expected name."""
    try:
        spec = json.loads((metadata or {})["network"])
        name = spec["name"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise UserError(
            f"{path}: its metadata names no network. Expected a network file of this pipeline (generator.safetensors)."
        ) from error
    if expect not in (None, name, spec):
        raise UserError(
            f"{path}: holds the network {canonical_json(spec)}, expected {canonical_json(expect)}. "
            "Give the file of that network, or delete this one and run the rule that makes it."
        )
    return spec
