"""Texture coordinates for shapes without: each triangle is looked at straight, along an axis of a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.triples import Real, cross

ACROSS = np.array([1, 0, 0])  # the axis that runs to the right, by the axis that the triangle faces
UP = np.array([2, 2, 1])
TO_THE_LEFT = np.array([False, True, True, False, False, True])  # sides from which ACROSS runs to the left


def sides(points_f33: NDArray[Real]) -> NDArray[np.intp]:
    """Of each triangle the side of a box that it faces: 0 to 5 for +x, -x, +y, -y, +z, -z."""
    normals_f3 = cross(points_f33[:, 1] - points_f33[:, 0], points_f33[:, 2] - points_f33[:, 0])
    axis_f = np.abs(normals_f3).argmax(axis=1)
    backwards_f = np.take_along_axis(normals_f3, axis_f[:, None], axis=1)[:, 0] < 0
    return np.asarray(2 * axis_f + backwards_f)


def box_map(points_f33: NDArray[Real]) -> NDArray[Real]:
    """(F, 3, 2) coordinates in the unit of the points, as seen from outside: upright, never mirrored."""
    side_f = sides(points_f33)
    axes_f2 = np.stack([ACROSS[side_f // 2], UP[side_f // 2]], axis=1)
    st_f32 = np.take_along_axis(points_f33, axes_f2[:, None, :].repeat(3, axis=1), axis=2)
    st_f32[TO_THE_LEFT[side_f], :, 0] *= -1
    return st_f32
