"""Objects of a scene as references to their files.

They are put down spec by spec (Sdf) and all together: a stage composes what they refer to once, and not at
every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fsd_gen.scene.instances import OBJECTS
from fsd_gen.scene.spec import Placement
from fsd_gen.usd.openusd import Gf, Sdf, Usd, Vt
from fsd_gen.usd.units import Measure, measure_of, steps_to_our_measure


def refer_to_objects(
    stage: Usd.Stage, placements: Sequence[Placement], path_of: Callable[[str], Path]
) -> None:
    """Stand every placed asset in /World/Objects. Raises AssetFileError."""
    world = stage.GetRootLayer().GetPrimAtPath(OBJECTS.rpartition("/")[0])
    with Sdf.ChangeBlock():
        objects = Sdf.PrimSpec(world, OBJECTS.rpartition("/")[2], Sdf.SpecifierDef)
        for placement in placements:
            path = path_of(placement.asset)
            xform = Sdf.PrimSpec(objects, placement.name, Sdf.SpecifierDef, "Xform")
            _stand(xform, placement, measure_of(path))
            asset = Sdf.PrimSpec(xform, "Asset", Sdf.SpecifierDef, "Xform")
            asset.referenceList.prependedItems.append(Sdf.Reference(str(path)))


def _stand(xform: Sdf.PrimSpec, placement: Placement, measure: Measure) -> None:
    """Where an object stands, and how its file measures space."""
    w, x, y, z = placement.rotation
    steps = [
        ("translate", Sdf.ValueTypeNames.Double3, Gf.Vec3d(*placement.position)),
        ("orient", Sdf.ValueTypeNames.Quatd, Gf.Quatd(w, Gf.Vec3d(x, y, z))),
        ("scale", Sdf.ValueTypeNames.Double3, Gf.Vec3d(*placement.scale)),
        *steps_to_our_measure(measure),
    ]
    for name, kind, value in steps:
        Sdf.AttributeSpec(xform, f"xformOp:{name}", kind).default = value
    order = Sdf.AttributeSpec(xform, "xformOpOrder", Sdf.ValueTypeNames.TokenArray, Sdf.VariabilityUniform)
    order.default = Vt.TokenArray([f"xformOp:{name}" for name, *_ in steps])
