"""Networks: shape, names and size of the published ones, their outputs as the reference code computes them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.models import build, cdc
from tests import published
from tests.golden.reference_inputs import fill, image, noise
from tests.published import published_cdc

PAPER = {"width": 64, "hourglasses": 6, "poolings": 4, "mid": 2, "tail": 2, "gain": 0.1, "skip": False}
SMALL = {"width": 8, "hourglasses": 2, "poolings": 2, "mid": 1, "tail": 1, "gain": 0.5, "skip": False}


def small(scale=2, **changes):
    torch.manual_seed(0)
    return build({"name": "cdc", "scale": scale, **SMALL, **changes})


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def golden(value):
    return pytest.approx(value, abs=5.001e-9, rel=0)


def released_names(scale):
    """The names in the published checkpoints, written out from their description."""
    stack = {4: ".0.0 .1.1 .2.1 .3.0 .4.0", 3: ".0.0 .2 .4.0 .5.0", 2: ".0.0 .1.1 .2.0 .3.0", 1: ".0.0 .1.0 .2.0"}
    names = {"conv_in.0.weight", "conv_in.0.bias"}
    for head in ("flat_map", "edge_map", "corner_map", "upsample_flat", "upsample_edge", "upsample_corner"):
        names |= {f"{head}{place}.{kind}" for place in stack[scale].split() for kind in ("weight", "bias")}
    residuals = [f"{way}{level}.res_block.res" for way in ("down", "up") for level in range(1, 5)]
    residuals += ["mid_res.0.res", "mid_res.1.res", *(f"skip_conv{level}.res" for level in range(5))]
    for index in range(6):
        names |= {f"HG_{index}.{residual}.{place}.weight" for residual in residuals for place in (0, 2, 4)}
        names |= {f"HG_{index}.{block}.res_block.identity.weight" for block in ("down1", "down3", "up2", "up4")}
        if index < 5:
            tail = ["res1.0", "res2.0", "res2.1", "res3.0", "res3.1", "res3.3", "filter_concat"]
            names |= {f"HG_{index}.tail.{block}.{place}.weight" for block in (0, 1) for place in tail}
    return names


@pytest.mark.parametrize(("scale", "count"), [(4, 39_920_530), (3, 39_703_570), (2, 39_698_962), (1, 39_477_394)])
def test_cdc_has_the_published_size_and_names(scale, count):
    with torch.device("meta"):
        network = build({"name": "cdc", "scale": scale, **PAPER})
    assert parameters(network) == count
    assert set(network.state_dict()) == released_names(scale)
    assert network.scale == scale and network.multiple == 16
    last = 3 if scale == 3 else 1
    place = {4: 4, 3: 5, 2: 3, 1: 2}[scale]
    assert network.state_dict()[f"flat_map.{place}.0.weight"].shape == (3, 64, last, last)
    assert network.state_dict()[f"upsample_flat.{place}.0.weight"].shape == (3, 64, 3, 3)


def test_golden_weights_are_those_of_the_reference_run():
    assert noise(300, 3) == pytest.approx([-0.1118514493, -0.7255085023, -0.5740217727], abs=5e-11)


@torch.no_grad()
def test_cdc_computes_what_the_reference_computes():
    network = fill(build({"name": "cdc", "scale": 4, **PAPER}))
    made = network.components(image(3, 16, 16))
    expected = {
        "flat": (-0.16277885, 0.39325621, 0.07071623, 0.05515299),
        "edge": (-0.96127545, 2.19407794, 0.27173622, 0.12245089),
        "corner": (-4.78044684, 4.93210087, -1.45916933, 1.95091905),
        "final": (-1.35304201, 2.08286884, 0.10626146, 0.30978168),
    }
    for name, values in expected.items():
        part = getattr(made, name)
        assert part.shape == (1, 3, 64, 64)
        found = (part.mean(), part.std(correction=0), part[0, 0, 0, 0], part[0, 2, 63, 63])
        assert [float(value) for value in found] == [golden(value) for value in values], name
    means = (0.40687466, 0.37700940, 0.21611595)
    pixels = (0.01957077, 0.87537073, 0.10505851)
    for mask, mean, pixel in zip(made.masks, means, pixels, strict=True):
        assert float(mask.mean()) == golden(mean)
        assert float(mask[0, 1, 10, 20]) == golden(pixel)
    constant = tuple(torch.full((1, 3, 64, 64), value, dtype=torch.float64) for value in (0.5, 0.3, 0.2))
    assert float(network.components(image(3, 16, 16), constant).final.mean()) == golden(-1.32586143)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_small_cdc_trains_every_parameter(scale):
    network = small(scale, hourglasses=3)
    made = network.components(torch.rand(2, 3, 8, 12))
    assert all(part.shape == (2, 3, 8 * scale, 12 * scale) for part in (*made[:4], *made.masks))
    torch.testing.assert_close(sum(made.masks), torch.ones_like(made.final))
    torch.testing.assert_close(sum(m * i for m, i in zip(made.masks, made[:3], strict=True)), made.final)
    made.final.square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(
    ("count", "taps"), [(2, (0, 1, 1)), (3, (0, 1, 2)), (4, (1, 2, 3)), (5, (1, 2, 4)), (6, (1, 3, 5))]
)
def test_heads_sit_where_the_reference_puts_them(count, taps):
    assert small(hourglasses=count).taps == taps


def test_fewer_poolings_drop_the_innermost_levels():
    channels = {poolings: small(poolings=poolings).HG_0.mid_res[0].res[0].in_channels for poolings in (1, 2, 3, 4)}
    assert channels == {1: 16, 2: 16, 3: 32, 4: 32}
    names = set(small(poolings=2).state_dict())
    assert {"HG_0.down2.res_block.res.0.weight", "HG_0.up2.res_block.identity.weight"} <= names
    assert not any("down3" in name or "skip_conv3" in name for name in names)


@torch.no_grad()
def test_given_masks_replace_the_networks_own():
    network, x = small(), torch.rand(1, 3, 8, 8)
    own = network.components(x)
    assert all(map(torch.equal, network.component_masks(x), own.masks))
    torch.testing.assert_close(network.components(x, own.masks).final, own.final)
    given = tuple(torch.full((1, 1, 16, 16), value) for value in (0.0, 1.0, 0.0))
    for name, parameter in network.named_parameters():
        if "_map" in name:
            parameter.fill_(float("nan"))
    made = network.components(x, given)
    torch.testing.assert_close(made.final, own.edge)
    assert all(map(torch.equal, made.masks, given))
    assert network(x).isnan().any()


@pytest.mark.parametrize("factor", [2, 3])
def test_up_convolution_is_nearest_then_convolution(factor):
    torch.manual_seed(factor)
    layer = cdc._UpConvolution(4, factor).double()
    x = torch.rand(2, 4, 5, 7, dtype=torch.float64, requires_grad=True)
    two_steps = F.conv2d(F.interpolate(x, scale_factor=factor, mode="nearest"), layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), two_steps)
    wanted = (x, layer.weight, layer.bias)
    weight = torch.rand_like(two_steps)
    for ours, theirs in zip(
        torch.autograd.grad((layer(x) * weight).sum(), wanted),
        torch.autograd.grad((two_steps * weight).sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_skip_adds_the_bicubic_enlargement_to_every_image():
    x = torch.rand(1, 3, 8, 8)
    torch.manual_seed(0)
    plain = small().components(x)
    torch.manual_seed(0)
    added = small(skip=True).components(x)
    enlarged = torch.nn.functional.interpolate(x, scale_factor=2, mode="bicubic")
    for name in ("flat", "edge", "corner", "final"):
        torch.testing.assert_close(getattr(added, name), getattr(plain, name) + enlarged)
    torch.testing.assert_close(added.masks, plain.masks)


@pytest.mark.parametrize("gain", [0.1, 0.5])
def test_cdc_starts_small(gain):
    network = small(width=32, gain=gain)
    weight = network.HG_0.mid_res[0].res[2].weight.detach()
    assert float(weight.std()) == pytest.approx(gain * (2 / (64 * 9)) ** 0.5, rel=0.05)
    assert not any(parameter.any() for name, parameter in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("shape", [(1, 3, 10, 8), (1, 3, 8, 10), (1, 1, 8, 8), (3, 8, 8)])
def test_cdc_refuses_other_inputs(shape):
    with pytest.raises(UserError, match="multiples of 4"):
        small()(torch.rand(shape))


@pytest.mark.parametrize(
    "wrong", [{"scale": 5}, {"scale": 0}, {"hourglasses": 1}, {"poolings": 5}, {"width": 0}, {"mid": -1}, {"tail": 1.5}]
)
def test_cdc_refuses_arguments_out_of_range(wrong):
    (name,) = wrong
    with pytest.raises(UserError, match=f"{name} is {wrong[name]}"):
        build({"name": "cdc", "scale": 4, **SMALL, **wrong})


def test_pair_mixes_the_images_of_one_network_by_the_masks_of_the_other():
    torch.manual_seed(1)
    pair = build({"name": "cdc_pair", "scale": 2, **SMALL})
    assert pair.scale == 2 and pair.multiple == 4
    for parameter in pair.parameters():
        nn.init.normal_(parameter, std=0.2)
    x = torch.rand(1, 3, 8, 8)
    images, masks = pair.images.components(x), pair.masks.components(x).masks
    torch.testing.assert_close(pair(x), sum(m * i for m, i in zip(masks, images[:3], strict=True)))
    assert not torch.allclose(pair(x), images.final)
    assert {name.partition(".")[0] for name in pair.state_dict()} == {"masks", "images"}


class TestReleasedCheckpoints:
    """CDC's and DADA's wrappings around the published names; the size is ours, so that the test is quick."""

    def save(self, folder, content):
        path = folder / "released.pth"
        torch.save(content, path)
        return path

    def open(self, path, inside="state_dict", scale=2, **changes):
        spec = {"file": path.name, "sha256_prefix": sha256(path), "inside": inside}
        return published_cdc(path, {k: v for k, v in spec.items() if v}, scale, **{**SMALL, **changes})

    @pytest.mark.parametrize("scale", [2, 3, 4])
    def test_cdc_wrapping_loads_every_tensor(self, tmp_path, scale):
        other = small(scale=scale)
        for parameter in other.parameters():
            nn.init.normal_(parameter, std=0.1)
        optim = torch.optim.Adam(other.parameters()).state_dict()
        path = self.save(tmp_path, {"Name": "HGSR-MHR", "state_dict": other.state_dict(), "optim": optim})
        network = self.open(path, scale=scale)
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in network.state_dict().items())
        x = torch.rand(1, 3, 8, 8)
        assert torch.equal(network(x), other(x)) and not network.training

    def test_dada_wrappings_load(self, tmp_path):
        state = small().state_dict()
        assert self.open(self.save(tmp_path, state), inside=None).state_dict().keys() == state.keys()
        self.open(self.save(tmp_path, {"break_info": {"epoch": 3}, "model": state}), inside="model")
        path = self.save(tmp_path, {"break_info": {}, "model": {"up": state, "down": {"a": torch.ones(2)}}})
        self.open(path, inside="model.up")
        with pytest.raises(UserError, match=r"released\.pth: is not a CDC x2.*missing"):
            self.open(path, inside="model.down")

    def test_another_scale_or_size_is_refused(self, tmp_path):
        path = self.save(tmp_path, {"state_dict": small(scale=4).state_dict()})
        with pytest.raises(UserError, match=r"not a CDC x2.*unexpected \(upsample_flat\.2\.1"):
            self.open(path, scale=2)
        with pytest.raises(UserError, match=r"of another shape \(conv_in\.0\.weight is \(8, 3, 3, 3\), expected \(16,"):
            self.open(path, scale=4, width=16)

    def test_the_published_size_wants_exactly_the_published_names(self, tmp_path, monkeypatch):
        """Of all 39.9 million parameters only shapes are made."""
        with torch.device("meta"):
            network = build({"name": "cdc", "scale": 4, **PAPER})
            state = {name: torch.empty_like(value) for name, value in network.state_dict().items()}
        assert set(state) == released_names(4)
        monkeypatch.setattr(published, "open_weights", lambda path, spec: dict(list(state.items())[:-1]))
        with torch.device("meta"), pytest.raises(UserError, match="1 tensors missing"):
            published_cdc("x.pth", {}, 4, **PAPER)
        monkeypatch.setattr(published, "open_weights", lambda path, spec: state)
        with torch.device("meta"):
            published_cdc("x.pth", {}, 4, **PAPER)


@torch.no_grad()
def test_de_resnet_is_the_published_one():
    network = build({"name": "de_resnet", "scale": 4, "width": 64, "blocks": 8})
    assert parameters(network) == 668_238 and len(network.state_dict()) == 51
    names = {f"{name}.{kind}" for name in ("block_input.0", "block_output") for kind in ("weight", "bias")}
    names |= {f"down_sample.{place}.{kind}" for place in (0, 2) for kind in ("weight", "bias")}
    names |= {"block_input.1.weight", "down_sample.1.weight", "down_sample.3.weight"}
    names |= {f"res_blocks.{k}.conv{c}.{kind}" for k in range(8) for c in (1, 2) for kind in ("weight", "bias")}
    names |= {f"res_blocks.{k}.prelu.weight" for k in range(8)}
    assert set(network.state_dict()) == names
    small_image = fill(network)(image(3, 64, 64))
    assert small_image.shape == (1, 3, 16, 16)
    assert float(small_image.mean()) == golden(0.50622936)
    assert float(small_image[0, 0, 0, 0]) == golden(0.45734374)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_de_resnet_divides_the_size(scale):
    network = build({"name": "de_resnet", "scale": scale, "width": 4, "blocks": 1})
    made = network(torch.rand(1, 3, 12, 24))
    assert made.shape == (1, 3, 12 // scale, 24 // scale)
    assert float(made.detach().min()) > 0 and float(made.detach().max()) < 1
    with pytest.raises(UserError, match=f"multiples of {scale}"):
        network(torch.rand(1, 3, 13, 24))


def test_de_resnet_knows_its_scales():
    with pytest.raises(UserError, match="scale is 1"):
        build({"name": "de_resnet", "scale": 1, "width": 4, "blocks": 1})


@torch.no_grad()
@pytest.mark.parametrize(
    ("channels", "count", "mean", "first"),
    [(1, 2_762_689, -0.27594380, -0.41326500), (3, 2_764_737, -0.31846897, -0.32526885)],
)
def test_patchgan_is_the_published_one(channels, count, mean, first):
    network = build({"name": "patchgan", "channels": channels, "width": 64})
    assert parameters(network) == count
    assert float(network.model[8].weight.std()) == pytest.approx(0.02, rel=0.01)
    assert not network.model[8].bias.any()
    assert set(network.state_dict()) == {f"model.{k}.{kind}" for k in (0, 2, 5, 8, 11) for kind in ("weight", "bias")}
    logits = fill(network)(image(channels, 64, 64))
    assert logits.shape == (1, 1, 6, 6)
    assert float(logits.mean()) == golden(mean)
    assert float(logits[0, 0, 0, 0]) == golden(first)


def test_patchgan_sizes():
    network = build({"name": "patchgan", "channels": 1, "width": 4})
    assert network(torch.rand(1, 1, 192, 192)).shape == (1, 1, 22, 22)
    assert network(torch.rand(1, 1, 24, 24)).shape == (1, 1, 1, 1)
    for shape in ((1, 1, 23, 64), (1, 3, 64, 64)):
        with pytest.raises(UserError, match="at least 24"):
            network(torch.rand(shape))


class TestBuild:
    @pytest.mark.parametrize("name", ["nonsense", "../losses/pixel", "", None, "cdc.py"])
    def test_unknown_name_says_where_it_looked(self, name):
        with pytest.raises(UserError, match=r"pipeline/models.*cdc"):
            build({"name": name})

    def test_missing_name(self):
        with pytest.raises(UserError, match="there is no"):
            build({"scale": 4})

    def test_a_file_that_builds_nothing(self):
        with pytest.raises(UserError, match="no function `build`"):
            build({"name": "hourglass"})

    def test_arguments_are_checked(self):
        with pytest.raises(UserError, match=r"blocks.*de_resnet\.py"):
            build({"name": "de_resnet", "scale": 4, "width": 8})
        with pytest.raises(UserError, match="colour"):
            build({"name": "patchgan", "channels": 3, "width": 8, "colour": 1})

    def test_the_spec_is_left_alone(self):
        spec = {"name": "patchgan", "channels": 3, "width": 8}
        build(spec)
        assert spec == {"name": "patchgan", "channels": 3, "width": 8}
