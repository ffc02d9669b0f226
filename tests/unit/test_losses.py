"""Losses: against OpenCV, the reference's values, plain formulas, and finite differences."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.losses import harris
from pipeline.losses.adversarial import discriminator_loss, generator_loss, luma
from pipeline.losses.harris import harris_masks
from pipeline.losses.perceptual import perceptual_l1
from pipeline.losses.pixel import component_loss, gradient_weighted, l1
from tests.golden.reference_inputs import image


def smooth(count, size, coarse, seed):
    """Random images with structure `size / coarse` pixels wide."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.rand(count, 3, coarse, coarse, generator=generator)
    return F.interpolate(grid, size=size, mode="bicubic").clamp(0, 1)


def opencv_masks(images, green):
    """Flat, edge, corner of each image as the reference takes them from OpenCV."""
    rows = []
    for red, greens, blue in images.numpy():
        response = cv2.cornerHarris(255 * (0.257 * red + green * greens + 0.098 * blue + 16 / 255), 3, 3, 0.04)
        upper, lower = 0.01 * response.max(), -0.001 * response.max()
        rows.append([(lower < response) & (response < upper), response < lower, response > upper])
    return torch.from_numpy(np.array(rows))


class TestHarris:
    def test_counts_of_the_reference_run(self):
        masks = harris_masks(image(3, 64, 64, 0.2, torch.float32), green=0.564)
        assert [int(mask.sum()) for mask in masks] == [79, 3714, 303]

    @pytest.mark.parametrize("green", [0.564, 0.504])
    @pytest.mark.parametrize(
        "images",
        [
            pytest.param(image(3, 64, 64, 0.2, torch.float32), id="golden"),
            pytest.param(torch.rand(4, 3, 40, 56, generator=torch.Generator().manual_seed(1)), id="noise"),
            pytest.param(smooth(4, 96, 12, 2), id="smooth"),
            pytest.param(smooth(4, 96, 40, 3).mul(255).round() / 255, id="eight_bit"),
            pytest.param(F.interpolate(smooth(4, 8, 8, 4), size=64), id="blocks"),
        ],
    )
    def test_masks_are_opencvs_pixel_by_pixel(self, images, green):
        masks = torch.cat(harris_masks(images, green), dim=1)
        assert torch.equal(masks.bool(), opencv_masks(images, green))
        assert masks.sum(dim=(0, 2, 3)).min() > 0

    def test_green_matters(self):
        images = smooth(4, 96, 12, 2)
        assert not all(map(torch.equal, harris_masks(images, 0.564), harris_masks(images, 0.504)))

    def test_thresholds_are_each_images_own(self):
        faint, strong = 0.02 * smooth(1, 48, 12, 5), smooth(1, 48, 12, 6)
        together = harris_masks(torch.cat((faint, strong)), 0.564)
        for mask, first, second in zip(together, harris_masks(faint, 0.564), harris_masks(strong, 0.564), strict=True):
            assert torch.equal(mask, torch.cat((first, second)))

    def test_an_empty_image_has_no_mask_at_all(self):
        assert not any(mask.any() for mask in harris_masks(torch.full((1, 3, 8, 8), 0.5), 0.564))

    def test_an_image_without_corners_has_edges_only(self):
        step = torch.zeros(1, 3, 8, 8)
        step[..., 4:] = 1
        flat, edge, corner = harris_masks(step, 0.564)
        assert not flat.any() and not corner.any()
        assert edge[0, 0, 4].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]

    def test_a_pixel_on_a_threshold_is_in_no_mask(self, monkeypatch):
        response = torch.tensor([1.0, 0.01, 0.0099, 0.0, -0.00099, -0.001, -0.0011, -1.0]).view(1, 1, 2, 4)
        monkeypatch.setattr(harris, "harris_response", lambda luma: response)
        flat, edge, corner = (mask.flatten().tolist() for mask in harris.harris_masks(torch.rand(1, 3, 2, 4), 0.5))
        assert flat == [0, 0, 1, 1, 1, 0, 0, 0]
        assert edge == [0, 0, 0, 0, 0, 0, 1, 1]
        assert corner == [1, 0, 0, 0, 0, 0, 0, 0]

    def test_masks_are_disjoint_plain_numbers_without_gradient(self):
        hr = smooth(2, 32, 12, 7).double().requires_grad_()
        masks = harris_masks(hr, 0.564)
        assert all(mask.shape == (2, 1, 32, 32) and mask.dtype == hr.dtype for mask in masks)
        assert not any(mask.requires_grad for mask in masks)
        assert float(sum(masks).max()) == 1


