"""A robot's view: low, about level, with free ground ahead that nothing stands on."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.wayfinding import BODY_M, Obstacles, Way, longest_way, pose
from tests.fsd_gen.styles.only import only

RIG = StereoRig.centred(width=320, height=180, focal_px=200, baseline_m=0.2)


@pytest.fixture(scope="module")
def indoors(small_config, library):
    config = only(small_config, "navigation", outdoors=0, tall=0, beside=(6, 6))
    return [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(12)]


def test_the_camera_is_low_and_about_level(indoors):
    for spec in indoors:
        ahead = np.subtract(spec.camera.target, spec.camera.position)
        assert 0.2 <= spec.camera.position[2] <= 0.6
        assert abs(np.rad2deg(np.arctan2(ahead[2], np.hypot(*ahead[:2])))) <= 10
        assert abs(spec.camera.roll_deg) <= 3


def test_nothing_stands_beside_the_way_within_the_robot(indoors):
    number = 0
    for spec in indoors:
        ahead = np.subtract(spec.camera.target, spec.camera.position)[:2]
        ahead /= np.linalg.norm(ahead)
        for thing in spec.placements:
            if thing.name.startswith("Beside"):
                away = np.subtract(thing.position, spec.camera.position)[:2]
                assert away @ ahead > 0 and abs(away @ [ahead[1], -ahead[0]]) > BODY_M
                assert thing.position[2] == 0
                number += 1
    assert number >= 24


def test_some_scenes_are_out_of_doors(small_config, library):
    config = only(small_config, "navigation", outdoors=1.0, tall=1.0)
    spec = compose_scene(config, library, SlotKey(slot=0))
    assert not spec.panels and spec.dome is not None


def test_a_way_ends_before_what_stands_in_it():
    box = Footprint(x=3, y=0, width=1, depth=1, heading_deg=0)
    for seed in range(5):
        way = longest_way(np.random.default_rng(seed), (5.0, 2.0), [box], RIG)
        steps = np.linspace(0, max(way.free_m - 0.25, 0), 40)
        points = np.array([way.x, way.y]) + steps[:, None] * way.ahead
        assert way.free_m > 3
        assert all(box.distance_to(*point) > BODY_M - 0.05 for point in points.tolist())
        assert (np.abs(points) < [5.0, 2.0]).all()


def test_distances_are_those_of_the_footprints():
    spots = [Footprint(x=k, y=-k / 2, width=1 + k, depth=0.5, heading_deg=37 * k) for k in range(4)]
    points = np.random.default_rng(1).uniform(-4, 6, (50, 2))
    expected = [min(spot.distance_to(*point) for spot in spots) for point in points.tolist()]
    assert Obstacles.of(spots).distance(points) == pytest.approx(np.array(expected), abs=1e-3)
    assert np.isinf(Obstacles.of([]).distance(points)).all()


def test_on_a_slope_the_camera_looks_along_it():
    camera = pose(Way(0, 0, 0.0, 5.0), np.random.default_rng(0), 0.4, lambda x, y: 0.5 * x)
    ahead = np.subtract(camera.target, camera.position)
    assert camera.position[2] == 0.4 and ahead[2] / ahead[0] == pytest.approx(0.5, abs=0.2)


def test_the_strip_of_a_way_covers_the_robot():
    strip = Way(1, 1, 90.0, 4.0).strip(4.0)
    assert strip.distance_to(1, 4.9) == 0 and strip.distance_to(1 + BODY_M + 0.1, 3) == pytest.approx(0.1)
