"""How much light the lamps of the probe's stage throw onto its card: closed forms, of one camera's points."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rtx import probe_stages as stages

Array = NDArray[np.float64]
FACING = np.array([0.0, 0.0, 1.0])  # of the card


def card_points(rows: slice, columns: slice) -> Array:
    """Where the centres of the left eye's pixels see the card: (N, 3), in the camera's axes."""
    v_hw, u_hw = np.mgrid[rows, columns] + 0.5
    x_hw = (u_hw - stages.RIG.cx_px) / stages.RIG.focal_px * stages.CARD_M
    y_hw = -(v_hw - stages.RIG.cy_px) / stages.RIG.fy_px * stages.CARD_M
    return np.stack([x_hw, y_hw, np.full_like(x_hw, -stages.CARD_M)], axis=-1).reshape(-1, 3)


def sphere_irradiance(points_n3: Array) -> float:
    """Mean over the points; of a sphere wholly above the horizon: pi L (r / d)^2 cos."""
    radiance = stages.SPHERE_POWER / (4 * math.pi * stages.SPHERE_M**2)
    to_lamp_n3 = np.array(stages.LAMPS_M["sphere"]) - points_n3
    distance_n = np.linalg.norm(to_lamp_n3, axis=1)
    each_n = math.pi * radiance * (stages.SPHERE_M / distance_n) ** 2 * (to_lamp_n3 @ FACING) / distance_n
    return float(each_n.mean())


def rect_irradiance(points_n3: Array) -> float:
    """Mean over the points; Lambert's formula for a polygon of even radiance."""
    radiance, half = stages.RECT_POWER / stages.RECT_M**2, stages.RECT_M / 2
    around = np.array([(-half, -half, 0), (-half, half, 0), (half, half, 0), (half, -half, 0)])
    rays_n43 = np.array(stages.LAMPS_M["rect"]) + around - points_n3[:, None]
    rays_n43 /= np.linalg.norm(rays_n43, axis=2, keepdims=True)
    next_n43 = np.roll(rays_n43, -1, axis=1)
    across_n43 = np.cross(rays_n43, next_n43)
    sines_n4 = np.linalg.norm(across_n43, axis=2)
    angles_n4 = np.arctan2(sines_n4, (rays_n43 * next_n43).sum(axis=2))
    each_n = radiance / 2 * (angles_n4 * (across_n43 @ FACING) / sines_n4).sum(axis=1)
    return float(np.abs(each_n).mean())
