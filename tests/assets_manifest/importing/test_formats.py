"""Every format becomes the same thing: metres, z up, front -y, on the floor, over the origin, looks kept."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from pxr import Usd, UsdGeom, UsdShade

from assets_manifest.importing.raw import Limits
from assets_manifest.importing.usd_file import read_usd
from assets_manifest.library import open_library
from tests.assets_manifest.importing.files import brought_in, glb, obj, ply, png, reasons, stl


def only_mesh(library, asset_id):
    path = library.path(asset_id)
    return read_usd(path, path.parent, Limits())


def bounds(raw):
    points = np.concatenate([mesh.points_f33.reshape(-1, 3) for mesh in raw.meshes])
    return points.min(axis=0).round(5).tolist(), points.max(axis=0).round(5).tolist()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "packs"


@pytest.mark.parametrize("write", ["obj", "glb", "ply", "stl", "usda"])
def test_an_object_of_any_format_stands_on_the_floor_over_the_origin_in_metres_with_z_up(
    write, tmp_path, root
):
    folder = tmp_path / "in"
    obj(folder / "box.obj", (2, 3, 1))  # y up: 3 high, 1 deep
    size = {"obj": (2, 1, 3), "glb": (1, 0, 1), "ply": (1, 1, 1), "stl": (1, 0, 1), "usda": (2, 1, 3)}[write]
    if write == "usda":
        brought_in(folder, root)
        stage = Usd.Stage.Open(str(open_library(["mine"], root).path("mine/box")))
        stage.GetRootLayer().Export(str(folder / "box.usda"))
    if write != "obj":
        (folder / "box.obj").unlink()
    if write == "glb":
        glb(folder / "box.glb")
    if write == "ply":
        ply(folder / "box.ply")
    if write == "stl":
        stl(folder / "box.stl", [[(0, 7, 0), (1, 7, 0), (0, 7, 1)], [(1, 7, 0), (1, 7, 1), (0, 7, 1)]])
    report = brought_in(folder, root, force=True)
    assert reasons(report) == {}
    library = open_library(["mine"], root)
    low, high = bounds(only_mesh(library, "mine/box"))
    assert low == [-size[0] / 2, -size[1] / 2, 0] and high == [size[0] / 2, size[1] / 2, size[2]]
    assert library.get("mine/box").size_m == pytest.approx(size)
    assert list(library.verify()) == []
    stage = Usd.Stage.Open(str(library.path("mine/box")))
    assert UsdGeom.GetStageUpAxis(stage) == "Z" and UsdGeom.GetStageMetersPerUnit(stage) == 1


def test_unit_and_up_replace_what_the_files_say(tmp_path, root):
    obj(tmp_path / "in/box.obj", (20, 30, 10))
    brought_in(tmp_path / "in", root, unit="cm", up="z")
    assert open_library(["mine"], root).get("mine/box").size_m == pytest.approx((0.2, 0.3, 0.1))


def test_the_front_of_a_gltf_object_faces_minus_y(tmp_path, root):
    glb(tmp_path / "in/sign.glb")  # its triangles face +z, the front of glTF
    brought_in(tmp_path / "in", root)
    mesh = only_mesh(open_library(["mine"], root), "mine/sign").meshes[0]
    edges = mesh.points_f33[:, 1:] - mesh.points_f33[:, :1]
    assert np.cross(edges[:, 0], edges[:, 1])[:, 1].max() < 0


def test_gltf_materials_keep_their_pictures_their_numbers_and_their_cut_outs(tmp_path, root):
    pbr = {
        "baseColorTexture": {"index": 0},
        "baseColorFactor": [0.5, 1, 1, 1],
        "metallicRoughnessTexture": {"index": 1},
        "roughnessFactor": 0.75,
        "metallicFactor": 0.5,
    }
    material = {
        "name": "leaf",
        "pbrMetallicRoughness": pbr,
        "normalTexture": {"index": 2},
        "alphaMode": "MASK",
        "alphaCutoff": 0.25,
    }
    images = [png(alpha=255), png((0, 99, 33)), png((128, 128, 255))]
    glb(tmp_path / "in/leaf.glb", images=images, material=material)
    report = brought_in(tmp_path / "in", root)
    assert reasons(report) == {}
    library = open_library(["mine"], root)
    asset = library.get("mine/leaf")
    assert len(asset.attachments) == 3 and list(library.verify()) == []
    stage = Usd.Stage.Open(str(library.path("mine/leaf")))
    shader = next(UsdShade.Shader(p) for p in stage.Traverse() if p.GetName() == "Surface")
    sources = {
        name: shader.GetInput(name).GetConnectedSources()[0][0]
        for name in ("diffuseColor", "roughness", "metallic", "normal", "opacity")
    }
    assert {name: str(source.sourceName) for name, source in sources.items()} == {
        "diffuseColor": "rgb",
        "roughness": "g",
        "metallic": "b",
        "normal": "rgb",
        "opacity": "a",
    }
    scales = {
        name: tuple(UsdShade.Shader(sources[name].source).GetInput("scale").Get())
        for name in ("diffuseColor", "roughness")
    }
    assert scales == {"diffuseColor": (0.5, 1, 1, 1), "roughness": (1, 0.75, 0.5, 1)}
    assert shader.GetInput("opacityThreshold").Get() == 0.25
    stored = {path.read_bytes() for path in library.path("mine/leaf").parent.glob("*.png")}
    assert set(images) <= stored  # to the byte


def test_what_was_written_reads_back_as_the_same_material(tmp_path, root):
    material = {"pbrMetallicRoughness": {"metallicRoughnessTexture": {"index": 0}, "roughnessFactor": 0.5}}
    glb(tmp_path / "in/a.glb", images=[png()], material=material)
    brought_in(tmp_path / "in", root)
    found = only_mesh(open_library(["mine"], root), "mine/a").meshes[0].material
    assert (found.roughness, found.metallic, found.metal_rough_map.data) == (0.5, 1.0, png())


def test_the_renderer_reads_imported_materials(tmp_path, root):
    from fsd_gen.usd.flat_scene import Texture
    from fsd_gen.usd.openusd import UsdGeom as Geom
    from fsd_gen.usd.reader.read import read_stage

    pbr = {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": {"index": 0}, "roughnessFactor": 0.5}
    glb(tmp_path / "in/a.glb", images=[png()], material={"pbrMetallicRoughness": pbr})
    brought_in(tmp_path / "in", root)
    stage = Usd.Stage.Open(str(open_library(["mine"], root).path("mine/a")))
    Geom.Camera.Define(stage, "/Camera")
    stage.GetRootLayer().Export(str(root / "mine/objects/a/seen.usda"))
    surface = read_stage(root / "mine/objects/a/seen.usda", None, left="/Camera").surfaces[0]
    assert isinstance(surface.roughness, Texture) and surface.roughness.channel == "g"
    assert surface.roughness.gain[1] == 0.5 and isinstance(surface.diffuse, Texture)


def test_an_obj_keeps_the_pictures_of_its_mtl_wherever_its_paths_led(tmp_path, root):
    folder = tmp_path / "in"
    obj(folder / "meshes/model.obj", uv=True, head="mtllib model.mtl\nusemtl red")
    (folder / "meshes/model.mtl").write_text("newmtl red\nKd 1 1 1\nmap_Kd -s 2 2 1 C:\\old\\my red.png\n")
    (folder / "textures").mkdir()
    (folder / "textures/My Red.png").write_bytes(png())
    assert reasons(brought_in(folder, root)) == {}
    asset = open_library(["mine"], root).get("mine/meshes/model")
    assert asset.attachments[0][0].endswith("My_Red.png") and "textured" in asset.tags


def test_a_mesh_without_coordinates_is_taken_and_can_be_retextured(tmp_path, root):
    obj(tmp_path / "in/box.obj")
    brought_in(tmp_path / "in", root)
    stage = Usd.Stage.Open(str(open_library(["mine"], root).path("mine/box")))
    mesh = next(prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh))
    assert UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st_box").HasValue()


def test_colours_of_points_become_one_which_is_said(tmp_path, root):
    (tmp_path / "in").mkdir()
    ply(tmp_path / "in/scan.ply", colors=True)
    report = brought_in(tmp_path / "in", root)
    assert "their mean" in report.entered[0].notes[0]
    assert only_mesh(open_library(["mine"], root), "mine/scan").meshes[0].material.color == (1, 0, 0)


@pytest.mark.parametrize("material", [{}, {"pbrMetallicRoughness": {"baseColorFactor": [0.5, 1, 1, 1]}}])
def test_colours_of_a_glbs_vertices_become_their_mean_by_which_the_material_is_multiplied(
    material, tmp_path, root
):
    red_and_green = np.array([[255, 0, 0, 255], [255, 255, 0, 255]] * 2, np.uint8).tobytes()
    path = glb(tmp_path / "in/scan.glb", material=material, images=(red_and_green,))
    rewrite_glb(path, colors_in_view=3)
    report = brought_in(tmp_path / "in", root)
    assert "their mean" in report.entered[0].notes[0]
    color = only_mesh(open_library(["mine"], root), "mine/scan").meshes[0].material.color
    red = 0.5 if material else 1.0
    assert color == pytest.approx((red, 0.5, 0), abs=1e-3)


def rewrite_glb(path, *, colors_in_view: int) -> None:
    """Let what was written as a picture be the colours of the vertices."""
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    tree = json.loads(data[20 : 20 + length])
    for unused in ("images", "textures"):
        del tree[unused]
    tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = len(tree["accessors"])
    accessor = {"bufferView": colors_in_view, "componentType": 5121, "normalized": True}
    tree["accessors"].append({**accessor, "count": 4, "type": "VEC4"})
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(data) - 20 - length, len(text), b"JSON")
    path.write_bytes(head + text + data[20 + length :])


def test_a_mirrored_node_keeps_its_outside_outside(tmp_path, root):
    glb(tmp_path / "in/a.glb", node={"scale": [-1, 1, 1]})
    brought_in(tmp_path / "in", root)
    mesh = only_mesh(open_library(["mine"], root), "mine/a").meshes[0]
    edges = mesh.points_f33[:, 1:] - mesh.points_f33[:, :1]
    assert np.cross(edges[:, 0], edges[:, 1])[:, 1].max() < 0


def test_a_large_picture_is_made_smaller_and_that_is_said(tmp_path, root):
    pbr = {"baseColorTexture": {"index": 0}}
    glb(tmp_path / "in/a.glb", images=[png(size=(5000, 2))], material={"pbrMetallicRoughness": pbr})
    report = brought_in(tmp_path / "in", root)
    assert "became at most 4096 pixels" in report.entered[0].notes[0]
