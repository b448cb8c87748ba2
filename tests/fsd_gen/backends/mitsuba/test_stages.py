"""Stages as users have them, rendered: the image shows what the truth says and what USD means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.usd.cases import (
    BOUND,
    CLAMPED,
    DIFFUSE,
    SUN,
    WALL,
    card,
    cutout,
    flat,
    material,
    rig_of,
    stage,
)

QUICK = RenderSettings(spp=4, denoise=False)
ROW = 60  # below the middle, away from symmetries


@pytest.fixture
def render(backend):
    def left_image(path: Path) -> np.ndarray:
        staged = StagedScene(path=path, flat=flat(path))
        return backend.render(staged, rig_of(path), QUICK, 7).left_hwc

    return left_image


def halves(folder: Path) -> None:
    """Red on the left, green on the right; sRGB 255 is linear 1."""
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[:, 0, 0] = pixels[:, 1, 1] = 255
    Image.fromarray(pixels).save(folder / "halves.png")


def test_a_mask_has_its_holes_where_the_truth_has_them(tmp_path, render):
    samples = np.full((4, 64, 3), 255, np.uint8)
    samples[:, 32:] = 153  # linear 0.319
    Image.fromarray(samples).save(tmp_path / "mask.png")
    look = material(cutout(), "./mask.png", f'token inputs:sourceColorSpace = "sRGB"\n{CLAMPED}')
    image = render(stage(tmp_path, WALL, SUN, card(BOUND), look))
    red, blue = image[ROW, 45:75, 0], image[ROW, 85:115, 0]
    assert red.min() > 0.5 and blue.max() < 0.4  # the card; the wall, or its shadow


def test_the_image_is_the_same_wherever_the_world_stands(tmp_path, render):
    bars = [
        card("color3f[] primvars:displayColor = [(0.9, 0.2, 0.1)]", name=f"B{i}", z=-2 - i / 5, half=0.2)
        for i in range(3)
    ]
    near = render(stage(tmp_path, WALL, SUN, *bars))
    place = "double3 xformOp:translate = (408201.58, 12, 4080928.02)\n"
    far = render(
        stage(
            tmp_path, WALL, SUN, *bars, place=place + 'uniform token[] xformOpOrder = ["xformOp:translate"]'
        )
    )
    assert np.abs(far - near).max() < 0.01


def glow(factor: float, folder: Path) -> str:
    Image.new("RGB", (2, 2), (255, 255, 255)).save(folder / "white.png")
    inputs = "color3f inputs:diffuseColor = (0, 0, 0)\n" + DIFFUSE.replace("diffuse", "emissive")
    more = f'float4 inputs:scale = ({factor}, {factor}, {factor}, 1)\n token inputs:sourceColorSpace = "raw"'
    return material(inputs, "./white.png", more)


@pytest.mark.parametrize("factor", [1e5, pytest.param(1e-6, marks=pytest.mark.slow)])
def test_a_glow_beyond_half_precision_keeps_its_radiance(tmp_path, render, factor):
    image = render(stage(tmp_path, WALL, card(BOUND, half=0.1), glow(factor, tmp_path)))
    assert np.isfinite(image).all() and image[48, 80] == pytest.approx(factor, rel=1e-3)


def lamp(more: str) -> str:
    return f"""def SphereLight "Lamp" (prepend apiSchemas = ["ShapingAPI"]) {{
        float inputs:radius = 0.05
        float inputs:intensity = 300
        {more}
        double3 xformOp:translate = (0, 0, 0.5)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }}"""


def test_a_shaped_lamp_lights_its_cone_alone(tmp_path, render):
    bulb = render(stage(tmp_path, WALL, lamp("").replace("ShapingAPI", "LightAPI")))
    cone = render(stage(tmp_path, WALL, lamp("float inputs:shaping:cone:angle = 10")))
    y, x = np.mgrid[:96, :160] + 0.5
    angle = np.degrees(
        np.arctan(np.hypot(x - 80, y - 48) / 160 * 4 / 4.5)
    )  # of the wall's points, at the lamp
    assert np.abs(cone[angle < 9] / bulb[angle < 9] - 1).max() < 0.2 and cone[angle > 11.5].max() == 0
    assert bulb[angle > 11.5].min() > 0


def test_softness_and_focus_dim_what_is_off_the_axis(tmp_path, render):
    whole = render(stage(tmp_path, WALL, lamp("float inputs:shaping:cone:angle = 40")))
    soft = render(
        stage(
            tmp_path,
            WALL,
            lamp("float inputs:shaping:cone:angle = 40\n float inputs:shaping:cone:softness = 1"),
        )
    )
    tinted = render(
        stage(
            tmp_path,
            WALL,
            lamp("float inputs:shaping:focus = 20\n color3f inputs:shaping:focusTint = (1, 0, 0)"),
        )
    )
    rows = slice(40, 56)
    middle, side = slice(76, 84), slice(140, 148)
    assert soft[rows, middle].mean() == pytest.approx(whole[rows, middle].mean(), rel=0.1)
    assert soft[rows, side].mean() < 0.6 * whole[rows, side].mean()
    assert tinted[rows, side, 0].mean() == pytest.approx(whole[rows, side, 0].mean(), rel=0.15)
    assert tinted[rows, side, 2].mean() < 0.4 * whole[rows, side, 2].mean()  # cos(20 degrees)^20


WIDE = "texCoord2f[] primvars:st = [(-1, -1), (2, -1), (2, 2), (-1, 2)]"  # three images across, each a third


def columns_of(image: np.ndarray) -> str:
    """What each sixth of the card shows in its lower and upper third: Red, Green or nothing."""
    letters = ""
    for y in (74, 20):  # t below 0, t above 1
        for x in range(46, 120, 13):
            red, green, _ = image[y, x]
            lit = max(red, green) > 0.4  # half a texel beyond a black border, the image has faded away
            letters += "-" if not lit else "R" if red > green else "G"
    return letters


@pytest.mark.parametrize(
    ("wrap_s", "wrap_t", "expected"),
    [
        pytest.param("repeat", "repeat", "RGRGRG" * 2, marks=pytest.mark.slow),
        pytest.param("clamp", "clamp", "RRRGGG" * 2, marks=pytest.mark.slow),
        pytest.param("mirror", "mirror", "GRRGGR" * 2, marks=pytest.mark.slow),
        ("repeat", "clamp", "RGRGRG" * 2),
        pytest.param("clamp", "repeat", "RRRGGG" * 2, marks=pytest.mark.slow),
        ("mirror", "repeat", "GRRGGR" * 2),
        pytest.param("black", "black", "------" * 2, marks=pytest.mark.slow),
        pytest.param("repeat", "black", "------" * 2, marks=pytest.mark.slow),
        ("black", "clamp", "--RG--" * 2),
    ],
)
def test_a_texture_wraps_along_each_axis_as_it_says(tmp_path, render, wrap_s, wrap_t, expected):
    halves(tmp_path)
    own = next(line.strip() for line in card().splitlines() if "primvars:st" in line)
    wide = card(BOUND).replace(own, f'{WIDE} ( interpolation = "vertex" )')
    modes = f'token inputs:wrapS = "{wrap_s}"\n token inputs:wrapT = "{wrap_t}"'
    image = render(
        stage(
            tmp_path,
            WALL,
            SUN,
            wide,
            material(f"{DIFFUSE}\n float inputs:roughness = 1", "./halves.png", modes),
        )
    )
    assert columns_of(image) == expected


def test_each_udim_tile_is_shown_in_its_own_square(tmp_path, render):
    Image.new("RGB", (2, 2), (255, 0, 0)).save(tmp_path / "t.1001.png")
    Image.new("RGB", (2, 2), (0, 255, 0)).save(tmp_path / "t.1012.png")
    own = next(line.strip() for line in card().splitlines() if "primvars:st" in line)
    wide = card(BOUND).replace(
        own, 'texCoord2f[] primvars:st = [(0, 0), (2, 0), (2, 2), (0, 2)] ( interpolation = "vertex" )'
    )
    image = render(
        stage(
            tmp_path, WALL, SUN, wide, material(f"{DIFFUSE}\n float inputs:roughness = 1", "./t.<UDIM>.png")
        )
    )
    low_left, high_right, low_right = image[70, 60], image[25, 100], image[70, 100]
    assert low_left[0] > 5 * low_left[1] and high_right[1] > 5 * high_right[0]
    assert low_right.max() < 0.1


@pytest.mark.parametrize("normal", ["(0, 0, 0)", pytest.param("(nan, 0, 1)", marks=pytest.mark.slow)])
def test_normals_that_are_none_leave_the_shape_lit_as_it_lies(tmp_path, render, normal):
    def lit(one: str) -> np.ndarray:
        more = f'normal3f[] normals = [{", ".join([one] * 4)}] ( interpolation = "vertex" )'
        return render(stage(tmp_path, WALL, SUN, card(more)))

    assert np.abs(lit(normal) - lit("(0, 0, 1)")).max() < 1e-3
