"""Where a camera stands in a room: no wall comes into view, of either eye, nearer than disparity allows."""

from __future__ import annotations

import math

from fsd_gen.styles.rooms.room import Room
from fsd_gen.styles.viewpoint import Viewpoint

ROOM = Room(width_m=6.0, depth_m=8.0, ceiling_m=2.6)


def score(x: float, *, baseline_m: float = 0.1, half_view_deg: float = 45.0) -> float:
    """Of a camera that looks along +y, `x` metres from the middle of the room."""
    eye = Viewpoint(x=x, y=-3.0, z=1.5, target=(x, 3.0, 1.4))
    return eye.score(ROOM, (), baseline_m, math.radians(half_view_deg), 1.2)


def test_a_wall_beside_the_camera_counts_when_it_is_in_view():
    assert score(-2.5) < score(0.0)
    assert score(-2.5, half_view_deg=15.0) == score(0.0, half_view_deg=15.0)


def test_the_right_eye_counts_too():
    assert score(1.6) == score(0.0)
    assert score(1.6, baseline_m=0.6) < score(0.0, baseline_m=0.6)
