"""Objects of a scene as references."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Gf, Usd, UsdGeom

from fsd_gen.scene.instances import OBJECTS
from fsd_gen.scene.spec import Placement
from fsd_gen.usd.objects import refer_to_objects
from fsd_gen.usd.units import in_our_measure, measure_of

PLACED = (
    Placement(name="One", asset="a", position=(1, 2, 3), rotation=(0.6, 0.8, 0, 0), scale=(1, 2, 3)),
    Placement(name="Two", asset="a", position=(-1, 0, 0.5)),
)


def plainly(stage: Usd.Stage, file: Path) -> None:
    """As USD's schemas write it, step by step."""
    for placed in PLACED:
        xform = UsdGeom.Xform.Define(stage, f"{OBJECTS}/{placed.name}")
        xform.AddTranslateOp().Set(Gf.Vec3d(*placed.position))
        w, x, y, z = placed.rotation
        xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(w, Gf.Vec3d(x, y, z)))
        xform.AddScaleOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Vec3d(*placed.scale))
        asset = UsdGeom.Xform.Define(stage, f"{OBJECTS}/{placed.name}/Asset")
        asset.GetPrim().GetReferences().AddReference(str(file))
        in_our_measure(xform, measure_of(file))


def world() -> Usd.Stage:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.Xform.Define(stage, "/World")
    return stage


@pytest.mark.parametrize(("metres", "up"), [(1, "Z"), (0.01, "Y"), (1, "Y"), (0.0254, "Z")])
def test_objects_are_what_usds_schemas_write_one_by_one(tmp_path, metres, up):
    file = tmp_path / "thing.usda"
    header = f'defaultPrim = "Thing"\n upAxis = "{up}"\n metersPerUnit = {metres}'
    file.write_text(f'#usda 1.0\n(\n{header}\n)\ndef Xform "Thing" {{\n def Cube "Box" {{ }}\n}}\n')
    ours, plain = world(), world()
    refer_to_objects(ours, PLACED, lambda _: file)
    plainly(plain, file)
    assert ours.GetRootLayer().ExportToString() == plain.GetRootLayer().ExportToString()
    assert [str(prim.GetPath()) for prim in ours.Traverse()] == [str(p.GetPath()) for p in plain.Traverse()]
    assert ours.GetPrimAtPath(f"{OBJECTS}/Two/Asset/Box")
