"""DRN-Adapt: networks as the reference code computes them, losses by hand, who moves when, and that it adapts."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.images.rgb import imresize
from pipeline.losses import dual as losses
from pipeline.methods import drn_adapt
from pipeline.models import build
from pipeline.sampling.patches import Batch
from tests import toy
from tests.golden.reference_inputs import fill, image

PAPER = {"name": "drn", "width": 16, "blocks": 30, "reduction": 16, "skip": False}
SMALL = {"name": "drn", "width": 2, "blocks": 1, "reduction": 2, "skip": False}
ROLES = {"drn": SMALL, "drn_dual": {"name": "drn_dual", "width": 3, "direct": False}}
SCHEDULE = {"steps": 4, "patch": 6, "lr": 1e-3, "floor": 1e-7}


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def numbers(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize(
    ("scale", "width", "blocks", "count"),
    [(4, 16, 30, 4_804_065), (4, 20, 40, 9_825_893), (2, 16, 30, 606_378), (3, 16, 30, 652_618)],
)
def test_drn_has_the_published_size(scale, width, blocks, count):
    """DRN-S, DRN-L; x2 as the reference builds it; x3 is ours."""
    with torch.device("meta"):
        network = build({**PAPER, "scale": scale, "width": width, "blocks": blocks})
    assert parameters(network) == count


def test_dual_networks_have_the_published_sizes():
    def sizes(scale, width, direct):
        return [
            parameters(net)
            for net in build({**ROLES["drn_dual"], "scale": scale, "width": width, "direct": direct}).nets
        ]

    assert sizes(4, 16, False) == [864, 864] and sizes(4, 20, False) == [1080, 1080]
    assert sizes(4, 16, True) == [3168]
    assert sizes(2, 16, False) == sizes(2, 16, True) == sizes(3, 16, False) == [864]


@torch.no_grad()
def test_drn_computes_what_the_reference_computes():
    """Mean, deviation, first and last pixel of every output, from guoyongcs/DRN's own classes with the same weights."""
    expected = {
        4: [
            (0.0005571671161157972, 0.03622245065450319, 0.050911751743324504, 0.00911786643940842),
            (0.0008035481954555162, 0.05910428604130397, -0.15737118366527897, 0.011722564841466847),
            (0.0013001276850954729, 0.11925327148906169, 0.05713167258053997, 0.018958684973618536),
        ],
        2: [
            (-0.0007618413794932443, 0.053794504840685334, -0.039542583907930307, 0.011357219287916538),
            (0.009076752269144908, 0.17756211895274301, 0.015806544596736177, 0.03573774268869908),
        ],
    }
    for scale, levels in expected.items():
        made = fill(build({**PAPER, "scale": scale})).levels(image(3, 12, 16))
        for part, values in zip(made, levels, strict=True):
            found = (part.mean(), part.std(correction=0), part[0, 0, 0, 0], part[0, 2, -1, -1])
            assert [float(value) for value in found] == pytest.approx(values, rel=1e-9)


@torch.no_grad()
def test_dual_networks_compute_what_the_reference_computes():
    for direct, (mean, pixel) in {False: (0.17335078, -0.14033343), True: (0.03876857, -0.08089667)}.items():
        network = build({"name": "drn_dual", "scale": 4, "width": 16, "direct": direct})
        fill(network.nets[0])
        made = network.down(image(3, 12, 16), 0)
        assert (float(made.mean()), float(made[0, 1, 2, 1])) == pytest.approx((mean, pixel), abs=5e-9)


@torch.no_grad()
def test_skip_adds_the_bicubic_enlargement_at_every_size():
    network = build({**SMALL, "scale": 4, "skip": True})
    for tail in network.tail:
        torch.nn.init.zeros_(tail.weight), torch.nn.init.zeros_(tail.bias)
    x = torch.rand(1, 3, 6, 8)
    for part, times in zip(network.levels(x), (1, 2, 4), strict=True):
        assert torch.allclose(part, F.interpolate(x, scale_factor=times, mode="bicubic"), atol=1e-6)


