from __future__ import annotations

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, facing
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import (
    CameraPose,
    DiskLight,
    DistantLight,
    DomeSpec,
    MaterialSpec,
    Panel,
    Placement,
    RectLight,
    SceneSpec,
    SphereLight,
)
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.errors import AssetFileError, StageWriteError
from fsd_gen.usd.reader import read_stage, rig_of_stage
from fsd_gen.usd.units import Measure, measure_of

CAMERA = CameraPose(position=(1.0, -2.0, 1.5), target=(0.0, 0.5, 0.7), roll_deg=3.0)
RIG = StereoRig.centred(width=160, height=96, focal_px=140.0, baseline_m=0.2)


def spec(**parts) -> SceneSpec:
    return SceneSpec(seed=0, key=SlotKey(slot=0), stratum="test", rig=RIG, camera=CAMERA, **parts)


def read_back(scene: SceneSpec, tmp_path, library):
    return read_stage(write_stage(scene, tmp_path / "stage.usda", library.path), scene.rig)


def test_the_camera_reads_back_where_it_was_put(tmp_path, library):
    scene = read_back(spec(panels=(floor(),)), tmp_path, library)
    assert scene.left_to_world == pytest.approx(camera_to_world(CAMERA), abs=1e-9)


def floor(**material) -> Panel:
    coat = MaterialSpec(**material)
    return Panel(name="Floor", position=(0, 0, 0.5), rotation=facing((0, 0, 1)), size=(4, 2), material=coat)


@pytest.mark.parametrize("focal_y_px", [None, 100.0])
def test_an_off_centre_rig_reads_back(tmp_path, library, focal_y_px):
    rig = RIG.model_copy(update={"cx_px": 70.5, "cy_px": 52.0, "focal_y_px": focal_y_px})
    scene = spec(panels=(floor(),)).model_copy(update={"rig": rig})
    path = write_stage(scene, tmp_path / "stage.usda", library.path)
    assert rig_of_stage(path, width=160, height=96).model_dump() == pytest.approx(rig.model_dump(), rel=1e-6)


def test_a_panel_reads_back_as_two_triangles_with_coordinates_in_metres(tmp_path, library):
    (mesh,) = read_back(spec(panels=(floor(),)), tmp_path, library).meshes
    assert len(mesh.faces_f3) == 2
    assert mesh.vertices_v3.min(axis=0) == pytest.approx([-2, -1, 0.5])
    assert mesh.vertices_v3.max(axis=0) == pytest.approx([2, 1, 0.5])


def test_materials_read_back(tmp_path, library):
    texture = library.select("texture")[0].id
    plain = floor(colour=(0.25, 0.5, 0.75), roughness=0.25, metallic=1.0)
    tiled = floor(texture=texture, uv_scale=(2.0, 3.0), uv_rotation_deg=90.0, uv_offset=(0.5, 0.25))
    panels = (plain, tiled.model_copy(update={"name": "Tiled"}))
    scene = read_back(spec(panels=panels), tmp_path, library)
    by_name = {mesh.name.split("/")[-1]: scene.surfaces[mesh.surface] for mesh in scene.meshes}
    assert by_name["Floor"].diffuse == pytest.approx((0.25, 0.5, 0.75))
    assert by_name["Floor"].mirror is False and by_name["Floor"].metallic == 1.0
    found = by_name["Tiled"].diffuse
    assert found.path == library.path(texture)
    assert (found.scale, found.rotation_deg, found.translation) == ((2.0, 3.0), 90.0, (0.5, 0.25))


def test_coat_tint_and_glow_read_back(tmp_path, library):
    texture = library.select("texture")[0].id
    tinted = floor(texture=texture, tint=(0.5, 0.75, 1.0), clearcoat=1.0, clearcoat_roughness=0.1)
    screen = floor(colour=(0.01, 0.01, 0.01), glow=(2.0, 2.0, 3.0), glow_texture=texture)
    shade = floor(glow=(4.0, 3.0, 2.0))
    panels = [p.but(name=name) for name, p in (("A", tinted), ("B", screen), ("C", shade))]
    scene = read_back(spec(panels=panels), tmp_path, library)
    a, b, c = (scene.surfaces[mesh.surface] for mesh in scene.meshes)
    assert a.diffuse.gain == (0.5, 0.75, 1.0, 1.0) and a.emissive == (0, 0, 0)
    assert (a.clearcoat, a.clearcoat_roughness) == pytest.approx((1.0, 0.1))
    assert (b.emissive.path, b.emissive.gain) == (library.path(texture), (2.0, 2.0, 3.0, 1.0))
    assert b.diffuse == pytest.approx((0.01, 0.01, 0.01)) and b.clearcoat == 0
    assert c.emissive == (4.0, 3.0, 2.0)


