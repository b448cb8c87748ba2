"""From disparity to metres: calibration files, depth along the optical axis, and coloured point clouds.

z = focal_px * baseline_m / (disparity_px + doffs_px), where doffs is the difference of the principal points,
cx_right - cx_left (0 for most rectified rigs; Middlebury's calib.txt names it). Points are in the left
camera's frame: x right, y down, z forward, metres.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.files import write_bytes_atomic

MILLIMETRES = 1000  # per metre
_PLY_VERTEX = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
)
_MATRIX = re.compile(r"\[([^\]]*)\]")


class CalibrationError(ValueError):
    """A calibration file cannot be understood, or does not fit the images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A rectified pinhole pair. (0, 0) is the centre of the upper left pixel, as in OpenCV."""

    fx: float  # pixels
    fy: float  # pixels
    cx: float  # pixels, left camera
    cy: float  # pixels
    baseline_m: float
    doffs_px: float = 0.0  # cx of the right camera minus cx of the left one
    width: int | None = None  # pixels of the images it was made for; None where the file does not say
    height: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, self.baseline_m, self.doffs_px)
        if not np.isfinite(numbers).all():
            raise CalibrationError(f"calibration holds a number that is not finite: {numbers}")
        if min(self.fx, self.fy) <= 0 or self.baseline_m <= 0:
            raise CalibrationError(
                f"focal lengths and baseline must be positive, got fx {self.fx}, fy {self.fy} px, "
                f"baseline {self.baseline_m} m"
            )

    def resized(self, factor: float) -> Calibration:
        """The calibration of the images scaled by `factor`."""
        return replace(
            self,
            fx=self.fx * factor,
            fy=self.fy * factor,
            cx=(self.cx + 0.5) * factor - 0.5,
            cy=(self.cy + 0.5) * factor - 0.5,
            doffs_px=self.doffs_px * factor,
            width=None if self.width is None else round(self.width * factor),
            height=None if self.height is None else round(self.height * factor),
        )

    def require_size(self, width: int, height: int) -> None:
        """Raise CalibrationError unless it can belong to images of this size."""
        if self.width is not None and (self.width, self.height) != (width, height):
            raise CalibrationError(
                f"the calibration is for images of {self.width}x{self.height} pixels, these have "
                f"{width}x{height}; use the calibration of this size"
            )
        if not (0 <= self.cx < width and 0 <= self.cy < height):
            raise CalibrationError(
                f"the principal point ({self.cx:g}, {self.cy:g}) lies outside images of {width}x{height} "
                "pixels; the calibration belongs to images of another size"
            )


def read_calibration(path: str | Path, *, baseline_m: float | None = None) -> Calibration:
    """Read Middlebury's calib.txt (baseline in mm), or nine numbers of K and a line with the baseline in m.

    `baseline_m` replaces the file's. Raises CalibrationError naming the file and what it lacks.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: cannot be read ({error})") from error
    try:
        if "cam0" in text:
            return _middlebury(text, baseline_m)
        return _plain(text, baseline_m)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


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
    return (matched_hw >= 0) & (matched_hw <= disparity_hw.shape[1] - 1)


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


def _middlebury(text: str, baseline_m: float | None) -> Calibration:
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    k_9 = _matrix(fields["cam0"]) if "cam0" in fields else None
    if k_9 is None:
        raise CalibrationError("expected a line cam0=[fx 0 cx; 0 fy cy; 0 0 1]")
    if baseline_m is None:
        baseline_m = _field(fields, "baseline") / MILLIMETRES
    has_size = "width" in fields and "height" in fields
    return Calibration(
        fx=k_9[0],
        fy=k_9[4],
        cx=k_9[2],
        cy=k_9[5],
        baseline_m=baseline_m,
        doffs_px=_field(fields, "doffs") if "doffs" in fields else 0.0,
        width=int(_field(fields, "width")) if has_size else None,
        height=int(_field(fields, "height")) if has_size else None,
    )


def _plain(text: str, baseline_m: float | None) -> Calibration:
    lines = [line for line in text.splitlines() if line.strip()]
    k_9 = _numbers(lines[0]) if lines else []
    if len(k_9) != 9:
        raise CalibrationError(
            f"expected nine numbers (K, row by row) in the first line, or Middlebury's cam0=; got {len(k_9)}"
        )
    if baseline_m is None:
        second = _numbers(lines[1]) if len(lines) > 1 else []
        if len(second) != 1:
            raise CalibrationError("expected the baseline in metres in the second line")
        baseline_m = second[0]
    return Calibration(fx=k_9[0], fy=k_9[4], cx=k_9[2], cy=k_9[5], baseline_m=baseline_m)


def _matrix(value: str) -> list[float]:
    inside = _MATRIX.search(value)
    numbers = _numbers(inside[1].replace(";", " ")) if inside else []
    if len(numbers) != 9:
        raise CalibrationError(f"expected cam0=[fx 0 cx; 0 fy cy; 0 0 1], got cam0={value}")
    return numbers


def _field(fields: dict[str, str], name: str) -> float:
    numbers = _numbers(fields.get(name, ""))
    if len(numbers) != 1:
        raise CalibrationError(f"expected a line {name}=<number>, got {fields.get(name)!r}")
    return numbers[0]


def _numbers(line: str) -> list[float]:
    try:
        return [float(word) for word in line.replace(",", " ").split()]
    except ValueError as error:
        raise CalibrationError(f"expected numbers, got {line.strip()!r}") from error
