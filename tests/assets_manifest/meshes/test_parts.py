from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.meshes.parts import (
    DroppedFaces,
    Surface,
    crease_normals,
    distinct_faces,
    indexed_part,
    place_numbers,
)


def two_triangles(fold_degrees: float) -> tuple[np.ndarray, np.ndarray]:
    turn = np.radians(fold_degrees)
    points = np.array([
        [(0, 0, 0), (0, 1, 0), (-1, 0, 0)],
        [(0, 0, 0), (np.cos(turn), 0, -np.sin(turn)), (0, 1, 0)],
    ])  # fmt: skip
    return points, place_numbers(points.reshape(-1, 3), 1e-6).reshape(-1, 3)


def test_a_gentle_fold_is_smooth_and_a_sharp_one_is_not() -> None:
    points, places = two_triangles(20)
    normals = crease_normals(points, places, crease_degrees=40)
    half = np.radians(10)
    assert normals[0, 0] == pytest.approx([np.sin(half), 0, np.cos(half)], abs=1e-6)
    points, places = two_triangles(60)
    normals = crease_normals(points, places, crease_degrees=40)
    assert normals[0].tolist() == [[0, 0, 1]] * 3
    assert normals[1, 0] == pytest.approx([np.sin(np.radians(60)), 0, np.cos(np.radians(60))])


def test_of_triangles_in_one_place_the_first_stays_and_those_without_area_go() -> None:
    a, b, c, d = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    nearly_b = (1.0 + 1e-9, -0.0, 0.0)  # b, once it is stored in single precision
    points = np.array([[a, b, c], [c, nearly_b, a], [a, b, nearly_b], [b, d, c], [c, a, b]])
    keep, dropped = distinct_faces(points)
    assert keep.tolist() == [True, False, False, True, False]
    assert dropped == DroppedFaces(repeated_corners=1, duplicates=2)
    assert distinct_faces(points[:0])[1] == DroppedFaces()


@pytest.mark.parametrize(("faces", "ior"), [(4, 1.5), (3, 1.0)])
def test_a_see_through_part_refracts_only_if_it_encloses_something(faces: int, ior: float) -> None:
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], float)
    points = corners[[[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]][:faces]
    normals = np.broadcast_to([0.0, 0.0, 1.0], points.shape)
    glass = Surface(name="glass", opacity=0.3, ior=1.5)
    assert indexed_part("it", glass, points, normals, None).surface.ior == ior
    opaque = Surface(name="opaque", ior=1.5)
    assert indexed_part("it", opaque, points, normals, None).surface.ior == 1.5
