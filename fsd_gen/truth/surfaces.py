"""What the left eye sees first, beyond its distance: the surface's normal, and the thing it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.instances import instance_of
from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.raycast import Hits
from fsd_gen.truth.triangles import CameraTriangles, Planes, world_to_left
from fsd_gen.usd.flat_scene import FlatScene

Array = NDArray[np.float64]


def normal_map(scene: FlatScene, rig: StereoRig, hits: Hits) -> Array:
    """Unit normals (H, W, 3) in the left camera's frame (x right, y down, z forward), facing the camera.

    They are those of the triangle that was hit, not interpolated ones: the truth about the geometry whose
    disparity is stored. (0, 0, 0) where there is no surface or no truth.
    """
    directions_n3 = rig.ray_directions().reshape(-1, 3)
    normals_n3 = _raw_normals(scene, hits)
    length_n = np.linalg.norm(normals_n3, axis=1)
    away_n = np.einsum("ij,ij->i", normals_n3, directions_n3) > 0
    scale_n = np.where(away_n, -1.0, 1.0) / np.where(length_n > 0, length_n, 1.0)
    return (normals_n3 * scale_n[:, None] + 0.0).reshape(rig.height, rig.width, 3)


def _raw_normals(scene: FlatScene, hits: Hits) -> Array:
    """Normals (N, 3) of any length and either side."""
    planes = Planes(CameraTriangles.of(scene, world_to_left(scene)))
    normals_n3 = np.zeros((len(hits.primitive_n), 3))
    seen_n = hits.primitive_n >= 0
    normals_n3[seen_n] = planes.of(hits.primitive_n[seen_n])[:, :3]
    return normals_n3


def instance_map(scene: FlatScene, rig: StereoRig, hits: Hits, instances: Sequence[str]) -> NDArray[np.int64]:
    """For every left pixel the index in `instances` (prim paths) of what it shows first: (H, W).

    0 where there is no surface, no truth, or a surface of none of them.
    """
    ids = {prim: index for index, prim in enumerate(instances)}
    id_b = np.array([ids.get(instance_of(mesh.name), 0) for mesh in scene.meshes], np.int64)
    id_t = np.repeat(id_b, [len(mesh.faces_f3) for mesh in scene.meshes])
    seen_n = hits.primitive_n >= 0
    instance_n = np.zeros(len(seen_n), np.int64)
    instance_n[seen_n] = id_t[hits.primitive_n[seen_n]]
    return instance_n.reshape(rig.height, rig.width)
