"""Pretrained files: checked before they are opened, by a stated digest or a pin; tensors lie where they are said to."""

import pickle

import pytest
import safetensors.torch
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.weights.pretrained import fill, open_weights, verify

STATE = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.ones(2)}


def describe(path, **more):
    return {"file": path.name, "sha256_prefix": sha256(path)[:8], **more}


def saved(folder, content, name="trunk.pth"):
    path = folder / name
    torch.save(content, path)
    return path


@pytest.fixture
def trunk(tmp_path):
    return saved(tmp_path, STATE)


def test_opens_a_verified_file(trunk, tmp_path):
    assert open_weights(trunk, describe(trunk))["layer.weight"][1, 2] == 5
    whole = {**describe(trunk), "sha256_prefix": sha256(trunk).upper()}
    assert list(open_weights(trunk, whole)) == list(STATE)
    other = tmp_path / "trunk.safetensors"
    safetensors.torch.save_file({"bias": torch.ones(2)}, other)
    assert torch.equal(open_weights(other, describe(other))["bias"], torch.ones(2))


def test_opens_the_old_format_of_pytorch(tmp_path):
    path = tmp_path / "old.pt"
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    assert torch.equal(open_weights(path, describe(path))["layer.weight"], STATE["layer.weight"])


def test_refuses_a_file_with_another_digest(trunk):
    spec = describe(trunk)
    trunk.write_bytes(trunk.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"trunk\.pth: its SHA-256 is .*{spec['sha256_prefix']}"):
        open_weights(trunk, spec)


@pytest.mark.parametrize("digest", ["", "abc", "not hexadecimal", "0" * 65])
def test_refuses_a_digest_that_proves_nothing(trunk, digest):
    with pytest.raises(UserError, match="8 to 64"):
        verify(trunk, {**describe(trunk), "sha256_prefix": digest})


def test_missing_file_says_where_it_comes_from(trunk, tmp_path):
    with pytest.raises(UserError, match=r"gone\.pth: no such file.*snakemake -c1 data/weights/trunk\.pth"):
        verify(tmp_path / "gone.pth", describe(trunk))


class Explosive:
    def __reduce__(self):
        return pytest.fail, ("a weights file ran code",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("content", [Explosive(), [1, 2], {"layer": "text"}, {}, {"state_dict": Explosive()}])
def test_nothing_but_tensors_comes_out_of_a_file(tmp_path, content):
    path = saved(tmp_path, content, "odd.pth")
    with pytest.raises(UserError, match=r"odd\.pth"):
        open_weights(path, describe(path))
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"odd\.pth"):
        open_weights(path, describe(path))


@pytest.mark.filterwarnings("ignore:.*(deprecated|TorchScript archive)")
def test_an_archive_of_torchscript_is_refused(tmp_path):
    """OpenAI publishes CLIP so: a program, not weights."""
    torch.jit.save(torch.jit.trace(nn.Linear(3, 2), torch.ones(1, 3)), tmp_path / "clip.pt")
    with pytest.raises(UserError, match=r"clip\.pt: cannot be read as a file of tensors.*TorchScript"):
        open_weights(tmp_path / "clip.pt", describe(tmp_path / "clip.pt"))


class TestPins:
    """Files without a stated digest: data/sources.lock.yaml says what was seen first."""

    @pytest.fixture(autouse=True)
    def here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "data").mkdir()

    def pin(self, text):
        with open("data/sources.lock.yaml", "w", encoding="utf-8") as stream:
            stream.write(text)

    def test_the_pinned_file_is_opened_and_no_other(self, trunk):
        spec = {"file": "trunk.pth", "sha256_prefix": None}
        self.pin(f"other.pth: {{sha256: {'0' * 64}}}\ntrunk.pth: {{sha256: {sha256(trunk)}, size: 3}}\n")
        assert open_weights(trunk, spec).keys() == STATE.keys()
        trunk.write_bytes(trunk.read_bytes() + b"x")
        with pytest.raises(
            UserError, match=r"trunk\.pth: its SHA-256 is .*data/sources\.lock\.yaml pins for trunk\.pth"
        ):
            open_weights(trunk, spec)

    def test_a_stated_digest_needs_no_pin_and_is_not_replaced_by_one(self, trunk):
        verify(trunk, describe(trunk))
        self.pin(f"trunk.pth: {{sha256: {sha256(trunk)}}}\n")
        with pytest.raises(UserError, match=r"expected trunk\.pth, SHA-256 00000000…"):
            verify(trunk, {"file": "trunk.pth", "sha256_prefix": "0" * 8})

    @pytest.mark.parametrize("text", [None, "", "other.pth: {sha256: 00}\n"])
    def test_without_a_pin_nothing_is_trusted(self, trunk, text):
        if text is not None:
            self.pin(text)
        with pytest.raises(
            UserError, match=r"no source states its SHA-256.*no pin.*snakemake -c1 data/weights/trunk\.pth"
        ):
            verify(trunk, {"file": "trunk.pth", "sha256_prefix": None})

    @pytest.mark.parametrize(
        "text", ["trunk.pth: 3\n", "trunk.pth: {sha256: abc}\n", "trunk.pth: {size: 3}\n", "a: [\n"]
    )
    def test_a_lock_that_says_nothing_is_named(self, trunk, text):
        self.pin(text)
        with pytest.raises(UserError, match=r"data/sources\.lock\.yaml: "):
            verify(trunk, {"file": "trunk.pth", "sha256_prefix": None})


