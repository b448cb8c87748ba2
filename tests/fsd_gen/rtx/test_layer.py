"""The layer says what RTX needs, and the scene under it stays the same scene."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom

from fsd_gen.backends.base import BackendError
from fsd_gen.config import load_config
from fsd_gen.production.staging import staged_scene
from fsd_gen.rtx.child.versions import OVRTX, REPLICATOR, Lux
from fsd_gen.rtx.layer import RtxStage, author_rtx_layer
from fsd_gen.rtx.targets import Target
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.registry import style_names
from fsd_gen.usd.reader import read_stage, rig_of_stage
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.rtx.same import assert_same_scene, target
from tests.fsd_gen.styles.only import needed
from tests.fsd_gen.usd import cases
from tests.fsd_gen.usd.test_usdchecker import complaints

LEFT, RIGHT = "/FsdRtx/Left", "/FsdRtx/Right"
QUICK = ("flying",)
SETTINGS = RenderSettings(spp=32, max_depth=9, denoise=True)
TARGETS = [
    *(Target(engine="replicator", version=name, row=row) for name, row in REPLICATOR.items()),
    *(Target(engine="ovrtx", version=name, row=row) for name, row in OVRTX.items()),
]


def staged(path: Path, time: float | None = None) -> StagedScene:
    return StagedScene(path=path, flat=cases.flat(path, time), time=time)


def authored(
    scene: StagedScene, folder: Path, to: Target | None = None, rig: StereoRig | None = None
) -> RtxStage:
    return author_rtx_layer(
        scene, rig or cases.rig_of(scene.path, scene.time), SETTINGS, to or target(), folder
    )


def opened(rtx: RtxStage) -> Usd.Stage:
    return Usd.Stage.Open(str(rtx.path))


def value(stage: Usd.Stage, path: str, name: str) -> object:
    attribute = stage.GetPrimAtPath(path).GetAttribute(name)
    assert attribute, f"{path} has no {name}"
    return attribute.Get()


@pytest.mark.parametrize(
    "style", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in style_names()]
)
def test_a_scene_of_a_style_is_the_same_scene_through_the_layer(tmp_path, library, style):
    small = {"image.width": 96, "image.height": 64, "assets.packs": ["builtin"]}
    config = load_config("demo", {**small, "styles": {style: needed(style)}})
    spec = compose_scene(config, library, SlotKey(slot=0))
    with staged_scene(spec, library) as scene:
        rtx = author_rtx_layer(scene, spec.rig, SETTINGS, target(), tmp_path)
        assert_same_scene(scene.flat, read_stage(rtx.path, None, left=LEFT))
        found = rig_of_stage(rtx.path, width=rtx.width, height=rtx.height, left=LEFT, right=RIGHT)
        assert found.cx_px - rtx.crop[0] == pytest.approx(spec.rig.cx_px)
        assert found.focal_px == pytest.approx(spec.rig.focal_px, rel=1e-6)
        assert found.baseline_m == pytest.approx(spec.rig.baseline_m, rel=1e-9)
        assert complaints(opened(rtx)) == set()


CAGE = """def Mesh "Cage" {
    point3f[] points = [(-1,-1,-3), (1,-1,-3), (1,1,-3), (-1,1,-3), (0,0,-2)]
    int[] faceVertexCounts = [3, 3, 3, 3]
    int[] faceVertexIndices = [0, 1, 4, 1, 2, 4, 2, 3, 4, 3, 0, 4]
}
"""
LAMPS = """def DistantLight "Old" {
    float inputs:intensity = 30000
    float inputs:exposure = 2
    bool inputs:enableColorTemperature = 1
    float inputs:colorTemperature = 3000
    float3 xformOp:rotateXYZ = (-50, 20, 10)
    uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]
}
def DomeLight_1 "Sky" {
    float inputs:intensity = 2
    token poleAxis = "Z"
    color3f inputs:color = (1, 0.5, 0.25)
}
def Xform "Post" {
    double3 xformOp:scale = (2, 3, 1)
    uniform token[] xformOpOrder = ["xformOp:scale"]
    def RectLight "Lamp" (prepend apiSchemas = ["ShapingAPI"]) {
        float inputs:width = 0.5
        float inputs:height = 0.25
        float inputs:intensity = 9
        bool inputs:normalize = 1
        float inputs:shaping:cone:angle = 40
        def Cube "Shade" { double size = 0.1 }
    }
    def SphereLight "Bulb" {
        float inputs:radius = 0.1
        double3 xformOp:scale = (1, 0.666666666666666667, 2)
        uniform token[] xformOpOrder = ["xformOp:scale"]
    }
}
"""
SOLIDS = """def Sphere "Ball" { double radius = 0.4 }
def Cone "Hat" { token axis = "X" }
def Plane "Sheet" { }
def Cube "Hidden" { token purpose = "proxy" }
def RenderProduct "Product" { }
"""


def everything(folder: Path, *, head: str = "", place: str = "") -> Path:
    look = cases.material("float inputs:roughness = 0.25")
    return cases.stage(
        folder, cases.WALL, cases.card(cases.BOUND), look, CAGE, LAMPS, SOLIDS, head=head, place=place
    )


@pytest.mark.parametrize(
    ("axis", "unit", "place"),
    [
        ("Y", 1, ""),
        ("Z", 1, ""),
        ("Y", 0.01, ""),
        (
            "Z",
            100,
            'float3 xformOp:rotateXYZ = (10, 20, 30)\n uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]',
        ),
    ],
)
def test_a_stage_of_any_axis_and_unit_is_the_same_scene(tmp_path, axis, unit, place):
    path = everything(tmp_path, place=place)
    text = path.read_text().replace('upAxis = "Y"', f'upAxis = "{axis}"')
    path.write_text(text.replace("metersPerUnit = 1", f"metersPerUnit = {unit}"))
    before = path.read_bytes()
    scene = staged(path)
    rtx = authored(scene, tmp_path)
    assert_same_scene(scene.flat, read_stage(rtx.path, None, left=LEFT), far=1e-6 * max(unit, 1))
    again = rig_of_stage(rtx.path, width=160, height=96, left=LEFT, right=RIGHT)
    assert again.baseline_m == pytest.approx(0.1 * unit)
    assert path.read_bytes() == before
    assert complaints(opened(rtx)) <= complaints(Usd.Stage.Open(str(path)))


def test_a_packed_stage_is_the_same_scene(tmp_path):
    scene = staged(cases.packed(everything(tmp_path)))
    assert_same_scene(scene.flat, read_stage(authored(scene, tmp_path).path, None, left=LEFT))


def test_units_that_a_stage_leaves_unsaid_are_said(tmp_path):
    path = everything(tmp_path)
    path.write_text(path.read_text().replace('upAxis = "Y"', "").replace("metersPerUnit = 1", ""))
    stage = opened(authored(staged(path), tmp_path))
    assert stage.GetRootLayer().pseudoRoot.GetInfo("metersPerUnit") == 0.01
    assert stage.GetRootLayer().pseudoRoot.GetInfo("upAxis") == UsdGeom.Tokens.y


def test_no_light_of_the_stage_still_shines_beside_its_copy(tmp_path):
    stage = opened(authored(staged(everything(tmp_path)), tmp_path))
    lights = [str(prim.GetPath()) for prim in stage.Traverse() if "Light" in prim.GetTypeName()]
    assert len(lights) == 4 and all(path.startswith("/FsdRtx/Lights/") for path in lights)
    assert stage.GetPrimAtPath("/World/Post/Lamp/Shade").IsActive()  # what hangs on a light stays


def test_every_light_says_all_that_decides_its_brightness(tmp_path):
    stage = opened(authored(staged(everything(tmp_path)), tmp_path))
    for prim in stage.GetPrimAtPath("/FsdRtx/Lights").GetChildren():
        said = {name: value(stage, str(prim.GetPath()), name) for name in prim.GetAuthoredPropertyNames()}
        assert said["inputs:exposure"] == 0 and said["inputs:enableColorTemperature"] is False
        assert (said["inputs:diffuse"], said["inputs:specular"], said["omni:rtx:usdluxVersion"]) == (
            1,
            1,
            2505,
        )
        assert said["inputs:normalize"] is (prim.GetTypeName() == "DistantLight")
        assert said["visibleInPrimaryRay"] is (prim.GetTypeName() == "DomeLight")


@pytest.mark.parametrize("to", TARGETS, ids=lambda to: to.named)
def test_legacy_lights_are_dimmed_by_pi_and_their_dome_is_turned_back(tmp_path, to):
    sun = 'float3 xformOp:rotateXYZ = (0, 0, 0)\n uniform token[] xformOpOrder = ["xformOp:rotateXYZ"]'
    sky = f'def DomeLight "Sky" {{ {sun.replace("(0, 0, 0)", "(0, 30, 0)")} }}'
    scene = staged(cases.stage(tmp_path, cases.WALL, cases.SUN, sky))
    stage = opened(authored(scene, tmp_path, to))
    legacy = to.row.name in ("5.0", "5.1")
    intensity = value(stage, "/FsdRtx/Lights/Distant_000", "inputs:intensity")
    assert intensity == pytest.approx(3 / math.pi if legacy else 3)
    dome = UsdGeom.Xformable(stage.GetPrimAtPath("/FsdRtx/Lights/Dome"))
    assert [op.GetOpName() for op in dome.GetOrderedXformOps()] == ["xformOp:rotateXYZ"]
    pole = dome.ComputeLocalToWorldTransform(0).TransformDir(
        Gf.Vec3d(0, 0, 1) if legacy else Gf.Vec3d(0, 1, 0)
    )
    np.testing.assert_allclose(pole, (0, 1, 0), atol=1e-9)


def test_a_mirrored_dome_is_refused(tmp_path):
    sky = """def DomeLight "Sky" { double3 xformOp:scale = (-1, 1, 1)
        uniform token[] xformOpOrder = ["xformOp:scale"] }"""
    with pytest.raises(BackendError, match="mirrored or sheared"):
        authored(staged(cases.stage(tmp_path, cases.WALL, sky)), tmp_path)


@pytest.mark.parametrize("to", TARGETS, ids=lambda to: to.named)
def test_cameras_are_centred_pinholes_with_identity_exposure(tmp_path, to):
    scene = staged(cases.stage(tmp_path, cases.WALL))
    stage = opened(authored(scene, tmp_path, to))
    for eye in (LEFT, RIGHT):
        names = ("exposure", "exposure:fStop", "exposure:responsivity", "exposure:time", "exposure:iso")
        assert [value(stage, eye, name) for name in names] == [0, 1, 1, 1, 100]
        assert value(stage, eye, "omni:rtx:autoExposure:enabled") is False
        assert value(stage, eye, "fStop") == 0 and value(stage, eye, "clippingRange") == Gf.Vec2f(0.001, 1e5)
        camera = UsdGeom.Camera(stage.GetPrimAtPath(eye))
        across, down = camera.GetHorizontalApertureAttr().Get(), camera.GetVerticalApertureAttr().Get()
        assert down == pytest.approx(across * 96 / 160)
        assert (
            camera.GetHorizontalApertureOffsetAttr().Get()
            == camera.GetVerticalApertureOffsetAttr().Get()
            == 0
        )


def test_an_off_centre_rig_is_rendered_wider(tmp_path):
    scene = staged(cases.stage(tmp_path, cases.WALL))
    rig = cases.rig_of(scene.path).model_copy(update={"cx_px": 70.0})
    rtx = authored(scene, tmp_path, rig=rig)
    assert (rtx.width, rtx.height, rtx.crop) == (180, 96, (20, 0))
    assert rig_of_stage(rtx.path, width=180, height=96, left=LEFT, right=RIGHT).focal_px == pytest.approx(160)


def test_an_odd_lens_is_told_by_the_opencv_schema(tmp_path):
    scene = staged(cases.stage(tmp_path, cases.WALL))
    rig = cases.rig_of(scene.path).model_copy(update={"cx_px": 70.25, "focal_y_px": 150.0})
    stage = opened(authored(scene, tmp_path, rig=rig))
    applied = stage.GetPrimAtPath(LEFT).GetMetadata("apiSchemas").GetAddedOrExplicitItems()
    assert "OmniLensDistortionOpenCvPinholeAPI" in applied
    lens = "omni:lensdistortion:opencvPinhole"
    assert [value(stage, LEFT, f"{lens}:{name}") for name in ("fx", "fy", "cx", "cy")] == [
        160,
        150,
        70.25,
        48,
    ]
    assert value(stage, LEFT, f"{lens}:imageSize") == Gf.Vec2i(160, 96)


@pytest.mark.parametrize("to", TARGETS, ids=lambda to: to.named)
def test_ovrtx_gets_products_in_its_own_types_and_replicator_none(tmp_path, to):
    rtx = authored(staged(cases.stage(tmp_path, cases.WALL)), tmp_path, to)
    stage = opened(rtx)
    products = [str(prim.GetPath()) for prim in stage.Traverse() if prim.GetTypeName() == "RenderProduct"]
    if to.engine == "replicator":
        assert not products and all(not product.path for product in rtx.products)
        assert "ids" in rtx.job(SETTINGS).channels
        return
    assert products == [path for product in rtx.products for path in (product.path, product.truth_path)]
    colour = stage.GetPrimAtPath(rtx.products[0].path)
    assert colour.GetRelationship("camera").GetTargets() == [Sdf.Path(LEFT)]
    assert colour.GetRelationship("orderedVars").GetTargets() == [
        Sdf.Path(f"{rtx.products[0].path}/HdrColor")
    ]
    spp = colour.GetAttribute("omni:rtx:pt:samplesPerPixel")
    assert (spp.Get(), str(spp.GetTypeName())) == (32, "int" if to.row.name < "0.5" else "uint")
    limits = [name for name in colour.GetPropertyNames() if ":limits:" in name]
    assert any("Glossy" in name for name in limits) is (to.row.name < "0.5")
    assert (
        colour.GetAttribute("omni:rtx:pt:limits:maxBounces").Get() == 8
    )  # Mitsuba's depth counts the light too
    truth = stage.GetPrimAtPath(rtx.products[0].truth_path)
    assert truth.HasAttribute("omni:rtx:quality") is to.row.quality
    names = [path.name for path in truth.GetRelationship("orderedVars").GetTargets()]
    assert names == ["DistanceToImagePlaneSD", "NormalSD", "SemanticSegmentation", "SemanticIdMap"]


@pytest.mark.parametrize("to", TARGETS, ids=lambda to: to.named)
def test_every_thing_has_a_label_of_its_own_for_ovrtx(tmp_path, to):
    scene = staged(cases.stage(tmp_path, cases.WALL, cases.card()))
    rtx = authored(scene, tmp_path, to)
    if to.engine == "replicator":
        assert rtx.things is None
        return
    stage = opened(rtx)
    assert rtx.things == tuple(sorted(mesh.name for mesh in scene.flat.meshes)) and len(rtx.things) == 2
    for number, path in enumerate(rtx.things):
        prim = stage.GetPrimAtPath(path)
        assert list(prim.GetAttribute("semantics:labels:class").Get()) == [f"fsdthing{number}"]
        assert "SemanticsLabelsAPI:class" in prim.GetAppliedSchemas()
        assert ("MaterialBindingAPI" in prim.GetAppliedSchemas()) is path.endswith("Card")  # its own
    silent = authored(scene, tmp_path, replace(to, ids=False))
    assert silent.things is None and "ids" not in silent.job(SETTINGS).channels


def test_the_brightest_light_stays_within_half_floats(tmp_path):
    def scale(*lights: str) -> float:
        return authored(staged(cases.stage(tmp_path, cases.WALL, *lights)), tmp_path).scale

    assert scale() == scale('def DomeLight "Sky" { float inputs:intensity = 100 }') == 1.0
    assert scale('def DomeLight "Sky" { float inputs:intensity = 50000 }') == 0.5
    disc = 30 / (math.pi * math.sin(math.radians(0.5)) ** 2)
    assert 15_000 < disc * scale(cases.SUN.replace("= 3", "= 30")) <= 30_000
    assert scale(f'def SphereLight "Bulb" {{ float inputs:intensity = {1e20:f} }}') == 2.0**-20


def test_a_cage_is_drawn_as_it_is_and_a_solid_as_its_triangles(tmp_path):
    scene = staged(everything(tmp_path))
    stage = opened(authored(scene, tmp_path))
    cage = UsdGeom.Mesh(stage.GetPrimAtPath("/World/Cage"))
    assert cage.GetSubdivisionSchemeAttr().Get() == "none" and len(cage.GetNormalsAttr().Get()) == 5
    assert stage.GetPrimAtPath("/World/Ball").GetTypeName() == "Mesh"
    assert value(stage, "/World/Hidden", "visibility") == "invisible"
    assert not stage.GetPrimAtPath("/World/Product").IsActive()


def test_a_preview_surface_says_every_input_and_its_textures_how_they_are_read(tmp_path):
    (tmp_path / "t.png").write_bytes(_png())
    look = cases.material(
        f"{cases.DIFFUSE}\n normal3f inputs:normal.connect = </World/Look/T.outputs:rgb>", "t.png"
    )
    scene = staged(cases.stage(tmp_path, cases.card(cases.BOUND), look))
    stage = opened(authored(scene, tmp_path))
    said = stage.GetPrimAtPath("/World/Look/S")
    for name in (
        "opacity",
        "ior",
        "clearcoat",
        "occlusion",
        "roughness",
        "opacityThreshold",
        "useSpecularWorkflow",
    ):
        assert said.GetAttribute(f"inputs:{name}").Get() is not None, name
    assert (
        value(stage, "/World/Look/T", "inputs:wrapS")
        == value(stage, "/World/Look/T", "inputs:wrapT")
        == "repeat"
    )
    assert value(stage, "/World/Look/T", "inputs:sourceColorSpace") in ("raw", "sRGB")
    assert value(stage, "/World/Look/T", "inputs:scale") == Gf.Vec4f(2, 2, 2, 1)


def _png() -> bytes:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (4, 4), (10, 20, 200)).save(out, "PNG")
    return out.getvalue()


def test_presence_goes_straight_through_where_the_version_has_no_word_for_it(tmp_path):
    look = cases.material('float inputs:opacity = 0.5\n token inputs:opacityMode = "presence"')
    scene = staged(cases.stage(tmp_path, cases.WALL, cases.card(cases.BOUND), look))
    old, new = (Target(engine="x", version="", row=row) for row in (REPLICATOR["5.1"], OVRTX["0.5.1"]))
    assert value(opened(authored(scene, tmp_path, old)), "/World/Look/S", "inputs:ior") == 1.0
    assert value(opened(authored(scene, tmp_path, new)), "/World/Look/S", "inputs:ior") == 1.5


def test_lamps_that_a_renderer_scales_are_scaled_back_by_their_shape(tmp_path):
    scene = staged(cases.stage(tmp_path, cases.WALL, LAMPS))
    odd = Lux(version=2505, distant=1, dome_x_deg=0, rect=2.0, sphere=0.5)
    usual, other = (
        opened(authored(scene, tmp_path, Target(engine="ovrtx", version="", row=row)))
        for row in (OVRTX["0.5.1"], replace(OVRTX["0.5.1"], lux=odd))
    )
    for path, factor in (("/FsdRtx/Lights/Area_000", 0.5), ("/FsdRtx/Lights/Area_001", 2.0)):
        was, now = (value(stage, path, "inputs:intensity") for stage in (usual, other))
        assert now == pytest.approx(was * factor, rel=1e-6)
    kinds = [usual.GetPrimAtPath(f"/FsdRtx/Lights/Area_00{n}").GetTypeName() for n in (0, 1)]
    assert kinds == ["RectLight", "SphereLight"]


def test_a_glow_that_a_renderer_scales_is_scaled_back(tmp_path):
    row = replace(OVRTX["0.5.1"], lux=Lux(version=2505, distant=1, dome_x_deg=0, glow=0.5))
    look = cases.material("color3f inputs:emissiveColor = (1, 2, 3)")
    scene = staged(cases.stage(tmp_path, cases.card(cases.BOUND), look))
    stage = opened(authored(scene, tmp_path, Target(engine="ovrtx", version="", row=row)))
    assert value(stage, "/World/Look/S", "inputs:emissiveColor") == Gf.Vec3f(2, 4, 6)
    (tmp_path / "t.png").write_bytes(_png())
    look = cases.material("color3f inputs:emissiveColor.connect = </World/Look/T.outputs:rgb>", "t.png")
    scene = staged(cases.stage(tmp_path, cases.card(cases.BOUND), look, name="other.usda"))
    with pytest.raises(BackendError, match="glows by a texture"):
        authored(scene, tmp_path, Target(engine="ovrtx", version="", row=row))


def test_materials_of_other_kinds_are_left_as_they_are(tmp_path):
    mdl = """def Material "Wood" {
        token outputs:mdl:surface.connect = </World/Wood/M.outputs:out>
        def Shader "M" {
            uniform token info:implementationSource = "sourceAsset"
            uniform asset info:mdl:sourceAsset = @OmniPBR.mdl@
            token outputs:out
        }
    }"""
    rtx = authored(staged(cases.stage(tmp_path, cases.WALL, mdl)), tmp_path)
    assert not Sdf.Layer.FindOrOpen(str(rtx.path)).GetPrimAtPath("/World/Wood")


def test_a_moment_is_the_same_at_every_time(tmp_path):
    moving = cases.card("""double3 xformOp:translate.timeSamples = { 0: (0, 0, 0), 10: (1, 0, 0) }
        uniform token[] xformOpOrder = ["xformOp:translate"]""")
    scene = staged(cases.stage(tmp_path, cases.WALL, moving), time=5.0)
    rtx = authored(scene, tmp_path)
    for time in (None, 0.0, 10.0):
        assert_same_scene(scene.flat, read_stage(rtx.path, None, left=LEFT, time=time))
    assert value(opened(rtx), "/World/Card", "xformOp:translate") == Gf.Vec3d(0.5, 0, 0)


def instanced(folder: Path, body: str) -> Path:
    """A stage with an instance inside an instance."""
    refers = "(\n instanceable = true\n references = @{}.usda@\n)"
    inside = f'def Xform "In" {refers.format("inner")} {{ }}'
    whole = {
        "inner": f'def Xform "Inner" {{ {body} }}',
        "thing": f'def Xform "Thing" {{ {inside}\n {cases.card(name="Own")} }}',
    }
    for name, text in whole.items():
        header = f'#usda 1.0\n(\n defaultPrim = "{name.title()}"\n)\n'
        (folder / f"{name}.usda").write_text(header + text.replace("}", "\n}\n"))
    return cases.stage(folder, cases.WALL, f'def "A" {refers.format("thing")} {{ }}')


def test_an_instance_is_opened_where_something_inside_has_to_be_said(tmp_path):
    scene = staged(instanced(tmp_path, CAGE + 'def RectLight "Lamp" { }'))
    rtx = authored(scene, tmp_path)
    assert_same_scene(scene.flat, read_stage(rtx.path, None, left=LEFT))
    stage = opened(rtx)
    assert value(stage, "/World/A/In/Cage", "subdivisionScheme") == "none"
    assert not stage.GetPrimAtPath("/World/A/In/Lamp").IsActive()


def test_instances_that_need_nothing_stay_where_the_version_draws_them(tmp_path):
    scene = staged(instanced(tmp_path, cases.card(name="Plain")))
    for row, kept in ((REPLICATOR["6.0.1"], True), (REPLICATOR["5.1"], False)):
        rtx = authored(scene, tmp_path, Target(engine="replicator", version="", row=row))
        assert opened(rtx).GetPrimAtPath("/World/A").IsInstance() is kept
        assert_same_scene(scene.flat, read_stage(rtx.path, None, left=LEFT))


def test_copies_of_an_instancer_keep_their_shapes_and_lamps(tmp_path):
    many = """def PointInstancer "Many" {
        rel prototypes = </World/Many/Lantern>
        int[] protoIndices = [0, 0]
        point3f[] positions = [(-1, 0, -2), (1, 0, -2)]
        class Xform "Lantern" {
            def Sphere "Globe" { double radius = 0.2 }
            def SphereLight "Bulb" { float inputs:radius = 0.05 }
        }
    }"""
    scene = staged(cases.stage(tmp_path, cases.WALL, many))
    assert len(scene.flat.area_lights) == 2
    assert_same_scene(scene.flat, read_stage(authored(scene, tmp_path).path, None, left=LEFT))


@pytest.mark.parametrize(
    ("sun", "told"),
    [
        ("float inputs:intensity = 3000", True),
        ("bool inputs:normalize = 1", False),
        ("int omni:rtx:usdluxVersion = 2505", False),
    ],
)
def test_a_sun_of_an_old_stage_is_told(tmp_path, caplog, sun, told):
    authored(staged(cases.stage(tmp_path, cases.WALL, f'def DistantLight "Sun" {{ {sun} }}')), tmp_path)
    assert ("light=/World/Sun" in caplog.text) is told


def test_a_layer_has_a_name_that_was_never_used(tmp_path):
    scene = staged(cases.stage(tmp_path, cases.WALL))
    assert authored(scene, tmp_path).path != authored(scene, tmp_path).path


def test_a_layer_over_a_layer_is_refused(tmp_path):
    scene = staged(cases.stage(tmp_path, cases.WALL))
    again = StagedScene(path=authored(scene, tmp_path).path, flat=scene.flat)
    with pytest.raises(BackendError, match="has a prim /FsdRtx"):
        author_rtx_layer(again, cases.rig_of(scene.path), SETTINGS, target(), tmp_path)
