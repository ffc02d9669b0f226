"""VGG-19 features against torchvision's network; the weights are random, in a file of the published names."""

import pytest
import torch
from torch import nn
from torchvision.models import vgg

from pipeline.errors import UserError
from pipeline.features.vgg19 import vgg19
from pipeline.files import sha256


def described(path):
    return {"file": path.name, "url": "https://example.org/vgg19.pth", "sha256_prefix": sha256(path)[:16]}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """torchvision's convolutions, and the file they are in."""
    torch.manual_seed(0)
    layers = vgg.make_layers(vgg.cfgs["E"], batch_norm=False)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # else the input hardly reaches the last layer
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    torch.save({**state, "classifier.0.bias": torch.zeros(4)}, path)
    return layers, path, described(path)


@pytest.mark.parametrize(("layer", "last"), [("conv5_4", 34), ("conv5_3", 32)])
def test_features_are_torchvisions_before_the_activation(published, layer, last):
    layers, path, spec = published
    network = vgg19(path, layer, spec)
    x = torch.rand(2, 3, 32, 48)
    normal = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    for index in range(last + 1):
        normal = layers[index](normal)
    torch.testing.assert_close(network(x), normal.detach())
    assert network(x).shape == (2, 512, 2, 3) and float(network(x).min()) < 0


def test_features_are_frozen_but_pass_gradients(published):
    _, path, spec = published
    network = vgg19(path, "conv5_3", spec)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    network.train()
    assert not network.training
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    network(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_other_files_are_refused(published, tmp_path):
    _, path, spec = published
    with pytest.raises(UserError, match="no such file"):
        vgg19(tmp_path / "absent.pth", "conv5_4", spec)
    with pytest.raises(UserError, match="truncated, damaged or another file"):
        vgg19(path, "conv5_4", {**spec, "sha256_prefix": "0" * 16})
    with pytest.raises(UserError, match="layer is 'conv9'"):
        vgg19(path, "conv9", spec)
    other = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, other)
    with pytest.raises(UserError, match="not torchvision's VGG-19"):
        vgg19(other, "conv5_4", described(other))