def test_a_placed_asset_stands_where_its_placement_says(tmp_path, library):
    asset = next(a for a in library.select("object") if a.size_m and "floor" in a.tags)
    placed = Placement(name="It", asset=asset.id, position=(3.0, 1.0, 0.25), scale=(2.0, 2.0, 2.0))
    scene = read_back(spec(placements=(placed,)), tmp_path, library)
    corners = np.concatenate([mesh.vertices_v3 for mesh in scene.meshes])
    size = np.array(asset.size_m) * 2
    assert corners.min(axis=0) == pytest.approx([3 - size[0] / 2, 1 - size[1] / 2, 0.25], abs=0.01)
    assert corners.max(axis=0) == pytest.approx([3 + size[0] / 2, 1 + size[1] / 2, 0.25 + size[2]], abs=0.01)


def test_lamps_read_back_as_glowing_meshes_and_the_sun_and_the_sky_as_lights(tmp_path, library):
    down = facing((0, 0, 1))
    lights = (
        RectLight(name="Rect", position=(0, 0, 3), rotation=down, size=(1, 2), radiance=(5, 4, 3)),
        DiskLight(name="Disk", position=(1, 0, 3), rotation=down, radius_m=0.5, radiance=(2, 2, 2)),
        SphereLight(name="Bulb", position=(0, 1, 2), radius_m=0.1, radiance=(9, 0, 0)),
        DistantLight(name="Sun", rotation=down, angle_deg=0.53, irradiance=(3, 2, 1)),
    )
    scene = read_back(
        spec(lights=lights, panels=(floor(),), dome=DomeSpec(colour=(1, 2, 4))), tmp_path, library
    )
    names = [mesh.name.split("/")[3] for mesh in scene.meshes if mesh.name.endswith("Glow")]
    assert sorted(names) == ["Bulb", "Disk", "Rect"]
    assert [mesh.name.split("/")[3] for mesh in scene.meshes if mesh.name.endswith("Housing")] == names[:2]
    glow = {mesh.name: scene.surfaces[mesh.surface].emissive for mesh in scene.meshes}
    assert glow["/World/Lights/Rect/Glow"] == pytest.approx((5, 4, 3))
    assert glow["/World/Lights/Disk/Glow"] == pytest.approx((2, 2, 2))
    assert glow["/World/Lights/Bulb/Glow"] == pytest.approx((9, 0, 0))
    assert glow["/World/Lights/Rect/Housing"] == (0, 0, 0) and not scene.area_lights
    (sun,) = scene.parallel_lights
    assert sun.irradiance == pytest.approx((3, 2, 1), rel=1e-4)
    assert sun.direction == pytest.approx((0, 0, -1), abs=1e-6)
    assert scene.dome.radiance == pytest.approx((1, 2, 4))


def test_a_camera_is_in_tenths_of_a_metre_and_in_focus_everywhere(tmp_path, library):
    """USD's rule: 36 mm of film are 0.36 where the scene's unit is a metre."""
    stage = Usd.Stage.Open(str(write_stage(spec(panels=(floor(),)), tmp_path / "s.usda", library.path)))
    for eye in ("Left", "Right"):
        camera = UsdGeom.Camera.Get(stage, f"/World/Rig/{eye}")
        assert camera.GetHorizontalApertureAttr().Get() == pytest.approx(0.36)
        assert camera.GetVerticalApertureAttr().Get() == pytest.approx(0.36 * 96 / 160)
        assert camera.GetFocalLengthAttr().Get() == pytest.approx(0.36 * 140 / 160)
        assert camera.GetFStopAttr().HasAuthoredValue() and camera.GetFStopAttr().Get() == 0
        # in millimetres of the world, as a renderer takes it: Gf.Camera's unit is a tenth of the scene's
        mm = camera.GetCamera().focalLength * Gf.Camera.FOCAL_LENGTH_UNIT * 1000
        assert mm == pytest.approx(31.5)


