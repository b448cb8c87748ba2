"""Surfaces of rooms are those of homes."""

from __future__ import annotations

import colorsys

import numpy as np

from fsd_gen.styles.rooms import finishes


def test_walls_are_painted_as_homes_are():
    """Most nearly white, grey or beige; few strong ones; none purple."""
    rng = np.random.default_rng(0)
    shown = np.array([finishes.paint(rng).colour for _ in range(600)]) ** (1 / 2.2)
    hsv = np.array([colorsys.rgb_to_hsv(*rgb) for rgb in shown])
    hue, saturation, value = hsv.T
    assert ((saturation < 0.1) & (value > 0.7)).mean() > 0.6
    assert 0.02 < (saturation > 0.28).mean() < 0.12
    assert not ((saturation > 0.15) & (hue > 0.7) & (hue < 0.95)).any()


def test_paint_has_no_picture_and_is_matt():
    rng = np.random.default_rng(1)
    for coat in (finishes.paint(rng) for _ in range(20)):
        assert coat.texture is None and coat.roughness >= 0.6 and coat.metallic == 0
