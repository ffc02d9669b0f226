"""What DASR is made of: networks of the known size, frequencies and domain-distance maps by hand."""

import warnings

import numpy as np
import pytest
import pywt
import torch
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.losses.domain_distance import distance_map, weighted_l1
from pipeline.models import build
from pipeline.models.domain_discriminator import FIELD
from pipeline.models.frequency import high, high_channels, low

RRDB = {"name": "rrdb", "width": 8, "blocks": 1, "growth": 4, "gain": 0.5, "skip": True}
FREQUENCIES = ("gaussian_5", "average_5", "wavelet")


def parameters(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class TestNetworks:
    @pytest.mark.parametrize(("scale", "count"), [(4, 16_697_987), (3, 16_661_059), (2, 16_661_059)])
    def test_rrdb_has_the_published_size_and_names(self, scale, count):
        spec = {"name": "rrdb", "width": 64, "blocks": 23, "growth": 32, "gain": 0.1, "skip": False}
        network = build({**spec, "scale": scale})
        assert parameters(network) == count and network.scale == scale
        names = {name.removesuffix(".weight") for name in network.state_dict() if name.endswith("weight")}
        assert {"model.0", "model.1.sub.0.RDB1.conv1.0", "model.1.sub.22.RDB3.conv5.0", "model.1.sub.23"} <= names
        tail = {4: {3, 6, 8, 10}, 3: {3, 5, 7}, 2: {3, 5, 7}}[scale]
        assert {name for name in names if name.count(".") == 1} == {"model.0"} | {f"model.{place}" for place in tail}
        weight = network.get_submodule("model.1.sub.3.RDB2.conv5.0").weight
        assert float(weight.detach().std()) == pytest.approx(0.1 * (2 / (192 * 9)) ** 0.5, rel=0.05)

    @pytest.mark.parametrize("scale", [2, 3, 4])
    @pytest.mark.parametrize("skip", [False, True])
    def test_rrdb_enlarges_and_trains_every_parameter(self, scale, skip):
        torch.manual_seed(0)
        network = build({**RRDB, "skip": skip, "scale": scale})
        made = network(torch.rand(2, 3, 6, 8))
        assert made.shape == (2, 3, 6 * scale, 8 * scale)
        made.square().sum().backward()
        assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []

    @torch.no_grad()
    def test_rrdb_is_nested_residuals(self):
        """One block, one channel, every convolution a copy of its first inputs' sum: by hand."""
        network = build({"name": "rrdb", "scale": 2, "width": 1, "blocks": 1, "growth": 1, "gain": 1, "skip": False})
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.zero_()[:, :, 1, 1] = 1
        x = torch.full((1, 3, 2, 2), 0.1)

        def dense(value):
            known = [value]
            for _ in range(4):
                known.append(sum(known))
            return 0.2 * sum(known) + value

        first = 0.3
        block = 0.2 * dense(dense(dense(first))) + first
        torch.testing.assert_close(network(x), torch.full((1, 3, 4, 4), first + block))

    def test_rrdb_knows_its_scales(self):
        with pytest.raises(UserError, match="scale is 1"):
            build({**RRDB, "scale": 1})

    def test_dsn_is_the_down_sampler_that_dada_takes_from_it(self):
        torch.manual_seed(0)
        network = build({"name": "dsn", "scale": 4, "width": 64, "blocks": 8, "skip": False})
        assert parameters(network) == 668_238
        x = torch.rand(1, 3, 16, 24)
        assert torch.equal(network(x), network.network(x)) and network(x).shape == (1, 3, 4, 6)
        changed = build({"name": "dsn", "scale": 4, "width": 4, "blocks": 1, "skip": True})
        difference = changed(x) - F.avg_pool2d(x, 4)
        torch.testing.assert_close(difference, changed.network(x) - 0.5)

    @pytest.mark.parametrize(("frequency", "count"), [("gaussian_5", 1_029_505), ("wavelet", 1_039_105)])
    def test_domain_discriminator_has_the_published_size(self, frequency, count):
        network = build({"name": "domain_discriminator", "width": 64, "frequency": frequency})
        assert parameters(network) == count
        halved = 2 if frequency == "wavelet" else 1
        assert network(torch.rand(1, 3, 16, 12)).shape == (1, 1, 16 // halved, 12 // halved)

    def test_field_is_what_one_logit_of_the_domain_discriminator_sees(self):
        network = build({"name": "domain_discriminator", "width": 4, "frequency": "average_1"})
        network.net = torch.nn.Sequential(*(part for part in network.net if isinstance(part, torch.nn.Conv2d)))
        filtered = torch.rand(1, 3, 31, 31, requires_grad=True)
        network.net(filtered)[0, 0, 15, 15].backward()
        rows = (filtered.grad[0, 0].abs().sum(dim=1) > 0).nonzero().flatten()
        assert (int(rows.min()), int(rows.max())) == (15 - FIELD // 2, 15 + FIELD // 2)

    @pytest.mark.parametrize(("frequency", "count", "size"), [("gaussian_9", 662_593, 128), ("wavelet", 668_737, 64)])
    def test_frequency_patchgan_has_the_published_size(self, frequency, count, size):
        network = build({"name": "frequency_patchgan", "width": 64, "frequency": frequency})
        assert parameters(network) == count
        assert network(torch.rand(1, 3, 128, 128)).shape == (1, 1, size // 4 - 2, size // 4 - 2)
        assert float(network.model[2].weight.detach().std()) == pytest.approx((2 / (64 * 16)) ** 0.5, rel=0.02)
        with pytest.raises(UserError, match="at least 16x16 after filtering"):
            network(torch.rand(1, 3, 14, 14))


class TestFrequency:
    def test_gaussian_is_the_reference_kernel(self):
        grid = torch.arange(5) - 2.0
        kernel = torch.exp(-(grid[:, None] ** 2 + grid**2) / (2 * (5 / 6) ** 2))
        kernel = (kernel / kernel.sum()).expand(3, 1, 5, 5)
        x = torch.rand(2, 3, 9, 11)
        for border in (False, True):
            expected = F.conv2d(x, kernel, groups=3, padding=2 if border else 0)
            torch.testing.assert_close(low(x, "gaussian_5", border), expected)
        torch.testing.assert_close(high(x, "gaussian_5"), 0.5 + 0.5 * (x - F.conv2d(x, kernel, groups=3, padding=2)))

    def test_average_counts_pixels_inside_only(self):
        x = torch.arange(36.0).view(1, 1, 6, 6)
        assert float(low(x, "average_5", border=True)[0, 0, 0, 0]) == x[..., :3, :3].mean()
        assert low(x, "average_5", border=False).flatten().tolist() == [14, 15, 20, 21]

    def test_wavelet_is_haar(self):
        x = torch.tensor([[[[1.0, 2.0], [3.0, 7.0]]]])
        assert low(x, "wavelet", border=True).item() == x.mean().item()
        bands = high(x, "wavelet").flatten() * 2 - 1
        assert bands.tolist() == pytest.approx([(3 - 10) / 2, (4 - 9) / 2, (8 - 5) / 2])

    def test_wavelet_is_that_of_the_two_packages_for_wavelets(self):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
            from pytorch_wavelets import DWTForward
        x = torch.rand(2, 3, 8, 12)
        ours = torch.cat((2 * low(x, "wavelet", border=False), 2 * high(x, "wavelet") - 1), dim=1)
        coarse, (fine,) = DWTForward(J=1, wave="haar", mode="zero")(x)
        theirs = torch.cat((coarse, *fine.unbind(dim=2)), dim=1)
        assert torch.allclose(ours, theirs, atol=1e-6)
        mean, details = pywt.dwt2(x.numpy(), "haar", mode="zero")
        assert torch.allclose(ours, torch.from_numpy(np.concatenate((mean, *details), axis=1)), atol=1e-6)

    def test_wavelet_keeps_the_energy(self):
        x = torch.rand(2, 3, 8, 6)
        bands = torch.cat((2 * low(x, "wavelet", border=False), 2 * high(x, "wavelet") - 1), dim=1)
        torch.testing.assert_close(bands.square().sum(), x.square().sum())

    @pytest.mark.parametrize("frequency", FREQUENCIES)
    def test_gradients_and_channels(self, frequency):
        torch.manual_seed(0)
        x = torch.rand(1, 3, 6, 6).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda image: low(image, frequency, border=True), (x,))
        assert torch.autograd.gradcheck(lambda image: high(image, frequency), (x,))
        assert high(x, frequency).shape[1] == high_channels(frequency)

    @pytest.mark.parametrize("frequency", ["gaussian", "gaussian_4", "median_5", "wavelet_3", "average_x"])
    def test_unknown_splits_are_named(self, frequency):
        with pytest.raises(UserError, match=f"frequency is '{frequency}'"):
            low(torch.rand(1, 3, 8, 8), frequency, border=True)

    def test_wavelet_needs_even_sizes(self):
        with pytest.raises(UserError, match="7x8"):
            low(torch.rand(1, 3, 7, 8), "wavelet", border=True)


class TestDomainDistance:
    @pytest.mark.parametrize("field", [13, 17, 5])
    def test_map_is_the_mean_of_all_outputs_that_saw_a_pixel(self, field):
        torch.manual_seed(0)
        logits = torch.randn(1, 1, 9, 20)
        total, count = np.zeros((9, 20)), np.zeros((9, 20))
        for row in range(9):
            for column in range(20):
                half = field // 2
                place = np.s_[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
                total[place] += float(logits[0, 0, row, column].sigmoid())
                count[place] += 1
        made = distance_map(logits, field, (9, 20), scale=1)
        np.testing.assert_allclose(made[0, 0].numpy(), total / count, rtol=1e-5)

    def test_a_field_without_a_middle_is_refused(self):
        with pytest.raises(UserError, match="map_field: 4; expected an odd number"):
            distance_map(torch.zeros(1, 1, 9, 9), 4, (9, 9), 1)

    def test_map_is_enlarged_to_hr(self):
        logits = torch.randn(2, 1, 4, 6)
        spread = F.avg_pool2d(logits.sigmoid(), 3, 1, 1, count_include_pad=False)
        at_lr = F.interpolate(spread, scale_factor=2, mode="bilinear")
        torch.testing.assert_close(distance_map(logits, 3, (8, 12), 1), at_lr)
        torch.testing.assert_close(
            distance_map(logits, 3, (8, 12), 3), F.interpolate(at_lr, scale_factor=3, mode="bilinear")
        )

    def test_loss_follows_a_known_map_pixel_by_pixel(self):
        torch.manual_seed(0)
        sr, hr = torch.rand(1, 3, 4, 4, requires_grad=True), torch.rand(1, 3, 4, 4)
        weights = torch.zeros(1, 1, 4, 4)
        weights[0, 0, 1, 2], weights[0, 0, 3, 0] = 1.0, 0.25
        loss = weighted_l1(sr, hr, weights)
        parts = (sr - hr).abs()[0].sum(dim=0)
        assert float(loss.detach()) == pytest.approx(float((parts[1, 2] + 0.25 * parts[3, 0]).detach()) / 48, rel=1e-6)
        loss.backward()
        torch.testing.assert_close(sr.grad.abs(), weights.expand(1, 3, 4, 4) / 48)
        torch.testing.assert_close(weighted_l1(sr, hr, torch.ones(1, 1, 4, 4)), (sr - hr).abs().mean())
