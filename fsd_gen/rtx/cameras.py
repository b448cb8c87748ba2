"""The cameras of the layer: centred pinholes with an identity exposure, in the stage's own axes and unit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rtx.lens import Frame
from fsd_gen.rtx.sheet import Sheet, Values
from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.flat_scene import FlatScene, Texture
from fsd_gen.usd.openusd import Gf, Sdf, UsdGeom, Vt

FILM_M = 0.036  # film width that stands for the picture's width
NEAR_M, FAR_M = 0.001, 1e5  # clipping
EXPOSURE_APIS = ("OmniRtxCameraExposureAPI_1", "OmniRtxCameraAutoExposureAPI_1")
LENS_API = "OmniLensDistortionOpenCvPinholeAPI"
BRIGHTEST = 30_000.0  # that a half float is to hold: it ends at 65504
HALF_END = 65504.0  # what a panorama may hold at most
MOST_STOPS = 20

Array = NDArray[np.float64]
Kinds = Sdf.ValueTypeNames


def exposure_scale(flat: FlatScene) -> float:
    """A power of two, at most 1, by which the brightest light of a scene stays within half floats."""
    lights = [max(light.radiance) for light in flat.area_lights]
    lights += [_glow(surface.emissive) for surface in flat.surfaces]
    if flat.dome is not None:
        lights.append(max(flat.dome.radiance) * (1.0 if flat.dome.texture is None else HALF_END))
    for sun in flat.parallel_lights:  # a mirror shows its disc
        disc = math.pi * math.sin(math.radians(max(sun.angle_deg, 0.1)) / 2) ** 2
        lights.append(max(sun.irradiance) / disc)
    stops = math.ceil(math.log2(max(max(lights, default=0.0) / BRIGHTEST, 1.0)))
    return 2.0 ** -min(stops, MOST_STOPS)


def _glow(emissive: tuple[float, float, float] | Texture) -> float:
    return max(emissive.gain[:3]) if isinstance(emissive, Texture) else max(emissive)


def write_camera(
    sheet: Sheet, path: str, from_world_44: Array, pose_44: Array, rig: StereoRig, frame: Frame, scale: float
) -> None:
    """A pinhole in the stage's own axes and unit, free of scale."""
    per_metre = float(np.linalg.norm(from_world_44[:3, 0]))
    placed_44 = from_world_44 @ pose_44 @ np.diag([1.0, -1.0, -1.0, 1.0])  # USD's cameras look along -z
    placed_44[:3, :3] /= per_metre
    film = FILM_M * per_metre * 10  # lengths of a camera are tenths of a unit
    sheet.define(path, "Camera", apis=(*EXPOSURE_APIS, *((LENS_API,) if frame.opencv else ())))
    sheet.set(
        path,
        {
            "projection": (Kinds.Token, UsdGeom.Tokens.perspective),
            "focalLength": (Kinds.Float, rig.focal_px / frame.width * film),
            "horizontalAperture": (Kinds.Float, film),
            "verticalAperture": (Kinds.Float, film * frame.height / frame.width),
            "horizontalApertureOffset": (Kinds.Float, 0.0),
            "verticalApertureOffset": (Kinds.Float, 0.0),
            "fStop": (Kinds.Float, 0.0),
            "clippingRange": (Kinds.Float2, Gf.Vec2f(NEAR_M * per_metre, FAR_M * per_metre)),
            "xformOp:transform": (Kinds.Matrix4d, Gf.Matrix4d(placed_44.T.tolist())),
            **_exposure(scale),
            **(_opencv(rig) if frame.opencv else {}),
        },
    )
    order = Vt.TokenArray(["xformOp:transform"])
    sheet.set(path, {"xformOpOrder": (Kinds.TokenArray, order)}, uniform=True)


def _exposure(scale: float) -> Values:
    """Radiance times `scale`: responsivity * time * iso / 100 * 2^exposure / fStop^2 (UsdGeomCamera)."""
    return {
        "exposure": (Kinds.Float, 0.0),
        "exposure:fStop": (Kinds.Float, 1.0),
        "exposure:responsivity": (Kinds.Float, 1.0),
        "exposure:iso": (Kinds.Float, 100.0),
        "exposure:time": (Kinds.Float, scale),
        "omni:rtx:autoExposure:enabled": (Kinds.Bool, False),
    }


def _opencv(rig: StereoRig) -> Values:
    numbers = {"fx": rig.focal_px, "fy": rig.fy_px, "cx": rig.cx_px, "cy": rig.cy_px}
    numbers |= dict.fromkeys(("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2", "s1", "s2", "s3", "s4"), 0.0)
    lens = "omni:lensdistortion"
    return {
        f"{lens}:model": (Kinds.Token, "opencvPinhole"),
        f"{lens}:opencvPinhole:imageSize": (Kinds.Int2, Gf.Vec2i(rig.width, rig.height)),
        **{f"{lens}:opencvPinhole:{name}": (Kinds.Float, value) for name, value in numbers.items()},
    }
