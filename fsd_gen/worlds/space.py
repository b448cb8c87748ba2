"""The inside of a stage: its triangles for rays, and the places above floors where one can stand.

A place is a point on a level surface with room above it, level ground around it, something to look at, and
not inside anything.
They are looked for on level triangles, so that a room is found in a stage that a sky of kilometres encloses.
Winding tells the inside of things from the outside; a stage that is all inside (a room modelled as one closed
box whose faces look outwards) is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.store import remembered
from assets_manifest.library import assets_root
from fsd_gen.truth.raycast import Hits, RayScene, build_ray_scene
from fsd_gen.usd.flat_scene import FlatScene
from fsd_gen.usd.reader import read_world

VERSION = 1  # of what is remembered
TRIALS = 24_000  # points on level surfaces
LARGEST_M2 = 400.0  # a mesh with more level area counts as if it had this
MOST_PLACES = 4_000
LEVEL = np.cos(np.deg2rad(15))  # of a surface's normal against the vertical
LEAST_ROOM_M = 0.7  # between floor and what is above
RING_M, STEP_M = 0.45, 0.2  # around a place the ground is level within this
ABOVE_M = 1e-3
HIGHEST_M = 1.2  # where it is looked around from
FREE_M = 0.3  # to the nearest thing, from an eye
INSIDE = 0.7  # share of the rays that meet a surface's back
FAR_M = 60.0  # further surfaces say nothing about where one is, such as a sky seen from inside
FACED_M = 200.0  # something stands upright within this
SAME_PLANE = 50.0  # parts of a unit, of normals and metres, that tell planes apart
OPEN_M = 99.0  # room above a place under the open sky

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where one can stand: points on floors, and how high it is free above each."""

    floor_n3: Array  # metres
    room_n: Array  # metres


class Space:
    """One stage at one moment, for any number of questions."""

    def __init__(self, flat: FlatScene) -> None:
        """`flat` in the world's axes: its left camera stands at the origin, unturned."""
        self.flat = flat
        self._rays: RayScene = build_ray_scene(flat)
        self._level_t = np.abs(self._normals()[:, 2]) > LEVEL
        self._bounds = [_bounds(mesh.vertices_v3) for mesh in flat.meshes]

    def cast(self, origins_n3: Array, directions_n3: Array) -> Hits:
        """What rays meet first."""
        return self._rays.first_hits(np.ascontiguousarray(origins_n3), np.ascontiguousarray(directions_n3))

    def level(self, hits: Hits) -> Mask:
        """Which of the rays met a level surface."""
        level_n: Mask = hits.primitive_n >= 0
        level_n[level_n] = self._level_t[hits.primitive_n[level_n]]
        return level_n

    def backs(self, hits: Hits, directions_n3: Array) -> Mask:
        """Which of the rays met a surface from behind, and not far away."""
        back_n: Mask = (hits.primitive_n >= 0) & (hits.t_n * np.linalg.norm(directions_n3, axis=1) < FAR_M)
        normals_m3 = self._rays.planes_t4[hits.primitive_n[back_n], :3]
        back_n[back_n] = np.einsum("ij,ij->i", normals_m3, directions_n3[back_n]) > 0
        return back_n

    def largest_plane(self, hits: Hits) -> float:
        """Share of the hits that lie in one plane; 1 where there is no hit."""
        met = hits.primitive_n[hits.primitive_n >= 0]
        if not len(met):
            return 1.0
        plane_m4 = self._rays.planes_t4[met]
        length_m = np.linalg.norm(plane_m4[:, :3], axis=1)
        unit_m4 = plane_m4 / np.where(length_m > 0, length_m, 1.0)[:, None]
        unit_m4 *= np.where(unit_m4[:, 3] < 0, -1.0, 1.0)[:, None]  # the same from both sides
        _, counts = np.unique((unit_m4 * SAME_PLANE).round(), axis=0, return_counts=True)
        return float(counts.max() / len(met))

    def around(self, eyes_n3: Array) -> tuple[Array, Array]:
        """From each eye: distance to the nearest thing, and the share of directions that meet a back."""
        directions_d3 = _sphere()
        origins = np.repeat(eyes_n3, len(directions_d3), axis=0)
        directions = np.tile(directions_d3, (len(eyes_n3), 1))
        hits = self.cast(origins, directions)
        shape = (len(eyes_n3), len(directions_d3))
        met_nd = (hits.primitive_n >= 0).reshape(shape)
        back_n = self.backs(hits, directions).reshape(shape).sum(axis=1) / np.maximum(met_nd.sum(axis=1), 1)
        return hits.t_n.reshape(shape).min(axis=1), back_n

    def solid_triangles(self, low_3: Array, high_3: Array) -> Array:
        """Triangles (T, 3, 3) whose bounds meet a box (metres); none of surfaces with holes, or not there."""
        found = [np.zeros((0, 3, 3))]
        for mesh, (lowest_3, highest_3) in zip(self.flat.meshes, self._bounds, strict=True):
            surface = self.flat.surfaces[mesh.surface]
            if surface.cutout or surface.absent or (lowest_3 > high_3).any() or (highest_3 < low_3).any():
                continue
            corners_t33 = mesh.vertices_v3[mesh.faces_f3]
            meets_t3 = (corners_t33.min(axis=1) <= high_3) & (corners_t33.max(axis=1) >= low_3)
            found.append(corners_t33[meets_t3.all(axis=1)])
        return np.concatenate(found)

    def find_places(self) -> Places:
        """Places above floors, the same for the same stage; perhaps none."""
        points_n3 = self._on_level_surfaces(np.random.Generator(np.random.Philox(key=VERSION)))
        room_n = self._room_above(points_n3)
        keep_n: Mask = room_n >= LEAST_ROOM_M
        points_n3, room_n = points_n3[keep_n], room_n[keep_n]
        keep_n = self._ground_around(points_n3)
        points_n3, room_n = points_n3[keep_n], room_n[keep_n]
        eyes_n3 = points_n3 + UP * np.minimum(HIGHEST_M, room_n * 0.6)[:, None]
        nearest_n, back_n = self.around(eyes_n3)
        free_n: Mask = (nearest_n >= FREE_M) & self._faces_something(eyes_n3)
        keep_n = free_n & (back_n < INSIDE)
        if not keep_n.any():
            keep_n = free_n
        chosen = np.flatnonzero(keep_n)[:MOST_PLACES]
        return Places(floor_n3=points_n3[chosen], room_n=room_n[chosen])

    def _faces_something(self, eyes_n3: Array) -> Mask:
        angles = np.arange(16) * np.pi / 8
        level_k3 = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(16)])
        hits = self.cast(np.repeat(eyes_n3, 16, axis=0), np.tile(level_k3, (len(eyes_n3), 1)))
        faced: Mask = np.any((hits.t_n < FACED_M).reshape(-1, 16), axis=1)
        return faced

    def _normals(self) -> Array:
        normals_t3 = self._rays.planes_t4[:, :3]
        length_t = np.linalg.norm(normals_t3, axis=1)
        return normals_t3 / np.where(length_t > 0, length_t, 1.0)[:, None]

    def _on_level_surfaces(self, rng: np.random.Generator) -> Array:
        """Points (N, 3) on level triangles in random order, each mesh by the root of its level area."""
        corners, weights = [], []
        start = 0
        for mesh in self.flat.meshes:
            stop = start + len(mesh.faces_f3)
            level_f = self._level_t[start:stop]
            area_f = np.linalg.norm(self._rays.planes_t4[start:stop, :3][level_f], axis=1) / 2
            if (whole := area_f.sum()) > 0:
                corners.append(mesh.vertices_v3[mesh.faces_f3[level_f]])
                weights.append(area_f / whole * np.sqrt(min(whole, LARGEST_M2)))
            start = stop
        if not corners:
            return np.zeros((0, 3))
        weight_t = np.concatenate(weights)
        chosen = rng.choice(len(weight_t), TRIALS, p=weight_t / weight_t.sum())
        return _within(np.concatenate(corners)[chosen], rng)

    def _room_above(self, points_n3: Array) -> Array:
        hits = self.cast(points_n3 + UP * ABOVE_M, np.broadcast_to(UP, points_n3.shape))
        return np.minimum(hits.t_n, OPEN_M)

    def _ground_around(self, points_n3: Array) -> Mask:
        """Whether the ground goes on at nearly the same height on all sides."""
        angles = np.arange(8) * np.pi / 4
        ring_k3 = RING_M * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(8)])
        over_m = LEAST_ROOM_M / 2
        origins = (points_n3[:, None] + ring_k3 + UP * over_m).reshape(-1, 3)
        hits = self.cast(origins, np.broadcast_to(-UP, origins.shape))
        flat_nk = (np.abs(hits.t_n - over_m) < STEP_M).reshape(len(points_n3), 8)
        even: Mask = flat_nk.sum(axis=1) >= 7
        return even


