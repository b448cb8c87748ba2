"""Cross products and lengths against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.meshes.triples import cross, lengths


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (1000, 3), (7, 5, 3)])
def test_they_are_numpys_to_the_bit(shape, dtype):
    rng = np.random.default_rng(2)
    one, other = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    assert cross(one, other).dtype == lengths(one).dtype == dtype
    assert (cross(one, other) == np.cross(one, other)).all()
    assert (lengths(one) == np.linalg.norm(one, axis=-1)).all()
