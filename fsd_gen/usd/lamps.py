"""The bodies of lamps: meshes that glow, and what keeps a flat one from glowing backwards.

A body lies where its light's spec says, in the light's own frame (metres; flat ones shine along -z), and has
exactly the area of the round shape that it stands for, so that it gives as much light.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.spec import DiskLight, RectLight, SphereLight
from fsd_gen.usd.polygons import ball

Lamp = RectLight | DiskLight | SphereLight

AROUND = 64  # corners of a disk
HOUSING_M = 0.005  # depth of the box behind a flat lamp
LEAN = 0.02  # the same, at most, as a share of the lamp's smaller side


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A polygon mesh, counter-clockwise seen from outside."""

    points_p3: NDArray[np.float32]
    counts_f: NDArray[np.int32]
    indices_c: NDArray[np.int32]


def glowing(lamp: Lamp) -> Body:
    """The part of the lamp that shines."""
    if isinstance(lamp, SphereLight):
        points_p3, faces_t3 = _unit_ball()
        return _body(points_p3 * lamp.radius_m, np.full(len(faces_t3), 3), faces_t3)
    outline_k2 = _outline(lamp)
    points_k3 = np.c_[outline_k2, np.zeros(len(outline_k2))]
    return _body(points_k3, [len(points_k3)], np.arange(len(points_k3))[::-1])  # seen from below


def housing(lamp: Lamp) -> Body | None:
    """The dark box, open below, behind a flat lamp; None where the whole lamp shines."""
    if isinstance(lamp, SphereLight):
        return None
    outline_k2 = _outline(lamp)
    k = len(outline_k2)
    depth_m = min(HOUSING_M, LEAN * float(np.ptp(outline_k2, axis=0).min()))
    rims = [np.c_[outline_k2, np.full(k, z)] for z in (0.0, depth_m)]
    here, then = np.arange(k), np.roll(np.arange(k), -1)
    sides_k4 = np.stack([here, then, then + k, here + k], axis=1)
    return _body(
        np.concatenate(rims), [*np.full(k, 4), k], np.concatenate([sides_k4.ravel(), np.arange(k) + k])
    )


def _outline(lamp: RectLight | DiskLight) -> NDArray[np.float64]:
    """Corners (K, 2), counter-clockwise seen from above."""
    if isinstance(lamp, RectLight):
        square_42 = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        corners_42: NDArray[np.float64] = square_42 * np.array(lamp.size) / 2
        return corners_42
    angle_k = 2 * np.pi * np.arange(AROUND) / AROUND
    radius = lamp.radius_m * np.sqrt(2 * np.pi / (AROUND * np.sin(2 * np.pi / AROUND)))
    corners_k2: NDArray[np.float64] = np.stack([np.cos(angle_k), np.sin(angle_k)], axis=1) * radius
    return corners_k2


@cache
def _unit_ball() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Points and triangles of a ball with the area of the unit sphere."""
    triangles = ball(1.0)
    points_p3 = triangles.vertices_v3.astype(np.float64)
    a_t3, b_t3, c_t3 = (points_p3[triangles.faces_t3[:, k]] for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b_t3 - a_t3, c_t3 - a_t3), axis=1).sum()
    return points_p3 * np.sqrt(4 * np.pi / area), triangles.faces_t3


def _body(
    points_p3: NDArray[np.float64], counts_f: NDArray[np.integer] | list[int], indices_c: NDArray[np.integer]
) -> Body:
    return Body(
        points_p3=points_p3.astype(np.float32),
        counts_f=np.asarray(counts_f, np.int32),
        indices_c=indices_c.astype(np.int32).ravel(),
    )
