"""Surfaces look as UsdPreviewSurface says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fsd_gen.backends.base import Backend
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.flat_scene import Surface, Texture
from tests.fsd_gen.backends.mitsuba.scenes import GLOW, MATTE, PLAIN, RIG, SUN, middle, scene, turned, wall


def letter(tmp_path: Path) -> Path:
    """Red, green / blue, white: upper left, upper right / lower left, lower right."""
    picture_hwc = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    path = tmp_path / "letter.png"
    Image.fromarray(picture_hwc.repeat(16, axis=0).repeat(16, axis=1)).save(path)
    return path


def textured_wall(backend: Backend, texture: Texture) -> NDArray[np.float32]:
    """Colours (2, 2, 3) in the quarters of a wall that fills the image's height, times pi / irradiance."""
    surface = replace(MATTE, diffuse=texture)
    view = scene(wall(0, half=2.25), surfaces=(surface,), parallel_lights=(SUN,))  # 36 px high at 4 m
    image_hwc = backend.render(view, RIG, PLAIN, 1).left_hwc * np.pi / 2.0
    return image_hwc[np.ix_([9, 27], [23, 41])]


RED, GREEN, BLUE, WHITE = [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]


@pytest.mark.parametrize(
    ("placement", "quarters"),
    [
        ({}, [[RED, GREEN], [BLUE, WHITE]]),
        ({"translation": (0.5, 0.0)}, [[GREEN, RED], [WHITE, BLUE]]),
        ({"translation": (0.0, 0.5)}, [[BLUE, WHITE], [RED, GREEN]]),
        # st turned a quarter counter-clockwise: the upper left (0, 1) looks up (-1, 0), a lower left corner
        ({"rotation_deg": 90.0}, [[BLUE, RED], [WHITE, GREEN]]),
        ({"scale": (-1.0, 1.0)}, [[GREEN, RED], [WHITE, BLUE]]),
    ],
    ids=["as it is", "moved right", "moved up", "turned", "mirrored"],
)
def test_textures_lie_upright_and_move_as_usd_says(
    backend: Backend, tmp_path: Path, placement: dict, quarters: list
) -> None:
    texture = Texture(path=letter(tmp_path), colour_space="sRGB", **placement)
    assert textured_wall(backend, texture) == pytest.approx(np.array(quarters), abs=0.02)


def test_every_texture_of_a_surface_keeps_its_own_placement(backend: Backend, tmp_path: Path) -> None:
    plain = Texture(path=letter(tmp_path), colour_space="sRGB")
    moved = replace(plain, translation=(0.5, 0.0))
    glow = replace(MATTE, diffuse=plain, emissive=moved)
    image_hwc = backend.render(scene(wall(0, half=2.25), surfaces=(glow,)), RIG, PLAIN, 1).left_hwc
    assert image_hwc[9, 23] == pytest.approx(GREEN, abs=0.02)


def test_how_a_texture_lies_does_not_decide_which_kernels_are_compiled(
    backend: Backend, tmp_path: Path
) -> None:
    from fsd_gen.backends.mitsuba.runtime import dr

    kernels = []
    for turn, scale in ((0.0, 1.0), (13.0, 0.7), (31.0, 3.3)):  # the inverse is exact for the first one only
        texture = Texture(
            path=letter(tmp_path), colour_space="sRGB", rotation_deg=turn, scale=(scale, scale / 3)
        )
        view = scene(wall(0), surfaces=(replace(MATTE, diffuse=texture),), parallel_lights=(SUN,))
        with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
            backend.render(view, RIG, RenderSettings(spp=1, denoise=False), 1)
            kernels.append({kernel["hash"] for kernel in dr.kernel_history([dr.KernelType.JIT])})
    assert kernels[0] == kernels[1] == kernels[2]


def test_colour_space_gain_and_bias_change_the_values(backend: Backend, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (128, 128, 128)).save(tmp_path / "grey.png")
    grey = Texture(path=tmp_path / "grey.png", colour_space="sRGB")
    assert textured_wall(backend, grey)[0, 0, 0] == pytest.approx(0.2159, rel=0.02)
    raw = replace(grey, colour_space="raw")
    assert textured_wall(backend, raw)[0, 0, 0] == pytest.approx(0.502, rel=0.02)
    adjusted = replace(raw, gain=(0.5, 1, 1, 1), bias=(0.1, 0, 0, 0))
    assert textured_wall(backend, adjusted)[0, 0] == pytest.approx([0.351, 0.502, 0.502], rel=0.02)


def test_one_sees_through_the_holes_of_a_cut_out_and_nowhere_else(backend: Backend, tmp_path: Path) -> None:
    alpha_hw = np.full((8, 8), 255, np.uint8)
    alpha_hw[:4, :4] = 100  # a hole in the upper left quarter: below the threshold
    rgba_hwc = np.dstack([np.zeros((8, 8, 3), np.uint8), alpha_hw])
    Image.fromarray(rgba_hwc).save(tmp_path / "leaf.png")
    opacity = Texture(path=tmp_path / "leaf.png", colour_space="raw", channel="a")
    leaf = Surface(name="leaf", diffuse=(0.0, 0.0, 0.0), opacity=opacity, opacity_threshold=0.5)
    view = scene(wall(0, half=2.25), wall(1, y=5.0), surfaces=(leaf, GLOW))
    image_hwc = backend.render(view, RIG, PLAIN, 1).left_hwc
    assert (image_hwc[2:17, 16:31] > 0.999).all()
    assert (image_hwc[2:17, 34:48] < 0.5).all() and (image_hwc[20:34, 16:48] < 0.5).all()