def test_new_glass_refracts_where_a_mesh_is_closed_and_lets_light_straight_through_where_not(
    tmp_path, library
):
    """The same in every renderer: none of them sees a refracting sheet, on which they disagree."""
    stage = Usd.Stage.CreateNew(str(tmp_path / "both.usda"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Both").GetPrim())
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    for name, faces in (("Solid", [0, 2, 1, 0, 1, 3, 1, 2, 3, 0, 3, 2]), ("Sheet", [0, 2, 1])):
        mesh = UsdGeom.Mesh.Define(stage, f"/Both/{name}")
        mesh.CreatePointsAttr(corners)
        mesh.CreateFaceVertexIndicesAttr(faces)
        mesh.CreateFaceVertexCountsAttr([3] * (len(faces) // 3))
        mesh.CreateSubdivisionSchemeAttr("none")
    stage.Save()
    glass = MaterialSpec(opacity=0.2, ior=1.5, roughness=0.0)
    placed = Placement(name="It", asset="x/both", position=(0, 3, 0), material=glass)
    path = write_stage(spec(placements=(placed,)), tmp_path / "s.usda", lambda _: tmp_path / "both.usda")
    scene = read_stage(path, RIG)
    found = {mesh.name.rpartition("/")[2]: scene.surfaces[mesh.surface] for mesh in scene.meshes}
    assert (found["Solid"].ior, found["Sheet"].ior) == (1.5, 1.0)
    assert all(surface.transparent and surface.opacity == pytest.approx(0.2) for surface in found.values())


def test_every_input_of_a_material_is_given(tmp_path, library):
    """Renderers differ in their defaults: one has an opacity of 0.5."""
    stage = Usd.Stage.Open(str(write_stage(spec(panels=(floor(),)), tmp_path / "s.usda", library.path)))
    (shader,) = (p for p in stage.Traverse() if p.GetName() == "Surface")
    given = {attribute.GetBaseName() for attribute in shader.GetAuthoredAttributes()}
    assert given >= {
        "useSpecularWorkflow", "diffuseColor", "emissiveColor", "roughness", "metallic", "opacity",
        "opacityThreshold", "ior", "clearcoat", "clearcoatRoughness", "occlusion",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["missing/scene.usda", "scene.obj", "missing/scene.usdz"])
def test_a_stage_that_cannot_be_written_is_one_clear_error(tmp_path, library, name):
    (tmp_path / "missing").write_text("a file, not a folder")
    with pytest.raises(StageWriteError, match="could not write the stage"):
        write_stage(spec(panels=(floor(),)), tmp_path / name, library.path)


CRATE = """#usda 1.0
( defaultPrim = "Crate"
{header} )
def Xform "Crate" {{ def Mesh "Box" {{
    uniform token subdivisionScheme = "none"
    point3f[] points = [{points}]
    int[] faceVertexCounts = [4, 4]
    int[] faceVertexIndices = [0, 1, 2, 3, 4, 5, 6, 7]
}}
}}
"""


def crate(folder, header: str, size: float, up: str = "Z"):
    """Floor and lid of a crate, `size` wide and deep and twice as high, in the units of its header."""
    s, h = size / 2, 2 * size
    corners = [(-s, -s, 0), (s, -s, 0), (s, s, 0), (-s, s, 0), (-s, -s, h), (s, -s, h), (s, s, h), (-s, s, h)]
    if up == "Y":
        corners = [(x, z, -y) for x, y, z in corners]
    path = folder / "crate.usda"
    path.write_text(CRATE.format(header=header, points=", ".join(map(str, corners))))
    return path


def placed_crate(file, tmp_path):
    placed = Placement(name="It", asset="mine/crate", position=(1.0, 2.0, 0.0), scale=(2.0, 1.0, 1.0))
    scene = spec(placements=(placed,))
    stage = write_stage(scene, tmp_path / "stage.usda", lambda _: file)
    (mesh,) = read_stage(stage, scene.rig).meshes
    return mesh.vertices_v3.min(axis=0), mesh.vertices_v3.max(axis=0)


@pytest.mark.parametrize(
    ("metres", "up"),
    [(1, "Z"), (1, "Y"), (0.01, "Z"), (0.01, "Y"), (0.0254, "Y"), (0.0254, "Z"), (1000, "Y")],
)
def test_an_asset_has_its_size_in_metres_and_stands_upright_whatever_its_unit_and_axis(tmp_path, metres, up):
    file = crate(tmp_path, f'metersPerUnit = {metres}\n upAxis = "{up}"', 0.4 / metres, up)
    low, high = placed_crate(file, tmp_path)
    assert low == pytest.approx([0.6, 1.8, 0.0], abs=1e-6) and high == pytest.approx(
        [1.4, 2.2, 0.8], abs=1e-6
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "does not say its metersPerUnit and upAxis; write them into its header"),
        ('upAxis = "Y"', "does not say its metersPerUnit;"),
        ("metersPerUnit = 0.01", "does not say its upAxis;"),
        ('metersPerUnit = -1\n upAxis = "Y"', "expected a positive metersPerUnit and Y or Z up, got -1.0"),
    ],
)
def test_an_asset_that_does_not_say_how_it_measures_is_refused(tmp_path, header, message):
    with pytest.raises(AssetFileError, match=rf"crate\.usda: {message}"):
        placed_crate(crate(tmp_path, header, 0.4), tmp_path)


def test_every_builtin_asset_says_how_it_measures(library):
    for asset in library.select("object"):
        assert measure_of(library.path(asset.id)) == Measure(metres_per_unit=1.0, y_up=False)
