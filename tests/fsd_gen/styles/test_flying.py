"""Chaotic scenes: what flies, before what, in which light."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.rotations import camera_to_world, rotation_matrix
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.flying import Config, _Balls
from fsd_gen.styles.hard import KINDS
from fsd_gen.styles.sampler import HardConfig
from tests.fsd_gen.styles.only import only

SCENES = 40
NO_HARD = HardConfig(**dict.fromkeys(KINDS, 0.0))


@pytest.fixture(scope="module")
def specs(small_config, library):
    config = only(small_config, "flying")
    return [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(SCENES)]


def balls(spec, library, name=""):
    """Centre and radius of the ball around each object so called."""
    for placed in spec.placements:
        if placed.name.startswith(name):
            size = np.array(library.get(placed.asset).size_m) * placed.scale
            up = rotation_matrix(placed.rotation) @ [0, 0, size[2] / 2]
            yield np.array(placed.position) + up, np.linalg.norm(size) / 2


def objects(spec):
    return [placed for placed in spec.placements if placed.name.startswith("Object")]


def test_the_camera_looks_at_the_objects_centre_of_mass(specs, library):
    for spec in specs[:10]:
        centre = np.mean([middle for middle, _ in balls(spec, library, "Object")], axis=0)
        pose = camera_to_world(spec.camera)
        ahead = (centre - pose[:3, 3]) / np.linalg.norm(centre - pose[:3, 3])
        assert ahead @ pose[:3, 2] == pytest.approx(1, abs=1e-4)


def test_as_many_objects_fly_as_the_settings_say(small_config, library):
    config = only(
        small_config,
        "flying",
        objects=(3, 5),
        distractors=(2, 2),
        retexture=0.0,
        hard=NO_HARD,
        pictures=(0, 0),
    )
    specs = [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(20)]
    assert {len(objects(spec)) for spec in specs} == {3, 4, 5}
    assert all(len(spec.placements) == len(objects(spec)) + 2 for spec in specs)
    for spec in specs:
        assert all(placed.material is None and not placed.looks for placed in spec.placements)
        assert not any(panel.name.startswith("Picture") for panel in spec.panels)


def test_nothing_reaches_the_camera_and_next_to_nothing_a_wall(specs, library):
    cut = total = 0
    for spec in specs:
        nearest = spec.rig.focal_px * spec.rig.baseline_m / (0.3 * spec.rig.width)
        walls = [panel for panel in spec.panels if not panel.name.startswith("Picture")]
        for centre, radius in balls(spec, library):
            assert np.linalg.norm(centre - spec.camera.position) - radius > 0.9 * nearest
            heights = [
                rotation_matrix(wall.rotation)[:, 2] @ (centre - np.array(wall.position)) for wall in walls
            ]
            cut += any(height < 0.99 * radius for height in heights)
            total += 1
    assert cut < 0.06 * total


@pytest.mark.parametrize("number", [2, pytest.param(16, marks=pytest.mark.slow)])
def test_disparities_stay_within_what_networks_look_up_and_are_not_all_tiny(specs, library, number):
    widest = []
    for spec in specs[:number]:
        shown = trace_truth(spec, library).disparity_left_hw * (1280 / spec.rig.width)
        assert np.quantile(shown, 0.995) <= 416
        widest.append(np.quantile(shown, 0.95))
    assert np.median(widest) > 60


def test_every_background_and_both_orders_of_placing_occur(specs):
    shapes = Counter(
        frozenset(panel.name for panel in spec.panels if not panel.name.startswith("Picture"))
        for spec in specs
    )
    assert len(shapes) == 5  # none, ground, wall, corner, box
    assert all(spec.dome for spec in specs)
    kinds = Counter(light.kind for spec in specs for light in spec.lights)
    assert set(kinds) == {"rect", "disk", "sphere", "distant"}


def test_hard_surfaces_come_in_the_shares_that_the_settings_ask_for(specs, small_config, library):
    found = Counter(placed.hard for spec in specs for placed in spec.placements)
    total = found.total()
    assert {kind: found[kind] / total for kind in KINDS} == pytest.approx(
        dict.fromkeys(KINDS, 0.04), abs=0.012
    )
    assert all(placed.material for spec in specs for placed in spec.placements if placed.hard)
    none = only(small_config, "flying", hard=NO_HARD)
    for slot in range(5):
        spec = compose_scene(none, library, SlotKey(slot=slot))
        assert not any(thing.hard for thing in (*spec.placements, *spec.panels))


@pytest.mark.parametrize("change", [{"distractors": (0, 0)}, {"pictures": (0, 0)}, {"odd_exposure": 1.0}])
def test_a_setting_changes_only_what_it_is_about(specs, small_config, library, change):
    changed = compose_scene(only(small_config, "flying", **change), library, SlotKey(slot=1))
    same = specs[1]
    assert objects(changed) == objects(same) and changed.lights == same.lights and changed.dome == same.dome
    assert changed.camera == same.camera and changed.rig == same.rig


def test_odd_exposures_stay_within_what_cameras_do(small_config, library):
    config = only(small_config, "flying", odd_exposure=1.0)
    stops = [compose_scene(config, library, SlotKey(slot=s)).settings.exposure_ev for s in range(16)]
    low, high = config.render.exposure_ev
    assert min(stops) >= low - 1.3 and max(stops) <= high + 1.3 and np.std(stops) > 0.5


def test_the_defaults_of_old_settings_stand():
    config = Config()
    assert (config.objects, config.retexture, config.metal, config.glass) == ((10, 32), 0.6, 0.12, 0.06)


def test_room_among_very_many_objects_is_what_a_look_at_each_finds():
    """The settings allow ten thousand, so that no loop over them may stand in the loop over them."""
    rng, balls, taken = np.random.default_rng(5), _Balls(), []
    found = Counter()
    for _ in range(400):
        centre_3, radius_m = rng.uniform(0, 10, 3), float(rng.uniform(0.1, 1.5))
        plain = all(np.linalg.norm(centre_3 - other_3) > 0.75 * (radius_m + m) for other_3, m in taken)
        assert balls.leave_room(centre_3, radius_m) == plain
        found[plain] += 1
        if plain:
            balls.add(centre_3, radius_m)
            taken.append((centre_3, radius_m))
    assert len(taken) > 64 and min(found.values()) > 20
    assert (balls.centres_n3 == [centre_3 for centre_3, _ in taken]).all()