@pytest.mark.parametrize(("scale", "skip"), [(2, False), (3, False), (4, False), (4, True)])
def test_drn_makes_every_size_and_trains_every_parameter(scale, skip):
    torch.manual_seed(0)
    network, dual = build({**SMALL, "scale": scale, "skip": skip}), build({**ROLES["drn_dual"], "scale": scale})
    x = torch.rand(2, 3, 5, 7)
    made = network.levels(x)
    sizes = {2: [(5, 7), (10, 14)], 3: [(5, 7), (15, 21)], 4: [(5, 7), (10, 14), (20, 28)]}[scale]
    assert [part.shape for part in made] == [(2, 3, *size) for size in sizes]
    assert torch.equal(network(x), made[-1]) and network.multiple == 1 and network.scale == scale
    again = dual(made)
    assert [part.shape for part in again] == [part.shape for part in made[:-1]]
    assert dual.chain(made[-1]).shape == x.shape
    (sum(part.square().sum() for part in made) + sum(part.square().sum() for part in again)).backward()
    idle = [name for net in (network, dual) for name, p in net.named_parameters() if not p.grad.abs().sum() > 0]
    assert idle == []


def test_x3_takes_the_pixel_in_the_middle():
    network = build({"name": "drn_dual", "scale": 3, "width": 3, "direct": False}).nets[0].dual_module
    with torch.no_grad():
        for layer in (network[0][0], network[1]):
            layer.weight.copy_(torch.eye(3)[:, :, None, None] * F.pad(torch.ones(1, 1), (1, 1, 1, 1)))
    x = torch.rand(1, 3, 9, 12)
    torch.testing.assert_close(network(x), x[:, :, 1::3, 1::3])


def test_wrong_arguments_are_named():
    for wrong, match in (({"scale": 8}, "scale is 8"), ({"reduction": 9}, "reduction is 9.*1 to 8")):
        with pytest.raises(UserError, match=match):
            build({**SMALL, "scale": 4, **wrong})
    with pytest.raises(UserError, match="scale is 1"):
        build({**ROLES["drn_dual"], "scale": 1})
    with pytest.raises(UserError, match=r"input is \(3, 8, 8\)"):
        build({**SMALL, "scale": 2})(torch.rand(3, 8, 8))


def test_labels_are_matlabs_bicubic_between():
    hr = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    lr = torch.rand(1, 3, 8, 10)
    images = [lr, torch.empty(1, 3, 16, 20), hr]
    first, between, last = losses.labels(lr, hr, images)
    assert first is lr and last is hr
    matlab = imresize(hr[0].permute(1, 2, 0).double().numpy(), 0.5).clip(0, 1).transpose(2, 0, 1)
    # MATLAB mirrors at the border, torch leaves out what is beyond: two pixels differ.
    assert np.abs(between[0].numpy() - matlab)[:, 2:-2, 2:-2].max() < 1e-6
    assert losses.labels(lr, hr, [lr, hr]) == [lr, hr]


def test_losses_by_hand():
    zeros = [torch.zeros(1, 3, side, side) for side in (2, 4, 8)]
    wanted = [torch.full_like(part, value) for part, value in zip(zeros, (0.1, 0.2, 0.4), strict=True)]
    assert float(losses.primal(zeros, wanted, 1)) == pytest.approx(0.7)
    assert float(losses.primal(zeros, wanted, 0.5)) == pytest.approx(0.55)
    assert float(losses.dual(zeros[:2], wanted[:2])) == pytest.approx(0.3)


def test_rate_follows_half_a_cosine():
    schedule = drn_adapt.Cosine(100, 4, 8, 1e-3, (0.9, 0.999), (), 1.0, 1e-4)
    assert [schedule.rate(step) for step in (0, 50, 100)] == pytest.approx([1e-3, 5.5e-4, 1e-4])
    assert schedule.rate(25) == pytest.approx(1e-4 + 9e-4 * (1 + 0.5**0.5) / 2)


def batch(scale=4, count=4):
    draw = torch.Generator().manual_seed(1)
    sides = (SCHEDULE["patch"], SCHEDULE["patch"] * scale, SCHEDULE["patch"])
    return Batch([], *(torch.rand(count, 3, side, side, generator=draw) for side in sides))


