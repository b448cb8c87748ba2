import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsd_gen.scene.rotations import (
    axis_angle,
    camera_to_world,
    compose,
    facing,
    random_rotation,
    rotation_matrix,
)
from fsd_gen.scene.spec import CameraPose

unit = st.floats(-1, 1)


@given(st.tuples(unit, unit, unit).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_facing_turns_z_towards_the_direction(direction):
    matrix = rotation_matrix(facing(direction))
    assert matrix[:, 2] == pytest.approx(np.array(direction) / np.linalg.norm(direction), abs=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1)


@pytest.mark.parametrize("wall", [(0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0)])
def test_what_faces_sideways_keeps_y_up(wall):
    assert rotation_matrix(facing(wall))[:, 1] == pytest.approx([0, 0, 1], abs=1e-6)


def test_compose_does_the_second_argument_first():
    turn, tip = axis_angle((0.0, 0.0, 1.0), 90), axis_angle((1.0, 0.0, 0.0), 90)
    expected = rotation_matrix(turn) @ rotation_matrix(tip)
    assert rotation_matrix(compose(turn, tip)) == pytest.approx(expected)


def test_random_rotations_are_rotations():
    matrix = rotation_matrix(random_rotation(np.random.default_rng(0)))
    assert matrix @ matrix.T == pytest.approx(np.eye(3))


def test_a_camera_looking_north_has_x_east_and_y_down():
    pose = camera_to_world(CameraPose(position=(1.0, 2.0, 3.0), target=(1.0, 5.0, 3.0)))
    assert pose[:3, 0] == pytest.approx([1, 0, 0])
    assert pose[:3, 1] == pytest.approx([0, 0, -1])
    assert pose[:3, 2] == pytest.approx([0, 1, 0])
    assert pose[:3, 3] == pytest.approx([1, 2, 3])


def test_a_camera_that_looks_at_itself_is_refused():
    with pytest.raises(ValueError, match="another point"):
        camera_to_world(CameraPose(position=(0.0, 0.0, 0.0), target=(0.0, 0.0, 0.0)))
