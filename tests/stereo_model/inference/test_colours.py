from __future__ import annotations

import hashlib

import numpy as np
import pytest

from stereo_model.inference.colours import TURBO, colourise, span_of


def test_colours_of_a_fixed_range_do_not_depend_on_the_rest_of_the_map():
    alone = colourise(np.array([[10.0]]), span=(0, 100))
    among = colourise(np.array([[10.0, 90.0, np.nan]]), span=(0, 100))
    assert np.array_equal(alone[0, 0], among[0, 0])
    far, near = colourise(np.array([[0.0, 100.0]]), span=(0, 100))[0].astype(int)
    assert far[2] > far[0] and near[0] > near[2]  # blue and red


def test_pixels_without_a_disparity_are_black():
    assert colourise(np.array([[np.nan, np.inf, 5.0]]))[0, :2].tolist() == [[0, 0, 0]] * 2
    assert (colourise(np.full((2, 2), np.nan)) == 0).all()


def test_a_map_without_relief_is_not_drawn_as_a_rainbow():
    assert span_of(np.full((3, 3), 7.0)) == (5.0, 9.0)
    assert span_of(np.array([7.0, 7.5])) == pytest.approx((5.25, 9.25), abs=0.01)
    assert span_of(np.zeros(3)) == (0.0, 4.0)
    assert span_of(np.array([0.0, 100.0])) == pytest.approx((1.0, 99.0))
    with pytest.raises(ValueError, match="lower and a higher"):
        colourise(np.zeros((2, 2)), span=(3, 3))


def test_the_colours_are_those_of_the_published_turbo_map():
    assert TURBO.shape == (256, 3) and TURBO[[0, -1]].tolist() == [[48, 18, 59], [122, 4, 2]]
    published = "8f5d5edf6af4af0550fd7189cf2626a96a084c245b8aefc59835ba5ab66c3f11"
    assert hashlib.sha256(TURBO.tobytes()).hexdigest() == published


def test_the_ends_of_the_range_have_the_ends_of_the_map_and_equal_steps_between():
    shown = colourise(np.array([[-5.0, 0.0, 0.999, 1.0, 255.5, 256.0, 999.0]]), span=(0.0, 256.0))
    assert np.array_equal(shown[0], TURBO[[0, 0, 0, 1, 255, 255, 255]])
