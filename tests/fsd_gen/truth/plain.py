"""The truth in its plain form: embreex asked for every ray by itself, and every step done for every ray.

What `fsd_gen.truth` computes must equal this to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh
from numpy.typing import NDArray

from assets_manifest.meshes.triples import cross
from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import quantise
from fsd_gen.truth.cutouts import CutoutMask
from fsd_gen.truth.maps import BAND, NEARER, Truth
from fsd_gen.truth.raycast import GAVE_UP, MAX_LAYERS, NOTHING, PLANE_TOLERANCE, STEP, Hits
from fsd_gen.truth.triangles import world_to_left
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Surface

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRays:
    """Triangles ready for tracing, in the left camera's frame."""

    planes_t4: Array  # (T, 4): normal and offset, n.x = c
    surface_t: NDArray[np.int32]  # (T,) index of the surface of each triangle
    uv_t32: NDArray[np.float32]  # (T, 3, 2) texture coordinates of the corners
    surfaces: tuple[Surface, ...]
    embree: rtcore_scene.EmbreeScene
    device_data: tuple[NDArray[np.float32], NDArray[np.int32]]  # kept alive: Embree reads them in place
    cutouts: dict[int, CutoutMask] = field(default_factory=dict)  # by surface index

    def first_hits(self, origins_n3: Array, directions_n3: Array) -> Hits:
        """Nearest surface along each ray, going on through the holes of cut-outs."""
        t_n = np.full(len(directions_n3), np.inf)
        primitive_n = np.full(len(directions_n3), NOTHING, np.int64)
        hits = Hits(t_n=t_n, primitive_n=primitive_n)
        if not len(self.planes_t4):
            return hits
        through_n = self._settle(hits, np.arange(len(t_n)), origins_n3, directions_n3, None)
        for _ in range(MAX_LAYERS):
            if not len(through_n):
                return hits
            skipped_n = t_n[through_n] * (1 + STEP)
            t_n[through_n], primitive_n[through_n] = np.inf, NOTHING
            rays = (origins_n3[through_n], directions_n3[through_n])
            through_n = self._settle(hits, through_n, *rays, skipped_n)
        primitive_n[through_n] = GAVE_UP
        return hits

    def surface_mask(self, primitive_n: NDArray[np.int64], wanted_s: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which triangles have one of the `wanted_s` surfaces (a truth value per surface)."""
        mask_n = primitive_n >= 0
        mask_n[mask_n] = wanted_s[self.surface_t[primitive_n[mask_n]]]
        return mask_n

    def _settle(
        self,
        hits: Hits,
        indices_n: NDArray[np.int64],
        origins_n3: Array,
        directions_n3: Array,
        skipped_n: Array | None,
    ) -> NDArray[np.int64]:
        """Write the next hits of the rays `indices_n` into `hits`; the indices of those that met a hole.

        `skipped_n` is how far each ray has come already; None: nowhere.
        """
        starts_n3 = origins_n3 if skipped_n is None else origins_n3 + directions_n3 * skipped_n[:, None]
        raw = self._trace(starts_n3, directions_n3)
        found_m = np.flatnonzero(raw["primID"] >= 0)
        prim_m = raw["primID"][found_m].astype(np.int64)
        near_m = raw["tfar"][found_m].astype(np.float64) + (0.0 if skipped_n is None else skipped_n[found_m])
        indices_m = indices_n[found_m]
        t_m, exact_m = self._refine(origins_n3[found_m], directions_n3[found_m], prim_m, near_m)
        hole_m = self._in_hole(prim_m, raw["u"][found_m], raw["v"][found_m])
        hits.t_n[indices_m] = np.where(hole_m, near_m, t_m)  # a hole remembers how far the ray came
        hits.primitive_n[indices_m] = exact_m
        return indices_m[hole_m]

    def _trace(self, origins_n3: Array, directions_n3: Array) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = self.embree.run(
            np.ascontiguousarray(origins_n3, np.float32),
            np.ascontiguousarray(directions_n3, np.float32),
            output=1,
        )
        return found

    def _refine(
        self, origins_n3: Array, directions_n3: Array, prim_n: NDArray[np.int64], near_n: Array
    ) -> tuple[Array, NDArray[np.int64]]:
        """Ray parameter from the triangle's plane in float64; GAVE_UP where plane and tracer disagree."""
        plane_n4 = self.planes_t4[prim_n]
        along_n = np.einsum("ij,ij->i", plane_n4[:, :3], directions_n3)
        away_n = plane_n4[:, 3] - np.einsum("ij,ij->i", plane_n4[:, :3], origins_n3)
        with np.errstate(divide="ignore", invalid="ignore"):
            t_n = away_n / along_n
            exact_n = np.abs(t_n - near_n) <= PLANE_TOLERANCE * near_n
        return np.where(exact_n, t_n, np.inf), np.where(exact_n, prim_n, GAVE_UP)

    def _in_hole(
        self, prim_n: NDArray[np.int64], u_n: NDArray[np.float32], v_n: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        hole_n = np.zeros(len(prim_n), bool)
        if not self.cutouts:
            return hole_n
        surface_n = self.surface_t[prim_n]
        for index, mask in self.cutouts.items():
            chosen_n = np.flatnonzero(surface_n == index)
            corners_m32 = self.uv_t32[prim_n[chosen_n]]
            weights_m3 = np.stack([1 - u_n[chosen_n] - v_n[chosen_n], u_n[chosen_n], v_n[chosen_n]], axis=1)
            hole_n[chosen_n] = ~mask.solid(np.einsum("ij,ijk->ik", weights_m3, corners_m32))
        return hole_n


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTriangles:
    """All triangles of a scene in the left camera's frame, in the order of its meshes."""

    vertices_v3: Array  # metres
    faces_t3: NDArray[np.int32]
    uv_t32: NDArray[np.float32]  # (T, 3, 2) texture coordinates of the corners, 0 where a mesh has none
    surface_t: NDArray[np.int32]  # index of each triangle's surface

    @classmethod
    def of(cls, scene: FlatScene, world_to_left_44: Array) -> PlainTriangles:
        """Gather the meshes of `scene`."""
        rotation_33, shift_3 = world_to_left_44[:3, :3], world_to_left_44[:3, 3]
        vertices, faces, uvs, surfaces, base = [], [], [], [], 0
        for mesh in scene.meshes:
            vertices.append(mesh.vertices_v3 @ rotation_33.T + shift_3)
            faces.append(mesh.faces_f3 + base)
            uvs.append(_corner_uv(mesh))
            surfaces.append(np.full(len(mesh.faces_f3), mesh.surface, np.int32))
            base += len(mesh.vertices_v3)
        return cls(
            vertices_v3=np.concatenate(vertices) if vertices else np.zeros((0, 3)),
            faces_t3=np.concatenate(faces or [np.zeros((0, 3), np.int32)]).astype(np.int32, order="C"),
            uv_t32=np.concatenate(uvs) if uvs else np.zeros((0, 3, 2), np.float32),
            surface_t=np.concatenate(surfaces) if surfaces else np.zeros(0, np.int32),
        )

    def planes(self) -> Array:
        """Normal n (not of unit length) and offset c of each triangle's plane n.x = c: (T, 4)."""
        a_t3, b_t3, c_t3 = (self.vertices_v3[self.faces_t3[:, k]] for k in range(3))
        normal_t3 = cross(b_t3 - a_t3, c_t3 - a_t3)
        return np.concatenate([normal_t3, np.einsum("ij,ij->i", normal_t3, a_t3)[:, None]], axis=1)


def build_plain_rays(scene: FlatScene) -> PlainRays:
    """Move a scene's triangles into the left camera's frame and build the acceleration structure."""
    world_to_left_44 = world_to_left(scene)
    triangles = PlainTriangles.of(scene, world_to_left_44)
    embree = rtcore_scene.EmbreeScene(robust=True)
    device_data = (np.ascontiguousarray(triangles.vertices_v3, np.float32), triangles.faces_t3)
    if len(triangles.faces_t3):
        TriangleMesh(embree, *device_data)
    return PlainRays(
        planes_t4=triangles.planes(),
        surface_t=triangles.surface_t,
        uv_t32=triangles.uv_t32,
        surfaces=scene.surfaces,
        embree=embree,
        device_data=device_data,
        cutouts={i: CutoutMask.of(surface) for i, surface in enumerate(scene.surfaces) if surface.cutout},
    )


def _corner_uv(mesh: Mesh) -> NDArray[np.float32]:
    uv_v2 = np.zeros((len(mesh.vertices_v3), 2), np.float32) if mesh.uv_v2 is None else mesh.uv_v2
    return uv_v2[mesh.faces_f3]


def plain_truth(scene: FlatScene, rig: StereoRig) -> Truth:
    """Disparity and flags of both eyes of `rig`, whose left camera stands at `scene.left_to_world`."""
    rays = build_plain_rays(scene)
    left_3, right_3 = np.zeros(3), np.array([rig.baseline_m, 0.0, 0.0])
    left = _View(rays=rays, rig=rig, eye_3=left_3, other_3=right_3, sign=-1).trace()
    right = _View(rays=rays, rig=rig, eye_3=right_3, other_3=left_3, sign=+1).trace()
    return Truth(
        disparity_left_hw=left.disparity_hw,
        flags_left_hw=left.flags_hw,
        disparity_right_hw=right.disparity_hw,
        flags_right_hw=right.flags_hw,
        hits_left=left.hits,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maps:
    disparity_hw: NDArray[np.float32]
    flags_hw: NDArray[np.uint8]
    hits: Hits


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """One eye, and where the other one is, in the left camera's frame."""

    rays: PlainRays
    rig: StereoRig
    eye_3: Array
    other_3: Array
    sign: Literal[-1, 1]  # matches lie at u + sign * d: -1 for the left eye, +1 for the right one

    def trace(self) -> _Maps:
        """All maps of this view. Bands of rows keep the working set in the cache."""
        directions_n3 = self.rig.ray_directions().reshape(-1, 3)
        shape = (self.rig.height, self.rig.width)
        disparity_n = np.empty(len(directions_n3), np.float32)
        flags_n = np.empty(len(directions_n3), np.uint8)
        t_n = np.empty(len(directions_n3))
        primitive_n = np.empty(len(directions_n3), np.int64)
        for start in range(0, len(directions_n3), BAND * self.rig.width):
            band = slice(start, start + BAND * self.rig.width)
            hits = self._first_hits(directions_n3[band])
            disparity_n[band], flags_n[band] = self._band(directions_n3[band], hits)
            t_n[band], primitive_n[band] = hits.t_n, hits.primitive_n
        hits = Hits(t_n=t_n, primitive_n=primitive_n)
        return _Maps(disparity_hw=disparity_n.reshape(shape), flags_hw=flags_n.reshape(shape), hits=hits)

    def _first_hits(self, directions_n3: Array) -> Hits:
        return self.rays.first_hits(np.broadcast_to(self.eye_3, directions_n3.shape), directions_n3)

    def _band(self, directions_n3: Array, hits: Hits) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Disparity and flags of the pixels that the rays `directions_n3` go through."""
        seen_n = hits.primitive_n >= 0
        disparity_n = np.zeros(len(directions_n3))
        disparity_n[seen_n] = self.rig.disparity(hits.t_n[seen_n])
        flags_n = self._surface_flags(hits)
        column_n = self.rig.cx_px + self.rig.focal_px * directions_n3[:, 0] + self.sign * disparity_n
        outside_n = seen_n & ((column_n < 0) | (column_n > self.rig.width))
        flags_n[outside_n] |= Flag.OUT_OF_FRAME.value
        asked_n = np.flatnonzero(seen_n & ~outside_n)
        points_m3 = self.eye_3 + directions_n3[asked_n] * hits.t_n[asked_n, None]
        hidden_m = self._hidden(points_m3, hits.primitive_n[asked_n])
        flags_n[asked_n[hidden_m]] |= Flag.OCCLUDED.value
        return quantise(disparity_n), flags_n

    def _surface_flags(self, hits: Hits) -> NDArray[np.uint8]:
        flags_n = np.zeros(len(hits.t_n), np.uint8)
        flags_n[hits.primitive_n == NOTHING] |= Flag.SKY.value
        flags_n[hits.primitive_n == GAVE_UP] |= Flag.NO_TRUTH.value
        for flag, name in ((Flag.TRANSPARENT, "transparent"), (Flag.MIRROR, "mirror")):
            having_s = np.array([getattr(surface, name) for surface in self.rays.surfaces] or [False], bool)
            flags_n[self.rays.surface_mask(hits.primitive_n, having_s)] |= flag.value
        return flags_n

    def _hidden(self, points_m3: Array, primitive_m: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which points something nearer hides from the other eye.

        A surface never hides itself at the same point.
        """
        hits = self.rays.first_hits(np.broadcast_to(self.other_3, points_m3.shape), points_m3 - self.other_3)
        hidden_m: NDArray[np.bool_] = (hits.t_n < 1 - NEARER) & (hits.primitive_n != primitive_m)
        return hidden_m
