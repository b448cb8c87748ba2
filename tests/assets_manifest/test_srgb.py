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
