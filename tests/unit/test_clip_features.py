"""CLIP's image features against open_clip's own model; a small tower with random numbers, the real one's shapes alone."""

import open_clip
import pytest
import safetensors.torch
import torch
from open_clip.transformer import QuickGELU
from torch import nn

from pipeline.errors import UserError
from pipeline.features import clip
from pipeline.files import sha256

SMALL = {
    "embed_dim": 24,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 7, "vocab_size": 11, "width": 64, "heads": 1, "layers": 1},
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """open_clip's model, and the file it is in with both towers, as the Hub has it."""
    torch.manual_seed(0)
    model = open_clip.CLIP(**SMALL).eval()
    for parameter in model.visual.parameters():
        nn.init.normal_(parameter, std=0.3)
    path = tmp_path_factory.mktemp("weights") / "clip.safetensors"
    safetensors.torch.save_model(model, path)
    return model, path, {"file": path.name, "sha256_prefix": sha256(path)}


@pytest.fixture
def features(published, monkeypatch):
    monkeypatch.setattr(clip, "configuration", lambda: SMALL)
    return clip.clip_features(*published[1:])


def activations(module):
    return {type(part) for name, part in module.named_modules() if name.endswith(".gelu")}


def test_the_published_tower_has_quick_gelu():
    config = clip.configuration()
    with torch.device("meta"):
        tower = clip.image_tower(config)
    assert activations(tower) == {QuickGELU}
    assert sum(value.numel() for value in tower.parameters()) == 87_849_216
    assert tower.image_size == (224, 224) and config["embed_dim"] == 512


def test_the_trap_is_still_there():
    """The name without -quickgelu builds another activation; should this ever fail, the trap is gone."""
    with torch.device("meta"):
        assert activations(open_clip.CLIP(**open_clip.get_model_config("ViT-B-32")).visual) == {nn.GELU}


def test_constants_are_those_the_weights_were_trained_with():
    published = open_clip.get_pretrained_cfg(clip.MODEL, "openai")
    assert (published["mean"], published["std"]) == (clip.MEAN, clip.DEVIATION)
    assert published["quick_gelu"] is True


@torch.no_grad()
def test_features_are_open_clips(published, features):
    model = published[0]
    x = torch.rand(2, 3, 32, 32)
    normal = (x - torch.tensor(clip.MEAN).view(3, 1, 1)) / torch.tensor(clip.DEVIATION).view(3, 1, 1)
    torch.testing.assert_close(features(x), model.encode_image(normal, normalize=True))
    assert not torch.allclose(features(x)[0], features(x)[1], atol=1e-3)
    model.visual.transformer.resblocks[0].mlp.gelu = nn.GELU()
    wrong = model.encode_image(normal, normalize=True)
    model.visual.transformer.resblocks[0].mlp.gelu = QuickGELU()
    assert not torch.allclose(features(x), wrong, atol=1e-4)


@torch.no_grad()
def test_the_whole_image_counts_whatever_its_shape(features):
    flat, tall = torch.rand(1, 3, 40, 40), torch.zeros(1, 3, 32, 96)
    assert features(tall).shape == (1, 24) and float(features(flat).norm()) == pytest.approx(1)
    marked = tall.clone()
    marked[..., -8:] = 1  # outside of any central crop
    assert not torch.allclose(features(tall), features(marked), atol=1e-3)


def test_frozen_but_gradients_reach_the_pixels(features):
    assert not any(parameter.requires_grad for parameter in features.parameters())
    features.train()
    assert not features.training and not features.tower.training
    x = torch.rand(1, 3, 40, 48, requires_grad=True)
    features(x)[0, 0].backward()
    assert (x.grad.abs() > 0).float().mean() > 0.95


def test_other_files_are_refused(published, tmp_path, monkeypatch):
    _, path, spec = published
    with pytest.raises(UserError, match=r"clip\.safetensors: is not the image tower of ViT-B-32-quickgelu.*missing"):
        clip.clip_features(path, spec)
    monkeypatch.setattr(clip, "configuration", lambda: SMALL)
    with pytest.raises(UserError, match="no such file"):
        clip.clip_features(tmp_path / "absent.safetensors", spec)
    with pytest.raises(UserError, match="truncated, damaged or another file"):
        clip.clip_features(path, {**spec, "sha256_prefix": "0" * 8})
