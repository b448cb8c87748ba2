"""Truth that contradicts itself, its flags or its rig is found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.sample import check_sample, examine_sample
from fsd_gen.shards.flags import Flag
from tests.fsd_gen.checks.changed import codes, with_truth
from tests.fsd_gen.synthetic import make_sample


def test_the_wrong_sign_is_found():
    assert DefectCode.RANGE in codes(with_truth(make_sample(), np.negative))


def test_truth_of_one_view_only_shifted_breaks_the_agreement_of_the_views():
    sample = make_sample()
    moved = with_truth(sample, lambda d: d + 1)
    assert DefectCode.LEFT_RIGHT in codes(
        dataclasses.replace(sample, disparity_left_hw=moved.disparity_left_hw)
    )


def test_missing_occlusion_flags_break_the_agreement_of_the_views():
    sample = make_sample(near_px=30)
    bare = np.where(sample.flags_left_hw == Flag.OCCLUDED, 0, sample.flags_left_hw).astype(np.uint8)
    assert DefectCode.LEFT_RIGHT in codes(dataclasses.replace(sample, flags_left_hw=bare))


def test_missing_out_of_frame_flags_contradict_the_geometry():
    sample = make_sample()
    bare = np.where(sample.flags_left_hw == Flag.OUT_OF_FRAME, 0, sample.flags_left_hw).astype(np.uint8)
    assert DefectCode.FLAGS in codes(dataclasses.replace(sample, flags_left_hw=bare))


def test_unknown_flag_bits_are_found():
    flags = make_sample().flags_left_hw.copy()
    flags[5, 5] = 64
    assert DefectCode.FLAGS in codes(dataclasses.replace(make_sample(), flags_left_hw=flags))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_disparity_that_is_not_finite_is_the_only_defect_reported(value):
    disparity = make_sample().disparity_left_hw.copy()
    disparity[40, 60:62] = value
    (defect,) = check_sample(dataclasses.replace(make_sample(), disparity_left_hw=disparity))
    assert defect.code == DefectCode.NOT_FINITE
    assert "left: 2 disparities" in defect.detail


def test_disparity_off_the_grid_is_found():
    disparity = make_sample().disparity_left_hw.copy()
    disparity[40, 60] += 1 / 1024
    assert codes(dataclasses.replace(make_sample(), disparity_left_hw=disparity)) == {DefectCode.RANGE}


def test_sky_with_a_disparity_is_found():
    disparity = make_sample().disparity_left_hw.copy()
    disparity[0, 3] = 1
    assert codes(dataclasses.replace(make_sample(), disparity_left_hw=disparity)) == {DefectCode.RANGE}


def test_too_much_beyond_the_largest_disparity_is_found():
    assert codes(make_sample(near_px=30), CheckLimits(max_disparity_px=29)) == {DefectCode.RANGE}


def test_a_wrong_shape_is_the_only_defect_reported():
    (defect,) = check_sample(dataclasses.replace(make_sample(), left_hwc=np.zeros((80, 64, 3), np.uint8)))
    assert defect.code == DefectCode.SHAPE
    assert "(80, 64, 3), expected uint8 (80, 128, 3)" in defect.detail


def test_depth_maps_are_held_against_the_disparity():
    sample = make_sample()
    rig = sample.spec.rig
    depth = rig.depth(sample.disparity_left_hw)
    assert examine_sample(sample, depth_left_hw=depth).defects == ()
    (defect,) = examine_sample(sample, depth_left_hw=depth * 1.01).defects
    assert defect.code == DefectCode.DEPTH


def test_too_much_sky_is_found():
    assert codes(make_sample(sky_rows=64)) == {DefectCode.SKY, DefectCode.TOO_LITTLE_VALID}


def test_too_little_truth_is_found():
    flags = make_sample().flags_left_hw | np.uint8(Flag.NO_TRUTH)
    without = dataclasses.replace(
        make_sample(), flags_left_hw=flags, disparity_left_hw=np.zeros((80, 128), np.float32)
    )
    assert codes(without) == {DefectCode.NO_TRUTH, DefectCode.TOO_LITTLE_VALID}
