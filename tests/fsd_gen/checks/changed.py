"""Samples with one thing changed, and what the checks say of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.sample import check_sample
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample, quantise

WIDE = {"width": 384, "height": 160, "near_px": 90, "far_px": 50.0, "slope": 0.02}


def codes(sample: StereoSample, limits: CheckLimits | None = None) -> set[DefectCode]:
    return {defect.code for defect in check_sample(sample, limits)}


def with_truth(sample: StereoSample, change) -> StereoSample:
    """`change` applied to both disparity maps, but not to the sky."""

    def changed(disparity_hw, flags_hw):
        return quantise(np.where(flags_hw == Flag.SKY, 0, change(disparity_hw)))

    return dataclasses.replace(
        sample,
        disparity_left_hw=changed(sample.disparity_left_hw, sample.flags_left_hw),
        disparity_right_hw=changed(sample.disparity_right_hw, sample.flags_right_hw),
    )
