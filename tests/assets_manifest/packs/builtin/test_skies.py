from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assets_manifest.packs.builtin.skies import SKIES, directions, render_sky


@pytest.mark.parametrize("height", [64, 192])
def test_the_sun_carries_its_irradiance_at_any_resolution(height: int) -> None:
    sky = SKIES["sky_noon"]
    without = render_sky(replace(sky, sun_irradiance=(0.0, 0.0, 0.0)), height)
    solid_angle = (np.pi / height) ** 2 * np.hypot(*directions(height)[:, :, :2].transpose(2, 0, 1))
    extra = ((render_sky(sky, height) - without) * solid_angle[:, :, None]).sum(axis=(0, 1))
    assert extra == pytest.approx(sky.sun_irradiance, rel=1e-3)
