"""What shines, by its own words, is not asked whether it looks alike from both eyes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.checks.steady import MOST_MIRRORED, MOST_ON_PLAIN, Shine, steady_mask
from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Surface, Texture
from tests.fsd_gen.checks import plain
from tests.fsd_gen.truth import scenes

GREY = (0.4, 0.4, 0.4)
STRAIGHT, SLANTED, FLAT = 1.0, 0.5, 0.15  # cosines


def mirrored(cosine: float, **inputs) -> float:
    return float(Shine.of(Surface(name="x", **inputs)).mirrored(cosine))


@pytest.mark.parametrize("cosine", [STRAIGHT, SLANTED])
@pytest.mark.parametrize(
    ("steady", "inputs"),
    [
        (True, {"diffuse": GREY, "roughness": 0.6}),  # satin paint
        (True, {"diffuse": GREY, "roughness": 0.0, "ior": 1.0}),  # nothing to reflect
        (True, {"diffuse": GREY, "roughness": 0.8, "metallic": 1.0}),  # cast iron
        (True, {"diffuse": GREY, "roughness": 0.6, "clearcoat": 0.2}),
        (True, {"diffuse": (0.01, 0.01, 0.01), "roughness": 0.9}),  # black rubber
        (True, {"diffuse": (0.0, 0.0, 0.0), "roughness": 0.5, "emissive": GREY}),  # a screen, a baked scan
        (False, {"diffuse": (0.0, 0.0, 0.0), "roughness": 0.1}),  # black table glass
        (False, {"diffuse": (0.95, 0.93, 0.88), "roughness": 0.32, "metallic": 1.0}),  # silver
        (False, {"diffuse": (0.02, 0.02, 0.02), "roughness": 0.6, "clearcoat": 1.0}),  # a piano's lacquer
    ],
    ids=str,
)
def test_a_surface_is_steady_unless_it_throws_much_of_its_light_back_sharply(steady, inputs, cosine):
    assert (mirrored(cosine, **inputs) <= MOST_MIRRORED) is steady


def test_on_plain_paint_less_is_let_pass_than_on_what_has_a_picture(tmp_path):
    picture = values(tmp_path / "grey.png", np.full((4, 4), 102))
    satin = {"roughness": 0.4}
    assert MOST_ON_PLAIN < mirrored(STRAIGHT, diffuse=GREY, **satin) < MOST_MIRRORED
    rig = StereoRig.centred(width=60, height=40, focal_px=40.0, baseline_m=0.1)
    surfaces = (Surface(name="plain", diffuse=GREY, **satin), Surface(name="card", diffuse=picture, **satin))
    scene = FlatScene(
        meshes=(wall(-2, 0), wall(0, 1)),
        surfaces=surfaces,
        area_lights=(),
        parallel_lights=(),
        dome=None,
        left_to_world=np.eye(4),
    )
    mask = steady_mask(scene, rig, compute_truth(scene, rig).hits_left)
    assert not mask[20, 20] and mask[20, 40]


def test_a_polished_floor_is_steady_below_the_camera_and_not_towards_the_horizon():
    floor = {"diffuse": GREY, "roughness": 0.16}
    assert mirrored(STRAIGHT, **floor) < 0.08 < MOST_MIRRORED < mirrored(FLAT, **floor)


def test_a_dull_floor_is_steady_towards_the_horizon():
    assert mirrored(FLAT, diffuse=GREY, roughness=0.7) < MOST_MIRRORED


@pytest.mark.parametrize(("cosine", "share"), [(1.0, 0.04 / 0.44), (0.0, 1 / 1.4)])
def test_the_share_of_a_perfect_polish_is_fresnels(cosine, share):
    assert mirrored(cosine, diffuse=GREY, roughness=0.0) == pytest.approx(share)


def values(path: Path, levels: np.ndarray) -> Texture:
    Image.fromarray(levels.astype(np.uint8)).save(path)
    return Texture(path=path, colour_space="raw", channel="r")


def test_textures_count_by_their_means(tmp_path):
    half = np.zeros((20, 30))
    half[:10] = 255
    texture = values(tmp_path / "half.png", half)
    shine = Shine.of(Surface(name="x", diffuse=GREY, roughness=texture, metallic=texture, clearcoat=texture))
    assert shine.sharpness == pytest.approx(0.5, abs=0.02)
    assert shine.scattered == pytest.approx(0.2, abs=0.01)
    assert shine.reflectance == pytest.approx(0.22, abs=0.01)
    assert shine.coat == pytest.approx(0.5 * 0.99**2, abs=0.02)


def test_a_texture_that_cannot_be_read_is_said_by_name(tmp_path):
    (tmp_path / "r.png").write_bytes(b"no image")
    broken = Texture(path=tmp_path / "r.png", colour_space="raw", channel="r")
    with pytest.raises(AssetFileError, match=r"r\.png"):
        Shine.of(Surface(name="x", roughness=broken))


def wall(x_m: float, surface: int) -> Mesh:
    """A square of 2 m, 4 m before the camera."""
    corners = np.array([[x_m, -1, 4], [x_m + 2, -1, 4], [x_m + 2, 1, 4], [x_m, 1, 4]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return Mesh(
        name=f"/{x_m}", vertices_v3=corners, faces_f3=faces, uv_v2=None, normals_v3=None, surface=surface
    )


def test_the_mask_follows_what_each_pixel_shows_first_and_reads_nothing_that_nobody_sees(tmp_path):
    missing = Texture(path=tmp_path / "none.png", colour_space="raw", channel="r")
    scene = FlatScene(
        meshes=(wall(-2, 1), wall(0, 0), wall(100, 2)),
        surfaces=(
            Surface(name="paint", diffuse=GREY, roughness=0.7),
            Surface(name="steel", diffuse=GREY, roughness=0.1, metallic=1.0),
            Surface(name="unseen", roughness=missing),
        ),
        area_lights=(),
        parallel_lights=(),
        dome=None,
        left_to_world=np.eye(4),
    )
    rig = StereoRig.centred(width=60, height=40, focal_px=40.0, baseline_m=0.1)
    mask = steady_mask(scene, rig, compute_truth(scene, rig).hits_left)
    steel = np.zeros((40, 60), bool)
    steel[10:30, 10:30] = True
    assert (mask == ~steel).all()


def test_the_mask_is_that_of_asking_every_pixel():
    rng = np.random.default_rng(5)
    looks = [
        {"roughness": float(rough), "metallic": float(metal), "clearcoat": float(coat), "ior": float(ior)}
        for rough, metal, coat, ior in rng.uniform((0.6, 0, 0, 1), (1, 0.2, 0.05, 1.6), (40, 4))
    ]
    surfaces = tuple(
        Surface(name=str(k), diffuse=tuple(rng.uniform(0, 1, 3)), **look) for k, look in enumerate(looks)
    )
    balls = [
        replace(scenes.sphere_mesh((*rng.uniform(-2, 2, 2), rng.uniform(3, 7)), 0.6, 24), surface=k)
        for k in range(39)
    ]
    shown = scenes.scene(scenes.wall(8.0, surface=39), *balls, surfaces=surfaces)
    hits = compute_truth(shown, scenes.RIG).hits_left
    mask = steady_mask(shown, scenes.RIG, hits)
    assert 0.1 < mask.mean() < 0.95
    assert (mask == plain.steady_mask(shown, scenes.RIG, hits)).all()


def test_an_image_is_decoded_again_once_its_file_has_changed(tmp_path):
    texture = values(tmp_path / "rough.png", np.full((4, 4), 255))
    assert Shine.of(Surface(name="x", roughness=texture)).sharpness == 0
    values(tmp_path / "rough.png", np.zeros((4, 4)))
    os.utime(tmp_path / "rough.png", ns=(1, 1))
    assert Shine.of(Surface(name="x", roughness=texture)).sharpness == 1
