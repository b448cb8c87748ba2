"""Meshes as renderers get them."""

from __future__ import annotations

import numpy as np

from fsd_gen.backends.mesh_batches import LAST_TILE, batch_meshes
from fsd_gen.usd.flat_scene import Mesh
from tests.fsd_gen.backends.mitsuba.scenes import MATTE, scene, wall


def test_texture_coordinates_without_a_fraction_left_stay_in_the_first_tile() -> None:
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 1]])
    uv = np.array([[0.25, 0.5], [3.4e9, 0.5], [7.25, -2.5]])
    mesh = Mesh(
        name="vase",
        vertices_v3=corners,
        faces_f3=np.array([[0, 1, 2]]),
        uv_v2=uv,
        normals_v3=None,
        surface=0,
    )
    flat = scene(mesh, wall(0), surfaces=(MATTE,)).flat
    batch = next(b for b in batch_meshes(flat, [np.eye(3)]) if b.uv_v2 is not None)
    assert np.abs(batch.uv_v2).max() < LAST_TILE
    assert np.allclose(batch.uv_v2[[0, 2]], [[0.25, 0.5], [7.25, 3.5]])
