"""LPIPS, the distance of two images as AlexNet or VGG-16 sees them: a metric, and a loss of DASR.

Source: Zhang et al., CVPR 2018; the package lpips 0.1.4 with its own heads.
"""

import warnings
from pathlib import Path

from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.weights.pretrained import open_weights
from pipeline.weights.unwrap import differences


def lpips_network(weights: str | Path, spec: dict, trunk: str = "alex") -> nn.Module:
    """LPIPS with AlexNet's (`alex`) or VGG-16's (`vgg`) convolutions from a verified local file; no download.

    Called with `normalize=True` it takes RGB (N, 3, H, W) in [0, 1] and gives (N, 1, 1, 1). Raises UserError for another file.
    """
    import lpips

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*'(pretrained|weights)'", category=UserWarning)
        # pnet_rand: the package must not download the trunk; all its tensors are set below.
        model = lpips.LPIPS(net=trunk, version="0.1", pnet_rand=True, verbose=False).eval()
    _load_trunk(model.net, open_weights(weights, spec), weights, trunk)
    return model


def _load_trunk(trunk: nn.Module, state: dict[str, Tensor], path: str | Path, kind: str) -> None:
    """Copy torchvision's `features.3.weight` to the package's `slice2.3.weight`, and so on."""
    names = {name: "features." + name.split(".", 1)[1] for name in trunk.state_dict()}
    own = trunk.state_dict()
    found = {source: state[source] for source in names.values() if source in state}
    if problems := differences({source: own[name] for name, source in names.items()}, found):
        raise UserError(f"{path}: not the weights of LPIPS's trunk '{kind}': {'; '.join(problems)}.")
    trunk.load_state_dict({name: found[source] for name, source in names.items()})
