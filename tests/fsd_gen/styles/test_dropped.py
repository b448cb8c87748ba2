"""What is dropped into a stage of the user's rests on it: it neither floats nor reaches into anything."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial import cKDTree

from assets_manifest.derived.grids import surface_points
from assets_manifest.meshes.usd_triangles import read_triangles
from fsd_gen.scene.rotations import rotation_matrix
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import only
from tests.fsd_gen.worlds.halls import FLOOR, THINGS, WALLS
from tests.fsd_gen.worlds.hills import Hills

MOST_M = 0.002
HALL_BOXES = [
    (np.subtract(c, np.divide(s, 2)), np.add(c, np.divide(s, 2)))
    for c, s in {**WALLS, **FLOOR, **THINGS}.values()
]


def placed_points(library, placement):
    """Points (N, 3) all over the very triangles of a placed asset."""
    triangles_f33 = read_triangles(library.path(placement.asset))
    points = np.concatenate([triangles_f33.reshape(-1, 3), surface_points(triangles_f33, 0.02)[0]])
    return points @ rotation_matrix(placement.rotation).T + placement.position


def over_boxes(points_n3):
    """Distance (N,) of each point to the nearest of the hall's boxes; within one, minus its depth."""
    distances = []
    for low_3, high_3 in HALL_BOXES:
        beyond_n3 = np.maximum(low_3 - points_n3, points_n3 - high_3)
        outside_n = np.linalg.norm(beyond_n3.clip(0), axis=1)
        distances.append(np.where(outside_n > 0, outside_n, beyond_n3.max(axis=1)))
    return np.min(distances, axis=0)


def scenes(config, library, slots):
    return [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(slots)]


@pytest.fixture(scope="module")
def hall_scenes(small_config, library):
    return scenes(only(small_config, "environment", objects=(6, 6)), library, 4)


def test_in_a_hall_nothing_floats_and_nothing_reaches_into_its_boxes(hall_scenes, library):
    gaps = [over_boxes(placed_points(library, each)).min() for s in hall_scenes for each in s.placements]
    assert len(gaps) > 7
    assert min(gaps) > -MOST_M and max(gaps) < MOST_M


def test_what_is_dropped_later_reaches_into_nothing_that_was_dropped_before(hall_scenes, library):
    for spec in hall_scenes:
        clouds = [placed_points(library, each) for each in spec.placements]
        for one, other in itertools.combinations(clouds, 2):
            low_3, high_3 = other.min(axis=0) - MOST_M, other.max(axis=0) + MOST_M
            near = one[((one > low_3) & (one < high_3)).all(axis=1)]
            assert not len(near) or cKDTree(other).query(near)[0].min() > MOST_M / 2


def test_small_things_lie_in_any_pose_and_large_ones_stand(hall_scenes, library):
    up = {each: rotation_matrix(each.rotation)[2, 2] for s in hall_scenes for each in s.placements}
    large = [z for each, z in up.items() if max(library.get(each.asset).size_m) > 0.5]
    assert min(large) > np.cos(np.deg2rad(5))
    assert any(z < 0.9 for z in up.values())


@pytest.mark.parametrize(
    ("cell_m", "downwards"), [(0.3, False), (0.3, True), pytest.param(0.06, False, marks=pytest.mark.slow)]
)
def test_on_sloping_ground_with_a_kerb_what_rests_touches_the_very_triangles(
    small_config, library, tmp_path, cell_m, downwards
):
    hills = Hills(cell_m)
    stage = hills.write(tmp_path, downwards=downwards)
    config = only(small_config, "environment", stages=(str(stage),), objects=(6, 6))
    placements = [each for spec in scenes(config, library, 4) for each in spec.placements]
    assert len(placements) > 8
    for placement in placements:
        points_n3 = placed_points(library, placement)
        gap_m = (points_n3[:, 2] - hills.height(points_n3)).min()
        assert abs(gap_m) < MOST_M, placement
    tilts = [rotation_matrix(each.rotation)[2, 2] for each in placements]
    assert min(tilts) < 0.9999  # they lean as the ground does


def test_the_same_seed_drops_the_same(small_config, library, hall_scenes):
    again = scenes(only(small_config, "environment", objects=(6, 6)), library, 2)
    assert [spec.digest() for spec in again] == [spec.digest() for spec in hall_scenes[:2]]
