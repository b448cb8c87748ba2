"""Lights of a flat scene as Mitsuba plugins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.exr import ExrError, read_exr
from fsd_gen.backends.mitsuba.runtime import PluginDict, mi, rgb_plugin
from fsd_gen.backends.mitsuba.shaped import emitter_plugin
from fsd_gen.usd.asset_files import as_file
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import AreaLight, DomeLight, FlatScene, ParallelLight

SHARP_SUN_DEG = 1.0  # parallel lights up to this wide cast hard shadows
FAR = 200.0  # distance of a wide one, in scene diagonals
BRIGHTEST = 65504.0  # what a half-float panorama means by infinite: as bright as it can say


def area_light_plugin(light: AreaLight) -> PluginDict:
    """A rect, disk or sphere that shines but is not there, as UsdLux lights are; Mitsuba's flat shapes shine
    along +z, USD's along -z.
    """
    shape, fit = {
        "rect": ("rectangle", np.diag([0.5, -0.5, -1.0, 1.0])),
        "disk": ("disk", np.diag([1.0, -1.0, -1.0, 1.0])),
        "sphere": ("sphere", np.eye(4)),
    }[light.shape]
    return {
        "type": shape,
        "to_world": mi.ScalarTransform4f(light.to_world @ fit),
        "bsdf": {"type": "null"},
        "emitter": emitter_plugin(light),
    }


def parallel_light_plugin(light: ParallelLight, scene: FlatScene) -> PluginDict:
    """Parallel light; a wide one is a far-away disk, so that its shadows are soft."""
    if light.angle_deg <= SHARP_SUN_DEG:
        irradiance = rgb_plugin(light.irradiance)
        return {"type": "directional", "direction": list(light.direction), "irradiance": irradiance}
    low_3, high_3 = _bounds(scene)
    distance = FAR * float(np.linalg.norm(high_3 - low_3))
    half_angle = np.radians(light.angle_deg) / 2
    centre_3 = (low_3 + high_3) / 2
    place = mi.ScalarTransform4f().look_at(
        origin=list(centre_3 - distance * np.array(light.direction)),
        target=list(centre_3),
        up=[0, 0, 1] if abs(light.direction[2]) < 0.9 else [1, 0, 0],
    )
    radiance = np.array(light.irradiance) / (np.pi * np.sin(half_angle) ** 2)
    return {
        "type": "disk",
        "to_world": place @ mi.ScalarTransform4f().scale(distance * float(np.tan(half_angle))),
        "bsdf": {"type": "null"},
        "emitter": {"type": "area", "radiance": rgb_plugin(tuple(radiance))},
    }


def _bounds(scene: FlatScene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Opposite corners of the box around all meshes and the left camera, metres."""
    points = [mesh.vertices_v3 for mesh in scene.meshes] + [scene.left_to_world[None, :3, 3]]
    return np.min([p.min(axis=0) for p in points], axis=0), np.max([p.max(axis=0) for p in points], axis=0)


def dome_plugin(dome: DomeLight) -> PluginDict:
    """Light from all around; Mitsuba and USD agree on how a latitude-longitude image lies about +y."""
    if dome.texture is None:
        return {"type": "constant", "radiance": rgb_plugin(dome.radiance)}
    finite_hwc = np.nan_to_num(_read_panorama(dome.texture), posinf=BRIGHTEST, neginf=0.0)
    radiance_hwc = np.maximum(finite_hwc, 0) * np.array(dome.radiance, np.float32)
    return {
        "type": "envmap",
        "bitmap": mi.Bitmap(np.ascontiguousarray(radiance_hwc, np.float32)),
        "to_world": mi.ScalarTransform4f(dome.to_world),
    }


def _read_panorama(path: Path) -> NDArray[np.float32]:
    """Linear RGB (H, W, 3). Mitsuba's own EXR reader can wait for ever when it may use one thread only."""
    try:
        with as_file(path) as file:
            if file.suffix.lower() == ".exr":
                return read_exr(file)
            bitmap = mi.Bitmap(str(file))
        return np.array(bitmap.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32, False))
    except (RuntimeError, ExrError, OSError) as error:
        raise AssetFileError(f"cannot read dome texture {path}: {error}") from error
