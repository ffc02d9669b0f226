"""CinCGAN: networks of the known size, losses by hand, and a toy world in which it removes noise that it never saw without."""

import pytest
import torch
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.losses.least_squares import discriminator_ls, generator_ls, total_variation
from pipeline.methods import cincgan, source_only
from pipeline.models import build
from pipeline.sampling.patches import Batch
from tests import toy

GENERATOR = {
    "name": "cdc",
    "width": 8,
    "hourglasses": 2,
    "poolings": 1,
    "mid": 0,
    "tail": 0,
    "gain": 0.7,
    "skip": False,
}
NETWORKS = {
    "translator": {"name": "cincgan_generator", "width": 12, "blocks": 1, "skip": True},
    "cycle_discriminator": {"name": "cincgan_discriminator", "width": 8},
}
LR_FILES = ("source_lr", "target_lr")


def parameters(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class TestNetworks:
    @pytest.mark.parametrize("scale", [1, 2, 3, 4])
    def test_translators_have_one_size_at_every_scale(self, scale):
        """609 731: sangyun884's 610 176 without its 12 batch norms, with biases."""
        network = build({"name": "cincgan_generator", "scale": scale, "width": 64, "blocks": 6, "skip": False})
        biases = 17 * 64 + 3
        assert parameters(network) == 610_176 - 12 * 2 * 64 + biases == 609_731

    @pytest.mark.parametrize("scale", [1, 2, 3, 4])
    @pytest.mark.parametrize("skip", [False, True])
    def test_translators_divide_the_size_and_train_every_parameter(self, scale, skip):
        torch.manual_seed(0)
        network = build({"name": "cincgan_generator", "scale": scale, "width": 4, "blocks": 2, "skip": skip})
        made = network(torch.rand(2, 3, 24, 12))
        assert made.shape == (2, 3, 24 // scale, 12 // scale) and network.scale == scale
        made.square().sum().backward()
        assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []

    def test_skip_adds_to_the_averaged_image(self):
        network = build({"name": "cincgan_generator", "scale": 2, "width": 4, "blocks": 1, "skip": True})
        for parameter in network.tail[-1].parameters():
            torch.nn.init.zeros_(parameter)
        x = torch.rand(1, 3, 8, 8)
        assert torch.equal(network(x), F.avg_pool2d(x, 2))

    def test_translator_refuses_other_inputs(self):
        network = build({"name": "cincgan_generator", "scale": 3, "width": 4, "blocks": 1, "skip": False})
        with pytest.raises(UserError, match="multiples of 3"):
            network(torch.rand(1, 3, 12, 13))
        with pytest.raises(UserError, match="scale is 5"):
            build({"name": "cincgan_generator", "scale": 5, "width": 4, "blocks": 1, "skip": False})

    @pytest.mark.parametrize(("stride", "size", "patches"), [(1, 48, 43), (2, 192, 22), (1, 6, 1), (2, 24, 1)])
    def test_discriminators_have_the_published_size(self, stride, size, patches):
        """2 765 633: DengZeshuai's."""
        assert parameters(build({"name": "cincgan_discriminator", "width": 64, "stride": stride})) == 2_765_633
        network = build({"name": "cincgan_discriminator", "width": 4, "stride": stride})
        assert network(torch.rand(2, 3, size, size)).shape == (2, 1, patches, patches)
        with pytest.raises(UserError, match="at least"):
            network(torch.rand(2, 3, size, 5))

    def test_discriminator_knows_its_strides(self):
        with pytest.raises(UserError, match="stride is 3"):
            build({"name": "cincgan_discriminator", "width": 4, "stride": 3})

    def test_pair_is_one_after_the_other(self):
        torch.manual_seed(0)
        arguments = {role: {k: v for k, v in spec.items() if k != "name"} for role, spec in NETWORKS.items()}
        upscaler = {name: value for name, value in GENERATOR.items() if name != "name"}
        pair = build({"name": "cincgan_pair", "scale": 3, "translator": arguments["translator"], "upscaler": upscaler})
        x = torch.rand(1, 3, 8, 8)
        assert pair.scale == 3 and pair.multiple == 2
        assert torch.equal(pair(x), pair.upscaler(pair.translator(x))) and pair(x).shape == (1, 3, 24, 24)


class TestLosses:
    def test_least_squares(self):
        real, fake = torch.tensor([[[[1.0, 0.5]]]]), torch.tensor([[[[0.5, -1.0]]]])
        assert float(generator_ls(fake, 1)) == pytest.approx((0.25 + 4) / 2)
        assert float(discriminator_ls(real, fake, 1)) == pytest.approx((0 + 0.25) / 2 + (0.25 + 1) / 2)
        assert float(discriminator_ls(real, fake, 0.9)) == pytest.approx((0.01 + 0.16) / 2 + (0.25 + 1) / 2)

    def test_total_variation(self):
        image = torch.tensor([[[[0.0, 1.0, 3.0], [2.0, 1.0, 0.0]]]])
        rows, columns = (4 + 0 + 9) / 3, (1 + 4 + 1 + 1) / 4
        assert float(total_variation(image)) == pytest.approx(rows + columns)

    @pytest.mark.parametrize("loss", [lambda a: generator_ls(a, 0.9), total_variation])
    def test_gradients(self, loss):
        torch.manual_seed(0)
        assert torch.autograd.gradcheck(loss, (torch.rand(1, 2, 3, 4).double().requires_grad_(),))


def inner_stage(**loss) -> cincgan.Inner:
    torch.manual_seed(1)
    settings = toy.settings("cincgan", "inner", NETWORKS, {"steps": 1, "batch": 2, "patch": 8, "lr": 1e-3}, **loss)
    return cincgan.Inner(settings, {}, {}, torch.device("cpu"))


def batch() -> Batch:
    random = torch.Generator().manual_seed(2)
    source, target = (torch.rand(2, 3, 8, 8, generator=random) for _ in range(2))
    return Batch([], source, torch.rand(2, 3, 16, 16, generator=random), target)


class TestTerms:
    def test_inner_terms_are_the_weighted_losses(self):
        stage, data = inner_stage(), batch()
        first, second, scores = (stage.trainable[name] for name in ("to_source", "to_target", "lr_discriminator"))
        with torch.no_grad():
            fake = first(data.target_lr)
            expected = {
                "inner_adversarial": (scores(fake) - 1).square().mean(),
                "inner_cycle": 10 * (second(fake) - data.target_lr).square().mean(),
                "inner_identity": 5 * (first(data.source_lr) - data.source_lr).abs().mean(),
                "inner_variation": total_variation(fake),
                "lr_discriminator": (scores(data.source_lr) - 1).square().mean() + scores(fake).square().mean(),
            }
        done = stage.step(data)
        assert list(done) == list(expected)
        for name, value in expected.items():
            torch.testing.assert_close(done[name], value)

    def test_other_published_values_are_settings(self):
        usual, other = inner_stage(), inner_stage(inner__real_label=0.9, inner__identity="mse")
        data = batch()
        with torch.no_grad():
            same = other.trainable["to_source"](data.source_lr)
            scores = other.trainable["lr_discriminator"](other.trainable["to_source"](data.target_lr))
        first, second = usual.step(data), other.step(data)
        torch.testing.assert_close(second["inner_identity"], 5 * (same - data.source_lr).square().mean())
        torch.testing.assert_close(second["inner_adversarial"], (scores - 0.9).square().mean())
        assert float(first["inner_cycle"]) == float(second["inner_cycle"])

    def test_the_discriminators_step_leaves_the_generators_alone(self):
        stage, data = inner_stage(), batch()
        stage.step(data)
        before = [parameter.clone() for parameter in stage.trainable["to_source"].parameters()]
        stage.optimisers["generators"].zero_grad(set_to_none=True)
        stage._discriminate(
            "lr_discriminator", data.source_lr, stage.trainable["to_source"](data.target_lr), stage.loss.inner
        )
        assert all(map(torch.equal, before, stage.trainable["to_source"].parameters()))
        assert all(parameter.grad is None for parameter in stage.trainable["to_source"].parameters())


def noisy(hr: torch.Tensor, seed: int) -> torch.Tensor:
    """The toy's target camera: 2x2 averages with noise of deviation 0.1; its source camera has none."""
    noise = torch.randn(
        *hr.shape[:2], hr.shape[2] // 2, hr.shape[3] // 2, generator=torch.Generator().manual_seed(seed)
    )
    return (F.avg_pool2d(hr, 2) + 0.1 * noise).clamp(0, 1)


def test_it_removes_noise_and_super_resolves(tmp_path):
    """No clean image of a target scene is ever seen. Without the adversarial term of the inner cycle its gain is 0.0 dB."""
    source, target, held_out = toy.scenes(120, 48, 1), toy.scenes(120, 48, 2), toy.scenes(16, 64, 3)
    files = toy.write(tmp_path, source_lr=F.avg_pool2d(source, 2), source_hr=source, target_lr=noisy(target, 5))
    lr, clean = noisy(held_out, 6), F.avg_pool2d(held_out, 2)

    schedule = {"steps": 120, "batch": 4, "patch": 16, "lr": 4e-3, "milestones": [80, 105], "gamma": 0.5}
    settings = toy.settings("source_only", "train", {"generator": GENERATOR}, schedule)
    pairs = {name: files[name] for name in ("source_lr", "source_hr")}
    plain = toy.train(source_only.STAGES["train"], settings, pairs, {})

    schedule = {"steps": 300, "batch": 8, "patch": 16, "lr": 8e-4, "betas": [0.5, 0.999]}
    settings = toy.settings("cincgan", "inner", NETWORKS, schedule)
    inner = toy.train(cincgan.Inner, settings, {name: files[name] for name in LR_FILES}, {})
    gained = toy.psnr(inner.trainable["to_source"], lr, clean) - toy.psnr(torch.nn.Identity(), lr, clean)
    assert gained > 1.0

    schedule = {"steps": 40, "batch": 8, "patch": 16, "lr": 3e-4, "betas": [0.5, 0.999]}
    settings = toy.settings("cincgan", "joint", {**NETWORKS, "generator": GENERATOR}, schedule)
    joint = toy.train(cincgan.Joint, settings, files, toy.save(plain, tmp_path) | toy.save(inner, tmp_path))
    whole = joint.results()["generator"][0]
    assert toy.psnr(whole, lr, held_out) > toy.psnr(plain.trainable["generator"], lr, held_out) + 0.4
    assert toy.psnr(whole.translator, lr, clean) > toy.psnr(torch.nn.Identity(), lr, clean) + 1.0
