"""A sound sample passes every check; truth of the wrong eye fails several."""

from __future__ import annotations

import dataclasses

import pytest

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.sample import check_sample
from tests.fsd_gen.checks.changed import codes
from tests.fsd_gen.synthetic import make_sample


@pytest.mark.parametrize("slot", range(5))
@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_a_sound_sample_has_no_defect(slot, noise):
    assert check_sample(make_sample(slot, noise=noise)) == ()


def test_exchanged_truth_of_the_eyes_is_found():
    sample = make_sample()
    exchanged = dataclasses.replace(
        sample,
        disparity_left_hw=sample.disparity_right_hw,
        flags_left_hw=sample.flags_right_hw,
        disparity_right_hw=sample.disparity_left_hw,
        flags_right_hw=sample.flags_left_hw,
    )
    assert {DefectCode.LEFT_RIGHT, DefectCode.PHOTOMETRIC} <= codes(exchanged)
