"""DASR's stages: their terms by hand, and a toy world in which it learns the target camera's blur and to undo it."""

import lpips
import pytest
import torch
import torchvision
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.losses.domain_distance import distance_map
from pipeline.methods import dasr
from pipeline.models.frequency import low
from pipeline.sampling.patches import Batch
from tests import toy

CPU = torch.device("cpu")
NETWORKS = {
    "rrdb": {"name": "rrdb", "width": 8, "blocks": 1, "growth": 4, "gain": 0.5, "skip": True},
    "degrader": {"name": "dsn", "width": 8, "blocks": 1, "skip": True},
    "domain_discriminator": {"name": "domain_discriminator", "width": 8},
    "frequency_discriminator": {"name": "frequency_patchgan", "width": 8},
}


def settings(stage: str, steps: int = 1, batch: int = 2, lr: float = 1e-3, **changes) -> dict:
    networks = {role: NETWORKS[role] for role in toy.PARAMS["methods"]["dasr"]["stages"][stage]["networks"]}
    shared = {name: changes.pop(name) for name in ("betas", "milestones", "gamma") if name in changes}
    return toy.settings(
        "dasr", stage, networks, {"steps": steps, "batch": batch, "patch": 16, "lr": lr} | shared, **changes
    )


def batch(size: int = 16) -> Batch:
    random = torch.Generator().manual_seed(2)
    source, target = (torch.rand(2, 3, size, size, generator=random) for _ in range(2))
    return Batch([], source, torch.rand(2, 3, 2 * size, 2 * size, generator=random), target)


def sr_stage(folder, **changes) -> dasr.SuperResolution:
    torch.manual_seed(1)
    earlier = [dasr.Pretrain(settings("pretrain"), {}, {}, CPU), dasr.Degradation(settings("dsn"), {}, {}, CPU)]
    starts = toy.save(earlier[0], folder) | toy.save(earlier[1], folder)
    return dasr.SuperResolution(settings("sr", **changes), starts, {}, CPU)


class TestTerms:
    def test_degradation_terms_are_the_weighted_losses(self):
        torch.manual_seed(1)
        stage, data = dasr.Degradation(settings("dsn"), {}, {}, CPU), batch()
        generator, discriminator = stage.trainable["degrader"], stage.trainable["domain_discriminator"]
        with torch.no_grad():
            fake = generator(data.source_hr)
            real, made = (discriminator(image).sigmoid() for image in (data.target_lr, fake))
        done = stage.step(data)
        assert float(done["domain_discriminator"]) == pytest.approx(
            float(-real.log().mean() - (1 - made).log().mean()), rel=1e-5
        )
        colour = [F.avg_pool2d(image, 5, 1) for image in (fake, data.source_lr)]
        assert float(done["colour"]) == pytest.approx(float((colour[0] - colour[1]).abs().mean()), rel=1e-5)
        assert float(done["surrogate"]) == pytest.approx(0.1 * float((fake - data.source_lr).abs().mean()), rel=1e-5)
        # The generator faces the discriminator as it is after its own step.
        with torch.no_grad():
            texture = -0.006 * discriminator(fake).sigmoid().log().mean()
        assert float(done["texture"]) == pytest.approx(float(texture), rel=1e-5)

    def test_super_resolution_follows_the_distance_map(self, tmp_path):
        stage, data = sr_stage(tmp_path), batch()
        lr, weights = stage.generated(data.source_hr)
        with torch.no_grad():
            made = stage.frozen["degrader"](data.source_hr)
            torch.testing.assert_close(lr, made, atol=0.5 / 255 + 1e-6, rtol=0)
            torch.testing.assert_close(lr * 255, (lr * 255).round())
            logits = stage.frozen["domain_discriminator"](made)
            torch.testing.assert_close(weights, distance_map(logits, 13, (16, 16), 2))
            both = stage.trainable["generator"](torch.cat([lr, data.target_lr]))
            logits = stage.trainable["frequency_discriminator"](both[2:])
        done = stage.step(data)
        difference = (both[:2] - data.source_hr).abs()
        assert float(done["pixel"]) == pytest.approx(float((weights * difference).mean()), rel=1e-5)
        bands = [F.avg_pool2d(image, 2) for image in (both[:2], data.source_hr)]
        assert float(done["low"]) == pytest.approx(float((bands[0] - bands[1]).abs().mean()), rel=1e-5)
        assert float(done["adversarial"]) == pytest.approx(0.005 * float(F.softplus(-logits).mean()), rel=1e-5)

    def test_generated_lr_is_what_a_file_of_8_bits_can_hold(self, tmp_path):
        stage, black_and_white = sr_stage(tmp_path), (batch().source_hr > 0.5).float()
        with torch.no_grad():
            made = stage.frozen["degrader"](black_and_white)
        lr, _ = stage.generated(black_and_white)
        assert made.min() < 0 and made.max() > 1, "adds to averaged pixels"
        assert lr.min() == 0 and lr.max() == 1

    def test_without_weighting_every_pixel_counts(self, tmp_path):
        stage, data = sr_stage(tmp_path, distance_weighting=False, eight_bit=False), batch()
        lr, weights = stage.generated(data.source_hr)
        assert torch.equal(weights, torch.ones(2, 1, 32, 32))
        with torch.no_grad():
            assert torch.equal(lr, stage.frozen["degrader"](data.source_hr))

    @pytest.mark.parametrize(("stage", "term"), [("dsn", "perceptual"), ("sr", "feature")])
    def test_lpips_where_the_edition_has_alexnet(self, tmp_path, stage, term):
        torch.manual_seed(3)
        path = tmp_path / "alexnet.pth"
        torch.save(torchvision.models.alexnet(weights=None).state_dict(), path)
        weights = {"alexnet": {"file": path.name, "url": "https://nowhere", "sha256_prefix": sha256(path)}}
        starts = sr_stage(tmp_path).starts if stage == "sr" else {}
        chosen = settings(stage) | {"weights": weights}
        chosen["schedule"]["patch"] = 32
        built = dasr.STAGES[stage](chosen, starts, {"alexnet": path}, CPU)
        data, model = batch(32), built.frozen["lpips"]
        assert isinstance(model, lpips.LPIPS) and not any(p.requires_grad for p in model.parameters())
        with torch.no_grad():
            if stage == "dsn":
                pair, weight = (built.trainable["degrader"](data.source_hr), data.source_lr), 0.01
            else:
                pair, weight = (built.trainable["generator"](built.generated(data.source_hr)[0]), data.source_hr), 1
            expected = weight * float(model(*pair, normalize=True).mean())
        done = built.step(data)
        assert float(done[term]) == pytest.approx(expected, rel=1e-4) and "surrogate" not in done
        chosen["schedule"]["patch"] = 15
        with pytest.raises(UserError, match="expected at least 31"):
            dasr.STAGES[stage](chosen, starts, {"alexnet": path}, CPU)
        chosen["loss"] |= {"perceptual_weight": 0} if stage == "dsn" else {"feature_weight": 0}
        terms = dasr.STAGES[stage](chosen, starts, {"alexnet": path}, CPU).step(batch(16))
        assert not {"perceptual", "feature", "surrogate"} & set(terms)

    def test_a_feature_and_another_network_are_refused(self, tmp_path):
        starts, chosen = sr_stage(tmp_path).starts, settings("sr", feature="vgg19")
        with pytest.raises(UserError, match="vgg19 needs vgg19, but the stage's `weights` are alexnet"):
            dasr.SuperResolution(chosen | {"weights": {"alexnet": {}}}, starts, {"alexnet": tmp_path / "a"}, CPU)


