"""One calibrated camera in pixels, and the same camera for images of another size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fsd_gen.scene.rig import StereoRig

Fit = Literal["exact", "crop", "stretch"]
VIEWS_DEG = (1.0, 170.0)  # across: what makes a picture
ASPECTS = (0.5, 2.0)  # fy / fx
LENS_MM = 50.0  # a focal length below it may have been meant in millimetres


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """A pinhole camera. (0, 0) is the centre of the upper left pixel, as in OpenCV and K files."""

    fx: float  # pixels
    fy: float  # pixels
    cx: float  # principal point, pixels
    cy: float
    width: int  # of its images, pixels
    height: int

    @classmethod
    def of_view(cls, hfov_deg: float, width: int, height: int) -> Lens:
        """Square pixels, the principal point in the middle, and this field of view across."""
        focal_px = width / 2 / math.tan(math.radians(hfov_deg) / 2)
        middle = {"cx": (width - 1) / 2, "cy": (height - 1) / 2}
        return cls(fx=focal_px, fy=focal_px, width=width, height=height, **middle)

    def fitted(self, width: int, height: int, fit: Fit) -> Lens:
        """The camera whose images have another size.

        `crop` scales them alike in both directions and cuts on both sides what is too much; `stretch` scales
        each direction for itself, so that pixels change their shape where the sides' ratio does.

        Raises:
            ValueError: another size, and `fit` is `exact`.
        """
        if (width, height) == (self.width, self.height):
            return self
        across, down = width / self.width, height / self.height
        if fit == "exact":
            raise ValueError(
                f"the calibration is for images of {self.width}x{self.height} pixels, `image` is "
                f"{width}x{height}; write image: {{width: {self.width}, height: {self.height}}}, or "
                "fit: crop (scales alike, cuts what is too much) or fit: stretch (scales each direction)"
            )
        if fit == "stretch":
            return self._scaled(across, down, width, height)
        scale = max(across, down)
        return self._scaled(scale, scale, width, height)

    def _scaled(self, across: float, down: float, width: int, height: int) -> Lens:
        """Scaled; then cut evenly on both sides to the size, where it is larger than that."""
        cut_x, cut_y = (self.width * across - width) / 2, (self.height * down - height) / 2
        return Lens(
            fx=self.fx * across,
            fy=self.fy * down,
            cx=(self.cx + 0.5) * across - 0.5 - cut_x,
            cy=(self.cy + 0.5) * down - 0.5 - cut_y,
            width=width,
            height=height,
        )

    def view_deg(self) -> float:
        """Field of view across, as if the principal point were in the middle."""
        return math.degrees(2 * math.atan(self.width / (2 * self.fx)))

    def require_picture(self) -> Lens:
        """This lens. Raises ValueError where no camera is like that, with what was probably meant."""
        view, (low, high) = self.view_deg(), VIEWS_DEG
        if not low <= view <= high:
            raise ValueError(
                f"fx {self.fx:g} px makes a field of view of {view:.3g} degrees across {self.width} px, "
                f"expected {low:g} to {high:g}{self._meant()}"
            )
        if not ASPECTS[0] <= self.fy / self.fx <= ASPECTS[1]:
            raise ValueError(
                f"fy {self.fy:g} is {self.fy / self.fx:.3g} times fx {self.fx:g}, expected {ASPECTS[0]:g} to "
                f"{ASPECTS[1]:g} times; leave fy out where pixels are square"
            )
        if not (-0.5 <= self.cx <= self.width - 0.5 and -0.5 <= self.cy <= self.height - 0.5):
            raise ValueError(
                f"the principal point ({self.cx:g}, {self.cy:g}) lies outside images of {self.width}x"
                f"{self.height} pixels; if the calibration is for images of about "
                f"{_side_around(self.cx)}x{_side_around(self.cy)}, give their width and height, and "
                "fit: crop or stretch"
            )
        return self

    def _meant(self) -> str:
        if self.fx < LENS_MM:
            return (
                f"; if those are millimetres, write {self.fx:g} / (width of the sensor in mm) * {self.width}"
            )
        if self.fx > self.width:
            return "; if the calibration is for larger images, give their width and height, and fit: crop"
        return ""

    def rig(self, baseline_m: float) -> StereoRig:
        """Two of them, `baseline_m` metres apart. A rig counts from the corner of the upper left pixel."""
        return StereoRig(
            width=self.width,
            height=self.height,
            focal_px=self.fx,
            focal_y_px=self.fy,
            baseline_m=baseline_m,
            cx_px=self.cx + 0.5,
            cy_px=self.cy + 0.5,
        )


def _side_around(middle: float) -> int:
    """The even number of pixels whose middle is nearest, counted from a pixel's corner or centre."""
    return 2 * round(middle + 0.25)
