from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stereo_model.evaluation.metrics import (
    HISTOGRAM_EDGES,
    MaskPolicy,
    MetricError,
    PixelFlags,
    absolute_error,
    bad_pixels,
    d1,
    epe,
    error_histogram,
    not_finite,
    valid_mask,
)

TRUTH = np.array([[10.0, 20.0], [100.0, 40.0]])
ESTIMATE = np.array([[10.5, 22.5], [104.0, 44.0]])  # errors 0.5, 2.5, 4 (4 %), 4 (10 %)
EVERYWHERE = np.ones((2, 2), bool)


def test_metrics_on_four_pixels_by_hand():
    assert epe(ESTIMATE, TRUTH, EVERYWHERE) == 2.75
    assert bad_pixels(ESTIMATE, TRUTH, EVERYWHERE, tau=1.0) == 0.75
    assert bad_pixels(ESTIMATE, TRUTH, EVERYWHERE) == 0.75
    assert bad_pixels(ESTIMATE, TRUTH, EVERYWHERE, tau=3.0) == 0.5
    assert d1(ESTIMATE, TRUTH, EVERYWHERE) == 0.25  # only 40 -> 44 is off by more than 3 px and 5 %
    assert error_histogram(ESTIMATE, TRUTH, EVERYWHERE) == (0, 0, 1, 0, 1, 0, 2, 0, 0, 0)


def test_an_error_of_exactly_tau_is_not_bad():
    assert bad_pixels(TRUTH + 2.0, TRUTH, EVERYWHERE, tau=2.0) == 0.0


def test_no_masked_pixel_gives_none_and_an_empty_histogram():
    nowhere = ~EVERYWHERE
    assert (
        epe(ESTIMATE, TRUTH, nowhere)
        is bad_pixels(ESTIMATE, TRUTH, nowhere)
        is d1(ESTIMATE, TRUTH, nowhere)
        is None
    )
    assert sum(error_histogram(ESTIMATE, TRUTH, nowhere)) == 0


def test_an_estimate_that_is_not_finite_is_bad_not_ignored():
    broken = np.array([[np.nan, 20.0], [100.0, np.inf]])
    assert bad_pixels(broken, TRUTH, EVERYWHERE, tau=1000.0) == d1(broken, TRUTH, EVERYWHERE) == 0.5
    assert epe(broken, TRUTH, EVERYWHERE) == np.inf
    assert error_histogram(broken, TRUTH, EVERYWHERE)[-1] == 2
    assert not_finite(broken, TRUTH, EVERYWHERE) == 2
    assert not_finite(broken, TRUTH, np.array([[1, 1], [1, 0]], bool)) == 1


maps = hnp.arrays(np.float32, (4, 5), elements=st.floats(0, 200, width=32))
masks = hnp.arrays(np.bool_, (4, 5))


@settings(deadline=None)
@given(maps, maps, masks)
def test_bad_pixels_never_rises_with_tau_and_stays_a_share(estimate, truth, mask):
    shares = [bad_pixels(estimate, truth, mask, tau=tau) for tau in (0.5, 1.0, 2.0, 3.0, 8.0)]
    if not mask.any():
        assert shares == [None] * 5
    else:
        assert shares == sorted(shares, reverse=True) and 0 <= shares[-1] <= shares[0] <= 1


@settings(deadline=None)
@given(maps, maps, masks, maps)
def test_unmasked_pixels_never_matter(estimate, truth, mask, garbage):
    other = np.where(mask, estimate, garbage)
    unknown = np.where(mask, truth, np.nan)
    for metric in (epe, bad_pixels, d1, error_histogram):
        assert metric(other, unknown, mask) == metric(estimate, truth, mask)


@settings(deadline=None)
@given(maps, maps, masks)
def test_a_d1_outlier_is_a_bp3_outlier_and_the_histogram_agrees_with_bp(estimate, truth, mask):
    counts = error_histogram(estimate, truth, mask)
    assert sum(counts) == mask.sum() and len(counts) == len(HISTOGRAM_EDGES)
    if mask.any():
        assert d1(estimate, truth, mask) <= bad_pixels(estimate, truth, mask, tau=3.0)
        beyond_two = absolute_error(estimate, truth, mask) >= 2.0
        assert sum(counts[HISTOGRAM_EDGES.index(2.0) :]) == beyond_two.sum()


@given(maps, masks)
def test_a_perfect_estimate_scores_zero(truth, mask):
    assert epe(truth, truth, mask) in (0.0, None) and bad_pixels(truth, truth, mask) in (0.0, None)


FLAGS = PixelFlags(
    occluded_hw=np.array([[1, 0], [0, 0]], bool),
    out_of_frame_hw=np.array([[0, 1], [0, 0]], bool),
    non_lambertian_hw=np.array([[0, 0], [1, 0]], bool),
)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (MaskPolicy.ALL, [[1, 1], [1, 1]]),
        (MaskPolicy.NON_OCCLUDED, [[0, 0], [1, 1]]),
        (MaskPolicy.OCCLUDED, [[1, 1], [0, 0]]),
        (MaskPolicy.OPAQUE, [[0, 0], [0, 1]]),
    ],
)
def test_each_policy_counts_its_pixels(policy, expected):
    assert valid_mask(policy, TRUTH, FLAGS).tolist() == np.array(expected, bool).tolist()


def test_unknown_truth_is_never_counted_and_infinity_far_away_is():
    truth = np.array([[np.nan, np.inf], [-1.0, 0.0]])
    assert valid_mask(MaskPolicy.ALL, truth).tolist() == [[False, False], [False, True]]


def test_truth_beyond_the_limit_is_left_out():
    assert valid_mask(MaskPolicy.ALL, TRUTH, max_disparity=40).tolist() == [[True, True], [False, False]]


@settings(deadline=None)
@given(maps, masks, masks)
def test_occluded_and_non_occluded_share_all_pixels_between_them(truth, occluded, outside):
    flags = PixelFlags(occluded_hw=occluded, out_of_frame_hw=outside)
    seen, hidden = (valid_mask(p, truth, flags) for p in (MaskPolicy.NON_OCCLUDED, MaskPolicy.OCCLUDED))
    assert not (seen & hidden).any() and np.array_equal(seen | hidden, valid_mask(MaskPolicy.ALL, truth))


def test_a_policy_without_its_flags_is_an_error_not_a_guess():
    with pytest.raises(MetricError, match="'opaque' needs non_lambertian_hw"):
        valid_mask(MaskPolicy.OPAQUE, TRUTH, PixelFlags(occluded_hw=EVERYWHERE, out_of_frame_hw=EVERYWHERE))
    with pytest.raises(MetricError, match="'non_occluded' needs occluded_hw"):
        valid_mask(MaskPolicy.NON_OCCLUDED, TRUTH)


def test_arrays_that_do_not_fit_are_an_error():
    with pytest.raises(MetricError, match=r"estimate \(2, 3\)"):
        epe(np.zeros((2, 3)), TRUTH, EVERYWHERE)
    with pytest.raises(MetricError, match="not finite"):
        epe(ESTIMATE, np.full((2, 2), np.nan), EVERYWHERE)
    with pytest.raises(MetricError, match=r"occluded_hw is \(3,\)"):
        valid_mask(MaskPolicy.NON_OCCLUDED, TRUTH, PixelFlags(occluded_hw=np.zeros(3)))