def adapting(folder, scale=4, roles=ROLES, count=4, **loss):
    """The adaptation stage behind one step of pre-training."""
    schedule = {**SCHEDULE, "batch": count}
    torch.manual_seed(0)
    pretrained = drn_adapt.Pretrain(
        toy.settings("drn_adapt", "pretrain", roles, schedule, scale), {}, {}, torch.device("cpu")
    )
    pretrained.step(batch(scale, count))
    starts = toy.save(pretrained, folder)
    return drn_adapt.Adapt(
        toy.settings("drn_adapt", "adapt", roles, schedule, scale, **loss), starts, {}, torch.device("cpu")
    )


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.7])
def test_only_the_share_rho_is_unpaired(tmp_path, fraction):
    """Other source pairs and target images of the batch take no part, and the target's share grows with rho."""
    stage, given = adapting(tmp_path, unpaired_fraction=fraction), batch()
    unpaired = {0.3: 1, 0.5: 2, 0.7: 3}[fraction]
    poisoned = given._replace(
        source_lr=torch.cat([given.source_lr[: 4 - unpaired], torch.full_like(given.source_lr[:unpaired], torch.nan)]),
        source_hr=torch.cat([given.source_hr[: 4 - unpaired], torch.full_like(given.source_hr[:unpaired], torch.nan)]),
        target_lr=torch.cat([given.target_lr[:unpaired], torch.full_like(given.target_lr[unpaired:], torch.nan)]),
    )
    terms = stage.step(poisoned)
    assert stage.unpaired == unpaired and all(torch.isfinite(term) for term in terms.values())


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.9, 1.0])
def test_a_batch_without_pairs_or_without_target_is_refused(tmp_path, fraction):
    with pytest.raises(UserError, match=r"loss.unpaired_fraction: .* of a batch of 4"):
        adapting(tmp_path, unpaired_fraction=fraction)


def test_an_adaptation_that_never_looks_at_the_target_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"loss.unpaired_dual: empty; expected first, chain or both"):
        adapting(tmp_path, unpaired_dual=[])


def test_terms_are_those_of_algorithm_1(tmp_path):
    """Sums over the batch of 5 pairs and 3 target images, divided by 8; by 5 where pairs are averaged by themselves."""
    given, mix = batch(count=8), {"roles": ROLES, "count": 8, "unpaired_fraction": 0.4}
    stage = adapting(tmp_path, **mix, primal_average="batch")
    network, dual = stage.trainable["primal"], stage.trainable["dual"]
    with torch.no_grad():
        made = network.levels(torch.cat([given.source_lr[:5], given.target_lr[:3]]))
        half = F.interpolate(given.source_hr[:5], size=(12, 12), mode="bicubic", antialias=True).clamp(0, 1)
        labels = (given.source_lr[:5], half, given.source_hr[:5])
        primal = sum((part[:5] - label).abs().mean() for part, label in zip(made, labels, strict=True))
        paired = sum((dual.down(made[k + 1][:5], k) - labels[k]).abs().mean() for k in (0, 1))
        target = given.target_lr[:3]
        first = (dual.down(made[1][5:], 0) - target).abs().mean()
        chain = (dual.down(dual.down(made[2][5:], 1), 0) - target).abs().mean()
    expected = {"primal": primal * 5 / 8, "dual_paired": paired * 0.5 / 8, "dual_unpaired": (first + chain) * 0.3 / 8}
    terms = stage.step(given)
    assert {name: float(terms[name]) for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-5
    )
    alone = adapting(tmp_path, **mix, primal_average="paired").step(given)
    assert float(alone["primal"]) == pytest.approx(float(primal), rel=1e-5)
    chained = adapting(tmp_path, **mix, unpaired_dual=["chain"]).step(given)
    assert float(chained["dual_unpaired"]) == pytest.approx(float(chain) * 0.3 / 8, rel=1e-5)


@pytest.mark.parametrize(("scale", "direct"), [(2, False), (3, False), (4, True)])
def test_with_one_dual_network_first_and_chain_are_one(tmp_path, scale, direct):
    roles = {**ROLES, "drn_dual": {**ROLES["drn_dual"], "direct": direct}}
    both, chain = (
        adapting(tmp_path, scale, roles, unpaired_dual=ways).step(batch(scale))
        for ways in (["first", "chain"], ["chain"])
    )
    assert both == chain


