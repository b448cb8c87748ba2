"""Scores: masks, shares by hand, and None where nothing can be measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from curation.judging.scores import ERROR_BINS, bad_share, by_key, from_row, score_prediction, to_row
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.flags import Flag
from stereo_model.evaluation.metrics import MaskPolicy, PixelFlags, valid_mask
from stereo_model.evaluation.scores import region_score

KEY = SlotKey(slot=3, attempt=1)


def score(predicted, truth, flags=None, *, max_disparity=192):
    truth_hw = np.array(truth, np.float32)
    flags_hw = np.zeros(truth_hw.shape, np.uint8) if flags is None else np.array(flags, np.uint8)
    return score_prediction(
        np.array(predicted, np.float32),
        truth_hw,
        flags_hw,
        max_disparity=max_disparity,
        key=KEY,
        content_id="c",
        stratum="flying",
        model_digest="m",
        fold=1,
    )


def test_bad_pixel_shares_of_four_pixels():
    result = score([[10.5, 21.5], [32.5, 44.0]], [[10, 20], [30, 40]]).visible
    assert (result.n_valid, result.bp1, result.bp2, result.bp3) == (4, 0.75, 0.5, 0.25)
    assert result.epe == (0.5 + 1.5 + 2.5 + 4.0) / 4
    assert result.d1 == 0.25  # only the last is above 3 px and above 5 % of its truth


def test_an_error_of_exactly_two_pixels_is_not_bad():
    assert score([[12.0]], [[10.0]]).visible.bp2 == 0.0


def test_d1_also_asks_for_five_percent_of_the_truth():
    assert score([[104.0]], [[100.0]]).visible.d1 == 0.0


def test_visible_leaves_out_what_the_other_eye_cannot_see_and_all_does_not():
    flags = [[0, Flag.OCCLUDED, Flag.OUT_OF_FRAME, Flag.NO_TRUTH]]
    result = score([[5, 50, 50, 50]], [[5, 5, 5, 0]], flags)
    assert (result.visible.n_valid, result.visible.bp2) == (1, 0.0)
    assert (result.all.n_valid, result.all.bp2) == (3, 2 / 3)


def test_the_sky_is_scored_for_it_is_known_to_be_at_disparity_zero():
    assert score([[30.0]], [[0.0]], [[Flag.SKY]]).visible.bp2 == 1.0


def test_truth_beyond_the_search_range_is_not_held_against_the_scorer_but_counted():
    result = score([[5, 5]], [[5, 64]], max_disparity=64)
    assert (result.visible.n_valid, result.visible.bp2, result.n_beyond) == (1, 0.0, 1)


def test_bad_pixels_are_split_by_cause():
    flags = [[Flag.TRANSPARENT, Flag.MIRROR, Flag.OCCLUDED, 0]]
    result = score([[9, 9, 9, 9]], [[5, 5, 5, 5]], flags)
    assert (result.bad_transparent, result.bad_mirror, result.bad_occluded) == (0.25, 0.25, 0.25)


def test_without_a_bad_pixel_there_is_no_cause():
    assert score([[5.0]], [[5.0]]).bad_transparent is None


def test_a_sample_without_truth_has_no_score_instead_of_a_perfect_one():
    result = score([[5.0]], [[0.0]], [[Flag.NO_TRUTH]])
    assert result.visible.n_valid == 0
    assert (result.visible.bp2, result.visible.epe, result.visible.d1) == (None, None, None)
    assert sum(result.visible.histogram) == 0


@pytest.mark.parametrize("nonsense", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_has_no_score(nonsense):
    result = score([[5.0, nonsense]], [[5.0, 5.0]])
    assert not result.finite and result.visible.bp2 is None and result.all.bp2 is None


def test_nonsense_where_there_is_no_truth_does_not_matter():
    result = score([[5.0, np.nan]], [[5.0, 0.0]], [[0, Flag.NO_TRUTH]])
    assert result.finite and result.visible.bp2 == 0.0


def test_maps_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        score([[5.0, 5.0]], [[5.0]])


MAPS = hnp.arrays(np.float32, (4, 5), elements=st.integers(0, 40 * 256).map(lambda n: n / 256))
FLAGS = hnp.arrays(np.uint8, (4, 5), elements=st.integers(0, 63))


@given(MAPS, MAPS, FLAGS)
def test_scores_agree_with_the_metrics_of_the_model_package(predicted, truth, flags):
    result = score(predicted, truth, flags, max_disparity=30)
    known = np.where(flags & Flag.NO_TRUTH, np.nan, truth)
    facts = PixelFlags(
        occluded_hw=(flags & Flag.OCCLUDED) != 0, out_of_frame_hw=(flags & Flag.OUT_OF_FRAME) != 0
    )
    for mask, policy in ((result.visible, MaskPolicy.NON_OCCLUDED), (result.all, MaskPolicy.ALL)):
        plain = region_score(predicted, known, valid_mask(policy, known, facts, max_disparity=30))
        for name in ("n_valid", "bp1", "bp2", "bp3", "epe", "d1"):
            assert getattr(mask, name) == pytest.approx(getattr(plain, name)), name


@given(MAPS, MAPS, FLAGS)
def test_the_stored_histogram_gives_back_every_bad_pixel_share(predicted, truth, flags):
    result = score(predicted, truth, flags)
    for mask in (result.visible, result.all):
        assert sum(mask.histogram) == mask.n_valid
        for tau, stored in ((1.0, mask.bp1), (2.0, mask.bp2), (3.0, mask.bp3)):
            assert bad_share(mask, tau) == pytest.approx(stored)


def test_a_tolerance_between_the_bins_is_refused():
    with pytest.raises(ValueError, match="tolerances"):
        bad_share(score([[5.0]], [[5.0]]).visible, 2.2)
    assert 2.0 in ERROR_BINS


@given(MAPS, MAPS, FLAGS)
def test_a_score_survives_its_row_and_json(predicted, truth, flags):
    result = score(predicted, truth, flags)
    assert from_row(json.loads(json.dumps(to_row(result)))) == result


def test_a_row_that_lacks_a_column_is_refused():
    row = to_row(score([[5.0]], [[5.0]]))
    del row["all_bp2"]
    with pytest.raises(ValueError, match="all_bp2"):
        from_row(row)


def test_scoring_a_sample_twice_is_refused():
    one = score([[5.0]], [[5.0]])
    with pytest.raises(ValueError, match="0000003-a1 was scored twice"):
        by_key([one, one])
