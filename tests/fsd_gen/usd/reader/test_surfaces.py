"""UsdPreviewSurface networks become plain surfaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Surface
from fsd_gen.usd.reader import read_stage
from tests.fsd_gen.usd.reader.stages import BOUND, DIFFUSE, ST, material, quad, stage_file, texture


def surface(tmp_path: Path, inputs: str, textures: str = "") -> Surface:
    path = stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + material(inputs, textures))
    scene = read_stage(path, None)
    return scene.surfaces[scene.meshes[0].surface]


def test_constant_inputs_are_read_and_absent_ones_have_the_specifications_defaults(tmp_path: Path) -> None:
    got = surface(
        tmp_path,
        "color3f inputs:diffuseColor = (0.1, 0.2, 0.3)\n color3f inputs:emissiveColor = (1, 2, 3)\n"
        "float inputs:roughness = 0.25\n float inputs:opacity = 0.5\n float inputs:ior = 1.25",
    )
    assert got.diffuse == pytest.approx((0.1, 0.2, 0.3))
    assert (got.emissive, got.roughness, got.metallic) == ((1, 2, 3), 0.25, 0.0)
    assert (got.opacity, got.ior, got.normal, got.transparent) == (0.5, 1.25, None, True)


def test_a_surface_gives_back_no_more_light_than_it_gets_and_the_prim_that_asks_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert surface(tmp_path, "color3f inputs:diffuseColor = (1.5, 0.5, 255)").diffuse == (1.0, 0.5, 1.0)
    (warning,) = caplog.messages
    assert "diffuseColor of more than 1" in warning and "(drawn as 1): </World/Look>" in warning
    caplog.clear()
    painted = quad("color3f[] primvars:displayColor = [(2, 0.25, 0.5)]")
    scene = read_stage(stage_file(tmp_path, painted), None)
    assert scene.surfaces[scene.meshes[0].surface].diffuse == (1.0, 0.25, 0.5)
    (warning,) = caplog.messages
    assert "displayColor of more than 1" in warning and "</World/Quad>" in warning
    caplog.clear()
    assert surface(tmp_path, "color3f inputs:diffuseColor = (1, 1, 1)").diffuse == (1.0, 1.0, 1.0)
    assert not caplog.messages


@pytest.mark.parametrize("value", ["(-0.1, 0, 0)", "(nan, 0, 0)", "(0, inf, 0)"])
def test_a_diffuse_colour_that_is_none_is_refused_with_prim_and_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(StageError, match="</World/Look> diffuseColor: expected three finite numbers .*got"):
        surface(tmp_path, f"color3f inputs:diffuseColor = {value}")


def test_a_texture_is_read_with_its_transform_channel_and_scale(tmp_path: Path, picture: Path) -> None:
    transform = """
        def Shader "Move" { uniform token info:id = "UsdTransform2d"
            float2 inputs:in.connect = </World/Look/St.outputs:result>
            float2 inputs:scale = (2, 4)
            float inputs:rotation = 90
            float2 inputs:translation = (0.5, 0.25)
            float2 outputs:result }
    """
    image = texture(
        "Image", picture, 'token inputs:wrapS = "clamp"\n token inputs:wrapT = "clamp"\n'
        "float4 inputs:scale = (0.5, 0.5, 0.5, 1)", "Move"
    )  # fmt: skip
    got = surface(
        tmp_path,
        f"{DIFFUSE}\nfloat inputs:roughness.connect = </World/Look/Image.outputs:r>",
        transform + image,
    )
    assert (got.diffuse.path, got.diffuse.channel, got.diffuse.colour_space) == (picture, "rgb", "sRGB")
    assert (got.diffuse.scale, got.diffuse.rotation_deg, got.diffuse.translation) == ((2, 4), 90, (0.5, 0.25))
    assert (got.diffuse.wrap_s, got.diffuse.wrap_t, got.diffuse.gain) == (
        "clamp",
        "clamp",
        (0.5, 0.5, 0.5, 1),
    )
    assert (got.roughness.channel, got.roughness.colour_space) == ("r", "sRGB")  # auto


def test_a_normal_map_read_as_2x_minus_1_needs_no_adjustment(tmp_path: Path, picture: Path) -> None:
    usual = "float4 inputs:scale = (2, 2, 2, 1)\n float4 inputs:bias = (-1, -1, -1, 0)"
    flipped = "float4 inputs:scale = (2, -2, 2, 1)\n float4 inputs:bias = (-1, 1, -1, 0)"
    wire = "normal3f inputs:normal.connect = </World/Look/Bumps.outputs:rgb>"
    assert surface(tmp_path, wire, texture("Bumps", picture, usual)).normal.gain == (1, 1, 1, 1)
    assert surface(tmp_path, wire, texture("Bumps", picture)).normal.gain == (1, 1, 1, 1)
    green_down = surface(tmp_path, wire, texture("Bumps", picture, flipped)).normal
    assert (green_down.gain, green_down.bias) == ((1, -1, 1, 1), (0, 1, 0, 0))


def test_a_cut_out_has_an_opacity_texture_and_a_threshold(tmp_path: Path, picture: Path) -> None:
    inputs = "float inputs:opacity.connect = </World/Look/Image.outputs:a>\nfloat inputs:opacityThreshold = 1"
    got = surface(tmp_path, inputs, texture("Image", picture))
    assert got.cutout and not got.transparent and got.opacity.channel == "a"


def test_a_missing_texture_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    with pytest.raises(StageError, match=r"</World/Look> diffuseColor: no texture file .*gone\.png"):
        surface(tmp_path, DIFFUSE, texture("Image", gone))


def test_another_shader_than_usdpreviewsurface_is_refused(tmp_path: Path) -> None:
    body = quad(BOUND) + material("").replace("UsdPreviewSurface", "OmniPBR")
    with pytest.raises(StageError, match="</World/Look>: expected a UsdPreviewSurface, got OmniPBR"):
        read_stage(stage_file(tmp_path, body), None)


def test_equal_materials_are_one_surface(tmp_path: Path) -> None:
    second = quad("rel material:binding = </World/Twin/Look>").replace("Quad", "Other")
    twin = 'def Xform "Twin" {' + material("").replace("/World/Look", "/World/Twin/Look") + "}"
    scene = read_stage(stage_file(tmp_path, quad(BOUND) + second + material("") + twin), None)
    assert len(scene.meshes) == 2 and len(scene.surfaces) == 1


TERMINAL = """token outputs:displacement.connect = </World/Look/Surface.outputs:displacement>
    token outputs:surface.c"""


@pytest.mark.parametrize(
    "inputs",
    ["float inputs:displacement = 0.5", "float inputs:displacement.connect = </World/Look/Image.outputs:r>"],
)
def test_displacement_is_refused_where_it_would_move_points(
    tmp_path: Path, picture: Path, inputs: str
) -> None:
    look = material(f"{inputs}\n token outputs:displacement", texture("Image", picture))
    displaced = look.replace("token outputs:surface.c", TERMINAL)
    with pytest.raises(StageError, match="</World/Look>: displacement is not supported"):
        read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + displaced), None)
    assert read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + look), None).meshes  # not the material's


def test_a_displacement_of_nothing_is_accepted(tmp_path: Path) -> None:
    look = material("float inputs:displacement = 0\n token outputs:displacement")
    still = look.replace("token outputs:surface.c", TERMINAL)
    assert read_stage(stage_file(tmp_path, quad(BOUND) + still), None).meshes


def test_what_glows_brighter_than_float32_can_add_up_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="</World/Look> emissiveColor: expected at most 1e.24, got 3e.38"):
        surface(tmp_path, "color3f inputs:emissiveColor = (3e38, 0, 0)")


def test_a_clear_coat_is_read_with_its_roughness(tmp_path: Path) -> None:
    got = surface(tmp_path, "float inputs:clearcoat = 0.75\n float inputs:clearcoatRoughness = 0.25")
    assert (got.clearcoat, got.clearcoat_roughness, got.coated) == (0.75, 0.25, True)
    bare = surface(tmp_path, "")
    assert (bare.clearcoat, bare.clearcoat_roughness, bare.coated) == (0.0, 0.01, False)


def test_a_coat_of_more_than_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="</World/Look> clearcoat: expected"):
        surface(tmp_path, "float inputs:clearcoat = 1.5")
