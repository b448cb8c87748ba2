from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Usd, UsdGeom

from assets_manifest.exr import ExrError, read_exr, write_exr
from assets_manifest.library import AssetLibrary, Pack
from assets_manifest.meshes.parts import triangle_areas
from assets_manifest.packs.builtin import pack as builtin
from assets_manifest.packs.builtin.objects import OBJECTS
from assets_manifest.packs.builtin.patterns import normal_map
from assets_manifest.packs.builtin.shapes import (
    Soup,
    box,
    cone,
    cylinder,
    extruded,
    gear_outline,
    heart_outline,
    icosphere,
    revolved,
    rock,
    sphere,
    spring,
    star_outline,
    superquadric,
    torus,
    torus_knot,
)
from assets_manifest.packs.builtin.skies import SKIES, directions, render_sky
from assets_manifest.packs.builtin.textures import TEXTURES


def volume(soup: Soup) -> float:
    """Of a closed soup; negative where the triangles face inwards."""
    a, b, c = soup.points_f33.transpose(1, 0, 2)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def open_edges(soup: Soup) -> int:
    """Edges that no other triangle runs along in the opposite direction."""
    corners = [[tuple(point) for point in triangle] for triangle in soup.points_f33.round(6).tolist()]
    edges = [(a[i], a[(i + 1) % 3]) for a in corners for i in range(3)]
    left = set(edges)
    return sum((end, start) not in left for start, end in edges)


@pytest.mark.parametrize(
    ("soup", "expected"),
    [
        (box(1, 2, 3), 6.0),
        (cylinder(1, 1), np.pi),
        (cone(1, 3), np.pi),
        (sphere(1), 4 / 3 * np.pi),
        (icosphere(1, 3), 4 / 3 * np.pi),
        (torus(1, 0.2), 2 * np.pi**2 * 0.04),
        (extruded([(0, 0), (2, 0), (2, 2), (1, 1), (0, 2)], 2), 6.0),
    ],
)
def test_a_shape_is_closed_and_has_its_volume(soup: Soup, expected: float) -> None:
    assert volume(soup) == pytest.approx(expected, rel=0.02)
    assert open_edges(soup) == 0


@pytest.mark.parametrize(
    "soup",
    [
        superquadric(1, 0.3, 0.3),
        superquadric(1, 2.4, 1.0),
        superquadric(1, 0.3, 0.06),
        rock(1, 3),
        torus_knot(2, 3, 1, 0.2),
        extruded(star_outline(5, 1, 0.5), 1),
        extruded(gear_outline(8, 1, 0.8), 1),
        extruded(heart_outline(1), 1),
    ],
)
def test_a_free_form_is_closed_and_faces_outwards(soup: Soup) -> None:
    assert volume(soup) > 0 and open_edges(soup) == 0


def test_an_open_tube_faces_outwards() -> None:
    assert volume(spring(3, 1, 2, 0.1)) > 0


def test_an_open_profile_has_two_open_rings() -> None:
    assert open_edges(revolved([(1, 0), (1, 1)], 16)) == 32


@pytest.mark.parametrize("name", sorted(n for n, spec in TEXTURES.items() if "painting" not in spec.tags))
def test_a_texture_repeats_without_a_seam(name: str) -> None:
    image = TEXTURES[name].pattern(128, builtin._rng(name)).mean(axis=2)
    for axis in (0, 1):
        steps = np.abs(np.diff(image, axis=axis)).mean(axis=1 - axis)
        seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
        assert seam <= 1.05 * steps.max() + 1e-9


def test_a_slope_up_to_the_right_has_normals_to_the_left() -> None:
    heights = np.tile(np.abs(np.arange(8) - 4.0), (8, 1))
    normals = normal_map(heights, 1.0)
    assert (normals[:, 6, 0] < 0.5).all() and (normals[:, 2, 0] > 0.5).all()
    assert normals[:, :, 1] == pytest.approx(0.5)


def test_green_points_to_the_top_row() -> None:
    heights = np.tile(np.abs(np.arange(8) - 4.0)[:, None], (1, 8))
    assert (normal_map(heights, 1.0)[6, :, 1] > 0.5).all()


@pytest.mark.parametrize("height", [64, 192])
def test_the_sun_carries_its_irradiance_at_any_resolution(height: int) -> None:
    sky = SKIES["sky_noon"]
    without = render_sky(replace(sky, sun_irradiance=(0.0, 0.0, 0.0)), height)
    solid_angle = (np.pi / height) ** 2 * np.hypot(*directions(height)[:, :, :2].transpose(2, 0, 1))
    extra = ((render_sky(sky, height) - without) * solid_angle[:, :, None]).sum(axis=(0, 1))
    assert extra == pytest.approx(sky.sun_irradiance, rel=1e-3)


def test_an_exr_reads_back_what_was_written(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((4, 8, 3)).astype(np.float32) * 1e5
    write_exr(tmp_path / "a.exr", image)
    assert np.array_equal(read_exr(tmp_path / "a.exr"), image)


@pytest.mark.parametrize("value", [-1e-6, np.nan, np.inf])
def test_impossible_radiance_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ExrError, match="finite"):
        write_exr(tmp_path / "a.exr", np.full((2, 4, 3), value, np.float32))
    assert not list(tmp_path.iterdir())


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
