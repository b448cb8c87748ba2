"""Driving scenes."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.driving import CAR_M
from tests.fsd_gen.styles.only import only
from tests.fsd_gen.styles.open_air import (
    floating,
    footprint,
    heading_deg,
    movable,
    overlapping,
    road_of,
    road_place,
    size_of,
    vehicles_of,
)

FEW = range(6)
HUNDREDS = range(100, 300)


def scenes(config, library, slots, **settings):
    alone = only(config, "driving", **settings)
    return [compose_scene(alone, library, SlotKey(slot=slot)) for slot in slots]


@pytest.fixture(scope="module")
def few(small_config, library):
    return scenes(small_config, library, FEW)


def sound(specs, library):
    for spec in specs:
        road = road_of(spec)
        assert floating(spec) == [], spec.key
        assert not overlapping([footprint(p, library) for p in movable(spec)]), spec.key
        s, v = road_place(road, *spec.camera.position[:2])
        assert abs(s) < 0.1 and -road.lanes * road.lane_m < v < 0, spec.key
        assert 1.15 < spec.camera.position[2] - road.height(s, v) < 1.85, spec.key
        assert free_ahead(spec, road, library, v) >= CAR_M, spec.key


def free_ahead(spec, road, library, v):
    """Metres of free lane before the camera."""
    nearest = np.inf
    for placement in movable(spec):
        corners = [road_place(road, *corner) for corner in footprint(placement, library).corners()]
        along, across = np.array(corners).T
        if across.min() < v + 1 and across.max() > v - 1 and along.max() > 0:
            nearest = min(nearest, along.min())
    return nearest


def test_the_road_is_sound_and_the_lane_before_the_camera_free(few, library):
    sound(few, library)


@pytest.mark.slow
def test_hundreds_of_roads_are_sound(small_config, library):
    sound(scenes(small_config, library, HUNDREDS), library)


def test_vehicles_head_as_the_traffic_of_their_side_does(few, library):
    seen = set()
    for spec in few:
        road = road_of(spec)
        for placement in vehicles_of(spec):
            s, v = road_place(road, *placement.position[:2])
            if placement.name.startswith("Crossing"):
                assert not road.clear_of_junctions(s), placement.name
                continue
            x, y, _ = size_of(placement, library)
            front = heading_deg(placement) - (0 if x > y else 90)
            off = (front - road.heading_deg(s) - (0 if v < 0 else 180) + 180) % 360 - 180
            assert abs(off) < 6, (spec.key, placement.name)
            seen.add(v < 0)
    assert seen == {True, False}


def test_baselines_are_those_of_cars_unless_the_style_says_otherwise(few, small_config, library):
    assert max(spec.rig.baseline_m for spec in few) > 0.2
    assert all(0.0999 <= spec.rig.baseline_m <= 0.6001 for spec in few)
    (narrow,) = scenes(small_config, library, [0], baseline_m=(0.02, 0.02))
    assert narrow.rig.baseline_m == pytest.approx(0.02)


def test_the_same_slot_differs_by_attempt_and_stays_a_road(small_config, library):
    alone = only(small_config, "driving")
    specs = [compose_scene(alone, library, SlotKey(slot=4, attempt=attempt)) for attempt in range(3)]
    assert len({spec.digest() for spec in specs}) == 3 and all(road_of(spec) for spec in specs)
    assert {spec.stratum for spec in specs} == {"driving"}


@pytest.mark.slow
def test_depth_varies_beyond_a_hundred_metres(small_config, library):
    limit, far = small_config.check_limits().max_disparity_px, []
    for spec in scenes(small_config, library, range(6)):
        truth = trace_truth(spec, library)
        disparity = truth.disparity_left_hw
        assert (disparity > limit).mean() < 0.02, spec.key
        depth = spec.rig.focal_px * spec.rig.baseline_m / disparity[disparity > 0]
        far.append(float(depth[depth < 800].max()))
        assert (depth < 12).mean() > 0.05, spec.key
    assert np.median(far) > 150
