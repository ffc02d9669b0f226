"""Where sub-images lie: the published rule in closed form, coverage, LR and HR of the same place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.subimages import Rule, corners, rule, starts
from pipeline.errors import UserError


def described(length, size, stride, threshold):
    """BasicSR's rule from its description: a square every `stride`, and one at the border for a rest above `threshold`."""
    if length < size:
        return []
    whole, rest = divmod(length - size, stride)
    return [stride * step for step in range(whole + 1)] + ([length - size] if rest > threshold else [])


def test_div2k_as_basicsr_cuts_it():
    """2040 x 1356 at 480/240/0: 8 columns, 5 rows, the last of each at the border."""
    assert starts(2040, 480, 240, 0) == [0, 240, 480, 720, 960, 1200, 1440, 1560]
    assert starts(1356, 480, 240, 0) == [0, 240, 480, 720, 876]
    for scale in (2, 3, 4):
        found = corners(1356, 2040, Rule(480, 240, 0), scale)
        assert len(found) == 40 and found[:2] == [(0, 0), (0, 240)] and found[-1] == (876, 1560)
    # The first image of DIV2K, 2040 x 1404, has 40 in the list that BasicSR publishes (0001_s001 to 0001_s040).
    assert len(corners(1404, 2040, Rule(480, 240, 0), 4)) == 40


@pytest.mark.parametrize(("threshold", "count"), [(155, 5), (156, 4), (0, 5), (2000, 4)])
def test_a_rest_up_to_the_threshold_is_dropped(threshold, count):
    assert len(starts(1356, 480, 240, threshold)) == count


def test_no_rest_no_second_square_at_the_border():
    assert starts(480, 480, 240, 0) == [0] and starts(720, 480, 240, 0) == [0, 240] and starts(479, 480, 240, 0) == []


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 60), st.integers(0, 60))
def test_starts_follow_the_description(length, size, stride, threshold):
    found = starts(length, size, stride, threshold)
    assert found == described(length, size, stride, threshold)
    covered = {pixel for start in found for pixel in range(start, start + size)}
    assert covered <= set(range(length))
    if length >= size and stride <= size and threshold == 0:
        assert covered == set(range(length))


@given(
    st.sampled_from([2, 3, 4, 8, 16]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_corners_lie_on_the_lr_grid_and_are_those_of_hr(scale, height, width, size, stride, threshold):
    found = corners(scale * height, scale * width, Rule(scale * size, scale * stride, threshold), scale)
    assert all(top % scale == left % scale == 0 for top, left in found)
    rows, columns = (starts(scale * side, scale * size, scale * stride, threshold) for side in (height, width))
    assert found == [(top, left) for top in rows for left in columns]


@pytest.mark.parametrize(("settings", "scale"), [((480, 240), 7), ((480, 250), 16), ((2, 2), 4)])
def test_a_rule_that_does_not_fit_the_scale_is_refused(settings, scale):
    size, stride = settings
    with pytest.raises(UserError, match=r"train\.sub_images\.(size|stride): \d+ is not a multiple of the scale"):
        rule({"size": size, "stride": stride, "threshold": 0}, scale)


def test_a_rule_is_complete_or_null():
    assert rule(None, 4) is None
    with pytest.raises(UserError, match=r"train\.sub_images\.threshold: missing"):
        rule({"size": 480, "stride": 240}, 4)
