"""Bodies of lamps: met where their closed forms say."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.truth.light_bodies import LightBody
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.flat_scene import AreaLight
from tests.fsd_gen.truth.scenes import RIG, scene, wall


def body(shape: str, scale: float = 1.0, z: float = 2.0) -> LightBody:
    """A lamp on the optical axis, not turned."""
    to_world = np.diag([scale, scale, scale, 1.0])
    to_world[2, 3] = z
    light = AreaLight(name="lamp", shape=shape, to_world=to_world, radiance=(1, 1, 1))
    return LightBody.of(light, np.eye(4))


def hit(of: LightBody, x: float, y: float, origin: tuple = (0.0, 0.0, 0.0)) -> float:
    """Ray parameter along (x, y, 1)."""
    return float(of.intersect(np.array([origin]), np.array([[x, y, 1.0]]))[0])


def test_a_rect_is_a_square_of_side_1_and_a_disk_a_circle_of_radius_1():
    assert hit(body("rect"), 0.24, 0.24) == pytest.approx(2.0)
    assert hit(body("rect"), 0.26, 0.0) == np.inf
    assert hit(body("disk"), 0.49, 0.0) == pytest.approx(2.0)
    assert hit(body("disk"), 0.36, 0.36) == np.inf  # inside the square around it


def test_a_ball_is_met_on_its_near_side():
    assert hit(body("sphere", 0.3), 0.0, 0.0) == pytest.approx(1.7)
    assert hit(body("sphere", 0.3), 0.2, 0.0) == np.inf


@pytest.mark.parametrize("shape", ["rect", "disk", "sphere"])
def test_what_is_behind_the_eye_is_not_met(shape):
    assert hit(body(shape, z=-2.0), 0.0, 0.0) == np.inf


def test_the_body_of_a_lamp_is_part_of_the_truth():
    to_world = np.eye(4)
    to_world[:3, :3] *= 0.3
    to_world[2, 3] = 2.0
    ball = AreaLight(name="bulb", shape="sphere", to_world=to_world, radiance=(1, 1, 1))
    truth = compute_truth(scene(wall(4.0), lights=(ball,)), RIG)
    assert truth.disparity_left_hw[48, 80] == pytest.approx(RIG.disparity(1.7), abs=0.02)
    assert truth.disparity_left_hw[5, 5] == pytest.approx(RIG.disparity(4.0), abs=0.01)
