"""What falls comes to rest on what is there, the same every time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from assets_manifest.derived.decompose import decompose
from assets_manifest.packs.builtin.shapes import box as box_soup
from fsd_gen.physics.bodies import Block, Body, box, slab, standing
from fsd_gen.physics.settle import PhysicsError, settle
from fsd_gen.scene.rotations import axis_angle, heading, random_rotation, rotation_matrix

CUBE = decompose(box_soup(0.1, 0.1, 0.1).points_f33)  # stands on z = 0
FLOOR = (box((0.0, 0.0, -0.05), (2.0, 2.0, 0.1)),)
DIGEST = """
import hashlib
from tests.fsd_gen.physics.test_settle import heap, FLOOR
from fsd_gen.physics.settle import settle
print(hashlib.sha256(repr(settle(heap(), FLOOR, 0.8)).encode()).hexdigest())
"""


def heap(count=8):
    rng = np.random.default_rng(5)
    return tuple(
        Body(
            hulls=CUBE,
            position=(float(rng.uniform(-0.1, 0.1)), float(rng.uniform(-0.1, 0.1)), 0.1 + 0.18 * k),
            rotation=random_rotation(rng),
        )
        for k in range(count)
    )


@pytest.fixture(scope="module")
def settled_heap():
    return settle(heap(), FLOOR, 2.0)


def test_a_cube_that_is_let_go_stands_on_the_floor():
    (cube,) = settle((Body(hulls=CUBE, position=(0.1, 0.2, 0.05), rotation=heading(20)),), FLOOR, 1.0)
    assert cube.at_rest and cube.position == pytest.approx((0.1, 0.2, 0.0), abs=2e-4)
    assert cube.rotation == pytest.approx(heading(20), abs=1e-3)


def test_a_cube_on_its_edge_falls_over():
    tilted = Body(hulls=CUBE, position=(0.0, 0.0, 0.03), rotation=axis_angle((1.0, 0.0, 0.0), 60.0))
    (cube,) = settle((tilted,), FLOOR, 1.5)
    up = np.abs(rotation_matrix(cube.rotation)[2])
    assert cube.at_rest and sorted(up) == pytest.approx([0, 0, 1], abs=0.01)


def test_a_heap_comes_to_rest_and_nothing_sinks_in(settled_heap):
    assert all(each.at_rest for each in settled_heap)
    assert max(each.penetration_m for each in settled_heap) < 0.002
    assert any(each.touching for each in settled_heap)


def test_corners_of_resting_cubes_lie_in_no_other_cube(settled_heap):
    corners = CUBE[0].points_n3
    solids = [corners @ rotation_matrix(s.rotation).T + s.position for s in settled_heap]
    assert min(solid[:, 2].min() for solid in solids) > -0.002
    for i, one in enumerate(solids):
        for j, other in enumerate(solids):
            if i != j:
                planes = ConvexHull(one).equations
                assert (other @ planes[:, :3].T + planes[:, 3]).max(axis=1).min() > -0.002


def test_the_same_input_gives_the_same_poses_in_another_process():
    root = Path(__file__).resolve().parents[3]
    runs = [
        subprocess.run([sys.executable, "-c", DIGEST], cwd=root, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert len(runs[0].stdout.strip()) == 64 and runs[0].stdout == runs[1].stdout


def test_what_falls_past_everything_is_lost():
    bodies = (Body(hulls=CUBE, position=(5.0, 0.0, 0.2)), Body(hulls=CUBE, position=(0.0, 0.0, 0.01)))
    away, stays = settle(bodies, FLOOR, 1.0)
    assert away.lost and not away.at_rest and stays.at_rest


def test_what_is_still_falling_is_not_at_rest():
    (cube,) = settle((Body(hulls=CUBE, position=(0.0, 0.0, 1.0)),), FLOOR, 0.25, calm=False)
    assert not cube.at_rest and not cube.lost and cube.speed_m_s > 1.5 and 0.5 < cube.position[2] < 0.8


def test_a_concave_board_holds_what_is_on_it_and_nothing_beside_it():
    corner = np.array([[0, 0], [1, 0], [1, 0.4], [0.4, 0.4], [0.4, 1], [0, 1.0]])
    spots = [(0.2, 0.8), (0.8, 0.2), (0.8, 0.8)]
    bodies = tuple(Body(hulls=CUBE, position=(x, y, 0.75)) for x, y in spots)
    ends = settle(bodies, slab(corner, 0.7), 1.0)
    assert [each.position[2] for each in ends[:2]] == pytest.approx([0.7, 0.7], abs=5e-4)
    assert ends[2].lost


def test_a_placed_object_is_an_obstacle():
    obstacle = standing(CUBE, (0.0, 0.0, 0.0), heading(45), (2.0, 2.0, 1.0))
    (cube,) = settle((Body(hulls=CUBE, position=(0.0, 0.0, 0.12)),), (*FLOOR, *obstacle), 1.0)
    assert cube.position[2] == pytest.approx(0.1, abs=5e-4)


def test_scale_is_obeyed():
    (cube,) = settle(
        (Body(hulls=CUBE, position=(0, 0, 0.4), rotation=axis_angle((0, 1, 0), 90.0), scale=(1, 1, 3)),),
        FLOOR,
        1.5,
    )
    assert cube.at_rest and cube.position[2] == pytest.approx(0.05, abs=1e-3)  # its long side lies


def test_no_bodies_are_no_work_and_bad_requests_are_named():
    assert settle((), FLOOR, 1.0) == ()
    with pytest.raises(PhysicsError, match="0 to 10 seconds of physics, got 99"):
        settle(heap(1), FLOOR, 99)
    flat = Block(points_n3=np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]))
    with pytest.raises(PhysicsError, match="refuses the scene.*block_0"):
        settle(heap(1), (flat,), 1.0)
