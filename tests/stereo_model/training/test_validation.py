from __future__ import annotations

import numpy as np
import pytest

from stereo_model import create_model
from stereo_model.data.sample import SampleError
from stereo_model.evaluation.evaluate import score
from stereo_model.evaluation.metrics import MaskPolicy
from stereo_model.training.team import Team
from stereo_model.training.validation import SetScore, overall, validate
from tests.stereo_model.pairs import textured_pair


def test_sets_weigh_alike_in_the_number_that_chooses_a_model():
    scores = {"one": SetScore(epe=9.0, bp2=0.25, samples=100), "two": SetScore(epe=1.0, bp2=0.75, samples=1)}
    assert overall(scores) == 0.5


def test_a_set_is_scored_by_the_mean_of_its_samples_that_have_truth():
    model = create_model("nano")
    pairs = [textured_pair(seed, disparity) for seed, disparity in enumerate((4, 12))]
    blank = {**pairs[0], "valid": np.zeros((48, 96), bool)}
    found = validate(model, {"walls": [*pairs, blank]}, team=Team(), iterations=1)["walls"]
    single = [score(model, pair, iterations=1).regions[MaskPolicy.ALL] for pair in pairs]
    assert found.samples == 2 and found.bp2 == pytest.approx(np.mean([one.bp2 for one in single]))
    assert found.epe == pytest.approx(np.mean([one.epe for one in single]))
    with pytest.raises(SampleError, match="'blank' has no sample with known disparity"):
        validate(model, {"blank": [blank]}, team=Team())