class TestWrappings:
    def open(self, folder, content, **more):
        path = saved(folder, content)
        return open_weights(path, describe(path, **more))

    @pytest.mark.parametrize(
        ("content", "inside"),
        [
            ({"params": STATE}, "params"),
            ({"params": {"other": torch.zeros(1)}, "params_ema": STATE}, "params_ema"),
            ({"Name": "x", "state_dict": STATE, "optim": {"state": {}, "param_groups": [{"lr": 1.0}]}}, "state_dict"),
            ({"model": {"up": STATE, "down": {"a": torch.ones(1)}}}, "model.up"),
        ],
    )
    def test_the_named_part_is_taken(self, tmp_path, content, inside):
        assert torch.equal(self.open(tmp_path, content, inside=inside)["layer.weight"], STATE["layer.weight"])

    @pytest.mark.parametrize("inside", [None, "params", "params.layer", "state_dict", "params_ema.layer"])
    def test_nothing_is_guessed(self, tmp_path, inside):
        """The averaged weights where the plain ones are asked for, or the reverse, would go unseen."""
        more = {"inside": inside} if inside else {}
        with pytest.raises(UserError, match=r"params_ema.*inside|holds .*inside"):
            self.open(tmp_path, {"params_ema": STATE, "iter": 3}, **more)

    def test_a_bare_state_dict_is_not_searched(self, tmp_path):
        with pytest.raises(UserError, match=r"has no 'params'; it holds layer\.weight, layer\.bias.*`inside: params`"):
            self.open(tmp_path, STATE, inside="params")

    def test_names_of_parallel_training(self, tmp_path):
        parallel = {f"module.{name}": value for name, value in STATE.items()}
        assert self.open(tmp_path, parallel, strip="module.").keys() == STATE.keys()
        with pytest.raises(UserError, match=r"every name begins with 'module\.'.*strip"):
            self.open(tmp_path, parallel)
        with pytest.raises(UserError, match=r"not every name begins with 'module\.' \(layer\.bias\)"):
            self.open(tmp_path, {**parallel, "layer.bias": torch.ones(2)}, strip="module.")


class TestFilling:
    def test_every_tensor_is_used_once(self, tmp_path):
        network = nn.Linear(3, 2)
        fill(network, {"weight": STATE["layer.weight"].double(), "bias": STATE["layer.bias"]}, "a.pth", "a line")
        assert torch.equal(network.weight, STATE["layer.weight"]) and network.weight.dtype == torch.float32

    @pytest.mark.parametrize(
        ("state", "told"),
        [
            ({"weight": torch.zeros(2, 3)}, r"1 tensors missing \(bias\)"),
            ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)}, r"unexpected \(more\)"),
            ({"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, r"weight is \(3, 2\), expected \(2, 3\)"),
        ],
    )
    def test_anything_else_is_refused(self, state, told):
        with pytest.raises(UserError, match=rf"a\.pth: is not a line: .*{told}"):
            fill(nn.Linear(3, 2), state, "a.pth", "a line")

    def test_a_network_without_memory_takes_the_files(self):
        with torch.device("meta"):
            network = nn.Linear(3, 2)
        fill(network, {"weight": STATE["layer.weight"], "bias": torch.ones(2).half()}, "a.pth", "a line")
        assert network(torch.ones(1, 3)).tolist() == [[4.0, 13.0]]
