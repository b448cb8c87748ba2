"""The two cameras of a stage, and the rig that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Mesh
from fsd_gen.usd.openusd import Tf, Usd, UsdGeom
from fsd_gen.usd.reader.omissions import Omissions
from fsd_gen.usd.reader.stage import Matrix, affine, matrix_of, reason_of
from fsd_gen.usd.reader.values import number_of
from fsd_gen.usd.units import PIXEL_ASPECT

USD_TO_VISION = np.diag([1.0, -1.0, -1.0, 1.0])  # USD cameras look along -z with y up
RELATIVE = 1e-6  # tolerance of lengths and focal lengths, relative
ROUNDING = 1e-13  # of a coordinate, times its size: what float64 may lose in a stage's transforms
PIXEL_TOLERANCE = 1e-3  # pixels, of the principal point
SQUARE = 10 * RELATIVE  # tolerance of a pixel's sides
CONE = 2.0  # tangent of the widest half angle that is looked at
SMALLEST_PX, LARGEST_PX = 32, 8192  # sides of the images that are offered


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

    def note(self, path: str, meshes: Iterable[Mesh], omissions: Omissions) -> None:
        """Note what of the camera is left out; its clipping range only where it would clip."""
        camera = self._camera(path)
        omissions.add_camera(camera, self._time)
        authored = camera.GetClippingRangeAttr()
        if not authored.HasAuthoredValue():
            return
        near_m, far_m = np.array(authored.Get(self._time)) * UsdGeom.GetStageMetersPerUnit(self._stage)
        to_eye: Matrix = np.asarray(np.linalg.inv(self.pose(path)), np.float64)
        if any(_clips(mesh.vertices_v3, to_eye, near_m, far_m) for mesh in meshes):
            omissions.add("clippingRange (nothing is clipped)", path)

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

    def ratio(self, path: str) -> float:
        """Height of the view in pixels by its width; 0 where the apertures are not positive."""
        camera = self._camera(path)
        across, down = (
            number_of(aperture, self._time)
            for aperture in (camera.GetHorizontalApertureAttr(), camera.GetVerticalApertureAttr())
        )
        return self._pixel_aspect(camera) * down / across if min(across, down) > 0 else 0.0

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
        if abs(expected / aperture_y - 1) > SQUARE:
            pixels = "square pixels" if aspect == 1 else f"{PIXEL_ASPECT} {aspect:g}"
            nearest = nearest_size(aspect * aperture_y / aperture_x, width, height)
            raise StageError(
                f"<{path}>: expected a vertical aperture of {expected:g} for {pixels} at {width}x{height}, "
                f"got {aperture_y:g}{_in_words(nearest)}"
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


def _clips(vertices_v3: NDArray[np.float64], to_eye: Matrix, near_m: float, far_m: float) -> bool:
    """Whether a vertex in front of the camera, within a wide cone, is nearer or farther than that."""
    z_v = vertices_v3 @ to_eye[2, :3] + to_eye[2, 3]
    beyond_v = (z_v > 0) & ((z_v < near_m) | (z_v > far_m))
    if not beyond_v.any():
        return False
    across_v2 = vertices_v3[beyond_v] @ to_eye[:2, :3].T + to_eye[:2, 3]
    return bool((np.abs(across_v2).max(axis=1) < CONE * z_v[beyond_v]).any())


def nearest_size(ratio: float, width: int, height: float) -> tuple[int, int] | None:
    """The size nearest to width x height with square pixels, where height / width is `ratio`, if any."""
    widths = np.arange(SMALLEST_PX, LARGEST_PX + 1)
    heights = np.rint(widths * ratio)
    fits = (heights >= SMALLEST_PX) & (heights <= LARGEST_PX)
    fits[fits] &= np.abs(heights[fits] / (ratio * widths[fits]) - 1) <= SQUARE / 2
    if not fits.any():
        return None
    widths, heights = widths[fits], heights[fits]
    nearest = int(np.argmin((widths - width) ** 2 + (heights - height) ** 2))
    return int(widths[nearest]), int(heights[nearest])


def _in_words(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"; the nearest size that fits is {size[0]}x{size[1]}"


def _metres(point: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{c:.6f}" for c in point) + ") m"
