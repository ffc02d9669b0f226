"""Metrics against values of other programs: DADA's own code (golden values), scikit-image, and lpips built by hand."""

import socket

import lpips
import numpy as np
import pytest
import scipy.stats
import skimage.metrics
import torch
import torchvision

from pipeline.errors import UserError
from pipeline.evaluation.bootstrap import paired_difference, percentile_interval
from pipeline.evaluation.metrics import METRICS, Metric, open_metrics, psnr_y, ssim_map, ssim_rgb
from pipeline.files import sha256


def waves(channels: int, height: int, width: int, shift: float) -> torch.Tensor:
    """The image for which the reference code's values were recorded, (1, C, H, W) float32."""
    c, h, w = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in (channels, height, width)), indexing="ij")
    return (0.5 + 0.5 * torch.sin(0.7 * c + 0.31 * h + 0.17 * w + 0.05 * h * w / 8 + shift))[None]


SR, HR = waves(3, 64, 64, 0.0), waves(3, 64, 64, 0.2)


def noisy_pair(height: int = 40, width: int = 52) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(3)
    hr = random.random((1, 3, height, width), dtype=np.float32)
    sr = np.clip(hr + random.normal(0, 0.1, hr.shape), 0, 1).astype(np.float32)
    return torch.from_numpy(sr), torch.from_numpy(hr)


def test_psnr_y_equals_the_reference_code():
    assert psnr_y(SR, HR, shave=4) == pytest.approx(25.158704, abs=1e-6)


def test_psnr_y_equals_scikit_image_on_the_shaved_luma():
    sr, hr = noisy_pair()
    lumas = [np.einsum("chw,c->hw", x[0].double().numpy(), np.array([65.738, 129.057, 25.064]) / 256) for x in (sr, hr)]
    expected = skimage.metrics.peak_signal_noise_ratio(lumas[1][3:-3, 3:-3], lumas[0][3:-3, 3:-3], data_range=1)
    assert psnr_y(sr, hr, shave=3) == pytest.approx(expected, abs=1e-9)


def test_psnr_y_ignores_the_border_and_ends_at_100():
    sr, hr = HR.clone(), HR
    sr[:, :, :4], sr[..., -4:] = 0, 1
    assert psnr_y(sr, hr, shave=4) == 100.0
    assert psnr_y(sr, hr, shave=3) < 30
    with pytest.raises(UserError, match="8x64"):
        psnr_y(sr[:, :, :8], hr[:, :, :8], shave=4)


def test_ssim_rgb_equals_the_reference_code():
    assert ssim_rgb(SR, HR) == pytest.approx(0.9700382, abs=2e-7)


def test_ssim_equals_scikit_image_where_no_window_leaves_the_image():
    sr, hr = noisy_pair()
    inside = (slice(5, -5), slice(5, -5))
    for channel in range(3):
        _, expected = skimage.metrics.structural_similarity(
            hr[0, channel].double().numpy(),
            sr[0, channel].double().numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            full=True,
        )
        found = ssim_map(sr[:, channel : channel + 1], hr[:, channel : channel + 1])[0, 0].numpy()
        np.testing.assert_allclose(found[inside], expected[inside], atol=2e-5)
        assert np.abs(found - expected)[:5].max() > 1e-3, "borders are zero-padded here, mirrored there"


@pytest.fixture(scope="module")
def alexnet_file(tmp_path_factory):
    """A state dict with the names of torchvision's AlexNet file and random values, and its description."""
    path = tmp_path_factory.mktemp("weights") / "alexnet-random.pth"
    torch.manual_seed(5)
    state = torchvision.models.alexnet(weights=None).features.state_dict()
    torch.save({f"features.{name}": value for name, value in state.items()}, path)
    return path, {"url": "https://example.org/alexnet-random.pth", "file": path.name, "sha256_prefix": sha256(path)[:8]}


