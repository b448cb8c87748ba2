"""Meshes, solids and instances of a stage become world triangles with their attributes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.reader import read_stage
from tests.fsd_gen.usd.reader.stages import (
    BOUND,
    DIFFUSE,
    ST,
    corners,
    material,
    moved,
    only_mesh,
    quad,
    stage_file,
    texture,
)


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


def test_subdivision_surfaces_are_said_to_be_drawn_as_their_cages_once_for_a_stage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, scheme = quad(), 'uniform token subdivisionScheme = "none"'
    unauthored = plain.replace(scheme, "").replace("Quad", "First")
    loop = plain.replace("none", "loop").replace("Quad", "Second")
    read_stage(stage_file(tmp_path, plain + unauthored + loop), None)
    (warning,) = (r.getMessage() for r in caplog.records if "control cages" in r.getMessage())
    assert "meshes=2 first=/World/First; author subdivisionScheme = none" in warning


def test_a_stage_of_polygons_is_read_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_stage(stage_file(tmp_path, quad()), None)
    assert not caplog.records
