from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdShade

from assets_manifest.meshes.parts import MeshPart
from assets_manifest.packs.sweethome3d.convert import UnusableModelError, convert_model, corner_frames
from tests.assets_manifest.packs.sweethome3d.furniture import (
    cube_model,
    write_library,
)


def convert(tmp_path: Path, **changes: object) -> tuple[Usd.Stage, list[MeshPart]]:
    library = write_library(tmp_path)
    model = cube_model(**changes)
    converted = convert_model(model, library, tmp_path / "out")
    return Usd.Stage.Open(str(converted.usd)), converted.parts


def meshes(stage: Usd.Stage) -> list[UsdGeom.Mesh]:
    return [UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]


def shader_of(mesh: UsdGeom.Mesh) -> UsdShade.Shader:
    return UsdShade.MaterialBindingAPI(mesh.GetPrim()).ComputeBoundMaterial()[0].ComputeSurfaceSource()[0]


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
    assert paint.GetInput("roughness").Get() == pytest.approx(0.447, abs=1e-3)
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


TRIANGLE = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
UV = np.array([[[0.0, 0], [1, 0], [0, 1]]])


def test_corners_that_change_places_take_normals_and_texture_coordinates_along() -> None:
    """A triangle wound against its normals is turned round: every corner keeps what is its own."""
    down = np.array([[[0.1, 0, -1], [0, 0.1, -1], [0, 0, -1.0]]])
    points, normals, uv = corner_frames(TRIANGLE, down, UV)
    assert points.tolist() == [[[0, 0, 0], [0, 1, 0], [1, 0, 0]]]
    assert normals.tolist() == down[:, [0, 2, 1]].tolist()
    assert (uv == points[:, :, :2]).all()
    unchanged = corner_frames(TRIANGLE, -down, UV)
    assert (unchanged[0] == TRIANGLE).all() and (unchanged[2] == UV).all()


def texture_at(stage: Usd.Stage, x: float) -> list[float]:
    """Texture coordinates of the front's corners at this x, from below upwards."""
    front = meshes(stage)[1]
    points = np.array(front.GetPointsAttr().Get())
    st = np.array(UsdGeom.PrimvarsAPI(front).GetPrimvar("st").Get())
    rows = np.flatnonzero(np.isclose(points[:, 0], x))
    return st[rows[np.argsort(points[rows, 2])]].ravel().tolist()


def test_the_picture_lies_on_the_front_as_the_file_has_it_also_when_wound_backwards(tmp_path: Path) -> None:
    """The catalogue's mirroring turns every triangle round."""
    stage, _ = convert(tmp_path / "plain")
    assert texture_at(stage, -0.6) == [0, 0, 0, 1] and texture_at(stage, 0.6) == [1, 0, 1, 1]
    mirrored, _ = convert(tmp_path / "mirrored", rotation=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    assert texture_at(mirrored, 0.6) == [0, 0, 0, 1] and texture_at(mirrored, -0.6) == [1, 0, 1, 1]


def test_a_coat_of_lacquer_is_written(tmp_path: Path) -> None:
    stage, _ = convert(tmp_path, category="Vehicles")  # the cube's sides are called `paint`
    paint, front = (shader_of(mesh) for mesh in meshes(stage))
    assert paint.GetInput("clearcoat").Get() == 1.0 and not front.GetInput("clearcoat")
