"""A sensor's rays are the rig's, whatever the shape of its pixels and wherever its principal point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.backends.mitsuba.backend import MitsubaBackend
from fsd_gen.backends.mitsuba.cameras import rectangular_pixels, sensor_plugin
from fsd_gen.backends.mitsuba.runtime import mi
from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.maps import compute_truth
from tests.fsd_gen.backends.mitsuba.scenes import GLOW, LOOKING_ALONG_Y, PLAIN, scene, wall

SQUARE = StereoRig(width=64, height=36, focal_px=40.0, baseline_m=0.3, cx_px=41.0, cy_px=12.5)
OBLONG = SQUARE.model_copy(update={"focal_y_px": 55.0})


def rays_of(plugin: dict, rig: StereoRig) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays through the pixel centres start, and where they go, in the left camera's frame."""
    sensor = mi.load_dict(plugin)
    u, v = np.meshgrid((np.arange(rig.width) + 0.5) / rig.width, (np.arange(rig.height) + 0.5) / rig.height)
    position = mi.Point2f(u.ravel().astype(np.float32), v.ravel().astype(np.float32))
    ray, weight = sensor.sample_ray_differential(0.0, 0.5, position, mi.Point2f(0.5))
    assert np.array(weight).max() == pytest.approx(1)
    origins, directions = (np.array(x).T @ LOOKING_ALONG_Y[:3, :3] for x in (ray.o, ray.d))
    return origins, directions.reshape(rig.height, rig.width, 3)


@pytest.mark.parametrize("eye", ["left", "right"])
@pytest.mark.parametrize("rig", [SQUARE, OBLONG], ids=["square", "oblong"])
def test_rays_through_pixel_centres_are_those_that_truth_is_traced_along(rig, eye):
    origins, directions = rays_of(sensor_plugin(scene(wall(0)).flat, rig, 1, eye), rig)
    expected = rig.ray_directions()
    assert np.abs(directions / directions[..., 2:] - expected).max() < 2e-6
    starts = origins - expected.reshape(-1, 3) * 1e-3  # from the near plane back to the eye
    assert np.abs(starts - [0.3 if eye == "right" else 0.0, 0, 0]).max() < 1e-6


def test_the_sensor_for_any_pixels_sees_square_ones_as_mitsubas_own_does():
    own = sensor_plugin(scene(wall(0)).flat, SQUARE, 1, "left")
    ours = {name: own[name] for name in ("to_world", "film", "sampler")} | rectangular_pixels(SQUARE)
    (origins, directions), (other_origins, other) = (rays_of(plugin, SQUARE) for plugin in (own, ours))
    assert np.abs(directions - other).max() < 1e-6
    assert np.abs(origins - other_origins).max() < 1e-7


def test_what_is_seen_lies_where_truth_says_for_pixels_that_are_not_square():
    sign = replace(wall(0, y=3.0, half=0.4, x=-0.3, z=0.1), surface=0)
    staged = scene(sign, surfaces=(GLOW,))
    images = MitsubaBackend(threads=1).render(staged, OBLONG, PLAIN, seed=0)
    truth = compute_truth(staged.flat, OBLONG)
    for image_hwc, disparity_hw in (
        (images.left_hwc, truth.disparity_left_hw),
        (images.right_hwc, truth.disparity_right_hw),
    ):
        lit_hw = image_hwc[..., 1] > 0.5
        assert lit_hw.sum() > 60
        assert (lit_hw == (disparity_hw > 0)).all()
    stretched = compute_truth(staged.flat, SQUARE)
    assert (stretched.disparity_left_hw > 0).sum() < 0.8 * lit_hw.sum()
