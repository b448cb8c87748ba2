from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.meshes.parts import crease_normals, place_numbers


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
