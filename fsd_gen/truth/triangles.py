"""The triangles of a scene as the left camera sees them, and their planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.triples import cross
from fsd_gen.truth.embree import Components
from fsd_gen.usd.flat_scene import FlatScene, Mesh

Array = NDArray[np.float64]


def dots(one: Array | Components, other: Array | Components) -> Array:
    """Scalar products of rows of three, given as their x, y and z. (3, N), (3, N) -> (N,)

    Always x + z first, as `np.einsum("ij,ij->i")` adds up: stored truth stays what it is.
    """
    return np.asarray((one[0] * other[0] + one[2] * other[2]) + one[1] * other[1], np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraTriangles:
    """All triangles of a scene in the left camera's frame, in the order of its meshes."""

    vertices_v3: Array  # metres
    faces_t3: NDArray[np.int32]
    surface_t: NDArray[np.int32]  # index of each triangle's surface
    meshes: tuple[Mesh, ...]

    @classmethod
    def of(cls, scene: FlatScene, world_to_left_44: Array) -> CameraTriangles:
        """Gather the meshes of `scene`."""
        rotation_33, shift_3 = world_to_left_44[:3, :3], world_to_left_44[:3, 3]
        vertices_v3 = np.empty((sum(len(mesh.vertices_v3) for mesh in scene.meshes), 3))
        faces_t3 = np.empty((sum(len(mesh.faces_f3) for mesh in scene.meshes), 3), np.int32)
        base = first = 0
        for mesh in scene.meshes:
            end, last = base + len(mesh.vertices_v3), first + len(mesh.faces_f3)
            np.matmul(mesh.vertices_v3, rotation_33.T, out=vertices_v3[base:end])
            np.add(mesh.faces_f3, base, out=faces_t3[first:last], casting="same_kind")
            base, first = end, last
        vertices_v3 += shift_3
        surface_t = _per_triangle([mesh.surface for mesh in scene.meshes], scene.meshes)
        return cls(vertices_v3=vertices_v3, faces_t3=faces_t3, surface_t=surface_t, meshes=scene.meshes)

    def planes(self, chosen_n: NDArray[np.int64]) -> Array:
        """Normal n (not of unit length) and offset c of the planes n.x = c of some triangles: (N, 4)."""
        faces_n3 = self.faces_t3[chosen_n]
        a_n3, b_n3, c_n3 = (self.vertices_v3[faces_n3[:, k]] for k in range(3))
        normal_n3 = cross(b_n3 - a_n3, c_n3 - a_n3)
        return np.concatenate([normal_n3, dots(normal_n3.T, a_n3.T)[:, None]], axis=1)

    def vertex_uv(self, having_s: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Texture coordinates of each vertex of meshes with these surfaces; 0 elsewhere. (V, 2)"""
        uv_v2 = np.zeros((len(self.vertices_v3), 2), np.float32)
        base = 0
        for mesh in self.meshes:
            if having_s[mesh.surface] and mesh.uv_v2 is not None:
                uv_v2[base : base + len(mesh.vertices_v3)] = mesh.uv_v2
            base += len(mesh.vertices_v3)
        return uv_v2


class Planes:
    """The planes of triangles, worked out when they are asked for: most triangles are never seen."""

    def __init__(self, triangles: CameraTriangles) -> None:
        """None is known yet."""
        self._triangles = triangles
        self._plane_t4 = np.empty((len(triangles.faces_t3), 4))
        self._known_t = np.zeros(len(triangles.faces_t3), bool)

    def of(self, primitive_n: NDArray[np.int64]) -> Array:
        """Normal and offset of each triangle, as `CameraTriangles.planes` has them: (N, 4)."""
        known_n = self._known_t[primitive_n]
        if not known_n.all():
            wanted_t = np.zeros(len(self._known_t), bool)
            wanted_t[primitive_n[~known_n]] = True
            self._learn(np.flatnonzero(wanted_t))
        return self._plane_t4[primitive_n]

    def all(self) -> Array:
        """Those of all triangles, (T, 4)."""
        self._learn(np.flatnonzero(~self._known_t))
        return self._plane_t4

    def _learn(self, fresh_n: NDArray[np.int64]) -> None:
        if len(fresh_n):
            self._plane_t4[fresh_n] = self._triangles.planes(fresh_n)
            self._known_t[fresh_n] = True


def world_to_left(scene: FlatScene) -> Array:
    """World to left camera, (4, 4)."""
    return np.asarray(np.linalg.inv(scene.left_to_world), np.float64)


def _per_triangle(values: Sequence[int], meshes: Sequence[Mesh]) -> NDArray[np.int32]:
    return np.repeat(np.array(values, np.int32), [len(mesh.faces_f3) for mesh in meshes])
