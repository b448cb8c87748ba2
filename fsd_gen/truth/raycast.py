"""Nearest hits of rays with a `FlatScene`: Embree finds the triangle, float64 planes the exact distance.

Everything lives in the left camera's frame (x right, y down, z forward, metres), so coordinates stay
small and float32 is only ever used to find *which* triangle a ray meets. UsdLux lights have no body that a
ray could meet; a lamp that is seen is a mesh that glows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsd_gen.truth.cutouts import CutoutMask
from fsd_gen.truth.embree import Component, Components, TriangleCaster, count_of
from fsd_gen.truth.triangles import CameraTriangles, Planes, dots, world_to_left
from fsd_gen.usd.flat_scene import FlatScene, Surface

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MAX_LAYERS = 64  # a ray through more cut-out layers than this has no truth
STEP = 1e-5  # relative step past a cut-out surface
CLEARLY = 1e-3  # relative; surfaces that differ by more than this do so not by rounding alone
PLANE_TOLERANCE = 0.02  # relative; beyond it the ray grazes so flatly that the plane cannot be trusted

NOTHING = -1  # a ray that meets no surface
GAVE_UP = -2  # a ray whose hit cannot be told exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Per ray: the ray parameter of the nearest surface, and which one (>= 0 a triangle, else see above)."""

    t_n: Array  # inf where nothing was hit
    primitive_n: Ints  # triangle index


