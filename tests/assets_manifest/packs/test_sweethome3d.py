from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Gf, Usd, UsdGeom, UsdShade

from assets_manifest.meshes.flat_tops import find_flat_top
from assets_manifest.meshes.load import MtlMaterial
from assets_manifest.meshes.parts import MeshPart, Surface, indexed_part, smooth_normals, weld
from assets_manifest.meshes.textures import store_texture
from assets_manifest.packs.builtin.shapes import box
from assets_manifest.packs.sweethome3d.catalogue import CatalogueError, CatalogueModel, read_catalogue
from assets_manifest.packs.sweethome3d.convert import (
    UnusableModelError,
    convert_model,
    srgb_to_linear,
    surface_of,
)
from assets_manifest.packs.sweethome3d.pack import Job, convert_all, convert_one
from assets_manifest.packs.sweethome3d.tags import tags_of

CUBE = """mtllib cube.mtl
v -1 -1 -1
v 1 -1 -1
v 1 1 -1
v -1 1 -1
v -1 -1 1
v 1 -1 1
v 1 1 1
v -1 1 1
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl paint
f 1/1 4/4 3/3 2/2
f 1/1 2/2 6/3 5/4
f 3/1 4/2 8/3 7/4
f 1/1 5/2 8/3 4/4
f 2/1 3/2 7/3 6/4
usemtl front
f 5/1 6/2 7/3 8/4
"""
MATERIALS = """newmtl paint
Kd 0.5 0.5 0.5
Ks 0.5 0.5 0.5
Ns 48
newmtl front
Kd 1 1 1
map_Kd C:\\Textures\\FRONT.PNG
"""
CATALOGUE = """id=Demo
name=Demo library
name#1=Caf\\u00e9 table
category#1=Living room
model#1=/demo/cube/cube.obj
width#1=120.0
depth#1=60
height#1=75
elevation#1=10
creator#1=Ada Lovelace
"""


def write_library(folder: Path, *, texture: bool = True, catalogue: str = CATALOGUE) -> Path:
    library = folder / "Demo"
    (library / "demo/cube").mkdir(parents=True)
    (library / "demo/cube/cube.obj").write_text(CUBE)
    (library / "demo/cube/cube.mtl").write_text(MATERIALS)
    if texture:
        Image.new("RGB", (4, 4), (200, 10, 10)).save(library / "demo/cube/front.png")
    (library / "PluginFurnitureCatalog.properties").write_text(catalogue, encoding="latin-1")
    return library


def convert(tmp_path: Path, **changes: object) -> tuple[Usd.Stage, list[MeshPart]]:
    library = write_library(tmp_path)
    model = cube_model(**changes)
    converted = convert_model(model, library, tmp_path / "out")
    return Usd.Stage.Open(str(converted.usd)), converted.parts


def cube_model(**changes: object) -> CatalogueModel:
    values = {
        "library": "Demo",
        "key": "cube",
        "name": "Table",
        "category": "Living room",
        "model": "demo/cube/cube.obj",
        "width_m": 1.2,
        "depth_m": 0.6,
        "height_m": 0.75,
        "drop_on_top_m": 0.75,
    }
    return CatalogueModel(**(values | changes))


def meshes(stage: Usd.Stage) -> list[UsdGeom.Mesh]:
    return [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]


def shader_of(mesh: UsdGeom.Mesh) -> UsdShade.Shader:
    return UsdShade.MaterialBindingAPI(mesh.GetPrim()).ComputeBoundMaterial()[0].ComputeSurfaceSource()[0]


def test_a_catalogue_entry_is_read(tmp_path: Path) -> None:
    (model,) = read_catalogue(write_library(tmp_path))
    assert (model.key, model.name, model.library) == ("cube", "Café table", "Demo")
    assert (model.width_m, model.depth_m, model.height_m, model.elevation_m) == (1.2, 0.6, 0.75, 0.1)
    assert model.drop_on_top_m == 0.75


def test_an_entry_without_a_size_is_refused(tmp_path: Path) -> None:
    library = write_library(tmp_path, catalogue=CATALOGUE.replace("width#1=120.0\n", ""))
    with pytest.raises(CatalogueError, match="entry 1 has no width"):
        read_catalogue(library)


