"""Kernels: the known one is found, a shifted one shifts, noise hurts little; simulated cameras against their recipes."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from pipeline.datasets import cameras, deadleaves
from pipeline.datasets.true_kernels import bicubic_response, camera_response
from pipeline.errors import UserError
from pipeline.images import kernels
from pipeline.images.kernels import Estimation
from pipeline.images.rgb import bicubic
from pipeline.plan import params

SHIPPED = params.load("params.yaml")["datasets"]["simcam"]["cameras"]
QUIET = {"noise": {"dark": 0.0, "bright": 0.0}}
WEAK = Estimation(side=9, smoothness=1e-9, equations=10**6)


@pytest.fixture(scope="module")
def scenes() -> list[np.ndarray]:
    return [deadleaves.scene([7, number], 256, 1.0, 200.0, 3.0) for number in range(4)]


def gaussian(side: int, centre: tuple[float, float], sigma: float = 1.2) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side // 2
    weight = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2))
    return weight / weight.sum()


def reduced(hr: np.ndarray, kernel: np.ndarray, scale: int) -> np.ndarray:
    """(HR * k)↓s by scipy, upper-left item of every cell, grey images: rounding is the only noise."""
    blurred = convolve2d(hr[:, :, 1].astype(float), kernel, mode="same", boundary="symm")[::scale, ::scale]
    return np.repeat(np.floor(blurred + 0.5).astype(np.uint8)[:, :, None], 3, axis=2)


def grey(hr: np.ndarray) -> np.ndarray:
    return np.repeat(hr[:, :, 1:2], 3, axis=2)


def found(scenes, kernel, scale=2, estimation=WEAK, noise=0.0) -> np.ndarray:
    random = np.random.default_rng(1)
    pairs = [(grey(hr), reduced(hr, kernel, scale)) for hr in scenes]
    if noise:
        pairs = [
            (hr, np.clip(lr + random.normal(0, noise, lr.shape[:2])[:, :, None], 0, 255).round().astype(np.uint8))
            for hr, lr in pairs
        ]
    return kernels.estimate(pairs, [lr.shape[:2] for _, lr in pairs], scale, estimation)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_known_kernel_is_found(scenes, scale):
    """An odd, lopsided kernel: nothing symmetric hides a flip or a transposition."""
    kernel = gaussian(9, (-1.5, 0.5)) + 0.5 * gaussian(9, (1, 2), 0.6)
    kernel /= kernel.sum()
    cut = [hr[: 256 // scale * scale, : 256 // scale * scale] for hr in scenes]
    estimate = found(cut, kernel, scale)
    assert kernels.relative_error(estimate, kernel) < 0.03
    assert kernels.relative_error(estimate[::-1, ::-1], kernel) > 0.5
    assert abs(estimate.sum() - 1) < 1e-3


@pytest.mark.parametrize("shift", [(1, 0), (0, -1), (-2, 1)])
def test_the_estimate_of_a_shifted_kernel_is_shifted(scenes, shift):
    kernel = gaussian(9, (0, 0), 0.8)
    here, there = (kernels.centre_of_mass(found(scenes, k)) for k in (kernel, np.roll(kernel, shift, (0, 1))))
    assert np.subtract(there, here) == pytest.approx(shift, abs=0.1)


def test_noise_is_averaged_out_by_many_pixels_and_by_smoothness(scenes):
    kernel = gaussian(9, (-0.5, -0.5))
    smooth = Estimation(9, 3e-4, 10**6)
    one, many = (kernels.relative_error(found(part, kernel, noise=2.0), kernel) for part in (scenes[:1], scenes))
    penalised = kernels.relative_error(found(scenes[:1], kernel, estimation=smooth, noise=2.0), kernel)
    assert many < 0.6 * one < 0.06
    assert penalised < 0.6 * one


def test_thinned_rows_are_counted_through_all_images(scenes):
    kernel = gaussian(9, (0, 0))
    pairs = [(grey(hr), reduced(hr, kernel, 2)) for hr in scenes]
    equations = kernels.NormalEquations([(128, 128)] * 4, 2, Estimation(9, 1e-6, 7000))
    for pair in pairs:
        equations.add(*pair)
    inside = 128 - 4
    assert equations.every == -(-4 * inside**2 // 7000) == 9
    assert equations.count == -(-4 * inside // 9) * inside
    assert kernels.relative_error(equations.solve(), kernel) < 0.1


def test_sums_do_not_depend_on_the_order(scenes):
    kernel = gaussian(9, (0, 0))
    parts = [found(order, kernel).tobytes() for order in (scenes, scenes[::-1])]
    assert parts[0] == parts[1]


def test_what_does_not_fit_is_named(scenes):
    with pytest.raises(UserError, match="side 8: expected an odd number"):
        kernels.NormalEquations([(9, 9)], 2, Estimation(8, 1e-4, 10))
    with pytest.raises(UserError, match="no window fits"):
        kernels.NormalEquations([(2, 2)], 4, Estimation(25, 1e-4, 10))
    equations = kernels.NormalEquations([(9, 9)], 2, Estimation(9, 1e-4, 10))
    with pytest.raises(UserError, match="is not 2 times LR"):
        equations.add(np.zeros((20, 18, 3), np.uint8), np.zeros((9, 9, 3), np.uint8))
    equations.add(np.zeros((18, 18, 3), np.uint8), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(UserError, match="every HR pixel of the pairs is black"):
        equations.solve()


# ------------------------------------------------------------------------------------------------- simulated cameras


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("camera", SHIPPED)
def test_the_response_predicts_the_noise_free_camera(scenes, camera, scale):
    """The linear response against the camera itself: only its two roundings to 8 bits are between them."""
    recipe = SHIPPED[camera]["recipes"][scale] | QUIET | {"phase": [0.1, -0.2]}
    hr = scenes[0][: 96 // scale * scale, : 96 // scale * scale] // 2 + 64  # so that nothing is clipped
    lr = cameras.capture(hr, recipe, scale, [1])
    response = camera_response(recipe, scale, 61)
    assert response.sum() == pytest.approx(1)
    predicted = convolve2d(hr[:, :, 0].astype(float), response, mode="same")[::scale, ::scale]
    inner = slice(-(-31 // scale), -(-31 // scale) * -1)
    difference = np.abs(predicted - lr[:, :, 0])[inner, inner]
    assert difference.max() <= 0.5 + 0.5 * (1 + 2 * recipe["sharpen"])
    wrong = convolve2d(hr[:, :, 0].astype(float), response[::-1, ::-1], mode="same")[::scale, ::scale]
    assert np.abs(wrong - lr[:, :, 0])[inner, inner].max() > 3 * difference.max()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_bicubic_response_predicts_bicubic_reduction(scenes, scale):
    hr = scenes[0][: 96 // scale * scale, : 96 // scale * scale] // 2 + 64
    side = 6 * scale + 1
    predicted = convolve2d(hr[:, :, 0].astype(float), bicubic_response(scale, side), mode="same")[::scale, ::scale]
    inner = slice(4, -4)
    assert np.abs(predicted - bicubic(hr, 1 / scale)[:, :, 0])[inner, inner].max() <= 0.501


@pytest.mark.parametrize("scale", [2, 4])
def test_the_middle_of_the_cell_lies_up_and_left_of_the_kernels_middle(scale):
    expected = (-(scale - 1) / 2,) * 2
    recipe = SHIPPED["panasonic"]["recipes"][scale]
    for response in (camera_response(recipe, scale, 41), bicubic_response(scale, 41)):
        assert kernels.centre_of_mass(response) == pytest.approx(expected, abs=1e-3)
    moved = camera_response(recipe | {"phase": [0.25, 0]}, scale, 41)
    assert kernels.centre_of_mass(moved) == pytest.approx((expected[0] - scale / 4, expected[1]), abs=1e-3)


@pytest.mark.parametrize(("camera", "error"), [("panasonic", 0.04), ("sony", 0.055), ("olympus", 0.12)])
def test_the_kernel_of_a_simulated_camera_is_found(camera, error):
    """Noise, sharpening and rounding as shipped. The disc of olympus has an edge that no smooth estimate keeps."""
    recipe = SHIPPED[camera]["recipes"][4]
    scenes = [deadleaves.scene([7, number], 512, 1.0, 200.0, 3.0) for number in range(3)]
    pairs = [(hr, cameras.capture(hr, recipe, 4, [5, number])) for number, hr in enumerate(scenes)]
    estimate = kernels.estimate(pairs, [(128, 128)] * 3, 4, Estimation(25, 3e-4, 10**6))
    told = kernels.compared(estimate, camera_response(recipe, 4, 25))
    assert told["relative_error"] < error and told["shift"] < 0.05
    others = [camera_response(SHIPPED[other]["recipes"][4], 4, 25) for other in SHIPPED if other != camera]
    assert min(kernels.relative_error(estimate, other) for other in others) > 3 * error
