"""Polygon meshes small enough to triangulate by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsd_gen.usd.polygons import (
    Attribute,
    PolygonError,
    ball,
    box,
    point_normals,
    select,
    triangulate,
    weld_corners,
)

PENTAGON = np.array([[0, 0, 0], [2, 0, 0], [3, 1, 0], [1, 2, 0], [-1, 1, 0]], np.float32)
FIVE, IN_ORDER = np.array([5], np.int32), np.arange(5, dtype=np.int32)


def test_a_pentagon_becomes_a_fan_of_three() -> None:
    got = triangulate(PENTAGON, FIVE, IN_ORDER)
    assert got.faces_t3.tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4]]
    assert got.polygon_t.tolist() == [0, 0, 0]


def test_holes_and_faces_of_fewer_than_three_corners_vanish() -> None:
    counts = np.array([3, 2, 3], np.int32)
    indices = np.array([0, 1, 2, 0, 1, 2, 3, 4], np.int32)
    assert triangulate(PENTAGON, counts, indices).polygon_t.tolist() == [0, 2]
    assert triangulate(PENTAGON, counts, indices, holes=np.array([0])).polygon_t.tolist() == [2]


@pytest.mark.parametrize(
    ("counts", "indices", "message"),
    [([4], [0, 1, 2, 3, 4], "add up to 4, got 5"), ([5], [0, 1, 2, 3, 5], "reach from 0 to 5, but ther")],
)
def test_contradicting_topology_is_refused(counts: list[int], indices: list[int], message: str) -> None:
    with pytest.raises(PolygonError, match=message):
        triangulate(PENTAGON, np.array(counts, np.int32), np.array(indices, np.int32))


def test_a_wrong_number_of_values_is_refused() -> None:
    uv = Attribute(values_nk=np.zeros((4, 2), np.float32), interpolation="faceVarying")
    with pytest.raises(PolygonError, match="uv: faceVarying values: expected 5, got 4"):
        triangulate(PENTAGON, FIVE, IN_ORDER, uv=uv)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40))
def test_welding_keeps_every_corners_point_and_value(corners: list[tuple[int, float]]) -> None:
    points = np.array([point for point, _ in corners], np.int32)
    values = np.array([[value, 1 - value] for _, value in corners], np.float32)
    first, vertex = weld_corners(points, [values])
    assert np.array_equal(points[first][vertex], points) and np.array_equal(values[first][vertex], values)
    assert len(first) == len(set(corners))


def test_selecting_triangles_drops_unused_vertices() -> None:
    got = select(triangulate(PENTAGON, FIVE, IN_ORDER), np.array([False, False, True]))
    assert got.vertices_v3.tolist() == PENTAGON[[0, 3, 4]].tolist()
    assert got.faces_t3.tolist() == [[0, 1, 2]]


def test_smooth_normals_of_a_flat_polygon_stand_on_it() -> None:
    upwards = point_normals(PENTAGON, FIVE, IN_ORDER, left_handed=False)
    assert upwards.values_nk.tolist() == [[0, 0, 1]] * 5
    assert point_normals(PENTAGON, FIVE, IN_ORDER, left_handed=True).values_nk.tolist() == [[0, 0, -1]] * 5


def test_a_ball_has_unit_normals_away_from_its_centre() -> None:
    got = ball(2.0)
    assert np.allclose(got.vertices_v3, 2 * got.normals_v3, atol=1e-6)
    assert got.uv_v2.min() == 0 and got.uv_v2.max() == 1


def test_a_box_has_twelve_triangles_and_a_whole_texture_on_each_side() -> None:
    got = box(2.0)
    sides = got.uv_v2[got.faces_t3].reshape(6, 6, 2)
    assert all({tuple(st) for st in side} == {(0, 0), (1, 0), (1, 1), (0, 1)} for side in sides.tolist())
    assert np.abs(got.vertices_v3).min() == 1 == np.abs(got.vertices_v3).max()
