"""Arithmetic of pictures, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.made.pixels import as_bytes, blended, shaded

RNG = np.random.default_rng(5)
PRECISIONS = [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float32)]


def equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@pytest.mark.parametrize(("image", "share"), PRECISIONS)
@pytest.mark.parametrize("shape", [(5, 7, 3), (3,)])
def test_shading_is_a_product_to_the_bit(image, share, shape):
    image_hwc = RNG.uniform(0, 1, shape).astype(image)
    share_hw = RNG.normal(1, 0.4, (5, 7)).astype(share)
    assert equal(shaded(image_hwc, share_hw), image_hwc * share_hw[..., None])


@pytest.mark.parametrize(("below", "above"), PRECISIONS)
@pytest.mark.parametrize("shapes", [((5, 7, 3), (5, 7, 3)), ((5, 7, 3), (3,)), ((3,), (5, 7, 3))])
def test_blending_is_a_weighted_sum_to_the_bit(below, above, shapes):
    below_hwc, above_hwc = (
        RNG.uniform(0, 1, shape).astype(kind) for shape, kind in zip(shapes, (below, above), strict=True)
    )
    share_hw = RNG.uniform(0, 1, (5, 7)).astype(np.float32)
    expected = below_hwc + (above_hwc - below_hwc) * share_hw[..., None]
    assert equal(np.asarray(blended(below_hwc, above_hwc, share_hw)), expected)


def test_bytes_are_the_nearest_and_the_values_stay_as_they_are():
    values = RNG.uniform(0, 1, (5, 7, 3))
    before = values.copy()
    assert equal(as_bytes(values), np.rint(values * 255).astype(np.uint8))
    assert equal(values, before)
