"""Stages written by hand, so that every expected number can be read off the text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Mesh, Surface
from fsd_gen.usd.reader import read_stage, rig_of_stage

RIG = StereoRig(width=64, height=48, focal_px=32.0, baseline_m=0.1, cx_px=30.0, cy_px=25.0)

# 36 mm stand for 64 px: focal 18 mm = 32 px; offsets 2 px right of cx, 1 px below the middle
CAMERA = """
    def Camera "{name}" {{
        float focalLength = 18
        float horizontalAperture = 36
        float verticalAperture = 27
        float horizontalApertureOffset = 1.125
        float verticalApertureOffset = 0.5625
        double3 xformOp:translate = ({x}, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }}
"""


def camera(name: str, x: float) -> str:
    return CAMERA.format(name=name, x=x)


def stage_file(folder: Path, body: str, *, up: str = "Z", metres: float = 1.0, right_x: float = 0.1) -> Path:
    """A stage with a rig at the origin, looking along its own -z, and `body` under /World."""
    path = folder / "stage.usda"
    path.write_text(
        f'#usda 1.0\n( upAxis = "{up}"\n metersPerUnit = {metres} )\n'
        f'def Xform "World" {{\n def Xform "Rig" {{ {camera("Left", 0)} {camera("Right", right_x)} }}\n'
        + body.replace("}", "\n}")  # the format wants each property to end its line
        + "\n}\n"
    )
    return path


QUAD = """
    def Mesh "Quad" {{
        uniform token subdivisionScheme = "none"
        point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        {more}
    }}
"""
ST = 'texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] ( interpolation = "vertex" )'


def quad(more: str = "") -> str:
    return QUAD.format(more=more)


def moved(x: float, y: float, z: float) -> str:
    order = 'uniform token[] xformOpOrder = ["xformOp:translate"]'
    return f"double3 xformOp:translate = ({x}, {y}, {z})\n{order}"


def only_mesh(path: Path) -> Mesh:
    (mesh,) = read_stage(path, None).meshes
    return mesh


def corners(mesh: Mesh) -> list[list[list[float]]]:
    return mesh.vertices_v3[mesh.faces_f3].round(9).tolist()


# ---- geometry


def test_a_quad_becomes_two_triangles_as_wound(tmp_path: Path) -> None:
    mesh = only_mesh(stage_file(tmp_path, quad()))
    assert corners(mesh) == [[[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 0], [0, 1, 0]]]
    assert mesh.normals_v3 is None and mesh.name == "/World/Quad"


def test_centimetres_and_y_up_become_metres_and_z_up(tmp_path: Path) -> None:
    place = moved(100, 200, 300)
    scene = read_stage(stage_file(tmp_path, quad(place), up="Y", metres=0.01), None)
    # y (200 cm) is height; z (300 cm) comes forward, which is -y of the world
    assert scene.meshes[0].vertices_v3[0].round(9).tolist() == [1.0, -3.0, 2.0]
    assert scene.meshes[0].vertices_v3[2].round(9).tolist() == [1.01, -3.0, 2.01]
    # the camera looks along -z of the stage, which is +y of the world, and stays a rotation
    assert scene.left_to_world[:3, :3].round(9).tolist() == [[1, 0, 0], [0, 0, 1], [0, -1, 0]]


def test_transforms_apply_from_the_inside_out(tmp_path: Path) -> None:
    place = (
        "double3 xformOp:translate = (10, 0, 0)\n float xformOp:rotateZ = 90\n"
        "float3 xformOp:scale = (2, 3, 1)\n"
        'uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateZ", "xformOp:scale"]'
    )
    mesh = only_mesh(stage_file(tmp_path, quad(place)))
    # (1, 1) -> scaled (2, 3) -> turned (-3, 2) -> moved (7, 2)
    assert mesh.vertices_v3[2].round(6).tolist() == [7.0, 2.0, 0.0]


@pytest.mark.parametrize(
    "more",
    [
        'uniform token orientation = "leftHanded"',
        'float3 xformOp:scale = (1, 1, -1)\n uniform token[] xformOpOrder = ["xformOp:scale"]',
    ],
    ids=["left-handed", "mirrored"],
)
def test_winding_turns_around_for_left_handed_and_for_mirrored_meshes(tmp_path: Path, more: str) -> None:
    assert corners(only_mesh(stage_file(tmp_path, quad(more))))[0] == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_normals_of_a_squashed_mesh_stay_perpendicular(tmp_path: Path) -> None:
    more = (
        'normal3f[] normals = [(0.6, 0, 0.8)] ( interpolation = "constant" )\n'
        'float3 xformOp:scale = (1, 1, 0.5)\n uniform token[] xformOpOrder = ["xformOp:scale"]'
    )
    mesh = only_mesh(stage_file(tmp_path, quad(more)))
    expected = np.array([0.6, 0, 1.6]) / np.hypot(0.6, 1.6)
    assert np.allclose(mesh.normals_v3, expected, atol=1e-6)


def test_a_subdivision_cage_gets_smooth_normals(tmp_path: Path) -> None:
    body = quad().replace('"none"', '"catmullClark"')
    assert only_mesh(stage_file(tmp_path, body)).normals_v3.tolist() == [[0, 0, 1]] * 4


INSTANCES = """
    def Xform "Asset" ( instanceable = true
        references = </Prototype> ) { double3 xformOp:translate = (5, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"] }
    def Xform "Again" ( instanceable = true
        references = </Prototype> ) { double3 xformOp:translate = (0, 5, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"] }
}
class Xform "Prototype" {
"""


def test_instances_are_flattened_to_world_triangles(tmp_path: Path) -> None:
    scene = read_stage(stage_file(tmp_path, INSTANCES + quad()), None)
    assert {mesh.name: mesh.vertices_v3[0].tolist() for mesh in scene.meshes} == {
        "/World/Asset/Quad": [5, 0, 0],
        "/World/Again/Quad": [0, 5, 0],
    }


def test_a_point_instancer_repeats_its_prototypes_at_every_point_but_the_hidden(tmp_path: Path) -> None:
    body = """
    def PointInstancer "Many" {
        int[] protoIndices = [0, 0, 0]
        point3f[] positions = [(1, 0, 0), (2, 0, 0), (3, 0, 0)]
        int64[] invisibleIds = [1]
        rel prototypes = </World/Many/Protos/Quad>
        double3 xformOp:translate = (0, 0, 7)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Xform "Protos" {
            double3 xformOp:translate = (99, 99, 99)
            uniform token[] xformOpOrder = ["xformOp:translate"]
    """
    place = moved(0, 0.5, 0)
    scene = read_stage(stage_file(tmp_path, body + quad(place) + "}}"), None)
    assert [mesh.vertices_v3[0].round(6).tolist() for mesh in scene.meshes] == [[1, 0.5, 7], [3, 0.5, 7]]


def test_what_is_invisible_or_only_a_guide_is_left_out(tmp_path: Path) -> None:
    hidden = quad('token visibility = "invisible"').replace("Quad", "Hidden")
    guide = quad('uniform token purpose = "guide"').replace("Quad", "Guide")
    proxy = quad('uniform token purpose = "proxy"').replace("Quad", "Proxy")
    assert only_mesh(stage_file(tmp_path, hidden + guide + proxy + quad())).name == "/World/Quad"


@pytest.mark.parametrize(
    ("solid", "low", "high", "volume"),
    [
        ('def Cube "S" { double size = 2 }', [-1, -1, -1], [1, 1, 1], 8.0),
        ('def Sphere "S" { double radius = 2 }', [-2, -2, -2], [2, 2, 2], 33.51),
        ('def Cylinder "S" { double height = 4\n uniform token axis = "X" }', [-2, -1, -1], [2, 1, 1], 12.57),
        ('def Cone "S" { double height = 3\n uniform token axis = "Y" }', [-1, -1.5, -1], [1, 1.5, 1], 3.142),
    ],
    ids=["cube", "sphere", "cylinder", "cone"],
)
def test_simple_solids_have_their_size_and_face_outwards(
    tmp_path: Path, solid: str, low: list[float], high: list[float], volume: float
) -> None:
    mesh = only_mesh(stage_file(tmp_path, solid))
    assert np.allclose(mesh.vertices_v3.min(axis=0), low, atol=1e-6)
    assert np.allclose(mesh.vertices_v3.max(axis=0), high, atol=1e-6)
    a, b, c = (mesh.vertices_v3[mesh.faces_f3[:, k]] for k in range(3))
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 == pytest.approx(volume, rel=0.01)


@pytest.mark.parametrize(("axis", "extent"), [("X", [0, 3, 2]), ("Y", [2, 0, 3]), ("Z", [2, 3, 0])])
def test_a_plane_lies_across_its_axis(tmp_path: Path, axis: str, extent: list[float]) -> None:
    body = f'def Plane "P" {{ double width = 2\n double length = 3\n uniform token axis = "{axis}" }}'
    mesh = only_mesh(stage_file(tmp_path, body))
    assert np.ptp(mesh.vertices_v3, axis=0).tolist() == extent
    a, b, c = mesh.vertices_v3[mesh.faces_f3[0]]
    assert np.cross(b - a, c - a)["XYZ".index(axis)] > 0


def test_other_shapes_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="</World/Pill>: Capsule cannot be rendered"):
        read_stage(stage_file(tmp_path, 'def Capsule "Pill" {}'), None)


# ---- attributes


def material(inputs: str, textures: str = "") -> str:
    return f"""
    def Material "Look" {{
        token outputs:surface.connect = </World/Look/Surface.outputs:surface>
        def Shader "Surface" {{ uniform token info:id = "UsdPreviewSurface"
            {inputs}
            token outputs:surface }}
        def Shader "St" {{ uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result }}
        {textures}
    }}
    """


def texture(name: str, file: Path, more: str = "", st: str = "St") -> str:
    return f"""
        def Shader "{name}" {{ uniform token info:id = "UsdUVTexture"
            asset inputs:file = @{file}@
            float2 inputs:st.connect = </World/Look/{st}.outputs:result>
            {more}
            float3 outputs:rgb
            float outputs:r
            float outputs:a }}
    """


BOUND = "rel material:binding = </World/Look>"
DIFFUSE = "color3f inputs:diffuseColor.connect = </World/Look/Image.outputs:rgb>"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (2, 2), (255, 0, 0)).save(path)
    return path


def textured(path: Path, st: str, picture: Path) -> Path:
    return stage_file(path, quad(f"{BOUND}\n{st}") + material(DIFFUSE, texture("Image", picture)))


@pytest.mark.parametrize(
    ("st", "vertices"),
    [
        (ST, 4),
        (ST.replace("vertex", "faceVarying"), 4),
        ('texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] ( interpolation = "faceVarying" )\n'
         "int[] primvars:st:indices = [0, 1, 2, 3]", 4),
        ('texCoord2f[] primvars:st = [(1, 1), (0, 1), (1, 0), (0, 0)] ( interpolation = "vertex" )\n'
         "int[] primvars:st:indices = [3, 2, 0, 1]", 4),
    ],
    ids=["vertex", "faceVarying", "faceVarying indexed", "vertex indexed"],
)  # fmt: skip
def test_texture_coordinates_follow_their_corners(
    tmp_path: Path, picture: Path, st: str, vertices: int
) -> None:
    mesh = only_mesh(textured(tmp_path, st, picture))
    assert len(mesh.vertices_v3) == vertices
    assert np.array_equal(mesh.uv_v2, mesh.vertices_v3[:, :2])


def test_a_point_with_two_texture_coordinates_is_split(tmp_path: Path, picture: Path) -> None:
    two_faces = quad(
        f"{BOUND}\n"
        "texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (5, 0), (6, 1), (5, 1)]"
        ' ( interpolation = "faceVarying" )'
    )
    two_faces = two_faces.replace("[4]", "[3, 3]").replace("[0, 1, 2, 3]", "[0, 1, 2, 0, 2, 3]")
    mesh = only_mesh(stage_file(tmp_path, two_faces + material(DIFFUSE, texture("Image", picture))))
    assert len(mesh.vertices_v3) == 6
    assert mesh.uv_v2[mesh.faces_f3].tolist() == [[[0, 0], [1, 0], [1, 1]], [[5, 0], [6, 1], [5, 1]]]


def test_uniform_values_belong_to_whole_faces(tmp_path: Path, picture: Path) -> None:
    st = 'texCoord2f[] primvars:st = [(3, 4)] ( interpolation = "uniform" )'
    mesh = only_mesh(textured(tmp_path, st, picture))
    assert mesh.uv_v2.tolist() == [[3, 4]] * 4


def test_missing_texture_coordinates_are_zero_as_usd_says_and_reported(
    tmp_path: Path, picture: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert only_mesh(textured(tmp_path, "", picture)).uv_v2.tolist() == [[0, 0]] * 4
    assert "texture coordinates missing: prim=/World/Quad primvar=st" in caplog.text


def test_contradicting_topology_is_an_error_that_names_the_prim(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="</World/Quad>: face vertex indices reach from 0 to 9"):
        read_stage(stage_file(tmp_path, quad().replace("[0, 1, 2, 3]", "[0, 1, 2, 9]")), None)


def test_subsets_carry_their_own_materials_and_the_rest_keeps_the_meshs(tmp_path: Path) -> None:
    subset = """
        def GeomSubset "Top" ( prepend apiSchemas = ["MaterialBindingAPI"] ) {
            uniform token elementType = "face"
            uniform token familyName = "materialBind"
            int[] indices = [1]
            rel material:binding = </World/Look> }
        color3f[] primvars:displayColor = [(0.25, 0.5, 0.75)]
    """
    body = quad(subset).replace("[4]", "[3, 3]").replace("[0, 1, 2, 3]", "[0, 1, 2, 0, 2, 3]")
    scene = read_stage(stage_file(tmp_path, body + material("float inputs:metallic = 1")), None)
    by_name = {mesh.name: mesh for mesh in scene.meshes}
    top, rest = by_name["/World/Quad/Top"], by_name["/World/Quad"]
    assert scene.surfaces[top.surface].metallic == 1.0
    assert scene.surfaces[rest.surface].diffuse == (0.25, 0.5, 0.75)
    assert corners(top) == [[[0, 0, 0], [1, 1, 0], [0, 1, 0]]]
    assert len(top.vertices_v3) == len(rest.vertices_v3) == 3


# ---- surfaces


def surface(tmp_path: Path, inputs: str, textures: str = "") -> Surface:
    path = stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + material(inputs, textures))
    scene = read_stage(path, None)
    return scene.surfaces[scene.meshes[0].surface]


def test_constant_inputs_are_read_and_absent_ones_have_the_specifications_defaults(tmp_path: Path) -> None:
    got = surface(
        tmp_path,
        "color3f inputs:diffuseColor = (0.1, 0.2, 0.3)\n color3f inputs:emissiveColor = (1, 2, 3)\n"
        "float inputs:roughness = 0.25\n float inputs:opacity = 0.5\n float inputs:ior = 1.25",
    )
    assert got.diffuse == pytest.approx((0.1, 0.2, 0.3))
    assert (got.emissive, got.roughness, got.metallic) == ((1, 2, 3), 0.25, 0.0)
    assert (got.opacity, got.ior, got.normal, got.transparent) == (0.5, 1.25, None, True)


def test_a_texture_is_read_with_its_transform_channel_and_scale(tmp_path: Path, picture: Path) -> None:
    transform = """
        def Shader "Move" { uniform token info:id = "UsdTransform2d"
            float2 inputs:in.connect = </World/Look/St.outputs:result>
            float2 inputs:scale = (2, 4)
            float inputs:rotation = 90
            float2 inputs:translation = (0.5, 0.25)
            float2 outputs:result }
    """
    image = texture(
        "Image", picture, 'token inputs:wrapS = "clamp"\n token inputs:wrapT = "clamp"\n'
        "float4 inputs:scale = (0.5, 0.5, 0.5, 1)", "Move"
    )  # fmt: skip
    got = surface(
        tmp_path,
        f"{DIFFUSE}\nfloat inputs:roughness.connect = </World/Look/Image.outputs:r>",
        transform + image,
    )
    assert (got.diffuse.path, got.diffuse.channel, got.diffuse.colour_space) == (picture, "rgb", "sRGB")
    assert (got.diffuse.scale, got.diffuse.rotation_deg, got.diffuse.translation) == ((2, 4), 90, (0.5, 0.25))
    assert (got.diffuse.wrap, got.diffuse.gain) == ("clamp", (0.5, 0.5, 0.5, 1.0))
    assert (got.roughness.channel, got.roughness.colour_space) == ("r", "raw")


def test_a_normal_map_read_as_2x_minus_1_needs_no_adjustment(tmp_path: Path, picture: Path) -> None:
    usual = "float4 inputs:scale = (2, 2, 2, 1)\n float4 inputs:bias = (-1, -1, -1, 0)"
    flipped = "float4 inputs:scale = (2, -2, 2, 1)\n float4 inputs:bias = (-1, 1, -1, 0)"
    wire = "normal3f inputs:normal.connect = </World/Look/Bumps.outputs:rgb>"
    assert surface(tmp_path, wire, texture("Bumps", picture, usual)).normal.gain == (1, 1, 1, 1)
    assert surface(tmp_path, wire, texture("Bumps", picture)).normal.gain == (1, 1, 1, 1)
    green_down = surface(tmp_path, wire, texture("Bumps", picture, flipped)).normal
    assert (green_down.gain, green_down.bias) == ((1, -1, 1, 1), (0, 1, 0, 0))


def test_a_cut_out_has_an_opacity_texture_and_a_threshold(tmp_path: Path, picture: Path) -> None:
    inputs = "float inputs:opacity.connect = </World/Look/Image.outputs:a>\nfloat inputs:opacityThreshold = 1"
    got = surface(tmp_path, inputs, texture("Image", picture))
    assert got.cutout and not got.transparent and got.opacity.channel == "a"


def test_a_missing_texture_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    with pytest.raises(StageError, match=r"</World/Look> diffuseColor: no texture file .*gone\.png"):
        surface(tmp_path, DIFFUSE, texture("Image", gone))


def test_another_shader_than_usdpreviewsurface_is_refused(tmp_path: Path) -> None:
    body = quad(BOUND) + material("").replace("UsdPreviewSurface", "OmniPBR")
    with pytest.raises(StageError, match="</World/Look>: expected a UsdPreviewSurface, got OmniPBR"):
        read_stage(stage_file(tmp_path, body), None)


def test_equal_materials_are_one_surface(tmp_path: Path) -> None:
    second = quad("rel material:binding = </World/Twin/Look>").replace("Quad", "Other")
    twin = 'def Xform "Twin" {' + material("").replace("/World/Look", "/World/Twin/Look") + "}"
    scene = read_stage(stage_file(tmp_path, quad(BOUND) + second + material("") + twin), None)
    assert len(scene.meshes) == 2 and len(scene.surfaces) == 1


# ---- lights


def test_a_rect_light_folds_its_size_and_the_unit_into_its_placement(tmp_path: Path) -> None:
    light = """
    def RectLight "Panel" {
        float inputs:width = 200
        float inputs:height = 50
        float inputs:intensity = 3
        float inputs:exposure = 2
        color3f inputs:color = (1, 0.5, 0.25)
        double3 xformOp:translate = (0, 0, 300)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
    """
    (got,) = read_stage(stage_file(tmp_path, quad() + light, metres=0.01, right_x=10), None).area_lights
    assert got.shape == "rect" and got.radiance == (12, 6, 3)
    assert (got.to_world @ [0.5, 0.5, 0, 1]).round(9).tolist() == [1, 0.25, 3, 1]


@pytest.mark.parametrize(
    ("light", "area_m2"),
    [
        ('def RectLight "L" { float inputs:width = 2\n float inputs:height = 3\n', 6.0),
        ('def DiskLight "L" { float inputs:radius = 2\n', 4 * np.pi),
        ('def SphereLight "L" { float inputs:radius = 2\n', 16 * np.pi),
    ],
    ids=["rect", "disk", "sphere"],
)
def test_normalize_divides_by_the_lights_area(tmp_path: Path, light: str, area_m2: float) -> None:
    body = quad() + light + "float inputs:intensity = 10\n bool inputs:normalize = 1 }"
    (got,) = read_stage(stage_file(tmp_path, body), None).area_lights
    assert got.radiance[0] == pytest.approx(10 / area_m2)


def test_a_distant_light_shines_along_its_minus_z(tmp_path: Path) -> None:
    sun = """
    def DistantLight "Sun" {
        float inputs:angle = 2
        float inputs:intensity = 5
        bool inputs:normalize = 1
        float xformOp:rotateY = 90
        uniform token[] xformOpOrder = ["xformOp:rotateY"]
    }
    """
    (normalised,) = read_stage(stage_file(tmp_path, quad() + sun), None).parallel_lights
    assert np.allclose(normalised.direction, (-1, 0, 0), atol=1e-7) and normalised.irradiance == (5, 5, 5)
    body = quad() + sun.replace("normalize = 1", "normalize = 0")
    (as_radiance,) = read_stage(stage_file(tmp_path, body), None).parallel_lights
    assert as_radiance.irradiance[0] == pytest.approx(5 * np.pi * np.sin(np.radians(1)) ** 2)


def test_a_light_can_be_coloured_by_temperature(tmp_path: Path) -> None:
    warm = "bool inputs:enableColorTemperature = 1\n float inputs:colorTemperature = 2700"
    body = quad() + f'def SphereLight "L" {{ {warm} }}'
    red, green, blue = read_stage(stage_file(tmp_path, body), None).area_lights[0].radiance
    assert red > 1 > green > blue > 0


@pytest.mark.parametrize(
    ("kind", "up", "pole", "middle"),
    [
        ("DomeLight", "Y", [0, 0, 1], [0, -1, 0]),  # +y of the stage is up in the world, +z is -y
        ("DomeLight", "Z", [0, 1, 0], [0, 0, 1]),  # the old dome's pole is +y even here
        ("DomeLight_1", "Y", [0, 0, 1], [0, -1, 0]),
        ("DomeLight_1", "Z", [0, 0, 1], [0, -1, 0]),
    ],
)
def test_a_domes_pole_and_middle_point_where_usd_says(
    tmp_path: Path, kind: str, up: str, pole: list[float], middle: list[float]
) -> None:
    dome = read_stage(stage_file(tmp_path, quad() + f'def {kind} "Sky" {{}}', up=up), None).dome
    assert (dome.to_world[:3, :3] @ [0, 1, 0]).round(9).tolist() == pole
    assert (dome.to_world[:3, :3] @ [0, 0, 1]).round(9).tolist() == middle
    assert dome.texture is None and dome.radiance == (1, 1, 1)


def test_unsupported_lights_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="</World/Tube>: CylinderLight is not supported"):
        read_stage(stage_file(tmp_path, quad() + 'def CylinderLight "Tube" {}'), None)


# ---- cameras and files


def test_the_rig_of_a_stage_is_read_from_its_cameras_and_accepted_again(tmp_path: Path) -> None:
    path = stage_file(tmp_path, quad())
    rig = rig_of_stage(path, width=64, height=48)
    assert rig.model_dump() == pytest.approx(RIG.model_dump())
    scene = read_stage(path, RIG)
    # at the origin, looking along -z of a z-up stage: down
    assert scene.left_to_world.tolist() == [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline_m": 0.2}, "</World/Rig/Right>: expected at .0.200000, 0.000000, 0.000000. m.*got .0.10"),
        ({"focal_px": 33.0}, "</World/Rig/Left>: expected focal length 33.000000 px, got 32.000000 px"),
        ({"cx_px": 32.0}, "</World/Rig/Left>: expected the principal point .32.000, 25.000. px, got .30.000"),
        ({"height": 64}, "</World/Rig/Left>: expected a vertical aperture of 36 .*, got 27"),
    ],
    ids=["baseline", "focal length", "principal point", "aspect"],
)
def test_cameras_that_are_not_the_rig_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(StageError, match=message):
        read_stage(stage_file(tmp_path, quad()), RIG.model_copy(update=change))


def test_a_right_camera_on_the_wrong_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="expected to the right of"):
        rig_of_stage(stage_file(tmp_path, quad(), right_x=-0.1), width=64, height=48)


def test_a_missing_camera_is_refused_with_the_ones_there_are(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no camera at </Eye>; the stage has /World/Rig/Left, /World/Rig/Ri"):
        read_stage(stage_file(tmp_path, quad()), None, left="/Eye")


def test_an_empty_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no visible geometry"):
        read_stage(stage_file(tmp_path, ""), None)


def test_files_that_are_no_stage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no such stage file"):
        read_stage(tmp_path / "none.usda", None)
    broken = tmp_path / "broken.usda"
    broken.write_text("hello")
    with pytest.raises(StageError, match="cannot be opened as a USD stage"):
        read_stage(broken, None)


def test_a_reference_to_a_missing_file_is_refused(tmp_path: Path) -> None:
    body = quad() + 'def Xform "Gone" ( references = @./gone.usda@ ) {}'
    with pytest.raises(StageError, match=r"does not compose: .*gone\.usda"):
        read_stage(stage_file(tmp_path, body), None)
