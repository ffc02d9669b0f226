"""Networks on pretrained files take them from the given path alone: no connection, no cache of torch or of the Hub."""

import socket

import open_clip
import pytest
import safetensors.torch
import torch
import torchvision

from pipeline.errors import UserError
from pipeline.features import clip, vgg19
from pipeline.features.lpips import lpips_network
from pipeline.files import sha256
from tests.unit.test_clip_features import SMALL

CACHED = ("vgg16-397923af.pth", "vgg19-dcbb9e9d.pth", "alexnet-owt-7be5be79.pth")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """No sockets; caches with traps in them, files that are no weights; where nothing may be written."""

    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    home = tmp_path / "home"
    for name in CACHED:
        path = home / ".cache/torch/hub/checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a trap: no weights")
    monkeypatch.setenv("HOME", str(home))
    for name, place in {
        "TORCH_HOME": ".cache/torch",
        "HF_HOME": ".cache/huggingface",
        "XDG_CACHE_HOME": ".cache",
    }.items():
        monkeypatch.setenv(name, str(home / place))
    yield
    assert {path.name for path in home.rglob("*") if path.is_file()} == set(CACHED)


def described(path):
    return {"file": path.name, "sha256_prefix": sha256(path)[:16]}


def convolutions(folder, name, file):
    """A file with torchvision's names and random numbers, without the large layers that nobody here uses."""
    torch.manual_seed(7)
    state = getattr(torchvision.models, name)(weights=None).features.state_dict() if name == "alexnet" else None
    if state is None:
        layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs[{"vgg16": "D", "vgg19": "E"}[name]])
        state = layers.state_dict()
    path = folder / file
    torch.save({f"features.{key}": value for key, value in state.items()}, path)
    return path


@pytest.mark.parametrize(("trunk", "name", "file"), [("alex", "alexnet", CACHED[2]), ("vgg", "vgg16", CACHED[0])])
@torch.no_grad()
def test_lpips(alone, tmp_path, trunk, name, file):
    path = convolutions(tmp_path, name, file)
    network = lpips_network(path, described(path), trunk)
    first = next(network.net.parameters())
    assert torch.equal(first, torch.load(path, weights_only=True)["features.0.weight"])
    a, b = torch.rand(2, 1, 3, 64, 64)
    assert float(network(a, b, normalize=True)) > 0
    with pytest.raises(UserError, match="not the weights of LPIPS's trunk"):
        lpips_network(path, described(path), "vgg" if trunk == "alex" else "alex")


@torch.no_grad()
def test_vgg19(alone, tmp_path):
    path = convolutions(tmp_path, "vgg19", CACHED[1])
    assert vgg19.vgg19(path, "conv5_4", described(path))(torch.rand(1, 3, 32, 32)).shape == (1, 512, 2, 2)


@torch.no_grad()
def test_clip(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "configuration", lambda: SMALL)
    path = tmp_path / "clip.safetensors"
    safetensors.torch.save_model(open_clip.CLIP(**SMALL), path)
    assert clip.clip_features(path, described(path))(torch.rand(1, 3, 40, 40)).shape == (1, 24)


def test_a_missing_file_is_not_looked_for_elsewhere(alone, tmp_path):
    spec = {"file": CACHED[1], "sha256_prefix": "dcbb9e9d"}
    for call in (lambda path: vgg19.vgg19(path, "conv5_4", spec), lambda path: lpips_network(path, spec)):
        with pytest.raises(UserError, match="no such file"):
            call(tmp_path / CACHED[1])


def test_the_guard_notices(alone):
    with pytest.raises(AssertionError, match="a connection was opened"):
        torch.hub.load_state_dict_from_url("http://127.0.0.1:9/absent.pth")