@dataclass(frozen=True, slots=True, kw_only=True)
class Rays:
    """Rays by x, y and z of origins and directions; what is the same for all of them is one number."""

    origin: Components
    direction: Components

    @classmethod
    def of(cls, origins_n3: Array, directions_n3: Array) -> Rays:
        """Rays whose origins and directions are rows."""
        return cls(origin=_columns(origins_n3), direction=_columns(directions_n3))

    def __len__(self) -> int:
        """How many there are."""
        return count_of(*self.origin, *self.direction)

    def some(self, indices_m: Ints) -> Rays:
        """Those with these indices, which ascend."""
        if len(indices_m) == len(self):
            return self
        return Rays(origin=_taken(self.origin, indices_m), direction=_taken(self.direction, indices_m))

    def ahead(self, t_n: Array) -> Rays:
        """The same rays from further on."""
        x, y, z = (at + towards * t_n for at, towards in zip(self.origin, self.direction, strict=True))
        return Rays(origin=(x, y, z), direction=self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class RayScene:
    """Triangles ready for tracing, in the left camera's frame."""

    triangles: CameraTriangles
    surfaces: tuple[Surface, ...]
    caster: TriangleCaster
    planes: Planes
    holed_s: Mask  # which surfaces are cut-outs
    cutouts: dict[int, CutoutMask] = field(default_factory=dict)  # by surface index
    uv_v2: NDArray[np.float32] | None = None  # (V, 2) texture coordinates, where there are cut-outs

    @property
    def planes_t4(self) -> Array:
        """Normal and offset of each triangle's plane n.x = c, (T, 4)."""
        return self.planes.all()

    def first_hits(self, origins_n3: Array, directions_n3: Array) -> Hits:
        """Nearest surface along each ray, going on through the holes of cut-outs."""
        return self.first_hits_of(Rays.of(origins_n3, directions_n3))

    def first_hits_of(self, rays: Rays) -> Hits:
        """The same of rays by components."""
        t_n = np.full(len(rays), np.inf)
        primitive_n = np.full(len(rays), NOTHING, np.int64)
        hits = Hits(t_n=t_n, primitive_n=primitive_n)
        through_n = self._settle(hits, np.arange(len(t_n)), rays, None)
        for _ in range(MAX_LAYERS):
            if not len(through_n):
                return hits
            skipped_n = t_n[through_n] * (1 + STEP)
            t_n[through_n], primitive_n[through_n] = np.inf, NOTHING
            through_n = self._settle(hits, through_n, rays.some(through_n), skipped_n)
        primitive_n[through_n] = GAVE_UP
        return hits

    def hidden(self, rays: Rays, primitive_n: Ints, nearer: float) -> Mask:
        """Which rays meet, before `nearer`, another triangle than the one of each that they go to at t = 1.

        Most meet that one first, or nothing, or something far in front of it: bundles tell. The others are
        traced by themselves.
        """
        # no plane brings what is further off than this before `nearer`
        reach = 1.01 * nearer / (1 - PLANE_TOLERANCE)
        first = self.caster.nearest_of_bundle(rays.origin, rays.direction, reach)
        other_m = np.flatnonzero((first.primitive_n >= 0) & (first.primitive_n != primitive_n))
        near_m, prim_m = first.t_n[other_m].astype(np.float64), first.primitive_n[other_m]
        t_m, _ = self._refine(rays.some(other_m), prim_m, near_m)
        surely_m, beyond_m = self._clear(prim_m, np.minimum(t_m, near_m), np.maximum(t_m, near_m), nearer)
        hidden_n = np.zeros(len(rays), bool)
        hidden_n[other_m[surely_m]] = True
        doubtful_m = other_m[~(surely_m | beyond_m)]
        if len(doubtful_m):
            hits = self.first_hits_of(rays.some(doubtful_m))
            hidden_n[doubtful_m] = (hits.t_n < nearer) & (hits.primitive_n != primitive_n[doubtful_m])
        return hidden_n

    def _clear(self, prim_n: Ints, low_n: Array, high_n: Array, nearer: float) -> tuple[Mask, Mask]:
        """Which hits lie before `nearer`, and which beyond, whichever triangle at that distance is named.

        `low_n` and `high_n` are what tracer and plane say. A hole may coincide with something solid: where
        there are cut-outs, no hit hides for sure, and one of theirs is never clear.
        """
        beyond_n: Mask = low_n > nearer * (1 + CLEARLY)
        if self.uv_v2 is None:
            return high_n < nearer * (1 - CLEARLY), beyond_n
        return np.zeros(len(prim_n), bool), beyond_n & ~self.surface_mask(prim_n, self.holed_s)

    def surface_mask(self, primitive_n: Ints, wanted_s: Mask) -> Mask:
        """Which triangles have one of the `wanted_s` surfaces (a truth value per surface)."""
        mask_n = primitive_n >= 0
        mask_n[mask_n] = wanted_s[self.triangles.surface_t[primitive_n[mask_n]]]
        return mask_n

    def _settle(self, hits: Hits, indices_n: Ints, rays: Rays, skipped_n: Array | None) -> Ints:
        """Write the next hits of the rays `indices_n` into `hits`; the indices of those that met a hole.

        `skipped_n` is how far each ray has come already; None: nowhere.
        """
        starts = rays if skipped_n is None else rays.ahead(skipped_n)
        raw = self.caster.nearest(starts.origin, starts.direction)
        found_m = np.flatnonzero(raw.primitive_n >= 0)
        prim_m = raw.primitive_n[found_m]
        near_m = raw.t_n[found_m].astype(np.float64) + (0.0 if skipped_n is None else skipped_n[found_m])
        indices_m = indices_n[found_m]
        t_m, exact_m = self._refine(rays.some(found_m), prim_m, near_m)
        hole_m = self._in_hole(prim_m, raw.u_n[found_m], raw.v_n[found_m])
        hits.t_n[indices_m] = np.where(hole_m, near_m, t_m)  # a hole remembers how far the ray came
        hits.primitive_n[indices_m] = exact_m
        return indices_m[hole_m]

    def _refine(self, rays: Rays, prim_n: Ints, near_n: Array) -> tuple[Array, Ints]:
        """Ray parameter from the triangle's plane in float64; GAVE_UP where plane and tracer disagree."""
        plane_4n = self.planes.of(prim_n).T
        along_n = dots(plane_4n, rays.direction)
        away_n = plane_4n[3] - dots(plane_4n, rays.origin)
        with np.errstate(divide="ignore", invalid="ignore"):
            t_n = away_n / along_n
            exact_n = np.abs(t_n - near_n) <= PLANE_TOLERANCE * near_n
        return np.where(exact_n, t_n, np.inf), np.where(exact_n, prim_n, GAVE_UP)

    def _in_hole(self, prim_n: Ints, u_n: NDArray[np.float32], v_n: NDArray[np.float32]) -> Mask:
        hole_n = np.zeros(len(prim_n), bool)
        if self.uv_v2 is None:
            return hole_n
        surface_n = self.triangles.surface_t[prim_n]
        for index, mask in self.cutouts.items():
            chosen_n = np.flatnonzero(surface_n == index)
            corners_m32 = self.uv_v2[self.triangles.faces_t3[prim_n[chosen_n]]]
            weights_m3 = np.stack([1 - u_n[chosen_n] - v_n[chosen_n], u_n[chosen_n], v_n[chosen_n]], axis=1)
            hole_n[chosen_n] = ~mask.solid(np.einsum("ij,ijk->ik", weights_m3, corners_m32))
        return hole_n


def build_ray_scene(scene: FlatScene) -> RayScene:
    """Move a scene's triangles into the left camera's frame and build the acceleration structure."""
    triangles = CameraTriangles.of(scene, world_to_left(scene))
    holed_s = np.array([surface.cutout for surface in scene.surfaces], bool)
    return RayScene(
        triangles=triangles,
        surfaces=scene.surfaces,
        caster=TriangleCaster(triangles.vertices_v3, triangles.faces_t3),
        planes=Planes(triangles),
        holed_s=holed_s,
        cutouts={int(i): CutoutMask.of(scene.surfaces[i]) for i in np.flatnonzero(holed_s)},
        uv_v2=triangles.vertex_uv(holed_s) if holed_s.any() else None,
    )


def _columns(rows_n3: Array) -> Components:
    return rows_n3[:, 0], rows_n3[:, 1], rows_n3[:, 2]


def _taken(components: Components, indices_m: Ints) -> Components:
    x, y, z = (_taken_of(component, indices_m) for component in components)
    return x, y, z


def _taken_of(component: Component, indices_m: Ints) -> Component:
    return component if np.ndim(component) == 0 else np.asarray(component)[indices_m]