def test_the_stage_is_metric_and_z_up_with_one_default_prim(tmp_path: Path) -> None:
    stage, _ = convert(tmp_path)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert stage.GetDefaultPrim().GetPath() == "/Object"


def test_each_axis_has_exactly_the_catalogue_size_and_the_object_stands_on_the_ground(tmp_path: Path) -> None:
    stage, _ = convert(tmp_path)
    points = np.concatenate([np.array(mesh.GetPointsAttr().Get()) for mesh in meshes(stage)])
    assert points.min(axis=0) == pytest.approx([-0.6, -0.3, 0.0], abs=1e-7)
    assert points.max(axis=0) == pytest.approx([0.6, 0.3, 0.75], abs=1e-7)


def test_the_front_of_the_file_faces_minus_y(tmp_path: Path) -> None:
    stage, _ = convert(tmp_path)
    front = meshes(stage)[1]
    assert np.array(front.GetPointsAttr().Get())[:, 1] == pytest.approx([-0.3] * 4)
    assert np.array(front.GetNormalsAttr().Get()).tolist() == [[0, -1, 0]] * 4


def test_a_model_rotation_turns_the_file_before_scaling(tmp_path: Path) -> None:
    stage, _ = convert(tmp_path, rotation=(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0))
    front = np.array(meshes(stage)[1].GetPointsAttr().Get())
    assert front[:, 0] == pytest.approx([0.6] * 4)


def test_materials_are_linear_rough_and_textured(tmp_path: Path) -> None:
    stage, _ = convert(tmp_path)
    paint, front = (shader_of(mesh) for mesh in meshes(stage))
    assert paint.GetInput("diffuseColor").Get() == pytest.approx(Gf.Vec3f(0.2140411))
    assert paint.GetInput("roughness").Get() == pytest.approx(0.2)
    assert paint.GetInput("metallic").Get() == 0.0
    source = UsdShade.Shader(front.GetInput("diffuseColor").GetConnectedSource()[0])
    assert source.GetIdAttr().Get() == "UsdUVTexture"
    assert source.GetInput("sourceColorSpace").Get() == "sRGB"
    asset = source.GetInput("file").Get()
    assert asset.path == "./front.png" and Path(asset.resolvedPath) == tmp_path / "out/front.png"


def test_faces_without_area_are_dropped_and_flat_sides_stay_flat(tmp_path: Path) -> None:
    library = write_library(tmp_path)
    with open(library / "demo/cube/cube.obj", "a") as file:
        file.write("f 1/1 1/1 2/2\n")
    parts = convert_model(cube_model(), library, tmp_path / "out").parts
    assert sum(part.triangle_count for part in parts) == 12
    assert np.abs(np.concatenate([part.normals_n3 for part in parts])).max(axis=1) == pytest.approx(1.0)


def test_a_model_that_wants_a_missing_texture_is_refused(tmp_path: Path) -> None:
    library = write_library(tmp_path, texture=False)
    with pytest.raises(UnusableModelError, match="22% of its surface wants the missing texture"):
        convert_model(cube_model(), library, tmp_path / "out")


def test_a_paper_thin_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableModelError, match="paper-thin"):
        convert(tmp_path, depth_m=0.001)


def test_glass_is_half_open_and_never_metal() -> None:
    surface = surface_of(MtlMaterial(name="g", specular=(1.0, 1.0, 1.0), shininess=1e6, opacity=0.25), None)
    assert (surface.opacity, surface.ior, surface.metallic, surface.roughness) == (0.25, 1.5, 0.0, 0.08)


def test_srgb_ends_and_middle() -> None:
    assert [srgb_to_linear(v) for v in (0.0, 1.0, 2.0)] == [0.0, 1.0, 1.0]
    assert srgb_to_linear(0.5) == pytest.approx(0.21404, abs=1e-5)


def test_alpha_is_a_cutout_a_veil_or_nothing(tmp_path: Path) -> None:
    def stored(name: str, alpha: np.ndarray) -> object:
        pixels = np.dstack([np.full((8, 8, 3), 90, np.uint8), alpha.astype(np.uint8)])
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        return store_texture(tmp_path / f"{name}.png", None, tmp_path / "out")

    checker = 255 * (np.indices((8, 8)).sum(axis=0) % 2)
    leaf, veil, solid = (
        stored("leaf", checker),
        stored("veil", np.full((8, 8), 102)),
        stored("solid", checker | 255),
    )
    assert leaf.cutout and leaf.mean_alpha is None
    assert not veil.cutout and veil.mean_alpha == pytest.approx(0.4)
    assert not solid.cutout and solid.mean_alpha is None


