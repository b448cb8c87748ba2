"""The lights of a scene for RTX: put out where they stand, and written anew as plain values.

The scene's own lights may say the same thing in many ways (exposure, temperature, a DomeLight_1, a transform
of their parents), which RTX reads in its own ways, and differently from version to version. What the reader
of stages made of them is one plain value each; it is written, with everything said that has a default.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.child.versions import Lux
from fsd_gen.rtx.sheet import Sheet, Values
from fsd_gen.usd.flat_scene import AreaLight, DomeLight, FlatScene, ParallelLight, Rgb, Shaping
from fsd_gen.usd.openusd import Gf, Sdf, Vt

LUX_VERSION = 2505  # of UsdLux as OpenUSD has described it since 25.05; older Omniverse takes no notice
SAME = 1e-6  # a turn's columns may be off from unit length and right angles by that much

BODIES = {  # type of the prim, and the inputs that its first axes are measured by
    "rect": ("RectLight", ("width", "height")),
    "disk": ("DiskLight", ("radius",)),
    "sphere": ("SphereLight", ("radius",)),
}

Array = NDArray[np.float64]
Kinds = Sdf.ValueTypeNames


def write_lights(sheet: Sheet, root: str, flat: FlatScene, from_world_44: Array, lux: Lux) -> None:
    """All lights of `flat` below `root`; `from_world_44` leads from its world to the stage's axes and unit.

    Raises:
        BackendError: the dome is mirrored, which no rotation is.
    """
    turn_33 = _unit(from_world_44[:3, :3])
    for number, sun in enumerate(flat.parallel_lights):
        _sun(sheet, f"{root}/Distant_{number:03d}", sun, turn_33, lux)
    for number, light in enumerate(flat.area_lights):
        _area(sheet, f"{root}/Area_{number:03d}", light, from_world_44, lux)
    if flat.dome is not None:
        _dome(sheet, f"{root}/Dome", flat.dome, turn_33, lux)


def _sun(sheet: Sheet, path: str, sun: ParallelLight, turn_33: Array, lux: Lux) -> None:
    """Intensity is the irradiance, whatever the angle."""
    sheet.define(path, "DistantLight")
    irradiance = np.array(sun.irradiance) / lux.distant
    sheet.set(path, {"inputs:angle": (Kinds.Float, sun.angle_deg)})
    sheet.set(path, _emission(irradiance, normalize=True, seen=False))
    _turn(sheet, path, _facing(turn_33 @ np.array(sun.direction)))


def _area(sheet: Sheet, path: str, light: AreaLight, from_world_44: Array, lux: Lux) -> None:
    """Intensity is the radiance, whatever the size."""
    kind, sizes = BODIES[light.shape]
    placed_44 = from_world_44 @ light.to_world
    scale_3 = np.linalg.norm(placed_44[:3, :3], axis=0)
    if light.shape == "disk" and abs(scale_3[0] / scale_3[1] - 1) > SAME:
        scale_3[:2] = 1.0  # an ellipse: its axes stay in the transform
    placed_44[:3, :3] /= scale_3
    sheet.define(path, kind, apis=("ShapingAPI",) if light.shaping else ())
    radiance = np.array(light.radiance) / (lux.sphere if light.shape == "sphere" else lux.rect)
    measures = zip(sizes, scale_3, strict=False)
    sheet.set(path, {f"inputs:{name}": (Kinds.Float, float(size)) for name, size in measures})
    sheet.set(path, _emission(radiance, normalize=False, seen=False))
    sheet.set(path, {"xformOp:transform": (Kinds.Matrix4d, Gf.Matrix4d(placed_44.T.tolist()))})
    _order(sheet, path, "xformOp:transform")
    if light.shaping:
        sheet.set(path, _shaping(light.shaping))


def _shaping(shaping: Shaping) -> Values:
    return {
        "inputs:shaping:cone:angle": (Kinds.Float, shaping.cone_deg),
        "inputs:shaping:cone:softness": (Kinds.Float, shaping.softness),
        "inputs:shaping:focus": (Kinds.Float, shaping.focus),
        "inputs:shaping:focusTint": (Kinds.Color3f, Gf.Vec3f(*shaping.focus_tint)),
    }


def _dome(sheet: Sheet, path: str, dome: DomeLight, turn_33: Array, lux: Lux) -> None:
    sheet.define(path, "DomeLight")
    sheet.set(path, _emission(np.array(dome.radiance), normalize=False, seen=True))
    sheet.set(path, {"inputs:texture:format": (Kinds.Token, "latlong")})
    if dome.texture is not None:
        sheet.set(path, {"inputs:texture:file": (Kinds.Asset, Sdf.AssetPath(str(dome.texture)))})
    wanted_33 = turn_33 @ dome.to_world[:3, :3]
    if np.abs(wanted_33.T @ wanted_33 - np.eye(3)).max() > SAME or np.linalg.det(wanted_33) < 0:
        raise BackendError(f"the dome <{_dome_name(dome)}> is mirrored or sheared; RTX can only turn it")
    _turn(sheet, path, wanted_33 @ _about_x(-lux.dome_x_deg))


def _dome_name(dome: DomeLight) -> str:
    return str(dome.texture or "of one colour")


def _emission(rgb_3: Array, *, normalize: bool, seen: bool) -> Values:
    """Everything that decides how bright a light is, and whether the camera sees it."""
    intensity = float(rgb_3.max())
    colour_3 = rgb_3 / intensity if intensity else np.zeros(3)
    return {
        "inputs:intensity": (Kinds.Float, intensity),
        "inputs:exposure": (Kinds.Float, 0.0),
        "inputs:color": (Kinds.Color3f, Gf.Vec3f(*_rgb(colour_3))),
        "inputs:enableColorTemperature": (Kinds.Bool, False),
        "inputs:normalize": (Kinds.Bool, normalize),
        "inputs:diffuse": (Kinds.Float, 1.0),
        "inputs:specular": (Kinds.Float, 1.0),
        "omni:rtx:usdluxVersion": (Kinds.Int, LUX_VERSION),
        "visibleInPrimaryRay": (Kinds.Bool, seen),
    }


def _rgb(values_3: Array) -> Rgb:
    red, green, blue = (float(value) for value in values_3)
    return (red, green, blue)


def _unit(linear_33: Array) -> Array:
    unit_33: Array = linear_33 / np.linalg.norm(linear_33, axis=0)
    return unit_33


def _facing(direction_3: Array) -> Array:
    """A rotation that turns -z to `direction_3`."""
    z_3 = -direction_3 / np.linalg.norm(direction_3)
    aside_3 = np.eye(3)[int(np.argmin(np.abs(z_3)))]
    x_3 = np.cross(aside_3, z_3)
    x_3 /= np.linalg.norm(x_3)
    return np.stack([x_3, np.cross(z_3, x_3), z_3], axis=1)


def _about_x(degrees: float) -> Array:
    sin, cos = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return np.array([[1.0, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _turn(sheet: Sheet, path: str, rotation_33: Array) -> None:
    """A rotation as rotateXYZ: a dome's xformOp:orient has been ignored."""
    angles = Gf.Vec3d(*euler_xyz_deg(rotation_33))
    sheet.set(path, {"xformOp:rotateXYZ": (Kinds.Double3, angles)})
    _order(sheet, path, "xformOp:rotateXYZ")


def euler_xyz_deg(rotation_33: Array) -> tuple[float, float, float]:
    """Angles about x, then y, then z, which together turn a column vector as `rotation_33` does."""
    r = rotation_33
    y = np.arcsin(np.clip(-r[2, 0], -1.0, 1.0))
    if abs(r[2, 0]) < 1 - 1e-9:
        x, z = np.arctan2(r[2, 1], r[2, 2]), np.arctan2(r[1, 0], r[0, 0])
    else:  # y is upright: x and z turn about the same axis
        x, z = np.arctan2(-r[1, 2], r[1, 1]), 0.0
    return float(np.degrees(x)), float(np.degrees(y)), float(np.degrees(z))


def _order(sheet: Sheet, path: str, *operations: str) -> None:
    order = {"xformOpOrder": (Kinds.TokenArray, Vt.TokenArray(operations))}
    sheet.set(path, order, uniform=True)


def put_out(sheet: Sheet, lights: Iterable[tuple[str, bool]]) -> None:
    """Take lights of the stage, given as path and whether something is below them, out of it."""
    for path, has_children in lights:
        if has_children:
            sheet.retype(path, "Xform")
        else:
            sheet.inform(path, "active", False)
