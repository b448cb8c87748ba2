"""All of OpenUSD's validators have nothing to say against what we author, in every style and every form."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdValidation

from assets_manifest.made import textures
from fsd_gen.production.staging import asset_paths
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import DiskLight, DistantLight, DomeSpec, MaterialSpec, SphereLight
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.registry import style_names
from fsd_gen.usd.export import export_stage

PICTURE = textures.TEXTURE.asset_id("screen", "7")


def complaints(stage: Usd.Stage) -> set[str]:
    """Validator and error of everything that is wrong with the stage."""
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) >= 30
    context = UsdValidation.ValidationContext(validators)
    return {f"{error.GetIdentifier()}: {error.GetMessage()}" for error in context.Validate(stage)}


GLOWING = MaterialSpec(
    texture=PICTURE,
    tint=(0.9, 0.8, 0.7),
    clearcoat=1.0,
    clearcoat_roughness=0.05,
    glow=(1.0, 1.0, 1.0),
    glow_texture=PICTURE,
)


def everything(spec):
    """The scene with one of each kind of light and material on top, and with pixels that are not square."""
    at = dict(position=(0, 0, 50), radiance=(1, 1, 1))
    extra = (
        DiskLight(name="Extra_disk", radius_m=0.2, **at),
        SphereLight(name="Extra_ball", radius_m=0.2, **at),
        DistantLight(name="Extra_sun", angle_deg=3.0, irradiance=(1, 1, 1)),
    )
    placements = list(spec.placements)
    if placements:
        placements[0] = placements[0].but(material=MaterialSpec(opacity=0.2), looks=())
        placements[1:2] = [placements[0].but(name="Glowing", material=GLOWING)]
    spec = spec.but(rig=spec.rig.model_copy(update={"focal_y_px": 0.8 * spec.rig.focal_px}))
    return spec.but(lights=(*spec.lights, *extra), dome=spec.dome or DomeSpec(), placements=tuple(placements))


@pytest.mark.parametrize("style", style_names())
def test_the_stages_of_a_style_are_clean(tmp_path, library, first_scene, style):
    spec = first_scene(style)
    paths = asset_paths(library, tmp_path / "assets")
    assert complaints(Usd.Stage.Open(str(export_stage(spec, tmp_path / "out.usdz", paths)))) == set()


FAST = ("flying", "indoor")  # the lights and materials are the same on top of any style
KINDS = [style if style in FAST else pytest.param(style, marks=pytest.mark.slow) for style in style_names()]


@pytest.mark.parametrize("style", KINDS)
def test_a_stage_with_each_kind_of_light_and_material_on_top_is_clean(tmp_path, library, first_scene, style):
    spec = first_scene(style)
    paths = asset_paths(library, tmp_path / "assets")
    whole = export_stage(everything(spec), tmp_path / "out.usda", paths)
    assert complaints(Usd.Stage.Open(str(whole))) == set()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, library, sparse_config) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    spec = compose_scene(sparse_config, library, SlotKey(slot=0))
    return export_stage(spec, folder / "out.usda", asset_paths(library, folder / "assets"))


def break_units(stage: Usd.Stage) -> None:
    stage.ClearMetadata("metersPerUnit")


def break_binding(stage: Usd.Stage) -> None:
    prim = next(prim for prim in stage.Traverse() if prim.HasAPI(UsdShade.MaterialBindingAPI))
    prim.RemoveAPI(UsdShade.MaterialBindingAPI)


def break_type(stage: Usd.Stage) -> None:
    prim = next(prim for prim in stage.Traverse() if prim.GetTypeName() == "Shader")
    prim.GetAttribute("inputs:roughness").SetTypeName(Sdf.ValueTypeNames.String)


def break_reference(stage: Usd.Stage) -> None:
    stage.OverridePrim("/World/Objects").GetReferences().AddReference("./not_there.usda")


def break_nesting(stage: Usd.Stage) -> None:
    mesh = next(prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh))
    UsdGeom.Mesh.Define(stage, mesh.GetPath().AppendChild("Inner"))


@pytest.mark.parametrize(
    "breaking",
    [break_units, break_binding, break_type, break_reference, break_nesting],
    ids=lambda f: f.__name__,
)
def test_the_validators_see_what_is_broken(exported, breaking):
    """The control: without it a list of validators that check nothing would pass for clean stages."""
    stage = Usd.Stage.Open(str(exported))
    breaking(stage)
    found = complaints(stage)
    stage.GetRootLayer().Reload(force=True)
    assert found and complaints(stage) == set()
