"""Exact disparity and flags of both views, by rays through the pixel centres. No renderer is asked.

Disparity is d = f * B / Z of the first surface, computed in float64 and rounded to 1/256 px, so the
stored value is within 1/512 px. Where the first surface is glass or a mirror a camera sees something
else; those pixels are flagged, not dropped. A left pixel (u, v) matches the right one at u - d.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.record import quantise
from fsd_gen.shards.sample import Flag
from fsd_gen.truth.raycast import GAVE_UP, NOTHING, RayScene, build_ray_scene
from fsd_gen.usd.flat_scene import FlatScene

BAND = 32  # image rows traced at once
NEARER = 5e-4  # a point is hidden by a surface nearer than this relative margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Disparity (pixels, multiples of 1/256) and flags (bits of `Flag`) of both views, each (H, W)."""

    disparity_left_hw: NDArray[np.float32]
    disparity_right_hw: NDArray[np.float32]
    flags_left_hw: NDArray[np.uint8]
    flags_right_hw: NDArray[np.uint8]


def compute_truth(scene: FlatScene, rig: StereoRig) -> Truth:
    """Disparity and flags of both eyes of `rig`, whose left camera stands at `scene.left_to_world`."""
    rays = build_ray_scene(scene)
    eyes_23 = np.array([[0.0, 0.0, 0.0], [rig.baseline_m, 0.0, 0.0]])
    left = _eye(rays, rig, eyes_23[0], eyes_23[1], sign=-1)
    right = _eye(rays, rig, eyes_23[1], eyes_23[0], sign=+1)
    return Truth(
        disparity_left_hw=left[0],
        flags_left_hw=left[1],
        disparity_right_hw=right[0],
        flags_right_hw=right[1],
    )


def _eye(
    rays: RayScene, rig: StereoRig, eye_3: NDArray, other_3: NDArray, *, sign: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One view: `sign` is -1 for the left eye (its matches lie at u - d) and +1 for the right one."""
    directions_hw3 = rig.ray_directions()
    disparity_hw = np.zeros((rig.height, rig.width), np.float32)
    flags_hw = np.zeros((rig.height, rig.width), np.uint8)
    for top in range(0, rig.height, BAND):  # bands keep the working set in the cache
        rows = slice(top, top + BAND)
        band_n3 = directions_hw3[rows].reshape(-1, 3)
        disparity_n, flags_n = _band(rays, rig, band_n3, eye_3, other_3, sign)
        disparity_hw[rows] = disparity_n.reshape(-1, rig.width)
        flags_hw[rows] = flags_n.reshape(-1, rig.width)
    return disparity_hw, flags_hw


def _band(
    rays: RayScene, rig: StereoRig, directions_n3: NDArray, eye_3: NDArray, other_3: NDArray, sign: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    hits = rays.first_hits(np.broadcast_to(eye_3, directions_n3.shape), directions_n3)
    seen_n = hits.primitive_n >= 0
    disparity_n = np.zeros(len(directions_n3))
    disparity_n[seen_n] = rig.disparity(hits.t_n[seen_n])
    flags_n = np.zeros(len(directions_n3), np.uint8)
    flags_n[hits.primitive_n == NOTHING] |= Flag.SKY.value
    flags_n[hits.primitive_n == GAVE_UP] |= Flag.NO_TRUTH.value
    flags_n[rays.surface_mask(hits.primitive_n, _property(rays, "transparent"))] |= Flag.TRANSPARENT.value
    flags_n[rays.surface_mask(hits.primitive_n, _property(rays, "mirror"))] |= Flag.MIRROR.value
    column_n = rig.cx_px + rig.focal_px * directions_n3[:, 0] + sign * disparity_n
    outside_n = seen_n & ((column_n < 0) | (column_n > rig.width))
    flags_n[outside_n] |= Flag.OUT_OF_FRAME.value
    asked_n = np.flatnonzero(seen_n & ~outside_n)
    points_m3 = eye_3 + directions_n3[asked_n] * hits.t_n[asked_n, None]
    hidden_m = _hidden(rays, points_m3, hits.primitive_n[asked_n], other_3)
    flags_n[asked_n[hidden_m]] |= Flag.OCCLUDED.value
    return quantise(disparity_n), flags_n


def _hidden(
    rays: RayScene, points_m3: NDArray, primitive_m: NDArray[np.int64], eye_3: NDArray
) -> NDArray[np.bool_]:
    """Which points something nearer hides from `eye_3`. A surface never hides itself at the same point."""
    hits = rays.first_hits(np.broadcast_to(eye_3, points_m3.shape), points_m3 - eye_3)
    return (hits.t_n < 1 - NEARER) & (hits.primitive_n != primitive_m)


def _property(rays: RayScene, name: str) -> NDArray[np.bool_]:
    return np.array([getattr(surface, name) for surface in rays.surfaces] or [False], bool)