def test_networks_take_turns(tmp_path, monkeypatch):
    """P's step leaves D alone, D's step sees the images of the new P without moving it; or both move at once."""
    passes = {"in_turn": 2, "together": 1}
    for updates, count in passes.items():
        stage, given = adapting(tmp_path, updates=updates), batch()
        seen, moved = [], []
        levels, update = stage.trainable["primal"].levels, stage.update

        def looked(lr, levels=levels, seen=seen):
            seen.append(len(lr))
            return levels(lr)

        def watched(optimiser, terms, stage=stage, update=update, moved=moved):
            before = {name: numbers(network) for name, network in stage.trainable.items()}
            done = update(optimiser, terms)
            after = {name: numbers(network) for name, network in stage.trainable.items()}
            if moved == [] and stage.loss.updates == "in_turn":
                assert all(parameter.grad is None for parameter in stage.trainable["dual"].parameters())
            moved.append({name for name in before if not torch.equal(before[name], after[name])})
            return done

        monkeypatch.setattr(stage.trainable["primal"], "levels", looked)
        monkeypatch.setattr(stage, "update", watched)
        stage.step(given)
        assert seen == [4] * count
        assert moved == ([{"primal", "dual"}] if updates == "together" else [{"primal"}, {"dual"}])
        assert all(p.requires_grad for net in stage.trainable.values() for p in net.parameters())


def test_target_lr_reaches_the_up_sampler_through_the_dual_loss_alone(tmp_path):
    """With the dual loss off another target changes nothing; with it on, P."""
    ends = {}
    for weight in (0.0, 0.1):
        for shift in (0.0, 0.3):
            stage, given = adapting(tmp_path, dual_weight=weight), batch()
            stage.step(given._replace(target_lr=given.target_lr * 0.5 + shift))
            ends[weight, shift] = numbers(stage.trainable["primal"])
    assert torch.equal(ends[0.0, 0.0], ends[0.0, 0.3])
    assert not torch.equal(ends[0.1, 0.0], ends[0.1, 0.3])


def capture(hr: torch.Tensor, sigma: float) -> torch.Tensor:
    """x2 camera: Gaussian blur of `sigma` HR pixels, mean over 2x2."""
    taps = torch.exp(-0.5 * (torch.arange(-6, 7) / sigma) ** 2)
    kernel = (taps / taps.sum()).expand(3, 1, 1, 13)
    padded = F.pad(hr, (6, 6, 6, 6), mode="replicate")
    return F.avg_pool2d(F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3), 2)


def test_toy_another_kernel(tmp_path):
    """Trained on a blurring camera, DRN over-sharpens a sharp one; the sharp camera's LR alone must lead it back.

    The same steps without the dual loss, on source pairs alone, are the control.
    """
    roles = {
        "drn": {"name": "drn", "width": 8, "blocks": 1, "reduction": 8, "skip": False},
        "drn_dual": {"name": "drn_dual", "width": 8, "direct": False},
    }
    source_hr, target_hr, held_out = (toy.scenes(count, 32, seed) for count, seed in ((96, 1), (96, 2), (24, 3)))
    files = toy.write(
        tmp_path, source_lr=capture(source_hr, 1.6), source_hr=source_hr, target_lr=capture(target_hr, 0.3)
    )
    held_lr = capture(held_out, 0.3)
    shared = {"batch": 8, "patch": 8, "lr": 3e-3, "floor": 1e-7}
    pretraining = toy.settings("drn_adapt", "pretrain", roles, {**shared, "steps": 800})
    pairs = {name: path for name, path in files.items() if name != "target_lr"}
    pretrained = toy.train(drn_adapt.Pretrain, pretraining, pairs, {})
    starts = toy.save(pretrained, tmp_path)

    @torch.no_grad()
    def measured(stage):
        network, dual = stage.trainable["primal"], stage.trainable["dual"]
        again = dual.chain(network(held_lr))
        return toy.psnr(network, held_lr, held_out), float((again - held_lr).abs().mean())

    before, before_dual = measured(pretrained)
    after = {}
    for weight in (0.0, 1.0):
        adaptation = toy.settings("drn_adapt", "adapt", roles, {**shared, "steps": 300}, dual_weight=weight)
        after[weight] = measured(toy.train(drn_adapt.Adapt, adaptation, files, starts))
    assert after[1.0][0] > before + 0.5  # found: 17.9 dB before, 19.0 after, 16.5 without the dual loss
    assert after[1.0][0] > after[0.0][0] + 1
    assert after[1.0][1] < 0.75 * before_dual  # found: 0.54
