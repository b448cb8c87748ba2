"""What USD leaves to whoever refers to a file: its unit, its up axis, and the shape of a camera's pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fsd_gen.usd.asset_files import changed_ns
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.openusd import Gf, Sdf, Tf, UsdGeom

PIXEL_ASPECT = "fsd:pixelAspect"  # of our cameras: width of a pixel by its height; without it they are square
AXES = (UsdGeom.Tokens.y, UsdGeom.Tokens.z)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How a file measures space."""

    metres_per_unit: float
    y_up: bool  # else z


def measure_of(path: Path) -> Measure:
    """What the file's root layer says.

    Raises:
        AssetFileError: it cannot be opened, or does not say: USD's own defaults, centimetres and y up, are
            more often a mistake than meant.
    """
    return _measure_of(path, changed_ns(path))


@lru_cache(maxsize=4096)
def _measure_of(path: Path, changed: int) -> Measure:
    del changed  # part of the key only
    try:
        layer = Sdf.Layer.FindOrOpen(str(path))
    except Tf.ErrorException:
        layer = None
    if layer is None:
        raise AssetFileError(f"{path}: cannot be opened as a USD file")
    said = layer.pseudoRoot
    lacking = [name for name in ("metersPerUnit", "upAxis") if not said.HasInfo(name)]
    if lacking:
        raise AssetFileError(
            f"{path}: does not say its {' and '.join(lacking)}; "
            'write them into its header, for example metersPerUnit = 0.01 and upAxis = "Y"'
        )
    metres, axis = float(said.GetInfo("metersPerUnit")), str(said.GetInfo("upAxis"))
    if not (math.isfinite(metres) and metres > 0) or axis not in AXES:
        raise AssetFileError(
            f"{path}: expected a positive metersPerUnit and Y or Z up, got {metres} and {axis!r}"
        )
    return Measure(metres_per_unit=metres, y_up=axis == UsdGeom.Tokens.y)


def steps_to_our_measure(measure: Measure) -> list[tuple[str, Sdf.ValueTypeName, float | Gf.Vec3d]]:
    """Transform ops (name, type, value) that bring a file's axis and unit to ours: z up, metres."""
    steps: list[tuple[str, Sdf.ValueTypeName, float | Gf.Vec3d]] = []
    if measure.y_up:
        steps.append(("rotateX:unitsResolve", Sdf.ValueTypeNames.Float, 90.0))
    if measure.metres_per_unit != 1.0:
        scale = Gf.Vec3d(measure.metres_per_unit)
        steps.append(("scale:unitsResolve", Sdf.ValueTypeNames.Double3, scale))
    return steps


def in_our_measure(xform: UsdGeom.Xform, measure: Measure) -> None:
    """Bring what is below `xform` from its own axis and unit to ours: z up, metres."""
    if measure.y_up:
        xform.AddRotateXOp(opSuffix="unitsResolve").Set(90.0)
    if measure.metres_per_unit != 1.0:
        scale = xform.AddScaleOp(UsdGeom.XformOp.PrecisionDouble, "unitsResolve")
        scale.Set(Gf.Vec3d(measure.metres_per_unit))
