"""Scenes in a stage of the user's: free views, objects on its floor, its lights or ours, its own cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fsd_gen.config import ConfigError, load_config
from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.flags import Flag
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import needed, only

HALL = "environment"


def scenes(config, library, slots: int = 8):
    return [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(slots)]


def test_the_camera_stands_in_the_hall_at_the_heights_that_are_asked_for(small_config, library):
    for spec in scenes(only(small_config, HALL, height_m=(0.5, 0.8)), library):
        x, y, z = spec.camera.position
        assert abs(x) < 5 and abs(y) < 4 and 0.5 <= z <= 0.8
        assert spec.world.stage == needed(HALL)["stages"][0] and spec.world.lit


def test_the_truth_of_a_view_is_that_of_the_stage(small_config, library):
    spec = scenes(only(small_config, HALL), library, 1)[0]
    truth = trace_truth(spec, library)
    assert not (truth.flags_left_hw & Flag.SKY).any()
    depth_hw = spec.rig.depth(truth.disparity_left_hw)
    assert depth_hw.max() < np.hypot(10, 8)


def test_objects_are_dropped_in_view(small_config, library):
    number = 0
    for spec in scenes(only(small_config, HALL, objects=(6, 6)), library):
        spots = np.array([placement.position for placement in spec.placements]).reshape(-1, 3)
        number += len(spots)
        away = spots - spec.camera.position
        ahead = np.subtract(spec.camera.target, spec.camera.position)
        assert (away @ ahead > 0).all()
    assert number > 10


def test_lights_of_ours_take_the_place_of_its_own(small_config, library):
    for spec in scenes(only(small_config, HALL, lights="random"), library, 4):
        assert not spec.world.lit and spec.dome and len(spec.lights) >= 2
        for ball in spec.lights:
            x, y, z = ball.position
            assert abs(x) < 5 and abs(y) < 4 and spec.camera.position[2] < z < 3


def test_its_own_cameras_are_left_eyes_in_turn(small_config, library):
    config = only(small_config, HALL, cameras=("/Hall/Cam",))
    for spec in scenes(config, library, 2):
        assert spec.camera.position == pytest.approx((0, -3, 1.5))


def test_zones_of_the_config_bound_the_camera(small_config, library):
    zone = {"box": [[-4, -1], [-2, 1]], "z_m": [1.0, 1.2]}
    for spec in scenes(only(small_config, HALL, zones=[zone]), library, 4):
        x, y, z = spec.camera.position
        assert -4 <= x <= -2 and -1 <= y <= 1 and 1 <= z <= 1.2


def test_a_config_without_a_stage_is_refused():
    with pytest.raises(ConfigError, match="environment.stages: expected at least one USD stage"):
        load_config("demo", {"styles": {HALL: {}}})
    assert HALL in load_config("demo", {"styles": {HALL: {"weight": 0}, "flying": {}}}).styles


def test_a_path_that_workers_would_not_find_is_refused_with_the_one_to_write():
    with pytest.raises(ConfigError, match=rf"got 'hall.usda': write {Path.cwd()}/hall.usda"):
        load_config("demo", {"styles": {HALL: {"stages": ["hall.usda"]}}})


def test_a_stage_that_a_file_names_lies_beside_the_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("styles: {environment: {stages: [halls/a.usd]}}\n")
    assert load_config(str(tmp_path / "mine.yaml")).styles[HALL].stages == (str(tmp_path / "halls/a.usd"),)
