"""Can a calibration be true? What it means in degrees and metres, and which mistake explains what cannot be.

A camera's principal point lies near the middle of its images; its lens sees some ten to some hundred degrees;
a rig is between a finger and some arms wide. A calibration that says otherwise is most likely made for
another image size, or has its baseline in other units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo_model.inference.calibration import Calibration
from stereo_model.inference.cloud import depth_of

OFF_CENTRE = 0.25  # by which twice the principal point may differ from the image's size, of that size
FAR_OFF_CENTRE = 0.6  # ... along one axis only, as in images that are cut on one side
UNLIKE = 0.15  # by which the two axes may differ for the reason to be one other size
ANGLES_DEG = (5.0, 150.0)  # of view, across the image
MOST_STRETCHED = 1.5  # ratio of the focal lengths; anamorphic lenses reach 2, rigs are nearly square
BASELINES_M = (0.005, 3.0)
MEDIAN_DEPTHS_M = (0.02, 2000.0)
USUAL_SCALES = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.5, 2.0, 3.0, 4.0)  # of images, near which a guess is put


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """What a calibration means for a pair."""

    view_deg: tuple[float, float]  # across and down
    baseline_m: float
    depth_m: tuple[float, float, float] | None  # 1st, 50th, 99th percentile; None where nothing has a depth

    def in_words(self) -> str:
        """For a reader who knows the scene."""
        across, down = self.view_deg
        text = f"field of view {across:.0f} x {down:.0f} degrees, baseline {self.baseline_m:.4g} m"
        if self.depth_m is None:
            return f"{text}, no depth"
        near, median, far = self.depth_m
        return f"{text}, depth {near:.3g} to {far:.3g} m, median {median:.3g} m"

    def as_json(self) -> dict[str, Any]:
        """For a result.json."""
        names = ("near", "median", "far")
        depth = None if self.depth_m is None else dict(zip(names, self.depth_m, strict=True))
        return {
            "in_words": self.in_words(),
            "view_deg": list(self.view_deg),
            "baseline_m": self.baseline_m,
            "depth_m": depth,
        }


def geometry_of(disparity_hw: NDArray[np.floating], calibration: Calibration) -> Geometry:
    """The field of view of the images and how deep the scene is."""
    height, width = disparity_hw.shape
    depth_hw = depth_of(disparity_hw, calibration)
    known = depth_hw[np.isfinite(depth_hw)]
    depth = tuple(float(value) for value in np.percentile(known, (1, 50, 99))) if known.size else None
    return Geometry(
        view_deg=(_angle(width, calibration.fx), _angle(height, calibration.fy)),
        baseline_m=calibration.baseline_m,
        depth_m=None if depth is None else (depth[0], depth[1], depth[2]),
    )


def doubts(geometry: Geometry, calibration: Calibration, width: int, height: int) -> tuple[str, ...]:
    """One line for each thing that can hardly be true, with the likely mistake."""
    lines = (
        _other_size(calibration, width, height),
        _view(geometry.view_deg[0], calibration.fx),
        _pixels(calibration.fx, calibration.fy),
        _baseline(calibration.baseline_m),
        _depth(geometry.depth_m),
    )
    return tuple(line for line in lines if line is not None)


def _angle(pixels: int, focal_px: float) -> float:
    return math.degrees(2 * math.atan(pixels / (2 * focal_px)))


def _other_size(calibration: Calibration, width: int, height: int) -> str | None:
    """The principal point of a calibration for images of another size is as far off as the size is."""
    across, down = (2 * calibration.cx + 1) / width, (2 * calibration.cy + 1) / height
    off = sorted((abs(across - 1), abs(down - 1)))
    if off[0] <= OFF_CENTRE and off[1] <= FAR_OFF_CENTRE:
        return None
    where = f"the principal point ({calibration.cx:g}, {calibration.cy:g}) is far from the images' middle"
    if off[0] <= OFF_CENTRE or abs(across / down - 1) > UNLIKE:
        return f"{where}, which have {width}x{height} pixels; are they cropped, or is K of another camera?"
    measured = (across + down) / 2
    usual = min(USUAL_SCALES, key=lambda usual: abs(math.log(usual / measured)))
    scale = usual if abs(usual / measured - 1) < UNLIKE else measured
    return (
        f"{where}: K seems to be for images of about {round(width * scale)}x{round(height * scale)} pixels, "
        f"these have {width}x{height}; multiply fx, fy, cx and cy by {1 / scale:.3g}"
    )


def _view(across_deg: float, fx: float) -> str | None:
    if ANGLES_DEG[0] <= across_deg <= ANGLES_DEG[1]:
        return None
    mistake = "is it in millimetres?" if across_deg > ANGLES_DEG[1] else "is it for larger images?"
    return f"fx = {fx:g} px would be a field of view of {across_deg:.1f} degrees; expected pixels: {mistake}"


def _pixels(fx: float, fy: float) -> str | None:
    """A rectified pair has square pixels, or nearly so."""
    if 1 / MOST_STRETCHED <= fy / fx <= MOST_STRETCHED:
        return None
    return (
        f"fx = {fx:g} and fy = {fy:g} px would be pixels {max(fx / fy, fy / fx):.3g} times as long as wide; "
        "expected nearly square ones: were the images scaled along one axis only, or is a number of K wrong?"
    )


def _baseline(baseline_m: float) -> str | None:
    if baseline_m > BASELINES_M[1]:
        unit, metres = ("millimetres", 1000) if baseline_m >= 10 else ("centimetres", 100)
        return (
            f"a baseline of {baseline_m:g} m: in {unit} it would be {baseline_m / metres:g} m; "
            "expected metres in a file with K, millimetres in Middlebury's calib.txt"
        )
    if baseline_m < BASELINES_M[0]:
        return (
            f"a baseline of {baseline_m:g} m: Middlebury's calib.txt has it in millimetres; "
            f"is it in metres there ({1000 * baseline_m:g} m)?"
        )
    return None


def _depth(depth_m: tuple[float, float, float] | None) -> str | None:
    if depth_m is None or MEDIAN_DEPTHS_M[0] <= depth_m[1] <= MEDIAN_DEPTHS_M[1]:
        return None
    return f"a median depth of {depth_m[1]:.3g} m; are the units of the baseline and of fx right?"
