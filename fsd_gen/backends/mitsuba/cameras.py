"""The cameras of a rig as Mitsuba's sensors.

Mitsuba's own perspective camera has square pixels. `RectangularPixels` is the same camera for others: it
takes the focal length down as well, and nothing else differs.
"""

from __future__ import annotations

import numpy as np

from fsd_gen.backends.mitsuba.runtime import PluginDict, dr, mi
from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.flat_scene import FlatScene

VISION_TO_MITSUBA = np.diag([-1.0, -1.0, 1.0, 1.0])  # Mitsuba's cameras have x left, y up, z forward
NEAR_M, FAR_M = 1e-3, 1e5  # clipping


def sensor_plugin(scene: FlatScene, rig: StereoRig, spp: int, eye: str) -> PluginDict:
    """The camera of one eye."""
    shift = np.eye(4)
    shift[0, 3] = rig.baseline_m if eye == "right" else 0.0
    to_world = scene.left_to_world @ shift @ VISION_TO_MITSUBA
    return {
        **(_perspective(rig) if rig.focal_y_px is None else rectangular_pixels(rig)),
        "to_world": mi.ScalarTransform4f(to_world),
        "film": {
            "type": "hdrfilm",
            "width": rig.width,
            "height": rig.height,
            "rfilter": {"type": "box"},
            "pixel_format": "rgb",
            "component_format": "float32",
        },
        "sampler": {"type": "multijitter", "sample_count": spp},
    }


def _perspective(rig: StereoRig) -> PluginDict:
    return {
        "type": "perspective",
        "fov": float(np.degrees(2 * np.arctan(rig.width / 2 / rig.focal_px))),
        "fov_axis": "x",
        "near_clip": NEAR_M,
        "far_clip": FAR_M,
        "principal_point_offset_x": 0.5 - rig.cx_px / rig.width,
        "principal_point_offset_y": 0.5 - rig.cy_px / rig.height,
    }


def rectangular_pixels(rig: StereoRig) -> PluginDict:
    """The sensor for pixels of any shape; square ones too, for comparison."""
    return {
        "type": "rectangular_pixels",
        "focal_x": rig.focal_px,
        "focal_y": rig.fy_px,
        "centre_x": rig.cx_px,
        "centre_y": rig.cy_px,
    }


class RectangularPixels(mi.Sensor):  # type: ignore[misc]  # Mitsuba's types are not read
    """A pinhole camera with a focal length of its own in each direction, in pixels."""

    def __init__(self, props: mi.Properties) -> None:
        super().__init__(props)
        self._focal = props["focal_x"], props["focal_y"]
        self._centre = props["centre_x"], props["centre_y"]
        self._pose = mi.ScalarTransform4f(np.array(props["to_world"].matrix))

    def sample_ray(
        self,
        time: mi.Float,
        wavelengths: mi.Float,
        position: mi.Point2f,
        aperture: mi.Point2f,
        active: bool = True,
    ) -> tuple[mi.RayDifferential3f, mi.Color3f]:
        """The ray through `position`, in image widths and heights from the upper left corner."""
        width, height = self.film().size()
        across = (position.x * width - self._centre[0]) / self._focal[0]
        down = (position.y * height - self._centre[1]) / self._focal[1]
        direction = dr.normalize(mi.Vector3f(-across, -down, 1))
        pose = mi.Transform4f(self._pose)
        ray = mi.RayDifferential3f()
        ray.time, ray.wavelengths = time, []
        ray.d = pose @ direction
        ray.o = pose @ mi.Point3f(0) + ray.d * (NEAR_M / direction.z)
        ray.maxt = (FAR_M - NEAR_M) / direction.z
        return ray, mi.Color3f(1)

    def sample_ray_differential(
        self,
        time: mi.Float,
        wavelengths: mi.Float,
        position: mi.Point2f,
        aperture: mi.Point2f,
        active: bool = True,
    ) -> tuple[mi.RayDifferential3f, mi.Color3f]:
        """As `sample_ray`: nothing here asks how far apart the rays of neighbouring pixels are."""
        return self.sample_ray(time, wavelengths, position, aperture, active)

    def bbox(self) -> mi.ScalarBoundingBox3f:
        """Empty: a camera has no body."""
        return mi.ScalarBoundingBox3f()


mi.register_sensor("rectangular_pixels", RectangularPixels)