def blurred(hr: torch.Tensor) -> torch.Tensor:
    """The toy's target camera: 2x2 averages, then a Gaussian; its source camera has the averages alone."""
    return low(F.pad(F.avg_pool2d(hr, 2), (2, 2, 2, 2), mode="replicate"), "gaussian_5", border=False)


def adapted(folder, texture_weight: float, seed: int = 0) -> dict[str, float]:
    """PSNR in dB on held-out scenes of the target camera, before and after: of the LR images and of the SR images."""
    source, target, held_out = toy.scenes(120, 48, 1), toy.scenes(120, 48, 2), toy.scenes(16, 64, 3)
    files = toy.write(folder, source_lr=F.avg_pool2d(source, 2), source_hr=source, target_lr=blurred(target))
    pairs = {name: files[name] for name in ("source_lr", "source_hr")}
    lr = blurred(held_out)

    chosen = settings("pretrain", steps=200, batch=8, lr=3e-3, milestones=[150], gamma=0.3)
    before = toy.train(dasr.Pretrain, chosen, pairs, {}, seed)
    chosen = settings("dsn", steps=300, batch=8, lr=2e-3, betas=[0.5, 0.999], milestones=[200], gamma=0.3)
    chosen["loss"]["texture_weight"] = texture_weight
    degradation = toy.train(dasr.Degradation, chosen, files, {}, seed)
    starts = toy.save(degradation, folder) | toy.save(before, folder)
    chosen = settings("sr", steps=300, batch=8, lr=2e-3, milestones=[180, 240], gamma=0.3, adversarial_weight=1e-4)
    after = toy.train(dasr.SuperResolution, chosen, files, starts, seed)
    return {
        "source_lr": toy.psnr(torch.nn.Identity(), F.avg_pool2d(held_out, 2), lr),
        "generated_lr": toy.psnr(degradation.trainable["degrader"], held_out, lr),
        "before": toy.psnr(before.trainable["generator"], lr, held_out),
        "after": toy.psnr(after.trainable["generator"], lr, held_out),
    }


def test_it_learns_the_target_cameras_blur_and_to_undo_it(tmp_path):
    """No blurred image is ever seen with its HR. Without the texture term generated LR stays the source's: gain 0.0 dB."""
    found = adapted(tmp_path, texture_weight=0.3)
    assert found["generated_lr"] > found["source_lr"] + 3
    assert found["after"] > found["before"] + 0.2
