"""What the parts of an asset are made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets_manifest.derived import parts as module
from assets_manifest.derived.parts import find_parts, luminous, parts
from assets_manifest.meshes.errors import MeshError
from assets_manifest.meshes.parts import MeshPart, Surface
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.meshes.usd_surfaces import MeshSurface, read_surfaces
from assets_manifest.records import Asset

SQUARE = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], np.float32)
WHITE = (0.8, 0.8, 0.8)
BROWN, BLUE, GREEN = (0.2, 0.09, 0.03), (0.05, 0.1, 0.5), (0.05, 0.3, 0.05)


def asset(title="Thing", *tags):
    return Asset(
        id="own/thing", kind="object", uri="t.usdc", sha256="c" * 64, licence="CC0-1.0", author="", source="",
        title=title, tags=tags,
    )  # fmt: skip


def surface(
    name="part_000_x", *, texture=None, colour=BLUE, opacity=1.0, area=1.0, metallic=0.0, cutout=False
):
    return MeshSurface(
        name=name, material="", texture=texture, colour=colour, opacity=opacity, cutout=cutout,
        roughness=0.5, metallic=metallic, area_m2=area,
    )  # fmt: skip


def stuff_of(asset_, *surfaces):
    return [part.stuff for part in find_parts(asset_, surfaces)]


@pytest.mark.parametrize(
    ("name", "stuff"),
    [
        ("part_001_bois_clair", "wood"),
        ("part_001_madera_002", "wood"),
        ("part_001_whitePlastic", "plastic"),
        ("part_001_blackmetal", "metal"),
        ("part_001_Chrome_Writing", "metal"),
        ("part_001_tissu", "fabric"),
        ("part_001_cuir", "leather"),
        ("part_001_miroir", "mirror"),
        ("part_001_vidro_black", "glass"),
        ("part_001_verre", "glass"),
        ("part_001_espejo", "mirror"),
        ("part_001_white_no_reflection", "plastic"),
        ("part_001_fayence", "ceramic"),
        ("part_001_feuille", "plant"),
        ("part_001_papel", "paper"),
        ("part_001_LCD", "screen"),
        ("part_001_tvblack", "screen"),
        ("part_001_cushion", "fabric"),
        ("part_001_handle", "metal"),
        ("part_001_RL_Skin02", "other"),
        ("Body/Legs/part_001_Oak", "wood"),
    ],
)
def test_names_tell_in_several_languages(name, stuff):
    assert stuff_of(asset(), surface(name)) == [stuff]


def test_what_lets_light_through_is_glass_unless_its_name_says_otherwise():
    assert stuff_of(asset(), surface(opacity=0.3)) == ["glass"]
    assert stuff_of(asset(), surface("part_000_clear_plastic", opacity=0.3)) == ["plastic"]


def test_where_names_say_nothing_colour_and_title_tell():
    assert stuff_of(asset(), surface(colour=BROWN)) == ["wood"]
    assert stuff_of(asset("Corner sofa"), surface(colour=BROWN)) == ["fabric"]
    assert stuff_of(asset("Corner sofa"), surface()) == ["fabric"]
    assert stuff_of(asset("Washbasin"), surface()) == ["ceramic"]
    assert stuff_of(asset("Fern", "plant"), surface(colour=GREEN)) == ["plant"]
    assert stuff_of(asset(), surface(metallic=1.0)) == ["metal"]
    assert stuff_of(asset("Woman", "character"), surface()) == ["other"]


def test_a_small_part_is_not_what_the_whole_asset_is():
    assert stuff_of(asset("Corner sofa"), surface(area=10), surface(area=0.1)) == ["fabric", "plastic"]


def test_a_lampshade_is_no_screen():
    assert stuff_of(asset("Lamp", "lamp"), surface("part_000_pantalla")) == ["fabric"]


def picture(path, *colours):
    strips = [np.full((32, 64 // len(colours), 3), colour, np.uint8) for colour in colours]
    Image.fromarray(np.concatenate(strips, axis=1)).save(path)
    return path


def test_a_plain_texture_is_the_wood_of_a_table_and_an_atlas_is_left_alone(tmp_path):
    plain, atlas = (
        picture(tmp_path / "a.png", (120, 80, 40)),
        picture(tmp_path / "b.png", (0, 0, 0), (255,) * 3),
    )
    assert stuff_of(asset("Table"), surface(texture=plain), surface(texture=atlas)) == ["wood", "other"]
    (part,) = find_parts(asset(), [surface(texture=plain)])
    assert part.textured and part.colour == pytest.approx((0.1878, 0.0802, 0.0212), abs=1e-3)


def test_a_texture_that_cannot_be_read_is_left_alone(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert stuff_of(asset("Table"), surface(texture=tmp_path / "bad.png")) == ["other"]


def mesh(name, **look):
    return MeshPart(
        name=name,
        surface=Surface(name=f"look of {name}", **look),
        points_n3=SQUARE,
        normals_n3=np.tile(np.float32([0, 0, 1]), (4, 1)),
        triangles_f3=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        uv_n2=None,
    )


@pytest.fixture
def usd(tmp_path):
    picture(tmp_path / "oak.png", (120, 80, 40))
    path = tmp_path / "t.usdc"
    write_object_usd(path, [mesh("top", color_texture="oak.png"), mesh("pane", opacity=0.25)])
    return path


def test_a_file_is_read_mesh_by_mesh(usd):
    top, pane = read_surfaces(usd)
    assert top.name == "part_000_top" and top.texture == usd.parent / "oak.png"
    assert top.area_m2 == pytest.approx(2.0) and not top.cutout
    assert pane.opacity == 0.25 and pane.texture is None and pane.material.endswith("look_of_pane")


def panel(name, *corners):
    """Two triangles, counter-clockwise from where they are seen."""
    points = np.array(corners, np.float32)
    return dataclasses.replace(mesh(name), points_n3=points, normals_n3=np.zeros_like(points) + [0, 0, 1])


def test_a_part_knows_where_a_picture_goes_on_the_side_that_it_faces(tmp_path):
    """s runs to the right and t upwards for whoever looks at it."""
    front = panel("front", (0, 0, 1), (2, 0, 1), (2, 0, 4), (0, 0, 4))
    behind = panel("behind", (2, 5, 1), (0, 5, 1), (0, 5, 4), (2, 5, 4))
    left = panel("left", (0, 2, 0), (0, 0, 0), (0, 0, 1), (0, 2, 1))
    top = panel("top", (0, 0, 9), (2, 0, 9), (2, 3, 9), (0, 3, 9))
    path = tmp_path / "t.usdc"
    write_object_usd(path, [front, behind, left, top])
    found = parts(asset(), path, tmp_path)
    faces = [(0, 1, 2, 4), (-2, 1, 0, 4), (-2, 0, 0, 1), (0, 0, 2, 3)]
    assert [part.face for part in found] == faces
    parts.cache_clear()
    assert parts(asset(), path, tmp_path) == found


def test_a_box_shows_its_picture_in_front(tmp_path):
    front, behind = ([(0, y, 0), (1, y, 0), (1, y, 1), (0, y, 1)][:: 1 if y == 0 else -1] for y in (0.0, 0.2))
    both = dataclasses.replace(
        panel("box", *front, *behind),
        triangles_f3=np.array([[4, 5, 6], [4, 6, 7], [0, 1, 2], [0, 2, 3]], np.int32),
    )
    write_object_usd(tmp_path / "t.usdc", [both])
    assert parts(asset(), tmp_path / "t.usdc", tmp_path)[0].face == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("name", "colour", "glows"),
    [
        ("part_002_Shade", WHITE, True),
        ("part_003_pantalla", WHITE, True),
        ("part_002_white_lamp", WHITE, True),
        ("part_001_Main_Bulb", WHITE, True),
        ("part_003_chrome_multilamps_jpg", WHITE, False),
        ("part_000_Base", WHITE, False),
        ("part_001_Lamp", (0.0, 0.0, 0.0), False),
    ],
)
def test_of_a_lamp_the_shade_and_the_bulb_glow(name, colour, glows):
    lamp = asset("Lamp", "lamp")
    found = find_parts(lamp, [surface(name, colour=colour)])
    assert bool(luminous(lamp, found)) == glows
    assert not luminous(asset("Sofa"), found)


def test_what_was_found_is_remembered(usd, tmp_path, monkeypatch):
    first = parts(asset(), usd, tmp_path)
    assert [(part.name, part.stuff) for part in first] == [
        ("part_000_top", "wood"),
        ("part_001_pane", "glass"),
    ]
    parts.cache_clear()  # another process
    monkeypatch.setattr(module, "_computed", None)
    assert parts(asset(), usd, tmp_path) == first


def test_a_file_that_is_no_usd_is_named(tmp_path):
    (tmp_path / "t.usdc").write_bytes(b"nothing")
    with pytest.raises(MeshError, match=r"t\.usdc cannot be opened as USD"):
        read_surfaces(Path(tmp_path / "t.usdc"))
