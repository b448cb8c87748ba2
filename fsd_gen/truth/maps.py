"""Exact disparity and flags of both views, by rays through the pixel centres. No renderer is asked.

Disparity is d = f * B / Z of the first surface, computed in float64 and rounded to 1/256 px, so the
stored value is within 1/512 px. Where the first surface is glass or a mirror a camera sees something
else; those pixels are flagged, not dropped. A left pixel (u, v) matches the right one at u - d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import quantise
from fsd_gen.truth.raycast import GAVE_UP, NOTHING, Hits, Rays, RayScene, build_ray_scene
from fsd_gen.usd.flat_scene import FlatScene

Array = NDArray[np.float64]

BAND = 32  # image rows traced at once
NEARER = 5e-4  # a point is hidden by a surface nearer than this relative margin; never one by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Disparity (pixels, multiples of 1/256) and flags (bits of `Flag`) of both views, each (H, W)."""

    disparity_left_hw: NDArray[np.float32]
    disparity_right_hw: NDArray[np.float32]
    flags_left_hw: NDArray[np.uint8]
    flags_right_hw: NDArray[np.uint8]
    hits_left: Hits  # of every left pixel, row by row; the ray parameter is the depth Z in metres


def compute_truth(scene: FlatScene, rig: StereoRig) -> Truth:
    """Disparity and flags of both eyes of `rig`, whose left camera stands at `scene.left_to_world`."""
    rays = build_ray_scene(scene)
    flags_t = _flags_of_triangles(rays)
    right_m = rig.baseline_m
    left = _View(rays=rays, rig=rig, eye_x_m=0.0, other_x_m=right_m, sign=-1, flags_t=flags_t).trace()
    right = _View(rays=rays, rig=rig, eye_x_m=right_m, other_x_m=0.0, sign=+1, flags_t=flags_t).trace()
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

    rays: RayScene
    rig: StereoRig
    eye_x_m: float
    other_x_m: float
    sign: Literal[-1, 1]  # matches lie at u + sign * d: -1 for the left eye, +1 for the right one
    flags_t: NDArray[np.uint8]  # those of each triangle's surface

    def trace(self) -> _Maps:
        """All maps of this view. Bands of rows keep the working set in the cache."""
        shape = (self.rig.height, self.rig.width)
        maps = _Maps(
            disparity_hw=np.empty(shape, np.float32),
            flags_hw=np.empty(shape, np.uint8),
            hits=Hits(t_n=np.empty(shape).reshape(-1), primitive_n=np.empty(shape, np.int64).reshape(-1)),
        )
        x_w, y_h = self.rig.ray_slopes()
        for top in range(0, self.rig.height, BAND):
            y_b = y_h[top : top + BAND]
            x_n, y_n = np.tile(x_w, len(y_b)), np.repeat(y_b, len(x_w))
            band = slice(top * len(x_w), top * len(x_w) + len(x_n))
            hits = self.rays.first_hits_of(Rays(origin=(self.eye_x_m, 0.0, 0.0), direction=(x_n, y_n, 1.0)))
            maps.hits.t_n[band], maps.hits.primitive_n[band] = hits.t_n, hits.primitive_n
            maps.disparity_hw.reshape(-1)[band], maps.flags_hw.reshape(-1)[band] = self._band(x_n, y_n, hits)
        return maps

    def _band(self, x_n: Array, y_n: Array, hits: Hits) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Disparity and flags of the pixels that the rays (x, y, 1) go through."""
        disparity_n = np.asarray(self.rig.disparity(hits.t_n))  # 0 where nothing is hit
        flags_n = self._surface_flags(hits)
        column_n = self.rig.cx_px + self.rig.focal_px * x_n + self.sign * disparity_n
        seen_n = hits.primitive_n >= 0
        outside_n = seen_n & ((column_n < 0) | (column_n > self.rig.width))
        flags_n[outside_n] |= Flag.OUT_OF_FRAME.value
        asked_n = np.flatnonzero(seen_n & ~outside_n)
        t_m = hits.t_n[asked_n]
        to_point = (self.eye_x_m + x_n[asked_n] * t_m - self.other_x_m, y_n[asked_n] * t_m, t_m)
        rays = Rays(origin=(self.other_x_m, 0.0, 0.0), direction=to_point)
        hidden_m = self.rays.hidden(rays, hits.primitive_n[asked_n], 1 - NEARER)
        flags_n[asked_n[hidden_m]] |= Flag.OCCLUDED.value
        return quantise(disparity_n), flags_n

    def _surface_flags(self, hits: Hits) -> NDArray[np.uint8]:
        flags_n = np.zeros(len(hits.t_n), np.uint8)
        seen_n = hits.primitive_n >= 0
        flags_n[seen_n] = self.flags_t[hits.primitive_n[seen_n]]
        flags_n[hits.primitive_n == NOTHING] = Flag.SKY.value
        flags_n[hits.primitive_n == GAVE_UP] = Flag.NO_TRUTH.value
        return flags_n


def _flags_of_triangles(rays: RayScene) -> NDArray[np.uint8]:
    """What each triangle's surface makes of the pixels that show it, (T,)."""
    flags_s = np.zeros(len(rays.surfaces), np.uint8)
    for index, surface in enumerate(rays.surfaces):
        flags_s[index] |= Flag.TRANSPARENT.value if surface.transparent else 0
        flags_s[index] |= Flag.MIRROR.value if surface.mirror else 0
    return flags_s[rays.triangles.surface_t]