class TestPixel:
    a, b = image(3, 64, 64, 0.0, torch.float32), image(3, 64, 64, 0.2, torch.float32)

    def test_values_of_the_reference_run(self):
        assert f"{float(gradient_weighted(self.a, self.b)):.7f}" == "0.1784138"
        assert f"{float(l1(self.a, self.b)):.7f}" == "0.0635265"

    def test_gradient_weighted_is_the_formula(self):
        torch.manual_seed(0)
        a, b = torch.rand(2, 3, 7, 9).double(), torch.rand(2, 3, 7, 9).double()
        sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double()
        weight = 1
        for kernel in (sobel, sobel.T):
            kernel = kernel.expand(3, 1, 3, 3)
            filtered = [F.conv2d(x, kernel, padding=1, groups=3) for x in (a, b)]
            weight = weight * (1 + 4 * (filtered[0] - filtered[1]).abs())
        torch.testing.assert_close(gradient_weighted(a, b), (weight * (a - b).abs()).mean())
        assert float(gradient_weighted(a, a)) == 0

    def test_gradient_passes_through_the_weights(self):
        torch.manual_seed(1)
        a, b = (torch.rand(1, 2, 4, 5).double().requires_grad_() for _ in range(2))
        assert torch.autograd.gradcheck(gradient_weighted, (a, b))

    def test_component_loss_is_the_weighted_sum(self):
        torch.manual_seed(2)
        flat, edge, corner, final, hr = (torch.rand(2, 3, 8, 8) for _ in range(5))
        masks = [(torch.rand(2, 1, 8, 8) > 0.6).float() for _ in range(3)]
        parts = [
            ((mask * (x - hr)).abs().sum() / hr.numel()) for mask, x in zip(masks, (flat, edge, corner), strict=True)
        ]
        components = (flat, edge, corner, final, masks)
        expected = 1 * parts[0] + 2 * parts[1] + 5 * parts[2]
        for name, loss in {"gw": gradient_weighted, "l1": l1}.items():
            total = component_loss(components, hr, masks, weights=(1, 2, 5), final=name, final_weight=0.5)
            torch.testing.assert_close(total, expected + 0.5 * loss(final, hr))

    def test_component_loss_reaches_each_image_only_inside_its_mask(self):
        torch.manual_seed(3)
        images = [torch.rand(1, 3, 6, 6, requires_grad=True) for _ in range(4)]
        hr = torch.rand(1, 3, 6, 6)
        masks = [torch.zeros(1, 1, 6, 6) for _ in range(3)]
        for row, mask in enumerate(masks):
            mask[:, :, row] = 1
        component_loss(images, hr, masks, (1, 2, 5), "gw", 1).backward()
        for picture, mask in zip(images, masks, strict=False):
            assert torch.equal(picture.grad.abs().sum(1, keepdim=True) > 0, mask > 0)
        assert (images[3].grad != 0).all()

    def test_unknown_final_is_named(self):
        hr = torch.rand(1, 3, 4, 4)
        with pytest.raises(UserError, match="final is 'l2'"):
            component_loss([hr] * 4, hr, [hr[:, :1]] * 3, (1, 2, 5), "l2", 1)

    def test_another_number_of_weights_is_named(self):
        hr = torch.rand(1, 3, 4, 4)
        with pytest.raises(UserError, match=r"component_weights \[1, 2\]; expected three"):
            component_loss([hr] * 4, hr, [hr[:, :1]] * 3, (1, 2), "gw", 1)


class TestAdversarial:
    def test_values(self):
        real, fake = torch.tensor([[[[2.0, -1.0]]]]), torch.tensor([[[[0.5, -3.0]]]])
        entropy_real = np.mean(np.log1p(np.exp([-2.0, 1.0])))
        entropy_fake = np.mean(np.log1p(np.exp([0.5, -3.0])))
        assert float(discriminator_loss(real, fake)) == pytest.approx(0.5 * (entropy_real + entropy_fake), rel=1e-6)
        assert float(generator_loss(real)) == pytest.approx(entropy_real, rel=1e-6)

    def test_directions(self):
        logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
        generator_loss(logits).backward()
        assert (logits.grad < 0).all()
        real, fake = (torch.zeros(1, 1, 2, 2, requires_grad=True) for _ in range(2))
        discriminator_loss(real, fake).backward()
        assert (real.grad < 0).all() and (fake.grad > 0).all()

    def test_gradients(self):
        torch.manual_seed(0)
        real, fake = (torch.randn(1, 1, 2, 3).double().requires_grad_() for _ in range(2))
        assert torch.autograd.gradcheck(discriminator_loss, (real, fake))
        assert torch.autograd.gradcheck(generator_loss, (fake,))

    def test_luma_is_limited_range_without_offset(self):
        colours = torch.eye(3).view(3, 3, 1, 1)
        assert luma(colours).flatten().tolist() == pytest.approx([65.738 / 256, 129.057 / 256, 25.064 / 256])
        assert luma(torch.ones(1, 3, 2, 2)).shape == (1, 1, 2, 2)
        assert float(luma(torch.ones(1, 3, 1, 1))) == pytest.approx(0.8588, abs=5e-5)


def test_perceptual_l1_compares_features_and_holds_the_reference_fixed():
    torch.manual_seed(0)
    features = nn.Conv2d(3, 4, 3)
    a, b = (torch.rand(1, 3, 6, 6, requires_grad=True) for _ in range(2))
    loss = perceptual_l1(features, a, b)
    torch.testing.assert_close(loss, (features(a) - features(b)).abs().mean())
    loss.backward()
    assert a.grad.abs().sum() > 0 and b.grad is None
