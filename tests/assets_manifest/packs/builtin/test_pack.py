from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Usd, UsdGeom

from assets_manifest.library import AssetLibrary, Pack
from assets_manifest.meshes.parts import triangle_areas
from assets_manifest.packs.builtin import pack as builtin
from assets_manifest.packs.builtin.objects import OBJECTS
from assets_manifest.packs.builtin.textures import TEXTURES


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and small files, made by the same code."""
    monkeypatch.setattr(builtin, "TEXTURE_SIZE", 32)
    monkeypatch.setattr(builtin, "SKY_HEIGHT", 16)
    monkeypatch.setattr(builtin, "ROOM_HEIGHT", 16)
    chosen = ("table_dining", "shelf_books", "plant_tall", "shape_knot_2_3")
    monkeypatch.setattr(builtin, "OBJECTS", {name: OBJECTS[name] for name in chosen})


def build(folder: Path) -> tuple[Pack, AssetLibrary]:
    folder.mkdir()
    pack = builtin.build(folder, lambda *_: None)
    return pack, AssetLibrary([(pack, folder)])


def test_two_builds_have_one_digest_and_hold_what_they_say(small: None, tmp_path: Path) -> None:
    (_, first), (_, second) = build(tmp_path / "a"), build(tmp_path / "b")
    assert first.digest() == second.digest()
    assert list(first.verify()) == []


def test_the_dining_table_carries_things_at_its_height(small: None, tmp_path: Path) -> None:
    pack, library = build(tmp_path / "a")
    table = library.get("builtin/table_dining")
    assert table.size_m == pytest.approx((1.6, 0.9, 0.75))
    assert table.top_m == pytest.approx(0.75, abs=1e-3) and "support" in table.tags
    assert table.attachments[0][0] == "textures/wood_oak.png"


def test_every_object_can_be_made_stands_on_the_ground_and_knows_its_place() -> None:
    for name, spec in OBJECTS.items():
        parts = builtin.assemble(spec.make())
        points = np.concatenate([part.points_n3 for part in parts])
        assert points[:, 2].min() == pytest.approx(0, abs=1e-6), name
        assert (points.min(axis=0) + points.max(axis=0))[:2] == pytest.approx([0, 0], abs=1e-5), name
        assert all(np.isfinite(part.normals_n3).all() for part in parts), name
        if "indoor" in spec.tags:
            assert len({"floor", "wall", "ceiling", "tabletop"} & set(spec.tags)) == 1, name
        for part in parts:
            texture = part.surface.color_texture
            assert texture is None or Path(texture).stem in TEXTURES, name


def test_textures_of_objects_are_found_from_the_usd_file(small: None, tmp_path: Path) -> None:
    _, library = build(tmp_path / "a")
    stage = Usd.Stage.Open(str(library.path("builtin/table_dining")))
    files = [
        value.resolvedPath
        for prim in stage.Traverse()
        for attribute in prim.GetAttributes()
        if hasattr(value := attribute.Get(), "resolvedPath")
    ]
    assert files and all(Image.open(file).size == (32, 32) for file in files)


def test_box_coordinates_are_metres(small: None, tmp_path: Path) -> None:
    _, library = build(tmp_path / "a")
    stage = Usd.Stage.Open(str(library.path("builtin/table_dining")))
    mesh = next(prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh))
    points = np.array(UsdGeom.Mesh(mesh).GetPointsAttr().Get())
    corners = points[np.array(UsdGeom.Mesh(mesh).GetFaceVertexIndicesAttr().Get())].reshape(-1, 3, 3)
    flat = np.array(UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st_box").Get()).reshape(-1, 3, 2)
    raised = np.concatenate([flat, np.zeros((len(flat), 3, 1))], axis=2)
    assert triangle_areas(raised) == pytest.approx(triangle_areas(corners), rel=1e-4)
