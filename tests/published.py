"""Networks that authors published, from verified local files."""

from pathlib import Path

from pipeline.models import cdc
from pipeline.weights.pretrained import fill, open_weights


def published_cdc(path: str | Path, spec: dict, scale: int, **arguments) -> cdc.CDC:
    """The network that CDC's or DADA's authors published, from a verified local file (see `pipeline.weights.pretrained`).

    `arguments` are those of `build`. Names of tensors are the authors', so each is used exactly once, and a file of
    another scale or size is refused with a UserError, as is one whose tensors do not lie where `spec` says: inside
    `state_dict` in CDC's files, inside `model` or, for a later phase of DADA, `model.up` or `model.up_t` in DADA's.
    """
    network = cdc.build(scale=scale, **arguments)
    fill(network, open_weights(path, spec), path, f"a CDC x{scale} of {arguments}")
    return network.eval()
