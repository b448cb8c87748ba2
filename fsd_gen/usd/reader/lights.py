"""UsdLux lights as plain values: what shines how much, and where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.asset_files import is_asset
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import AreaLight, AreaShape, DomeLight, ParallelLight, Shaping
from fsd_gen.usd.openusd import Usd, UsdGeom, UsdLux
from fsd_gen.usd.reader.stage import Y_TO_Z_UP, Matrix, rgb_of
from fsd_gen.usd.reader.values import BRIGHTEST, colour, number_of, where

# Inputs that change what a light does and that are not supported, with the value that changes nothing
NEUTRAL = {
    "inputs:diffuse": 1.0,
    "inputs:specular": 1.0,
    "inputs:shadow:enable": True,
    "inputs:shadow:color": (0.0, 0.0, 0.0),
    "inputs:shadow:distance": -1.0,
}
LINKS = ("GetLightLinkCollectionAPI", "GetShadowLinkCollectionAPI")


def area_light(prim: Usd.Prim, to_world: Matrix, time: Usd.TimeCode) -> AreaLight:
    """Size goes into the placement; `normalize` divides by the area in square metres of the world."""
    _check(prim, to_world, time)
    shape, sizes = _body(prim, time)
    placed = to_world @ np.diag([*sizes, 1.0])
    axes = np.linalg.norm(placed[:3, :3], axis=0)
    if not axes[:2].all():
        raise StageError(f"<{prim.GetPath()}>: the light has no size")
    if shape == "sphere" and np.ptp(axes) > 1e-4 * axes.max():
        radii = ", ".join(f"{axis:.4f}" for axis in axes)
        raise StageError(f"<{prim.GetPath()}>: a sphere light must stay a sphere, got radii {radii} m")
    flat_m2 = float(np.linalg.norm(np.cross(placed[:3, 0], placed[:3, 1])))
    area_m2 = {"rect": flat_m2, "disk": np.pi * flat_m2, "sphere": 4 * np.pi * axes[0] ** 2}[shape]
    radiance = _rendered(_emission(prim, time) / (area_m2 if _normalised(prim, time) else 1.0), prim)
    return AreaLight(
        name=str(prim.GetPath()),
        shape=shape,
        to_world=placed,
        radiance=rgb_of(radiance),
        shaping=_shaping(prim, to_world, time),
    )


def _check(prim: Usd.Prim, to_world: Matrix, time: Usd.TimeCode) -> None:
    """Refuse a light that is placed nowhere, or that says what cannot be rendered."""
    if not np.isfinite(to_world).all() or not np.linalg.norm(to_world[:3, :3], axis=0).all():
        raise StageError(f"<{prim.GetPath()}>: its transform is not finite, or scales it to nothing")
    for name, neutral in NEUTRAL.items():
        attribute = prim.GetAttribute(name)
        value = attribute.Get(time) if attribute else None
        if value is not None and value != neutral:
            raise StageError(f"{where(attribute)} is not supported; expected {neutral}, got {value}")
    light = UsdLux.LightAPI(prim)
    for link in LINKS:
        collection = getattr(light, link)()
        linked = collection.GetIncludesRel().GetTargets() or collection.GetExcludesRel().GetTargets()
        if linked or collection.GetIncludeRootAttr().Get() is False:
            raise StageError(f"<{prim.GetPath()}>: light linking is not supported; it must light everything")
    if filters := light.GetFiltersRel().GetTargets():
        raise StageError(f"<{prim.GetPath()}>: light filters are not supported, got <{filters[0]}>")


def _is_shaped(prim: Usd.Prim) -> bool:
    """Whether a light says anything about its directions, as renderers look for it."""
    authored = prim.GetAuthoredPropertiesInNamespace("inputs:shaping")
    return bool(prim.HasAPI(UsdLux.ShapingAPI) or authored)


def _shaping(prim: Usd.Prim, to_world: Matrix, time: Usd.TimeCode) -> Shaping | None:
    if not _is_shaped(prim):
        return None
    api = UsdLux.ShapingAPI(prim)
    profile = api.GetShapingIesFileAttr()
    if profile and (asset := profile.Get(time)) and asset.path:
        raise StageError(f"<{prim.GetPath()}>: IES profiles are not supported, got {asset.path}")
    axis_3 = -to_world[:3, 2]
    tint = api.GetShapingFocusTintAttr()
    return Shaping(
        axis=rgb_of(axis_3 / np.linalg.norm(axis_3)),
        cone_deg=_shape_number(api.GetShapingConeAngleAttr(), 90.0, time),
        softness=min(_shape_number(api.GetShapingConeSoftnessAttr(), 0.0, time), 1.0),
        focus=_shape_number(api.GetShapingFocusAttr(), 0.0, time),
        focus_tint=colour(tint.Get(time), where(tint)) if tint else (0.0, 0.0, 0.0),
    )


def _shape_number(attribute: Usd.Attribute, default: float, time: Usd.TimeCode) -> float:
    return number_of(attribute, time, least=0.0) if attribute else default


def _refuse_shaping(prim: Usd.Prim) -> None:
    if _is_shaped(prim):
        raise StageError(
            f"<{prim.GetPath()}>: a {prim.GetTypeName()} cannot be shaped (ShapingAPI); "
            "use a rect, disk or sphere light"
        )


def _body(prim: Usd.Prim, time: Usd.TimeCode) -> tuple[AreaShape, tuple[float, float, float]]:
    if prim.IsA(UsdLux.RectLight):
        rect = UsdLux.RectLight(prim)
        if rect.GetTextureFileAttr().Get(time):
            raise StageError(f"<{prim.GetPath()}>: textured rect lights are not supported")
        width, height = (
            number_of(side, time, least=0.0) for side in (rect.GetWidthAttr(), rect.GetHeightAttr())
        )
        return "rect", (width, height, 1.0)
    if prim.IsA(UsdLux.DiskLight):
        radius = number_of(UsdLux.DiskLight(prim).GetRadiusAttr(), time, least=0.0)
        return "disk", (radius, radius, 1.0)
    if prim.IsA(UsdLux.SphereLight):
        radius = number_of(UsdLux.SphereLight(prim).GetRadiusAttr(), time, least=0.0)
        return "sphere", (radius, radius, radius)
    known = "rect, disk, sphere, distant or dome light"
    raise StageError(f"<{prim.GetPath()}>: {prim.GetTypeName()} is not supported; use a {known}")


def parallel_light(prim: Usd.Prim, to_world: Matrix, time: Usd.TimeCode) -> ParallelLight:
    """`normalize` makes the emission an irradiance; without it, it is the radiance of the light's disc."""
    _check(prim, to_world, time)
    _refuse_shaping(prim)
    angle_deg = number_of(UsdLux.DistantLight(prim).GetAngleAttr(), time, least=0.0)
    irradiance = _emission(prim, time)
    if not _normalised(prim, time) and angle_deg > 0:
        irradiance = irradiance * np.pi * np.sin(np.radians(angle_deg) / 2) ** 2
    direction = -to_world[:3, 2] / np.linalg.norm(to_world[:3, 2])
    return ParallelLight(
        name=str(prim.GetPath()),
        direction=rgb_of(direction),
        angle_deg=angle_deg,
        irradiance=rgb_of(irradiance),
    )


