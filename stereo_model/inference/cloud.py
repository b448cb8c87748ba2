"""From disparity to metres: depth along the optical axis, and coloured point clouds.

Points are in the left camera's frame: x right, y down, z forward, metres.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.files import write_bytes_atomic
from stereo_model.inference.calibration import MILLIMETRES, Calibration

_PLY_VERTEX = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
)


def depth_of(disparity_hw: NDArray[np.floating], calibration: Calibration) -> NDArray[np.float32]:
    """Depth (H,W) in metres along the optical axis; infinite at zero disparity, NaN where there is none.

    A disparity whose point would lie behind the camera (d + doffs < 0) counts as infinitely far.
    """
    shifted_hw = disparity_hw.astype(np.float64) + calibration.doffs_px
    depth_hw = np.full(disparity_hw.shape, np.inf)
    scale = calibration.fx * calibration.baseline_m
    np.divide(scale, shifted_hw, out=depth_hw, where=shifted_hw > 0)
    return np.where(np.isfinite(shifted_hw), depth_hw, np.nan).astype(np.float32)


def millimetres(depth_hw: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Depth in whole millimetres (H,W) for a 16-bit PNG; 0 where unknown or beyond 65.535 m."""
    scaled_hw = np.rint(np.nan_to_num(depth_hw, nan=0.0, posinf=0.0).astype(np.float64) * MILLIMETRES)
    return np.where((scaled_hw > 0) & (scaled_hw <= 0xFFFF), scaled_hw, 0).astype(np.uint16)


def seen_by_right(disparity_hw: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Pixels of the left view whose match lies inside the right image (H,W); occlusions are not told."""
    columns_w = np.arange(disparity_hw.shape[1])
    matched_hw = columns_w - np.where(np.isfinite(disparity_hw), disparity_hw, np.inf)
    return np.asarray((matched_hw >= 0) & (matched_hw <= disparity_hw.shape[1] - 1), bool)


def points_of(
    depth_hw: NDArray[np.floating],  # metres
    calibration: Calibration,
    *,
    z_range_m: tuple[float, float] = (0.0, np.inf),  # what lies outside is left out; nearest excluded
    keep_hw: NDArray[np.bool_] | None = None,  # further pixels that may become points
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Points (N,3) in metres, row by row, and which pixels they are (H,W); infinite depths give none."""
    nearest, farthest = z_range_m
    kept_hw = np.isfinite(depth_hw) & (depth_hw > nearest) & (depth_hw <= farthest)
    if keep_hw is not None:
        kept_hw &= keep_hw
    y_n, x_n = np.nonzero(kept_hw)
    z_n = depth_hw[kept_hw].astype(np.float64)
    points = (
        (x_n - calibration.cx) / calibration.fx * z_n,
        (y_n - calibration.cy) / calibration.fy * z_n,
        z_n,
    )
    return np.stack(points, axis=1).astype(np.float32), kept_hw


def write_ply(path: str | Path, points_n3: NDArray[np.floating], colours_n3: NDArray[np.uint8]) -> None:
    """Write a binary little-endian PLY of coloured points; positions in float32."""
    if points_n3.shape != colours_n3.shape or points_n3.shape[1:] != (3,):
        raise ValueError(f"points {points_n3.shape} and colours {colours_n3.shape} must both be (N, 3)")
    vertices = np.empty(len(points_n3), _PLY_VERTEX)
    for column, name in enumerate("xyz"):
        vertices[name] = points_n3[:, column]
    for column, name in enumerate(("red", "green", "blue")):
        vertices[name] = colours_n3[:, column]
    properties = [f"property float {name}" for name in "xyz"]
    properties += [f"property uchar {name}" for name in ("red", "green", "blue")]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment left camera frame: x right, y down, z forward, metres",
        f"element vertex {len(vertices)}",
        *properties,
        "end_header",
    ]
    write_bytes_atomic(Path(path), ("\n".join(header) + "\n").encode("ascii") + vertices.tobytes())
