"""Display values and linear light."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.srgb import linear_to_srgb, srgb_to_linear


def test_srgb_ends_and_middle() -> None:
    assert srgb_to_linear(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert srgb_to_linear(np.array([0.5])) == pytest.approx([0.21404], abs=1e-5)


def test_one_way_undoes_the_other_in_the_precision_that_it_is_given() -> None:
    shown = np.linspace(0, 1, 256, dtype=np.float32)
    back = linear_to_srgb(srgb_to_linear(shown))
    assert back.dtype == np.float32
    assert np.rint(back * 255).tolist() == list(range(256))


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_display_values_are_to_the_bit_those_of_the_curve_as_it_is_written(precision: type) -> None:
    linear = np.random.default_rng(3).uniform(0, 1, (40, 30)).astype(precision) ** 6
    before = linear.copy()
    plain = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert (linear <= 0.0031308).any() and linear_to_srgb(linear).tobytes() == plain.tobytes()
    assert linear.tobytes() == before.tobytes()
    assert float(linear_to_srgb(np.float64(0.001))) == 12.92 * 0.001
