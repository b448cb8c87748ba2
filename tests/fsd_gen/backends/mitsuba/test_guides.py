"""The denoiser is guided by what a pixel shows, without noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fsd_gen.backends.mitsuba.backend import MitsubaBackend
from fsd_gen.backends.mitsuba.cameras import sensor_plugin
from fsd_gen.backends.mitsuba.paths import PathIntegrator
from fsd_gen.backends.mitsuba.runtime import instantiate
from fsd_gen.usd.flat_scene import FlatScene, Surface
from tests.fsd_gen.backends.mitsuba.scenes import MATTE, RIG, SUN, middle, scene, turned, wall

PANE = Surface(name="pane", diffuse=(1.0, 1.0, 1.0), opacity=0.0, roughness=0.0)
MIRROR = Surface(name="mirror", diffuse=(0.8, 0.8, 0.8), metallic=1.0, roughness=0.0)
BEHIND_A_PANE = scene(wall(0, y=2.0, half=0.5), wall(1), surfaces=(PANE, MATTE), parallel_lights=(SUN,)).flat
IN_A_MIRROR = scene(wall(0), turned(wall(1, y=-3.0)), surfaces=(MIRROR, MATTE), parallel_lights=(SUN,)).flat


def traced(flat: FlatScene, *, guided: bool) -> NDArray[np.float32]:
    """(H, W, 3), or (H, W, 9) with the guides."""
    loaded = instantiate(MitsubaBackend(threads=1)._scene_dict(flat))
    path = PathIntegrator(loaded, max_depth=5, rr_depth=2, guided=guided)
    sensor = instantiate(sensor_plugin(flat, RIG, 4, "left"))
    return np.array(path.render(loaded, sensor, seed=5))


@pytest.mark.parametrize(
    ("view", "towards_eye", "least"), [(BEHIND_A_PANE, -1.0, 0.99), (IN_A_MIRROR, 1.0, 0.75)]
)
def test_guides_are_those_of_what_is_seen_through_a_pane_and_in_a_mirror(
    view: FlatScene, towards_eye: float, least: float
) -> None:
    albedo, normal = np.split(middle(traced(view, guided=True)[..., 3:]), 2)
    assert np.allclose(albedo / albedo[0], np.array(MATTE.diffuse) / MATTE.diffuse[0], rtol=1e-3)
    assert least <= albedo[0] / MATTE.diffuse[0] <= 1.001
    assert normal == pytest.approx([0, towards_eye, 0], abs=1e-5)


def test_guides_leave_the_colour_as_it_is() -> None:
    """But for the order in which the film adds up."""
    plain, guided = (traced(BEHIND_A_PANE, guided=guided)[..., :3] for guided in (False, True))
    assert np.allclose(plain, guided, rtol=1e-6)