def test_an_unreadable_texture_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    assert store_texture(tmp_path / "a.png", None, tmp_path / "out") is None


def part_of(*boxes: tuple[tuple[float, float, float], tuple[float, float, float]]) -> list[MeshPart]:
    parts = []
    for size, at in boxes:
        soup = box(*size).moved(*at)
        places = weld(soup.points_f33.reshape(-1, 3), 1e-6).reshape(-1, 3)
        normals = smooth_normals(soup.points_f33, places)
        parts.append(indexed_part("p", Surface(name="p"), soup.points_f33, normals, soup.uv_f32))
    return parts


def test_the_free_top_of_a_desk_ends_where_its_screen_stands() -> None:
    top = find_flat_top(part_of(((1.6, 0.8, 0.7), (0, 0, 0)), ((1.6, 0.2, 0.4), (0, 0.3, 0.7))))
    assert top is not None and top.height_m == pytest.approx(0.7, abs=1e-3)
    assert top.rect_m == pytest.approx((-0.8, -0.4, 0.8, 0.2), abs=0.03)


def test_the_hint_finds_a_lower_top_that_is_larger() -> None:
    parts = part_of(((1.0, 0.4, 0.5), (0, 0.0, 0)), ((0.3, 0.4, 1.2), (0.65, 0, 0)))
    top = find_flat_top(parts, hint_m=0.5)
    assert top is not None and top.height_m == pytest.approx(0.5, abs=1e-3)


def test_tags_say_how_a_thing_may_be_placed() -> None:
    def tags(**changes: object) -> set[str]:
        model = cube_model(**changes)
        parts = part_of(((model.width_m, model.depth_m, model.height_m), (0, 0, 0)))
        return set(tags_of(model, parts, find_flat_top(parts)))

    assert {"indoor", "living", "floor", "table", "support"} <= tags()
    cup = tags(name="Coffee cup", category="Kitchen", width_m=0.1, depth_m=0.1, height_m=0.1)
    assert {"indoor", "kitchen", "tabletop"} == cup
    assert "ceiling" in tags(name="Ceiling lamp", category="Lights", light=True)
    assert {"wall", "kitchen"} <= tags(name="Upper cabinet", category="Kitchen", elevation_m=1.45)
    assert tags(name="Oak", category="Exterior") == {"outdoor"}
    assert "door_window" in tags(name="Door", door_or_window=True)
    assert {"floor", "seat"} <= tags(name="Winchester sofa") and "support" not in tags(name="Winchester sofa")
    assert "flat" in tags(name="Parking slot", category="Exterior", height_m=0.01)


def job(tmp_path: Path, **changes: object) -> Job:
    return Job(
        model=cube_model(**changes),
        library_folder=tmp_path / "Demo",
        pack_folder=tmp_path / "pack",
        note=tmp_path / "notes/cube.json",
    )


def test_a_converted_model_becomes_a_record_with_its_texture(tmp_path: Path) -> None:
    write_library(tmp_path)
    record = convert_one(job(tmp_path)).asset
    assert record is not None and record.id == "sweethome3d/Demo/cube"
    assert record.size_m == (1.2, 0.6, 0.75) and record.triangles == 12 and record.top_m == 0.75
    assert record.attachments[0][0] == "objects/Demo/cube/front.png"
    assert (tmp_path / "pack" / record.uri).is_file()


def test_a_refused_model_leaves_its_reason_and_no_files(tmp_path: Path) -> None:
    write_library(tmp_path, texture=False)
    outcome = convert_one(job(tmp_path))
    assert outcome.asset is None and "front.png" in (outcome.skipped or "").lower()
    assert not (tmp_path / "pack/objects/Demo/cube").exists()


def test_a_model_with_a_note_is_not_converted_again(tmp_path: Path) -> None:
    write_library(tmp_path)
    first = convert_one(job(tmp_path))
    (tmp_path / "Demo/demo/cube/cube.obj").unlink()
    again = convert_all([job(tmp_path)], lambda *_: None, processes=1)
    assert again == {"sweethome3d/Demo/cube": first}
