"""What a rig says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.scene.rig import StereoRig

SQUARE = StereoRig.centred(width=64, height=48, focal_px=50.0, baseline_m=0.1)


def test_a_rig_of_square_pixels_is_written_as_rigs_always_were():
    text = '{"width":64,"height":48,"focal_px":50.0,"baseline_m":0.1,"cx_px":32.0,"cy_px":24.0}'
    assert SQUARE.model_dump_json() == text
    assert StereoRig.model_validate_json(text) == SQUARE
    assert StereoRig(**SQUARE.model_dump(), focal_y_px=50.0) == SQUARE


def test_another_focal_length_down_is_written_and_read_back():
    oblong = StereoRig(**SQUARE.model_dump(), focal_y_px=40.0)
    assert oblong.model_dump()["focal_y_px"] == 40.0
    assert StereoRig.model_validate_json(oblong.model_dump_json()) == oblong
    assert (oblong.fy_px, oblong.aspect, SQUARE.aspect) == (40.0, 0.8, 1.0)


def test_each_direction_has_its_own_focal_length():
    rays = StereoRig(**SQUARE.model_dump(), focal_y_px=25.0).ray_directions()
    assert rays[24, 57].tolist() == pytest.approx([25.5 / 50, 0.5 / 25, 1])
    assert np.array_equal(rays[..., 0], SQUARE.ray_directions()[..., 0])
