"""The stereo rig: two identical pinhole cameras, rectified, the right one at +x of the left.

Camera axes are the vision ones: x right, y down, z forward. Pixel (row v, column u) has its
centre at (u + 0.5, v + 0.5), so the ray through it is ((u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy, 1).
A left pixel at column u with disparity d >= 0 sees the point that the right camera sees at u - d.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StereoRig(BaseModel):
    """Rectified pinhole pair; both eyes share the intrinsics.

    A rig of square pixels is written without `focal_y_px`, as all rigs were before there were others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=32)  # pixels
    height: int = Field(ge=32)  # pixels
    focal_px: Positive  # across, in widths of a pixel; the one that disparity depends on
    baseline_m: Positive  # metres
    cx_px: float  # principal point, pixels from the left edge
    cy_px: float  # principal point, pixels from the top edge
    focal_y_px: Positive | None = None  # down, in heights of a pixel; None: pixels are square

    @field_validator("focal_y_px")
    @classmethod
    def _only_of_pixels_that_are_not_square(
        cls, focal_y_px: float | None, info: ValidationInfo
    ) -> float | None:
        return None if focal_y_px == info.data.get("focal_px") else focal_y_px

    @model_serializer(mode="wrap")
    def _without_square_pixels(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self)
        if self.focal_y_px is None:
            del fields["focal_y_px"]
        return fields

    @property
    def fy_px(self) -> float:
        """Focal length down, in heights of a pixel."""
        return self.focal_px if self.focal_y_px is None else self.focal_y_px

    @property
    def aspect(self) -> float:
        """Width of a pixel by its height: 1 where pixels are square."""
        return self.fy_px / self.focal_px

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
        rays_hw3 = np.ones((self.height, self.width, 3))
        x_w, y_h = self.ray_slopes()
        rays_hw3[..., 0] = x_w
        rays_hw3[..., 1] = y_h[:, None]
        return rays_hw3

    def ray_slopes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x of the directions of each column (W,) and y of those of each row (H,), z being 1."""
        x_w = (np.arange(self.width, dtype=np.float64) + 0.5 - self.cx_px) / self.focal_px
        y_h = (np.arange(self.height, dtype=np.float64) + 0.5 - self.cy_px) / self.fy_px
        return x_w, y_h
