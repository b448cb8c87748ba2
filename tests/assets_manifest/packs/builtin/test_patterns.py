from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.packs.builtin import pack as builtin
from assets_manifest.packs.builtin.patterns import normal_map
from assets_manifest.packs.builtin.textures import TEXTURES


@pytest.mark.parametrize("name", sorted(n for n, spec in TEXTURES.items() if "painting" not in spec.tags))
def test_a_texture_repeats_without_a_seam(name: str) -> None:
    image = TEXTURES[name].pattern(128, builtin._rng(name)).mean(axis=2)
    for axis in (0, 1):
        steps = np.abs(np.diff(image, axis=axis)).mean(axis=1 - axis)
        seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
        assert seam <= 1.05 * steps.max() + 1e-9


def test_a_slope_up_to_the_right_has_normals_to_the_left() -> None:
    heights = np.tile(np.abs(np.arange(8) - 4.0), (8, 1))
    normals = normal_map(heights, 1.0)
    assert (normals[:, 6, 0] < 0.5).all() and (normals[:, 2, 0] > 0.5).all()
    assert normals[:, :, 1] == pytest.approx(0.5)


def test_green_points_to_the_top_row() -> None:
    heights = np.tile(np.abs(np.arange(8) - 4.0)[:, None], (1, 8))
    assert (normal_map(heights, 1.0)[6, :, 1] > 0.5).all()


def test_a_normal_map_is_to_the_bit_what_rolled_heights_make_of_it() -> None:
    heights = np.random.default_rng(2).normal(size=(16, 24))
    dx = (np.roll(heights, -1, axis=1) - np.roll(heights, 1, axis=1)) * 0.7
    dy = (np.roll(heights, 1, axis=0) - np.roll(heights, -1, axis=0)) * 0.7
    length = np.sqrt(dx * dx + dy * dy + 1.0)
    plain = np.stack([0.5 + 0.5 * (part / length) for part in (-dx, -dy, 1.0)], axis=-1)
    assert np.array_equal(normal_map(heights, 0.7), plain)