def dome_light(prim: Usd.Prim, to_world: Matrix, stage: Usd.Stage, time: Usd.TimeCode) -> DomeLight:
    """The image's pole is the dome's +y; its middle, longitude 0, is the dome's +z (OpenEXR's convention)."""
    _check(prim, to_world, time)
    _refuse_shaping(prim)
    dome = UsdLux.DomeLight_1(prim) if prim.IsA(UsdLux.DomeLight_1) else UsdLux.DomeLight(prim)
    texture = _panorama(dome, f"<{prim.GetPath()}>", time)
    turn = to_world.copy()
    turn[:3, 3] = 0.0
    turn[:3, :3] /= np.linalg.norm(turn[:3, :3], axis=0)
    if _pole(prim, stage, time) == UsdGeom.Tokens.z:
        turn = turn @ Y_TO_Z_UP
    return DomeLight(texture=texture, radiance=rgb_of(_emission(prim, time)), to_world=turn)


def _panorama(dome: UsdLux.DomeLight, named: str, time: Usd.TimeCode) -> Path | None:
    asset = dome.GetTextureFileAttr().Get(time)
    if asset is None or not asset.path:
        return None
    layout = dome.GetTextureFormatAttr().Get(time)
    if layout not in ("automatic", "latlong"):
        raise StageError(f"{named}: expected a latlong dome texture, got {layout!r}")
    texture = Path(asset.resolvedPath or asset.path)
    if not is_asset(texture):
        raise AssetFileError(f"{named}: no dome texture file {texture} (authored as {asset.path})")
    return texture


def _pole(prim: Usd.Prim, stage: Usd.Stage, time: Usd.TimeCode) -> Any:
    if not prim.IsA(UsdLux.DomeLight_1):
        return UsdGeom.Tokens.y
    pole = UsdLux.DomeLight_1(prim).GetPoleAxisAttr().Get(time)
    return UsdGeom.GetStageUpAxis(stage) if pole == "scene" else pole


def _emission(prim: Usd.Prim, time: Usd.TimeCode) -> NDArray[np.float64]:
    """Intensity * 2^exposure * colour, not yet normalised."""
    light = UsdLux.LightAPI(prim)
    exposure = number_of(light.GetExposureAttr(), time)
    with np.errstate(over="ignore"):
        scale = number_of(light.GetIntensityAttr(), time, least=0.0) * np.exp2(exposure)
    rgb = np.array(colour(light.GetColorAttr().Get(time), where(light.GetColorAttr())))
    if light.GetEnableColorTemperatureAttr().Get(time):
        kelvin = number_of(light.GetColorTemperatureAttr(), time, least=0.0)
        rgb *= np.array(UsdLux.BlackbodyTemperatureAsRgb(kelvin))
    radiance = np.asarray(scale * rgb, np.float64)
    return _rendered(radiance, prim)


def _rendered(radiance: NDArray[np.float64], prim: Usd.Prim) -> NDArray[np.float64]:
    """The same; refused where float32 could not hold what the light is added up and divided into."""
    if not (np.isfinite(radiance).all() and radiance.min() >= 0 and radiance.max() <= BRIGHTEST):
        raise StageError(
            f"<{prim.GetPath()}>: expected a light of 0 to {BRIGHTEST:g}, got {radiance.max():g}"
        )
    return radiance


def _normalised(prim: Usd.Prim, time: Usd.TimeCode) -> bool:
    return bool(UsdLux.LightAPI(prim).GetNormalizeAttr().Get(time))