@lru_cache(maxsize=2)
def open_space(path: Path, digest: str, time: float | None) -> Space:
    """The space of a stage whose content has this digest. Raises StageError."""
    del digest  # part of the key only
    return Space(read_world(path, time=time))


@lru_cache(maxsize=8)
def places_of(path: Path, digest: str, time: float | None) -> Places:
    """The places of a stage, found once for each content and moment, and remembered beside the packs."""
    sort = "places" if time is None else f"places.t{time:g}"

    def found() -> Mapping[str, NDArray[np.generic]]:
        places = open_space(path, digest, time).find_places()
        return {"floor": places.floor_n3, "room": places.room_n}

    kept = remembered(digest, assets_root(), sort, VERSION, found)
    return Places(floor_n3=kept["floor"].astype(float).reshape(-1, 3), room_n=kept["room"].astype(float))


def _bounds(points_n3: Array) -> tuple[Array, Array]:
    """Lowest and highest; of no points, a box that nothing meets."""
    if not len(points_n3):
        return np.full(3, np.inf), np.full(3, -np.inf)
    return points_n3.min(axis=0), points_n3.max(axis=0)


def _within(corners_n33: Array, rng: np.random.Generator) -> Array:
    """A point evenly in each triangle."""
    u_n, v_n = rng.uniform(size=(2, len(corners_n33)))
    over_n = u_n + v_n > 1
    u_n, v_n = np.where(over_n, 1 - u_n, u_n), np.where(over_n, 1 - v_n, v_n)
    a, b, c = corners_n33[:, 0], corners_n33[:, 1], corners_n33[:, 2]
    points: Array = a + u_n[:, None] * (b - a) + v_n[:, None] * (c - a)
    return points


@lru_cache(maxsize=1)
def _sphere(number: int = 40) -> Array:
    """Unit directions spread evenly (Fibonacci's spiral)."""
    k = np.arange(number) + 0.5
    z, turn = 1 - 2 * k / number, k * np.pi * (3 - np.sqrt(5))
    level = np.sqrt(1 - z * z)
    return np.column_stack([level * np.cos(turn), level * np.sin(turn), z])
