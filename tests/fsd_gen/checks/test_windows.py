"""Windows are those of scipy.ndimage, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from fsd_gen.checks.windows import anywhere, highest, lowest


@pytest.mark.parametrize("size", [1, 3, 5, 7, 15])
@pytest.mark.parametrize("shape", [(1, 9), (7, 5), (41, 30), (100, 33)])
def test_lowest_highest_and_anywhere_are_the_filters_of_scipy(shape, size):
    rng = np.random.default_rng(size)
    values_hw = rng.normal(size=shape).astype(np.float32)
    mask_hw = rng.random(shape) < 0.03
    assert np.array_equal(highest(values_hw, size), ndimage.maximum_filter(values_hw, size))
    assert np.array_equal(lowest(values_hw, size), ndimage.minimum_filter(values_hw, size))
    assert np.array_equal(anywhere(mask_hw, size), ndimage.maximum_filter(mask_hw, size))
