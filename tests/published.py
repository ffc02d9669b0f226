"""Networks that authors published, from verified local files."""

from pathlib import Path

from pipeline.models import cdc
from pipeline.weights.pretrained import fill, open_weights


def published_cdc(path: str | Path, spec: dict, scale: int, **arguments) -> cdc.CDC:
    """The network that CDC's or DADA's authors published, from a verified local file (see `pipeline.weights.pretrained`).

    `arguments` are those of `pipeline.models.cdc.build`. UserError for a file of another scale or size, and for one whose
    tensors are not where `spec` says: inside `state_dict` in CDC's files, inside `model` or, for a later phase of DADA,
    `model.up` or `model.up_t` in DADA's.
    """
    network = cdc.build(scale=scale, **arguments)
    fill(network, open_weights(path, spec), path, f"a CDC x{scale} of {arguments}")
    return network.eval()