def test_a_clear_pane_shows_nearly_all_that_is_behind_it_and_a_tinted_one_its_colour(
    backend: Backend,
) -> None:
    clear = Surface(name="pane", diffuse=(1.0, 1.0, 1.0), opacity=0.0, roughness=0.0)
    tinted = replace(clear, diffuse=(0.1, 0.8, 0.1), opacity=0.3)
    for pane, low, high in ((clear, 0.9, 0.94), (tinted, 0.2, 0.75)):
        view = scene(wall(0, y=2.0, half=4.0), wall(1), surfaces=(pane, GLOW))
        colour = middle(backend.render(view, RIG, RenderSettings(spp=64, denoise=False), 1).left_hwc)
        assert low < colour.min() and colour.max() < high, pane.name
    assert colour[1] > 1.2 * colour[0]


def test_a_mirror_shows_what_stands_behind_the_camera(backend: Backend) -> None:
    mirror = Surface(name="mirror", diffuse=(0.8, 0.8, 0.8), metallic=1.0, roughness=0.0)
    glow = replace(GLOW, emissive=(1.0, 0.5, 0.25))
    images = backend.render(scene(wall(0), turned(wall(1, y=-3.0)), surfaces=(mirror, glow)), RIG, PLAIN, 1)
    assert middle(images.left_hwc) == pytest.approx([0.8, 0.4, 0.2], rel=0.01)


@pytest.mark.parametrize(("texel", "brighter"), [((255, 128, 128), True), ((1, 128, 128), False)])
def test_red_in_a_normal_map_tilts_the_surface_towards_s(
    backend: Backend, tmp_path: Path, texel: tuple, brighter: bool
) -> None:
    Image.new("RGB", (4, 4), texel[:1] + (128, 200)).save(tmp_path / "tilt.png")
    bent = replace(MATTE, normal=Texture(path=tmp_path / "tilt.png", colour_space="raw"))
    sun = replace(SUN, direction=(-0.6, 0.8, 0.0))  # comes from +x, where s grows
    flat = middle(backend.render(scene(wall(0), parallel_lights=(sun,)), RIG, PLAIN, 1).left_hwc)
    view = scene(wall(0), surfaces=(bent,), parallel_lights=(sun,))
    assert (middle(backend.render(view, RIG, PLAIN, 1).left_hwc) > flat).all() == brighter


@pytest.mark.parametrize(("green", "brighter"), [(255, True), (1, False)])
def test_green_in_a_normal_map_tilts_the_surface_upwards(
    backend: Backend, tmp_path: Path, green: int, brighter: bool
) -> None:
    Image.new("RGB", (4, 4), (128, green, 200)).save(tmp_path / "tilt.png")
    bent = replace(MATTE, normal=Texture(path=tmp_path / "tilt.png", colour_space="raw"))
    sun = replace(SUN, direction=(0.0, 0.8, -0.6))  # from above
    flat = middle(backend.render(scene(wall(0), parallel_lights=(sun,)), RIG, PLAIN, 1).left_hwc)
    view = scene(wall(0), surfaces=(bent,), parallel_lights=(sun,))
    assert (middle(backend.render(view, RIG, PLAIN, 1).left_hwc) > flat).all() == brighter


LACQUER = replace(MATTE, diffuse=(0.1, 0.1, 0.1), clearcoat=1.0, clearcoat_roughness=0.1)


def lit_from_the_eye(backend: Backend, surface: Surface) -> float:
    view = scene(wall(0), surfaces=(surface,), parallel_lights=(SUN,))
    return float(backend.render(view, RIG, PLAIN, 1).left_hwc[17:19, 31:33].mean())


def test_a_coat_mirrors_a_lamp_and_leaves_the_rest_as_it_is(backend: Backend) -> None:
    """Where the sun is mirrored into the eye the coat shines; to the side of it the paint shows."""
    bare = lit_from_the_eye(backend, replace(LACQUER, clearcoat=0.0))
    assert lit_from_the_eye(backend, LACQUER) > 3 * bare
    assert lit_from_the_eye(backend, replace(LACQUER, clearcoat=0.5)) < lit_from_the_eye(backend, LACQUER)
    view = scene(wall(0), surfaces=(LACQUER,), parallel_lights=(SUN,))
    aside = backend.render(view, RIG, PLAIN, 1).left_hwc[17:19, 0:2].mean()
    assert aside == pytest.approx(bare, rel=0.2)


def test_a_rougher_coat_spreads_the_lamp(backend: Backend) -> None:
    sharp, soft = (lit_from_the_eye(backend, replace(LACQUER, clearcoat_roughness=r)) for r in (0.1, 0.3))
    assert soft < 0.5 * sharp


def test_a_coat_may_come_from_a_texture(backend: Backend, tmp_path: Path) -> None:
    Image.new("L", (4, 4), 128).save(tmp_path / "half.png")
    half = Texture(path=tmp_path / "half.png", colour_space="raw", channel="r")
    seen = [lit_from_the_eye(backend, replace(LACQUER, clearcoat=coat)) for coat in (half, 0.502)]
    assert seen[0] == pytest.approx(seen[1], rel=0.01)
