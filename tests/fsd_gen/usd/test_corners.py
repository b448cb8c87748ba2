"""Polygons of every shape are covered exactly once."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsd_gen.usd.corners import clip_ears, triangle_corners
from fsd_gen.usd.polygons import Attribute, triangulate, usable_normals

ARROW = [(-0.6, -0.5), (0, 0.1), (0.6, -0.5), (0, 0.5)]
ELL = [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)]
COMB = [(0, 0), (7, 0), (7, 3), (6, 3), (6, 1), (5, 1), (5, 3), (4, 3), (4, 1), (3, 1), (3, 3), (0, 3)]
ON_A_LINE = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (2, 1), (2, 3), (1, 3), (1, 1), (0, 1)]
TWICE = [(0, 0), (0, 0), (3, 0), (3, 1), (3, 1), (1, 1), (1, 3), (0, 3)]
RING = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)]  # a hole, by a bridge
SHAPES = {"arrow": ARROW, "ell": ELL, "comb": COMB, "on a line": ON_A_LINE, "twice": TWICE, "ring": RING}


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    return (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2


def covered_once(corners: list, triangles: np.ndarray) -> bool:
    """All triangles wind like the polygon, and their areas add up to its own: then none overlap."""
    points = np.array(corners, float)
    sizes = areas(points, triangles)
    return bool(sizes.min() > -1e-6 and np.isclose(sizes.sum(), area(points), rtol=1e-5))


def in_space(corners: list, *, normal: tuple = (0, 0, 1)) -> np.ndarray:
    flat = np.column_stack([np.array(corners, float), np.zeros(len(corners))])
    up = np.array(normal, float) / np.linalg.norm(normal)
    across = np.cross([0.3, 0.5, 0.9], up)
    across /= np.linalg.norm(across)
    return (flat @ np.stack([across, np.cross(up, across), up])).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("start", [0, 1, 3])
@pytest.mark.parametrize("normal", [(0, 0, 1), (0, 0, -1), (1, 2, 3)])
def test_a_concave_polygon_is_covered_exactly_once_in_any_plane_from_any_corner(
    shape: str, start: int, normal: tuple
) -> None:
    corners = SHAPES[shape][start:] + SHAPES[shape][:start]
    counts, indices = np.array([len(corners)]), np.arange(len(corners))
    triangles, _ = triangle_corners(in_space(corners, normal=normal), counts, indices, None)
    assert len(triangles) == len(corners) - 2 and covered_once(corners, triangles)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 1.0), min_size=4, max_size=24), st.integers(0, 23))
def test_stars_of_any_outline_are_covered_exactly_once(radii: list[float], start: int) -> None:
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    corners = np.array(radii)[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    corners = np.roll(corners, start, axis=0)
    assert covered_once(corners.tolist(), np.array(clip_ears(corners)))


def test_a_concave_polygon_that_is_not_quite_flat_is_covered_as_it_is_seen() -> None:
    points = in_space(ELL)
    points[:, 2] += np.array([0, 0.05, -0.05, 0.1, 0, 0.02], np.float32)
    triangles, _ = triangle_corners(points, np.array([6]), np.arange(6), None)
    assert covered_once(ELL, triangles)


def test_convex_polygons_stay_fans_among_concave_ones() -> None:
    points = np.concatenate([in_space([(5, 5), (6, 5), (6, 6), (5, 6)]), in_space(ARROW)])
    triangles, polygon = triangle_corners(points, np.array([4, 4]), np.arange(8), None)
    assert triangles[:2].tolist() == [[0, 1, 2], [0, 2, 3]] and polygon.tolist() == [0, 0, 1, 1]
    assert covered_once(ARROW, triangles[2:] - 4)


def test_edges_that_cross_make_a_fan_and_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    bow_tie = [(0, 0), (1, 1), (1, 0), (0, 1), (-2, 0.4)]
    with caplog.at_level(logging.WARNING):
        triangles, _ = triangle_corners(in_space(bow_tie), np.array([5]), np.arange(5), None)
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4]]
    assert "polygons whose edges cross are drawn as fans: faces=1" in caplog.text


def test_left_handed_concave_polygons_face_the_other_way() -> None:
    counts, indices = np.array([4], np.int32), np.arange(4, dtype=np.int32)
    got = triangulate(in_space(ARROW), counts, indices, left_handed=True)
    assert areas(got.vertices_v3[:, :2], got.faces_t3).sum() == pytest.approx(
        -area(np.array(ARROW)), rel=1e-5
    )


QUAD = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
FOUR, IN_ORDER = np.array([4], np.int32), np.arange(4, dtype=np.int32)


@pytest.mark.parametrize("bad", [(0, 0, 0), (np.nan, 0, 1), (np.inf, 0, 0)])
def test_normals_that_are_none_are_those_of_the_face(bad: tuple) -> None:
    def usable(values: list) -> Attribute | None:
        normals = Attribute(values_nk=np.array(values, np.float32), interpolation="vertex")
        return usable_normals(QUAD, FOUR, IN_ORDER, normals, left_handed=False)

    assert usable([bad] * 4) is None
    some = usable([bad, (1, 0, 0), (1, 0, 0), (1, 0, 0)])
    assert some.interpolation == "faceVarying"
    assert some.values_nk.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]]
    good = Attribute(values_nk=np.ones((4, 3), np.float32), interpolation="vertex")
    assert usable_normals(QUAD, FOUR, IN_ORDER, good, left_handed=False) is good


@pytest.mark.parametrize("faces", [0, 1, 5])
def test_a_mesh_of_triangles_alone_is_cut_as_one_with_a_hole_elsewhere(faces: int) -> None:
    points = np.random.default_rng(1).normal(size=(3 * faces + 3, 3)).astype(np.float32)
    indices = np.arange(3 * faces + 3, dtype=np.int32)
    counts = np.full(faces, 3, np.int32)
    corners, polygons = triangle_corners(points, counts, indices[: 3 * faces], None)
    general, of = triangle_corners(points, np.full(faces + 1, 3, np.int32), indices, np.array([faces]))
    assert np.array_equal(corners, general) and np.array_equal(polygons, of)
    assert (corners.dtype, polygons.dtype) == (general.dtype, of.dtype)
