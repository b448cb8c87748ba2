from __future__ import annotations

import numpy as np
import pytest

from stereo_model.evaluation.metrics import MaskPolicy, MetricError, PixelFlags
from stereo_model.evaluation.scores import score_disparity

TRUTH = np.array([[10.0, 20.0], [np.nan, 40.0]])


ESTIMATE = np.array([[10.5, 22.5], [7.0, 44.0]])


FLAGS = PixelFlags(occluded_hw=np.array([[0, 1], [0, 0]], bool), out_of_frame_hw=np.zeros((2, 2), bool))


def test_scores_by_mask_by_hand():
    policies = (MaskPolicy.ALL, MaskPolicy.NON_OCCLUDED, MaskPolicy.OCCLUDED)
    regions = score_disparity(ESTIMATE, TRUTH, policies=policies, flags=FLAGS).regions
    assert {policy: region.n_valid for policy, region in regions.items()} == dict(
        zip(policies, (3, 2, 1), strict=True)
    )
    seen = regions[MaskPolicy.NON_OCCLUDED]
    assert (seen.epe, seen.bp1, seen.bp2, seen.bp3, seen.d1) == (2.25, 0.5, 0.5, 0.5, 0.5)
    assert sum(seen.histogram) == 2 and regions[MaskPolicy.OCCLUDED].bp3 == 0.0


def test_nothing_to_score_gives_none():
    region = score_disparity(ESTIMATE, np.full((2, 2), np.nan)).regions[MaskPolicy.ALL]
    assert region.n_valid == 0 and region.epe is region.bp1 is region.bp2 is region.bp3 is region.d1 is None


def test_a_policy_without_flags_is_an_error():
    with pytest.raises(MetricError, match="needs occluded_hw"):
        score_disparity(ESTIMATE, TRUTH, policies=(MaskPolicy.NON_OCCLUDED,))
