"""Outdoor scenes."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.made.registry import is_made
from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.outdoor import time_of_day
from tests.fsd_gen.styles.only import only
from tests.fsd_gen.styles.open_air import floating, footprint, ground_of, movable, overlapping, road_of

FEW = range(14)
HUNDREDS = range(100, 400)


def scenes(config, library, slots, **settings):
    alone = only(config, "outdoor", **settings)
    return [compose_scene(alone, library, SlotKey(slot=slot)) for slot in slots]


@pytest.fixture(scope="module")
def few(small_config, library):
    return scenes(small_config, library, FEW)


def sound(specs, library):
    for spec in specs:
        assert floating(spec) == [], spec.key
        assert not overlapping([footprint(p, library) for p in movable(spec)]), spec.key
        ground, (x, y, z) = ground_of(spec), spec.camera.position
        if ground:
            assert 0.75 < z - ground.height(x, y) < 2.05, spec.key
        names = [light.name for light in spec.lights] + [p.name for p in spec.placements]
        assert len(set(names)) == len(names), spec.key


def test_things_stand_on_the_ground_and_not_in_each_other(few, library):
    sound(few, library)


@pytest.mark.slow
def test_hundreds_of_scenes_are_sound(small_config, library):
    sound(scenes(small_config, library, HUNDREDS), library)


def test_nothing_stands_in_the_camera(few, library):
    for spec in few:
        for placement in movable(spec):
            assert footprint(placement, library).distance_to(*spec.camera.position[:2]) > 0.3, spec.key


def test_places_and_streets_both_come(few):
    assert {ground_of(spec) is None for spec in few} == {True, False}
    assert all((ground_of(spec) is None) == (road_of(spec) is not None) for spec in few)


def test_lamps_shine_at_night_and_not_by_day(small_config, library):
    night = scenes(small_config, library, range(4), night=1.0, dusk=0.0, overcast=0.0, streets=0.0)
    day = scenes(small_config, library, range(4), night=0.0, dusk=0.0, overcast=0.0)
    kinds = {light.kind for spec in night for light in spec.lights}
    assert {"sphere", "rect"} <= kinds
    assert {light.kind for spec in day for light in spec.lights} == {"distant"}
    assert all("/night/" in spec.dome.hdri for spec in night)


def test_times_of_day_come_by_their_shares():
    rng = np.random.default_rng(0)
    drawn = [time_of_day(rng, 0.2, 0.1, 0.3) for _ in range(4000)]
    shares = {name: drawn.count(name) / 4000 for name in set(drawn)}
    assert shares == pytest.approx({"overcast": 0.2, "dusk": 0.1, "night": 0.3, "day": 0.4}, abs=0.03)


@pytest.mark.slow
def test_disparities_keep_within_their_limit(small_config, library):
    limit = small_config.check_limits().max_disparity_px
    for spec in scenes(small_config, library, range(6)):
        truth = trace_truth(spec, library)
        assert (truth.disparity_left_hw > limit).mean() < 0.02, spec.key
        assert np.percentile(truth.disparity_left_hw, 99) > 0.01 * spec.rig.width, spec.key


def test_a_scene_names_few_made_buildings_because_each_costs_time(few):
    for spec in few:
        made = {p.asset for p in spec.placements if is_made(p.asset)}
        assert sum("/building." in asset for asset in made) <= 16, spec.key
