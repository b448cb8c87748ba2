"""The stereo rig: two identical pinhole cameras, rectified, the right one at +x of the left.

Camera axes are the vision ones: x right, y down, z forward. Pixel (row v, column u) has its
centre at (u + 0.5, v + 0.5), so the ray through it is ((u + 0.5 - cx) / f, (v + 0.5 - cy) / f, 1).
A left pixel at column u with disparity d >= 0 sees the point that the right camera sees at u - d.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StereoRig(BaseModel):
    """Rectified pinhole pair; both eyes share the intrinsics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=32)  # pixels
    height: int = Field(ge=32)  # pixels
    focal_px: Positive  # pixels
    baseline_m: Positive  # metres
    cx_px: float  # principal point, pixels from the left edge
    cy_px: float  # principal point, pixels from the top edge

    @classmethod
    def centred(cls, *, width: int, height: int, focal_px: float, baseline_m: float) -> StereoRig:
        """A rig whose principal point is the image centre."""
        return cls(
            width=width,
            height=height,
            focal_px=focal_px,
            baseline_m=baseline_m,
            cx_px=width / 2,
            cy_px=height / 2,
        )

    def disparity(self, depth: NDArray[np.floating] | float) -> NDArray[np.float64] | float:
        """Disparity in pixels of plane depth Z in metres (along the optical axis, not along the ray)."""
        return self.focal_px * self.baseline_m / np.asarray(depth, np.float64)[()]

    def depth(self, disparity: NDArray[np.floating] | float) -> NDArray[np.float64] | float:
        """Plane depth Z in metres of a disparity in pixels; 0 px is at infinity."""
        with np.errstate(divide="ignore"):
            return self.focal_px * self.baseline_m / np.asarray(disparity, np.float64)[()]

    def ray_directions(self) -> NDArray[np.float64]:
        """Directions (H, W, 3) through the pixel centres with z = 1: the ray parameter is the depth Z."""
        u = (np.arange(self.width) + 0.5 - self.cx_px) / self.focal_px
        v = (np.arange(self.height) + 0.5 - self.cy_px) / self.focal_px
        rays_hw3 = np.ones((self.height, self.width, 3))
        rays_hw3[..., 0] = u
        rays_hw3[..., 1] = v[:, None]
        return rays_hw3
