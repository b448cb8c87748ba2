"""Calibrations that cannot be true, and the mistake that explains them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from stereo_model.inference.calibration import Calibration
from stereo_model.inference.plausible import doubts, geometry_of

RIG = Calibration(fx=640.0, fy=640.0, cx=319.5, cy=239.5, baseline_m=0.1)  # of 640x480 pixels
DISPARITY = np.geomspace(4, 64, 640 * 480).reshape(480, 640)


def doubts_of(rig: Calibration) -> tuple[str, ...]:
    return doubts(geometry_of(DISPARITY, rig), rig, 640, 480)


def test_what_a_calibration_means_is_said_in_degrees_and_metres():
    geometry = geometry_of(DISPARITY, RIG)
    assert geometry.view_deg == pytest.approx((53.13, 41.11), abs=0.01)
    assert geometry.depth_m == pytest.approx((64 / 62.25, 4.0, 64 / 4.11), rel=0.01)
    assert geometry.in_words() == (
        "field of view 53 x 41 degrees, baseline 0.1 m, depth 1.03 to 15.6 m, median 4 m"
    )
    assert doubts_of(RIG) == ()
    nothing = geometry_of(np.zeros((4, 4)), RIG)
    assert (
        nothing.depth_m is None and "no depth" in nothing.in_words() and nothing.as_json()["depth_m"] is None
    )


@pytest.mark.parametrize(("factor", "size"), [(0.5, "320x240"), (0.25, "160x120"), (1.5, "960x720")])
def test_a_calibration_of_another_image_size_is_named_with_that_size(factor, size):
    rig = RIG.resized(factor)
    (line,) = doubts_of(rig)
    assert f"for images of about {size} pixels, these have 640x480" in line
    assert f"multiply fx, fy, cx and cy by {1 / factor:.3g}" in line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"baseline_m": 100.0}, "a baseline of 100 m: in millimetres it would be 0.1 m"),
        ({"baseline_m": 63.0}, "in millimetres it would be 0.063 m"),
        ({"baseline_m": 6.5}, "in centimetres it would be 0.065 m"),
        ({"baseline_m": 0.000193}, "is it in metres there \\(0.193 m\\)"),
        ({"fx": 4.0, "fy": 4.0}, "expected pixels: is it in millimetres"),
        ({"fx": 64000.0}, "is it for larger images"),
        ({"fy": 1920.0}, "fx = 640 and fy = 1920 px would be pixels 3 times as long as wide"),
        ({"fy": 320.0}, "pixels 2 times as long as wide.*scaled along one axis only"),
        ({"cx": 20.0}, "are they cropped, or is K of another camera"),
    ],
)
def test_the_likely_mistake_is_named(changes, said):
    assert any(re.search(said, line) for line in doubts_of(replace(RIG, **changes)))


@pytest.mark.parametrize("baseline_m", [0.02, 0.54, 2.0])
def test_usual_rigs_raise_no_doubt(baseline_m):
    assert doubts_of(replace(RIG, baseline_m=baseline_m)) == ()
    kitti = Calibration(fx=721.5, fy=721.5, cx=609.6, cy=172.9, baseline_m=0.54)
    assert doubts(geometry_of(np.full((375, 1242), 30.0), kitti), kitti, 1242, 375) == ()
    piano = Calibration(fx=941.7, fy=941.7, cx=231.5, cy=251.9, baseline_m=0.178, doffs_px=32.8)
    assert doubts(geometry_of(np.full((481, 707), 30.0), piano), piano, 707, 481) == ()
