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
from fsd_gen.truth.raycast import GAVE_UP, NOTHING, Hits, RayScene, build_ray_scene
from fsd_gen.usd.flat_scene import FlatScene

Array = NDArray[np.float64]

BAND = 32  # image rows traced at once
NEARER = 5e-4  # a point is hidden by a surface nearer than this relative margin


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

    rays: RayScene
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
