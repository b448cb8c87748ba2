"""A pose stands free with both eyes and sees something worth a pair; zones are kept to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.spec import CameraPose
from fsd_gen.usd.reader import camera_of_stage, read_world
from fsd_gen.worlds.space import FREE_M, Space
from fsd_gen.worlds.views import Stance, choose, drawn_in_zones, drawn_over_floors, pose_of
from fsd_gen.worlds.zones import Zone
from tests.fsd_gen.worlds.halls import hall

RIG = StereoRig.centred(width=320, height=180, focal_px=250, baseline_m=0.2)
STANCE = Stance(height_m=(0.4, 1.8), pitch_deg=(-20, 6))


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return Space(read_world(hall(tmp_path_factory.mktemp("hall"))))


def test_every_view_stands_free_indoors_and_sees_more_than_a_wall(space):
    places = space.find_places()
    for seed in range(25):
        rng = np.random.default_rng(seed)
        pose = choose(space, RIG, drawn_over_floors(rng, places, STANCE), nearest_m=0.5)
        frame = camera_to_world(pose)
        eyes = np.array([frame[:3, 3], frame[:3, 3] + frame[:3, 0] * RIG.baseline_m])
        nearest_n, back_n = space.around(eyes)
        assert nearest_n.min() >= FREE_M and back_n.max() < 0.5
        assert (np.abs(eyes) < [5, 4, 3.05]).all()
        rays = RIG.ray_directions()[::12, ::12].reshape(-1, 3) @ frame[:3, :3].T
        assert space.largest_plane(space.cast(np.tile(frame[:3, 3], (len(rays), 1)), rays)) < 0.7


def test_zones_bound_place_height_and_heading(space):
    zones = (
        Zone(box=((-1, -1), (1, 0)), z_m=(1.0, 1.5), heading_deg=(80, 100), pitch_deg=(0, 0)),
        Zone(polygon=((3, 2), (4.5, 2), (4.5, 3.5)), z_m=(0.5, 0.6), heading_deg=(170, 190)),
    )
    poses = drawn_in_zones(np.random.default_rng(3), zones)
    for pose in poses:
        x, y, z = pose.position
        ahead = np.subtract(pose.target, pose.position)
        if x < 2:
            assert -1 <= x <= 1 and -1 <= y <= 0 and 1 <= z <= 1.5 and ahead[1] > 0.98 and ahead[2] == 0
        else:
            assert y - 2 <= x - 3 + 1e-6 and 0.5 <= z <= 0.6 and ahead[0] < 0
    assert {pose.position[0] > 2 for pose in poses} == {True, False}


def test_nowhere_free_is_no_pose(space):
    inside_a_wall = Zone(box=((-4, 4.05), (4, 4.15)), z_m=(1, 2))
    assert choose(space, RIG, drawn_in_zones(np.random.default_rng(0), (inside_a_wall,)), 0.5) is None


def test_the_right_eye_does_not_stand_behind_a_wall(space):
    """20 cm from the east wall, looking north: a rig 1 m wide would reach through it."""
    wide = StereoRig.centred(width=320, height=180, focal_px=250, baseline_m=1.0)
    pose = CameraPose(position=(4.6, -1.0, 1.5), target=(4.6, 0.0, 1.5))
    assert choose(space, RIG.model_copy(update={"baseline_m": 0.05}), (pose,), 0.5) is not None
    assert choose(space, wide, (pose,), 0.5) is None


@pytest.mark.parametrize(("unit", "y_up"), [(0.01, True), (1.0, False)])
def test_a_camera_of_the_stage_is_a_pose(tmp_path, unit, y_up):
    frame, hfov_deg = camera_of_stage(hall(tmp_path, unit=unit, y_up=y_up), "/Hall/Cam")
    pose = pose_of(frame)
    assert pose.position == pytest.approx((0, -3, 1.5)) and hfov_deg == pytest.approx(60)
    assert np.subtract(pose.target, pose.position) == pytest.approx((0, 1, 0), abs=1e-9)


def test_any_frame_is_a_pose_to_a_thousandth_of_a_degree():
    for seed in range(20):
        frame = np.eye(4)
        frame[:3, :3] = Rotation.random(random_state=seed).as_matrix()
        frame[:3, 3] = (1, 2, 3)
        assert np.abs(camera_to_world(pose_of(frame)) - frame).max() < 1e-5
