"""The two cameras of a stage, and the rig that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Tf, Usd, UsdGeom
from fsd_gen.usd.reader.stage import Matrix, affine, matrix_of, reason_of
from fsd_gen.usd.reader.values import number_of
from fsd_gen.usd.units import PIXEL_ASPECT

USD_TO_VISION = np.diag([1.0, -1.0, -1.0, 1.0])  # USD cameras look along -z with y up
RELATIVE = 1e-6  # tolerance of lengths and focal lengths, relative
ROUNDING = 1e-13  # of a coordinate, times its size: what float64 may lose in a stage's transforms
PIXEL_TOLERANCE = 1e-3  # pixels, of the principal point


@dataclass(frozen=True, slots=True, kw_only=True)
class Intrinsics:
    """A pinhole camera in pixels; the fields of a `StereoRig` that one camera decides."""

    focal_px: float
    focal_y_px: float | None
    cx_px: float
    cy_px: float


class Cameras:
    """Poses and intrinsics of the stage's cameras."""

    def __init__(self, stage: Usd.Stage, to_world: Matrix, time: Usd.TimeCode) -> None:
        self._stage = stage
        self._time = time
        self._to_world = to_world

    def _camera(self, path: str) -> UsdGeom.Camera:
        camera = UsdGeom.Camera(self._stage.GetPrimAtPath(path))
        if not camera:
            found = [str(p.GetPath()) for p in self._stage.Traverse() if p.IsA(UsdGeom.Camera)]
            raise StageError(f"no camera at <{path}>; the stage has {', '.join(found) or 'none'}")
        if camera.GetClippingPlanesAttr().Get(self._time):
            raise StageError(f"<{path}>: clippingPlanes are not supported; author none")
        return camera

    def pose(self, path: str) -> Matrix:
        """Camera to world, vision axes, free of scale."""
        try:
            local = matrix_of(self._camera(path).ComputeLocalToWorldTransform(self._time))
            affine(local, f"<{path}>")
        except Tf.ErrorException as error:
            raise StageError(f"<{path}>: {reason_of(error)}") from error
        pose = self._to_world @ local @ USD_TO_VISION
        if not np.isfinite(pose).all():
            raise StageError(f"<{path}>: the camera's transform is not finite")
        lengths = np.linalg.norm(pose[:3, :3], axis=0)
        if not lengths.all():
            raise StageError(f"<{path}>: the camera is scaled to nothing")
        pose[:3, :3] /= lengths
        gram = pose[:3, :3].T @ pose[:3, :3]
        if not np.allclose(gram, np.eye(3), atol=RELATIVE) or np.linalg.det(pose) < 0:
            raise StageError(f"<{path}>: the camera is sheared or mirrored")
        return pose

    def intrinsics(self, path: str, width: int, height: int) -> Intrinsics:
        """In pixels, which are square unless the camera says another shape (`PIXEL_ASPECT`)."""
        camera = self._camera(path)
        if camera.GetProjectionAttr().Get(self._time) != UsdGeom.Tokens.perspective:
            raise StageError(f"<{path}>: expected a perspective camera")
        focal, aperture_x, aperture_y, offset_x, offset_y = (
            number_of(attribute, self._time)
            for attribute in (
                camera.GetFocalLengthAttr(),
                camera.GetHorizontalApertureAttr(),
                camera.GetVerticalApertureAttr(),
                camera.GetHorizontalApertureOffsetAttr(),
                camera.GetVerticalApertureOffsetAttr(),
            )
        )
        if min(focal, aperture_x, aperture_y) <= 0:
            raise StageError(f"<{path}>: focal length and apertures must be positive")
        aspect = self._pixel_aspect(camera)
        expected = aperture_x * height / width / aspect
        if abs(expected / aperture_y - 1) > 10 * RELATIVE:
            pixels = "square pixels" if aspect == 1 else f"{PIXEL_ASPECT} {aspect:g}"
            raise StageError(
                f"<{path}>: expected a vertical aperture of {expected:g} for {pixels} at {width}x{height}, "
                f"got {aperture_y:g}"
            )
        focal_px = focal / aperture_x * width
        return Intrinsics(
            focal_px=focal_px,
            focal_y_px=None if aspect == 1 else focal_px * aspect,
            cx_px=width * (0.5 - offset_x / aperture_x),
            cy_px=height * (0.5 + offset_y / aperture_y),
        )

    def hfov_deg(self, path: str) -> float:
        """Horizontal field of view in degrees, whatever the size of the image."""
        camera = self._camera(path)
        focal = number_of(camera.GetFocalLengthAttr(), self._time)
        aperture = number_of(camera.GetHorizontalApertureAttr(), self._time)
        if min(focal, aperture) <= 0:
            raise StageError(f"<{path}>: focal length and apertures must be positive")
        return float(np.rad2deg(2 * np.arctan(aperture / 2 / focal)))

    def _pixel_aspect(self, camera: UsdGeom.Camera) -> float:
        attribute = camera.GetPrim().GetAttribute(PIXEL_ASPECT)
        aspect = number_of(attribute, self._time) if attribute else 1.0
        if aspect <= 0:
            raise StageError(f"<{camera.GetPath()}>: {PIXEL_ASPECT} must be positive, got {aspect:g}")
        return aspect


def check_rig(cameras: Cameras, rig: StereoRig, left: str, right: str) -> None:
    """Both cameras must have the rig's intrinsics; the right one must be the left one moved along its x."""
    for path in (left, right):
        found = cameras.intrinsics(path, rig.width, rig.height)
        for ours, got in ((rig.focal_px, found.focal_px), (rig.fy_px, found.focal_y_px or found.focal_px)):
            if abs(got / ours - 1) > RELATIVE:
                raise StageError(f"<{path}>: expected focal length {ours:.6f} px, got {got:.6f} px")
        if max(abs(found.cx_px - rig.cx_px), abs(found.cy_px - rig.cy_px)) > PIXEL_TOLERANCE:
            raise StageError(
                f"<{path}>: expected the principal point ({rig.cx_px:.3f}, {rig.cy_px:.3f}) px, "
                f"got ({found.cx_px:.3f}, {found.cy_px:.3f}) px"
            )
    left_pose, right_pose = cameras.pose(left), cameras.pose(right)
    expected = left_pose[:3, 3] + left_pose[:3, 0] * rig.baseline_m
    away_m = float(np.linalg.norm(right_pose[:3, 3] - expected))
    if away_m > RELATIVE * max(1.0, rig.baseline_m) + ROUNDING * float(np.abs(expected).max()):
        raise StageError(
            f"<{right}>: expected at {_metres(expected)}, {rig.baseline_m:g} m along the x axis of <{left}>, "
            f"got {_metres(right_pose[:3, 3])}"
        )
    if np.abs(right_pose[:3, :3] - left_pose[:3, :3]).max() > RELATIVE:
        raise StageError(f"<{right}>: expected the same orientation as <{left}>")


def _metres(point: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{c:.6f}" for c in point) + ") m"
