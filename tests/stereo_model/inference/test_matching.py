from __future__ import annotations

import numpy as np
import pytest

from stereo_model.inference.matching import window_mean


def test_a_window_mean_repeats_the_border():
    values = np.array([[1.0, 2.0, 6.0]], np.float32)
    assert window_mean(values, 3).tolist() == [pytest.approx([4 / 3, 3.0, 14 / 3])]


def test_a_window_mean_is_the_mean_of_the_window():
    values = np.random.default_rng(0).uniform(0, 255, (20, 30)).astype(np.float32)
    padded = np.pad(values, 3, mode="edge")
    plain = np.lib.stride_tricks.sliding_window_view(padded, (7, 7)).mean(axis=(2, 3))
    np.testing.assert_allclose(window_mean(values), plain, rtol=1e-5)
