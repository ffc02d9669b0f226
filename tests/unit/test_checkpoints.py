"""Network files: what goes in comes out, and every wrong file is refused by name."""

import errno
import json

import pytest
import safetensors.torch
import torch

from pipeline import models
from pipeline.errors import UserError
from pipeline.weights.checkpoints import load_network, save_network

SPEC = {"name": "patchgan", "channels": 1, "width": 4}


@pytest.fixture
def saved(tmp_path):
    network = models.build(SPEC)
    with torch.no_grad():
        for index, parameter in enumerate(network.parameters()):
            parameter.fill_(index / 7)
    path = tmp_path / "run" / "generator.safetensors"
    save_network(path, network, SPEC)
    return network, path


def test_comes_back_equal_ready_to_use_and_with_its_specification(saved):
    network, path = saved
    for expect in (None, "patchgan", SPEC):
        loaded = load_network(path, expect)
        assert type(loaded) is type(network)
        assert not loaded.training
        assert loaded.spec == SPEC
        for name, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value)


def test_same_network_same_bytes(saved, tmp_path):
    network, path = saved
    save_network(tmp_path / "again.safetensors", network, dict(reversed(SPEC.items())))
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_network_without_parameters(tmp_path):
    spec = {"name": "bicubic", "scale": 3}
    save_network(tmp_path / "bicubic.safetensors", models.build(spec), spec)
    assert load_network(tmp_path / "bicubic.safetensors").scale == 3


@pytest.mark.parametrize("expect", ["cdc", {**SPEC, "width": 8}])
def test_another_network_than_expected(saved, expect):
    with pytest.raises(UserError, match=r"generator\.safetensors: holds .*\"width\":4.*expected"):
        load_network(saved[1], expect)


def rewrite(path, change, metadata=None):
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    metadata = {"network": json.dumps(SPEC)} if metadata is None else metadata
    safetensors.torch.save_file(tensors, path, metadata=metadata)


def test_missing_unexpected_and_misshapen_tensors_are_all_named(saved):
    _, path = saved
    names = list(safetensors.torch.load_file(path))

    def spoil(tensors):
        tensors.pop(names[0])
        tensors["head.extra"] = torch.zeros(2)
        tensors[names[1]] = torch.zeros(2, 3)

    rewrite(path, spoil)
    with pytest.raises(UserError, match=r"generator\.safetensors: is not a patchgan") as caught:
        load_network(path)
    message = str(caught.value)
    assert f"1 tensors missing ({names[0]})" in message
    assert "1 tensors unexpected (head.extra)" in message
    assert f"{names[1]} is (2, 3), expected" in message


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"network": "{"}, {"network": "[]"}, {"network": "{}"}])
def test_a_foreign_safetensors_file(saved, metadata):
    rewrite(saved[1], lambda tensors: None, metadata)
    with pytest.raises(UserError, match=r"generator\.safetensors: its metadata names no network"):
        load_network(saved[1])


def test_a_network_that_does_not_exist_here(saved):
    rewrite(saved[1], lambda tensors: None, {"network": '{"name": "elsewhere"}'})
    with pytest.raises(UserError, match="elsewhere"):
        load_network(saved[1])


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_file(saved, keep):
    _, path = saved
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"generator\.safetensors: not a whole safetensors file"):
        load_network(path)


def test_no_file_and_no_file_at_all(tmp_path):
    with pytest.raises(UserError, match=r"gone\.safetensors: no such file"):
        load_network(tmp_path / "gone.safetensors")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_network(tmp_path)


def test_pickled_files_are_not_opened(tmp_path):
    torch.save(models.build(SPEC).state_dict(), tmp_path / "generator.pth")
    with pytest.raises(UserError, match=r"generator\.pth: not a whole safetensors file"):
        load_network(tmp_path / "generator.pth")


def test_a_full_disk_leaves_the_old_file(saved, monkeypatch):
    network, path = saved
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(UserError, match=r"generator\.safetensors.*No space left"):
        save_network(path, network, SPEC)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
