"""Black and blown-out images are found."""

from __future__ import annotations

import dataclasses

import numpy as np

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.sample import check_sample
from tests.fsd_gen.checks.changed import codes
from tests.fsd_gen.synthetic import make_sample


def test_a_black_eye_is_found_and_named():
    defects = check_sample(dataclasses.replace(make_sample(), right_hwc=np.zeros((80, 128, 3), np.uint8)))
    exposure = [defect.detail for defect in defects if defect.code == DefectCode.EXPOSURE]
    assert any(detail.startswith("right: 100.0% of the pixels are black") for detail in exposure)


def test_a_blown_out_eye_is_found():
    blown = np.full((80, 128, 3), 255, np.uint8)
    assert DefectCode.EXPOSURE in codes(dataclasses.replace(make_sample(), left_hwc=blown, right_hwc=blown))