@pytest.mark.filterwarnings("ignore:.*'(pretrained|weights)':UserWarning")
def test_lpips_rests_on_the_given_file_and_never_on_the_network(alexnet_file, monkeypatch):
    path, spec = alexnet_file

    def refuse(*_, **__):
        raise AssertionError("LPIPS opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    sr, hr = noisy_pair(96, 80)
    found = open_metrics(["lpips_alex"], 4, path, spec).measure("one", sr, hr)["lpips_alex"]

    by_hand = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    trunk = torchvision.models.alexnet(weights=None).features
    trunk.load_state_dict({k.removeprefix("features."): v for k, v in torch.load(path, weights_only=True).items()})
    for part, layers in enumerate([(0, 2), (2, 5), (5, 8), (8, 10), (10, 12)], start=1):
        for position, layer in enumerate(range(*layers)):
            getattr(by_hand.net, f"slice{part}")[position] = trunk[layer]
    with torch.no_grad():
        assert found == pytest.approx(by_hand(2 * sr - 1, 2 * hr - 1).item(), rel=1e-6)
    assert found > 0


def test_lpips_without_weights_is_missing_with_a_reason():
    metrics = open_metrics(["psnr_y", "lpips_alex"], 4, None, None)
    assert set(metrics.measure("one", SR, HR)) == {"psnr_y"}
    assert "AlexNet" in metrics.missing["lpips_alex"]


def test_lpips_refuses_another_file(alexnet_file, tmp_path):
    path, spec = alexnet_file
    with pytest.raises(UserError, match="SHA-256"):
        open_metrics(["lpips_alex"], 4, path, {**spec, "sha256_prefix": "0123456789"})
    other = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(2)}, other)
    with pytest.raises(UserError, match=r"other\.pth.*features\.0\.weight"):
        open_metrics(["lpips_alex"], 4, other, {**spec, "sha256_prefix": sha256(other)})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_network_is_named_by_its_image(value):
    sr = SR.clone()
    sr[0, 1, 5, 5] = value
    with pytest.raises(UserError, match=r"harbour.*NaN or infinity"):
        open_metrics(["psnr_y"], 4, None, None).measure("harbour", sr, HR)


def test_unequal_sizes_are_named():
    with pytest.raises(UserError, match=r"harbour.*64x64.*64x60"):
        open_metrics(["psnr_y"], 4, None, None).measure("harbour", SR, HR[..., :60])


def test_every_name_has_a_protocol_and_a_function_of_its_own(alexnet_file):
    metrics = open_metrics(list(METRICS), 4, *alexnet_file)
    assert list(metrics.measures) == list(metrics.protocol) == list(METRICS) and not metrics.missing
    sr, hr = noisy_pair(96, 80)
    found = metrics.measure("one", sr, hr)
    assert len(set(found.values())) == len(set(metrics.protocol.values())) == len(METRICS)
    assert found["psnr_y"] == psnr_y(sr, hr, shave=4) and found["ssim_rgb"] == ssim_rgb(sr, hr)


def test_a_name_without_a_function_cannot_be_added():
    with pytest.raises(TypeError, match="open"):
        Metric("PSNR of something else")


def test_unknown_metric():
    with pytest.raises(UserError, match=r"psnr_z.*psnr_y"):
        open_metrics(["psnr_z"], 4, None, None)


def test_interval_matches_theory_and_repeats():
    values = np.random.default_rng(0).normal(25, 2, 400)
    low, high = percentile_interval(values, samples=4000, seed=1, level=0.95)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert (low, high) == percentile_interval(values, samples=4000, seed=1, level=0.95)
    assert percentile_interval([3.0], samples=10, seed=1, level=0.95) == (3.0, 3.0)


def test_interval_agrees_with_scipys_bootstrap():
    """On skewed values, for which the other methods give other ends; the resamples of the two are not the same ones."""
    values = np.random.default_rng(3).exponential(2, 12) ** 2
    ours = percentile_interval(values, samples=100_000, seed=1, level=0.9)

    def theirs(method: str) -> tuple[float, float]:
        draws = {"n_resamples": 100_000, "rng": np.random.default_rng(2)}
        found = scipy.stats.bootstrap((values,), np.mean, confidence_level=0.9, method=method, **draws)
        return found.confidence_interval.low, found.confidence_interval.high

    assert ours == pytest.approx(theirs("percentile"), abs=0.05)
    assert np.abs(np.subtract(ours, theirs("basic"))).min() > 0.5


@pytest.mark.parametrize(
    ("values", "samples", "level"), [([], 9, 0.9), ([1.0, np.nan], 9, 0.9), ([1.0], 0, 0.9), ([1.0], 9, 1)]
)
def test_interval_refuses(values, samples, level):
    with pytest.raises(UserError, match="bootstrap"):
        percentile_interval(values, samples=samples, seed=0, level=level)


def test_paired_gain_is_sharper_than_the_images_are_spread():
    random = np.random.default_rng(0)
    before = {f"{i}": value for i, value in enumerate(random.normal(25, 5, 50))}
    after = {name: before[name] + gain for name, gain in zip(reversed(before), random.normal(1, 0.1, 50), strict=True)}
    mean, low, high = paired_difference(after, before, samples=2000, seed=0, level=0.95)
    assert low < mean < high
    assert mean == pytest.approx(1, abs=0.05)
    assert high - low < 0.1
    with pytest.raises(UserError, match="49"):
        paired_difference(after, {k: v for k, v in before.items() if k != "49"}, samples=9, seed=0, level=0.95)
