"""What the left eye sees first, beyond its distance: the surface's normal, and the thing it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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


def cosines(scene: FlatScene, rig: StereoRig, hits: Hits, chosen_m: NDArray[np.int64]) -> Array:
    """Of the angle between the rays of some left pixels and the normals of what they meet, (M,).

    All of them meet something. What `normal_map` says, worked out for these triangles alone.
    """
    triangle_u, which_m = _distinct(hits.primitive_n[chosen_m], sum(len(m.faces_f3) for m in scene.meshes))
    normals_u3 = _normals_of(scene, triangle_u)
    length_u = np.linalg.norm(normals_u3, axis=1)
    normals_u3 *= (1.0 / np.where(length_u > 0, length_u, 1.0))[:, None]
    x_w, y_h = rig.ray_slopes()
    row_m, column_m = np.divmod(chosen_m.astype(np.int32), np.int32(rig.width))
    x_m, y_m = x_w[column_m], y_h[row_m]
    nx_m, ny_m, nz_m = (normals_u3[:, axis][which_m] for axis in range(3))
    along_m = np.abs((nx_m * x_m + nz_m) + ny_m * y_m)
    cosine_m: Array = np.minimum(along_m / np.sqrt((x_m * x_m + y_m * y_m) + 1.0), 1.0)
    return cosine_m


def _distinct(triangle_m: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each of the triangles once, ascending, and which of these each is; there are `count` in all."""
    wanted_t = np.zeros(count, bool)
    wanted_t[triangle_m] = True
    place_t = np.cumsum(wanted_t, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(wanted_t), place_t[triangle_m]


def _normals_of(scene: FlatScene, triangle_u: NDArray[np.int64]) -> Array:
    """Normals (U, 3) of any length of triangles that ascend; no mesh without one of them is looked at."""
    first_b = np.cumsum([0, *(len(mesh.faces_f3) for mesh in scene.meshes)])
    mesh_u = np.searchsorted(first_b, triangle_u, side="right") - 1
    seen = np.unique(mesh_u)
    meshes = tuple(scene.meshes[index] for index in seen)
    left_out_b = np.zeros(len(scene.meshes), np.int64)  # triangles of meshes before each that are not asked
    left_out_b[seen] = first_b[seen] - np.cumsum([0, *(len(mesh.faces_f3) for mesh in meshes[:-1])])
    triangles = CameraTriangles.of(replace(scene, meshes=meshes), world_to_left(scene))
    return triangles.planes(triangle_u - left_out_b[mesh_u])[:, :3]


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
