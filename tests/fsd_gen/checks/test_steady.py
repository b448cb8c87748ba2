"""What shines, by its own words, is not asked whether it looks alike from both eyes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.checks.steady import is_steady, steady_mask
from fsd_gen.truth.raycast import GAVE_UP, NOTHING, Hits
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Surface, Texture

DULL = Surface(name="paint", roughness=0.7)
SHINY = Surface(name="steel", roughness=0.3, metallic=1.0)


@pytest.mark.parametrize(
    ("steady", "inputs"),
    [
        (True, {"roughness": 0.7}),
        (True, {"roughness": 0.05, "ior": 1.0}),  # nothing to reflect
        (True, {"roughness": 0.8, "metallic": 1.0}),
        (True, {"roughness": 0.7, "clearcoat": 0.05}),
        (True, {"roughness": 0.7, "clearcoat": 1.0, "clearcoat_roughness": 0.6}),
        (False, {"roughness": 0.1}),  # polished stone, table glass
        (False, {"roughness": 0.32, "metallic": 1.0}),  # brushed metal
        (False, {"roughness": 0.7, "clearcoat": 0.8}),  # lacquer
    ],
    ids=str,
)
def test_a_surface_is_steady_unless_metal_polish_or_a_clear_coat_shines(steady, inputs):
    assert is_steady(Surface(name="x", **inputs)) is steady


def values(path: Path, levels: np.ndarray) -> Texture:
    Image.fromarray(levels.astype(np.uint8)).save(path)
    return Texture(path=path, colour_space="raw", channel="r")


@pytest.mark.parametrize(("glossy_rows", "steady"), [(0, True), (1, True), (8, False), (20, False)])
def test_where_a_texture_says_the_roughness_hardly_any_of_it_may_shine(tmp_path, glossy_rows, steady):
    levels = np.full((20, 30), 180)
    levels[:glossy_rows] = 20
    assert is_steady(Surface(name="x", roughness=values(tmp_path / "r.png", levels))) is steady


def test_metal_in_one_texture_and_gloss_in_another_shine_only_where_they_meet(tmp_path):
    left, upper = np.zeros((8, 8)), np.full((8, 8), 250)
    left[:, :4], upper[:4] = 255, 120
    metal, rough = values(tmp_path / "m.png", left), values(tmp_path / "r.png", upper)
    assert not is_steady(Surface(name="x", metallic=metal, roughness=rough))
    assert is_steady(Surface(name="x", metallic=metal, roughness=values(tmp_path / "d.png", 0 * upper + 250)))


def test_a_texture_that_cannot_be_read_is_said_by_name(tmp_path):
    (tmp_path / "r.png").write_bytes(b"no image")
    broken = Texture(path=tmp_path / "r.png", colour_space="raw", channel="r")
    with pytest.raises(AssetFileError, match=r"r\.png"):
        is_steady(Surface(name="x", roughness=broken))


def triangles(name: str, number: int, surface: int) -> Mesh:
    corners = np.zeros((3, 3))
    faces = np.zeros((number, 3), np.int32)
    return Mesh(name=name, vertices_v3=corners, faces_f3=faces, uv_v2=None, normals_v3=None, surface=surface)


def test_the_mask_follows_what_each_pixel_shows_first_and_nothing_is_steady():
    scene = FlatScene(
        meshes=(triangles("/a", 2, 1), triangles("/b", 1, 0)),
        surfaces=(DULL, SHINY),
        area_lights=(),
        parallel_lights=(),
        dome=None,
        left_to_world=np.eye(4),
    )
    hits = Hits(t_n=np.ones(6), primitive_n=np.array([0, 1, 2, NOTHING, GAVE_UP, 0]))
    expected = [[False, False, True], [True, True, False]]
    assert steady_mask(scene, hits, (2, 3)).tolist() == expected


def test_a_surface_that_nobody_sees_need_not_be_read(tmp_path):
    missing = Texture(path=tmp_path / "none.png", colour_space="raw", channel="r")
    scene = FlatScene(
        meshes=(triangles("/a", 1, 0), triangles("/b", 1, 1)),
        surfaces=(DULL, Surface(name="x", roughness=missing)),
        area_lights=(),
        parallel_lights=(),
        dome=None,
        left_to_world=np.eye(4),
    )
    assert steady_mask(scene, Hits(t_n=np.ones(1), primitive_n=np.array([0])), (1, 1)).all()
