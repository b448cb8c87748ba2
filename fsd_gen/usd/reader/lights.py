"""UsdLux lights as plain values: what shines how much, and where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import AreaLight, AreaShape, DomeLight, ParallelLight
from fsd_gen.usd.openusd import Usd, UsdGeom, UsdLux
from fsd_gen.usd.reader.stage import TIME, Y_TO_Z_UP, Matrix, rgb_of


def area_light(prim: Usd.Prim, to_world: Matrix) -> AreaLight:
    """Size goes into the placement; `normalize` divides by the area in square metres of the world."""
    shape, sizes = _body(prim)
    placed = to_world @ np.diag([*sizes, 1.0])
    axes = np.linalg.norm(placed[:3, :3], axis=0)
    if not axes[:2].all():
        raise StageError(f"<{prim.GetPath()}>: the light has no size")
    if shape == "sphere" and np.ptp(axes) > 1e-4 * axes.max():
        radii = ", ".join(f"{axis:.4f}" for axis in axes)
        raise StageError(f"<{prim.GetPath()}>: a sphere light must stay a sphere, got radii {radii} m")
    flat_m2 = float(np.linalg.norm(np.cross(placed[:3, 0], placed[:3, 1])))
    area_m2 = {"rect": flat_m2, "disk": np.pi * flat_m2, "sphere": 4 * np.pi * axes[0] ** 2}[shape]
    radiance = _emission(prim) / (area_m2 if _normalised(prim) else 1.0)
    return AreaLight(name=str(prim.GetPath()), shape=shape, to_world=placed, radiance=rgb_of(radiance))


def _body(prim: Usd.Prim) -> tuple[AreaShape, tuple[float, float, float]]:
    if prim.IsA(UsdLux.RectLight):
        rect = UsdLux.RectLight(prim)
        if rect.GetTextureFileAttr().Get(TIME):
            raise StageError(f"<{prim.GetPath()}>: textured rect lights are not supported")
        return "rect", (rect.GetWidthAttr().Get(TIME), rect.GetHeightAttr().Get(TIME), 1.0)
    if prim.IsA(UsdLux.DiskLight):
        radius = UsdLux.DiskLight(prim).GetRadiusAttr().Get(TIME)
        return "disk", (radius, radius, 1.0)
    if prim.IsA(UsdLux.SphereLight):
        radius = UsdLux.SphereLight(prim).GetRadiusAttr().Get(TIME)
        return "sphere", (radius, radius, radius)
    known = "rect, disk, sphere, distant or dome light"
    raise StageError(f"<{prim.GetPath()}>: {prim.GetTypeName()} is not supported; use a {known}")


def parallel_light(prim: Usd.Prim, to_world: Matrix) -> ParallelLight:
    """`normalize` makes the emission an irradiance; without it, it is the radiance of the light's disc."""
    angle_deg = float(UsdLux.DistantLight(prim).GetAngleAttr().Get(TIME))
    irradiance = _emission(prim)
    if not _normalised(prim) and angle_deg > 0:
        irradiance = irradiance * np.pi * np.sin(np.radians(angle_deg) / 2) ** 2
    direction = -to_world[:3, 2] / np.linalg.norm(to_world[:3, 2])
    return ParallelLight(
        name=str(prim.GetPath()),
        direction=rgb_of(direction),
        angle_deg=angle_deg,
        irradiance=rgb_of(irradiance),
    )


def dome_light(prim: Usd.Prim, to_world: Matrix, stage: Usd.Stage) -> DomeLight:
    """The image's pole is the dome's +y; its middle, longitude 0, is the dome's +z (OpenEXR's convention)."""
    dome = UsdLux.DomeLight_1(prim) if prim.IsA(UsdLux.DomeLight_1) else UsdLux.DomeLight(prim)
    texture = _panorama(dome, f"<{prim.GetPath()}>")
    turn = to_world.copy()
    turn[:3, 3] = 0.0
    turn[:3, :3] /= np.linalg.norm(turn[:3, :3], axis=0)
    if _pole(prim, stage) == UsdGeom.Tokens.z:
        turn = turn @ Y_TO_Z_UP
    return DomeLight(texture=texture, radiance=rgb_of(_emission(prim)), to_world=turn)


def _panorama(dome: UsdLux.DomeLight, where: str) -> Path | None:
    asset = dome.GetTextureFileAttr().Get(TIME)
    if asset is None or not asset.path:
        return None
    layout = dome.GetTextureFormatAttr().Get(TIME)
    if layout not in ("automatic", "latlong"):
        raise StageError(f"{where}: expected a latlong dome texture, got {layout!r}")
    texture = Path(asset.resolvedPath or asset.path)
    if not texture.is_file():
        raise AssetFileError(f"{where}: no dome texture file {texture} (authored as {asset.path})")
    return texture


def _pole(prim: Usd.Prim, stage: Usd.Stage) -> Any:
    if not prim.IsA(UsdLux.DomeLight_1):
        return UsdGeom.Tokens.y
    pole = UsdLux.DomeLight_1(prim).GetPoleAxisAttr().Get(TIME)
    return UsdGeom.GetStageUpAxis(stage) if pole == "scene" else pole


def _emission(prim: Usd.Prim) -> NDArray[np.float64]:
    """Intensity * 2^exposure * colour, not yet normalised."""
    light = UsdLux.LightAPI(prim)
    scale = light.GetIntensityAttr().Get(TIME) * 2.0 ** light.GetExposureAttr().Get(TIME)
    colour = np.array(light.GetColorAttr().Get(TIME), float)
    if light.GetEnableColorTemperatureAttr().Get(TIME):
        colour *= np.array(UsdLux.BlackbodyTemperatureAsRgb(light.GetColorTemperatureAttr().Get(TIME)))
    return np.asarray(scale * colour, np.float64)


def _normalised(prim: Usd.Prim) -> bool:
    return bool(UsdLux.LightAPI(prim).GetNormalizeAttr().Get(TIME))
