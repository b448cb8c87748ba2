"""MDL materials of Omniverse become surfaces; what only RTX can read is marked, told and refused."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import FlatScene, Surface, Texture
from fsd_gen.usd.reader import read_stage, read_world
from fsd_gen.usd.texels import read_solid, read_values
from fsd_gen.usd.unread import UnreadMaterialError, refuse_unread, taken_as_opaque, tell_opaque
from tests.fsd_gen.usd.isaac_room import LEFT, isaac_room, mdl
from tests.fsd_gen.usd.reader.stages import BOUND, ST, quad, stage_file

RIG = StereoRig.centred(width=160, height=90, focal_px=90.0, baseline_m=0.065)


def surface(folder: Path, module: str, inputs: str = "", *, st: str = ST, material: str = "") -> Surface:
    """What a quad wears whose material is this MDL alone."""
    look = mdl("Look", module, inputs.replace(" ; ", "\n"), material)
    return read_stage(stage_file(folder, quad(f"{BOUND}\n{st}") + look), None).surfaces[0]


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> FlatScene:
    return read_stage(isaac_room(tmp_path_factory.mktemp("room")), None, left=LEFT)


def wearing(scene: FlatScene, end: str) -> Surface:
    return next(each for each in scene.surfaces if each.name.endswith(end))


# -- OmniPBR


def test_omnipbr_has_the_defaults_of_its_documentation(tmp_path):
    got = surface(tmp_path, "OmniPBR.mdl")
    assert got == Surface(name="/World/Look", diffuse=(0.2, 0.2, 0.2), ior=1.5, clearcoat_roughness=0.0)


def test_omnipbrs_constants_are_read(tmp_path):
    got = surface(
        tmp_path,
        "OmniPBR.mdl",
        "color3f inputs:diffuse_color_constant = (0.5, 0.25, 1) ; color3f inputs:diffuse_tint = (1, 0.5, 0.5)"
        " ; float inputs:reflection_roughness_constant = 0.25 ; float inputs:metallic_constant = 1"
        " ; float inputs:specular_level = 0 ; bool inputs:enable_clearcoat = 1"
        " ; float inputs:clearcoat_weight = 0.5 ; float inputs:clearcoat_reflection_roughness = 0.125"
        " ; bool inputs:enable_emission = 1 ; color3f inputs:emissive_color = (1, 0.5, 0)"
        " ; float inputs:emissive_intensity = 10",
    )
    assert (got.diffuse, got.roughness, got.metallic, got.ior) == ((0.5, 0.125, 0.5), 0.25, 1.0, 1.0)
    assert (got.clearcoat, got.clearcoat_roughness) == (0.5, 0.125)
    assert got.emissive == pytest.approx((10 / math.pi, 5 / math.pi, 0))


def test_a_texture_takes_the_place_of_the_colour_and_is_tinted_brightened_and_placed(tmp_path, picture):
    got = surface(
        tmp_path,
        "OmniPBR.mdl",
        f"asset inputs:diffuse_texture = @{picture}@ ; color3f inputs:diffuse_tint = (1, 0.5, 0.25)"
        " ; float inputs:albedo_brightness = 0.5 ; float inputs:albedo_add = 0.25"
        " ; float2 inputs:texture_scale = (2, 4) ; float inputs:texture_rotate = 90"
        " ; float2 inputs:texture_translate = (0.5, 0.25)",
    ).diffuse
    assert (got.path, got.colour_space, got.channel, got.wrap_s) == (picture, "sRGB", "rgb", "repeat")
    assert (got.gain, got.bias) == ((0.5, 0.25, 0.125, 1), (0.25, 0.125, 0.0625, 0))
    assert (got.scale, got.rotation_deg, got.translation) == ((2, 4), 90, (0.5, 0.25))


def test_a_map_counts_by_its_influence_and_orm_packs_two(tmp_path, picture):
    names = f'asset inputs:ORM_texture = @{picture}@ (colorSpace = "raw")'
    own = f"asset inputs:reflectionroughness_texture = @{picture}@ ; "
    half = " ; float inputs:reflection_roughness_texture_influence = 0.5"
    whole = " ; float inputs:metallic_texture_influence = 1 ; bool inputs:enable_ORM_texture = 1"
    assert surface(tmp_path, "OmniPBR.mdl", own).roughness == 0.5  # no influence unless it is said
    alone = surface(tmp_path, "OmniPBR.mdl", own + half[3:]).roughness
    assert (alone.channel, alone.gain[0], alone.bias[0]) == ("mean", 0.5, 0.25)
    packed = surface(tmp_path, "OmniPBR.mdl", names + half + whole)
    assert (packed.roughness.channel, packed.metallic.channel) == ("g", "b")
    assert (packed.metallic.gain[0], packed.metallic.bias[0], packed.metallic.colour_space) == (1, 0, "raw")


def test_normal_maps_are_directxs_unless_they_are_flipped(tmp_path, picture):
    named = f"asset inputs:normalmap_texture = @{picture}@"
    usual = surface(tmp_path, "OmniPBR.mdl", named).normal
    assert (usual.gain, usual.bias, usual.colour_space) == ((1, -1, 1, 1), (0, 1, 0, 0), "raw")
    half = surface(
        tmp_path, "OmniPBR.mdl", f"{named} ; bool inputs:flip_tangent_v = 0 ; float inputs:bump_factor = 0.5"
    ).normal
    assert (half.gain, half.bias) == ((0.5, 0.5, 1, 1), (0.25, 0.25, 0, 0))


OPAQUE, PRESENT = (1.0, 0.0, False), (0.25, 0.0, True)


@pytest.mark.parametrize(
    ("module", "inputs", "expected"),
    [
        ("OmniPBR.mdl", "float inputs:opacity_constant = 0.25", OPAQUE),  # not switched on
        ("OmniPBR.mdl", "bool inputs:enable_opacity = 1 ; float inputs:opacity_constant = 0.25", PRESENT),
        ("OmniPBR_Opacity.mdl", "float inputs:opacity_constant = 0.25", PRESENT),
        (
            "OmniPBR_Opacity.mdl",
            "float inputs:opacity_constant = 0.5 ; float inputs:opacity_threshold = 0.25",
            OPAQUE,
        ),
        (
            "OmniSurfaceBase.mdl",
            "bool inputs:enable_opacity = 1 ; float inputs:geometry_opacity = 0.25",
            PRESENT,
        ),
    ],
)
def test_a_constant_opacity_is_presence_and_with_a_threshold_all_or_nothing(
    tmp_path, module, inputs, expected
):
    got = surface(tmp_path, module, inputs)
    assert (got.opacity, got.opacity_threshold, got.presence) == expected


def test_what_lies_below_its_threshold_is_not_there(tmp_path):
    whole = "bool inputs:enable_opacity = 1 ; float inputs:opacity_constant = 0.125"
    look = mdl(
        "Look", "OmniPBR.mdl", (whole + " ; float inputs:opacity_threshold = 0.25").replace(" ; ", "\n")
    )
    wall = quad(ST).replace('"Quad"', '"Wall"')
    scene = read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + wall + look), None)
    assert [mesh.name for mesh in scene.meshes] == ["/World/Wall"]


@pytest.mark.parametrize(("mode", "channel"), [("", "mean"), ("int inputs:opacity_mode = 0", "a")])
def test_a_cutout_reads_its_map_as_the_mode_says(tmp_path, picture, mode, channel):
    got = surface(
        tmp_path,
        "OmniPBR.mdl",
        f"bool inputs:enable_opacity = 1 ; bool inputs:enable_opacity_texture = 1 ; {mode} ; "
        f"asset inputs:opacity_texture = @{picture}@ ; float inputs:opacity_threshold = 0.5",
    )
    assert got.cutout and not got.transparent
    assert (got.opacity.channel, got.opacity_threshold, got.unread) == (channel, 0.5, None)


def test_the_average_of_a_map_is_that_of_its_linear_colours(tmp_path):
    path = tmp_path / "three.png"
    Image.fromarray(np.array([[[255, 0, 0], [255, 255, 255], [0, 0, 0]]], np.uint8)).save(path)
    mean = Texture(path=path, colour_space="raw", channel="mean")
    assert read_values(mean, max_side=64)[0, :, 0].tolist() == pytest.approx([1 / 3, 1, 0])
    assert read_solid(mean, 0.5).tolist() == [[False, True, False]]
    assert read_values(replace(mean, gain=(0.5,) * 4), max_side=64)[0, 1, 0] == 0.5


# -- glass, light, OmniSurface


def test_omniglass_is_glass_to_the_truth(tmp_path):
    got = surface(
        tmp_path,
        "OmniGlass.mdl",
        "color3f inputs:glass_color = (0.5, 0.75, 1) ; float inputs:frosting_roughness = 0.25",
    )
    assert (got.opacity, got.ior, got.roughness, got.tint) == (
        0.0,
        pytest.approx(1.491),
        0.25,
        (0.5, 0.75, 1),
    )
    assert got.transparent and not got.cutout


@pytest.mark.parametrize("ior", ["0.9", "3.01", "1e30", "-1", "inf", "nan"])
def test_glass_that_bends_light_as_none_does_is_refused_by_name(tmp_path, ior):
    expected = "</World/Look/Shader> glass_ior: expected a finite number of at least 1 and at most 3, got"
    with pytest.raises(StageError, match=expected):
        surface(tmp_path, "OmniGlass.mdl", f"float inputs:glass_ior = {ior}")


@pytest.mark.parametrize("ior", [1.0, 2.5, 3.0])
def test_glass_bends_light_as_it_says(tmp_path, ior):
    assert surface(tmp_path, "OmniGlass.mdl", f"float inputs:glass_ior = {ior}").ior == ior


def test_omniemissive_and_omnisurface_are_read_by_their_constants(tmp_path):
    lamp = surface(
        tmp_path,
        "OmniEmissive.mdl",
        "color3f inputs:emissive_color = (1, 1, 1) ; float inputs:emission_intensity = 2",
    )
    assert lamp.emissive == pytest.approx((2 / math.pi,) * 3)
    coat = surface(
        tmp_path,
        "OmniSurfaceLite.mdl",
        "color3f inputs:diffuse_reflection_color = (1, 0.5, 0.25)"
        " ; float inputs:diffuse_reflection_weight = 0.5 ; float inputs:coat_weight = 1"
        " ; float inputs:metalness = 0.5",
    )
    assert (coat.diffuse, coat.clearcoat, coat.metallic) == ((0.5, 0.25, 0.125), 1.0, 0.5)
    clear = surface(tmp_path, "OmniSurface.mdl", "float inputs:specular_transmission_weight = 1")
    assert clear.transparent


# -- what cannot be read


SERVER = "omniverse://nucleus/Library/wood.png"


@pytest.mark.parametrize(
    ("module", "inputs", "kind", "holes"),
    [
        ("vMaterials_2/Metal/Steel.mdl", "", "vMaterials_2/Metal/Steel.mdl", True),
        (
            "Materials/OmniPBR.mdl",
            f"asset inputs:diffuse_texture = @{SERVER}@",
            f"diffuse_texture {SERVER}",
            False,
        ),
        ("OmniPBR.mdl", "asset inputs:diffuse_texture = @gone.png@", "diffuse_texture gone.png", False),
        ("OmniPBR.mdl", "asset inputs:diffuse_texture = @gone.<UDIM>.png@", "gone.<UDIM>.png", False),
        (
            "OmniPBR.mdl",
            "bool inputs:enable_opacity = 1 ; bool inputs:enable_opacity_texture = 1 ; "
            f"asset inputs:opacity_texture = @{SERVER}@",
            f"opacity_texture {SERVER}",
            True,
        ),
        (
            "OmniPBR.mdl",
            "asset inputs:diffuse_texture = @picture.png@ ; bool inputs:project_uvw = 1",
            "project_uvw, which lays textures by projection",
            False,
        ),
        (
            "OmniPBR.mdl",
            "asset inputs:diffuse_texture = @picture.png@ ; int inputs:uv_space_index = 1",
            "uv_space_index 1",
            False,
        ),
        (
            "OmniPBR.mdl",
            "bool inputs:enable_opacity = 1 ; bool inputs:enable_opacity_texture = 1"
            " ; int inputs:opacity_mode = 3 ; asset inputs:opacity_texture = @picture.png@",
            "opacity_mode 3",
            True,
        ),
        (
            "OmniSurface.mdl",
            "asset inputs:diffuse_reflection_color_image = @picture.png@",
            "color_image",
            False,
        ),
    ],
)
def test_what_only_rtx_reads_is_marked_with_what_it_is(tmp_path, picture, module, inputs, kind, holes):
    got = surface(tmp_path, module, inputs)
    assert kind in got.unread.kind and got.unread.material == "/World/Look"
    assert got.unread.holes == holes
    assert got.opacity == 1.0 and not got.transparent and not got.cutout  # opaque to the truth
    with pytest.raises(UnreadMaterialError, match="^</World/Look>: .* is MDL, which only RTX can draw.*grey"):
        refuse_unread([got])


def test_what_another_shader_computes_is_left_to_rtx(tmp_path):
    look = mdl(
        "Look", "OmniPBR.mdl", "color3f inputs:diffuse_color_constant.connect = </World/Look/N.outputs:out>"
    )
    node = look.replace('def Shader "Shader"', 'def Shader "N" { color3f outputs:out }\n def Shader "Shader"')
    got = read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + node), None).surfaces[0]
    assert got.unread.lack == "diffuse_color_constant, which </World/Look/N> computes"


def test_the_materials_own_inputs_are_followed(tmp_path):
    look = mdl("Look", "OmniPBR.mdl", "float inputs:metallic_constant.connect = </World/Look.inputs:metal>")
    wired = look.replace("token outputs:mdl:surface", "float inputs:metal = 0.75\n token outputs:mdl:surface")
    assert read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + wired), None).surfaces[0].metallic == 0.75


def test_an_input_of_the_wrong_kind_is_refused_by_name(tmp_path):
    with pytest.raises(StageError, match="</World/Look/Shader> texture_scale: .*scaled to nothing"):
        surface(
            tmp_path,
            "OmniPBR.mdl",
            f"asset inputs:diffuse_texture = @{_dot(tmp_path)}@ ; float2 inputs:texture_scale = (0, 1)",
        )
    with pytest.raises(StageError, match="</World/Look/Shader> metallic_constant: expected a finite number"):
        surface(tmp_path, "OmniPBR.mdl", 'string inputs:metallic_constant = "much"')


def _dot(folder: Path) -> Path:
    Image.new("RGB", (2, 2)).save(folder / "dot.png")
    return folder / "dot.png"


def test_mdl_reads_the_first_coordinates_whatever_they_are_called(tmp_path, picture):
    named = ST.replace("primvars:st", "primvars:UVMap")
    look = mdl("Look", "OmniPBR.mdl", f"asset inputs:diffuse_texture = @{picture}@")
    (mesh,) = read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{named}") + look), None).meshes
    assert mesh.uv_v2.max() == 1


CARPET = """mdl 1.4;
using ::OmniPBR import OmniPBR;
import ::tex::gamma_mode;
/* a carpet */ export material Carpet(*)
[[ anno::display_name("Carpet, (woven)") ]]
= OmniPBR(
    diffuse_color_constant: color(1.0, 0.5, 0.25), // brown
    diffuse_texture: texture_2d("./carpet.png", ::tex::gamma_srgb),
    diffuse_tint: color(0.5f),
    reflection_roughness_constant: 0.25f,
    ORM_texture: texture_2d("./carpet.png", ::tex::gamma_linear), enable_ORM_texture: true,
    metallic_texture_influence: 1.f,
    normalmap_texture: texture_2d(),
    texture_scale: float2(2.f, 4.f)
);
export material Odd(float worn = 0.5) = OmniPBR(metallic_constant: worn * 2, enable_opacity: worn > 0.2);
export material Own() = material(surface: material_surface());
"""


def test_a_module_that_dresses_up_omnipbr_is_read_by_its_literals(tmp_path):
    (tmp_path / "Carpet.mdl").write_text(CARPET)
    Image.new("RGB", (2, 2), "white").save(tmp_path / "carpet.png")
    got = surface(
        tmp_path, "./Carpet.mdl", "color3f inputs:diffuse_tint = (1, 1, 0.5)"
    )  # the stage has its say
    assert got.unread is None and got.normal is None and got.roughness == 0.25
    assert (got.diffuse.path, got.diffuse.colour_space) == (tmp_path / "carpet.png", "sRGB")
    assert (got.diffuse.gain, got.diffuse.scale) == ((1, 1, 0.5, 1), (2, 4))
    assert (got.metallic.channel, got.metallic.colour_space) == ("b", "raw")
    (tmp_path / "carpet.png").unlink()
    assert "diffuse_texture ./carpet.png" in surface(tmp_path, "./Carpet.mdl").unread.lack


def test_what_a_module_computes_is_left_to_rtx(tmp_path):
    (tmp_path / "Carpet.mdl").write_text(CARPET)
    odd = surface(tmp_path, "./Carpet.mdl", material="Odd").unread
    assert (odd.mdl, odd.holes) == ("./Carpet.mdl (Odd)", True)
    assert "metallic_constant, which the module computes" in odd.lack
    own = surface(tmp_path, "./Carpet.mdl", material="Own").unread
    assert (own.mdl, own.lack, own.holes) == ("./Carpet.mdl (Own)", "", True)


# -- a room of Isaac Sim's kind


def test_a_room_of_mdl_is_read_whole(room):
    assert {Path(mesh.name).name for mesh in room.meshes} >= {"Back", "Floor", "Lamp", "Sheet", "Leaf", "Box"}
    assert sum(mesh.name.endswith("Leaf") for mesh in room.meshes) == 2  # two instances of one plant
    assert wearing(room, "Brick").diffuse.path.name == "brick.png"  # beside the layer that names it
    leaf, glass, box = (wearing(room, name) for name in ("Leafy", "Glass", "Unknown"))
    assert leaf.cutout and glass.transparent and box.unread.mdl == "vMaterials_2/Wood/Teak.mdl"
    assert taken_as_opaque(room.surfaces) == ("vMaterials_2/Wood/Teak.mdl",)
    assert room.left_to_world[:3, 3] == pytest.approx((0, -2.5, 1.2))  # metres, z up


def test_the_truth_sees_through_cutouts_flags_glass_and_takes_the_unknown_as_opaque(room):
    truth = compute_truth(room, RIG)
    names = _names(room, truth)
    whole = replace(room, surfaces=tuple(replace(each, opacity_threshold=0.0) for each in room.surfaces))
    cut, uncut = (names == "Leaf").sum(), (_names(whole, compute_truth(whole, RIG)) == "Leaf").sum()
    assert cut / uncut == pytest.approx(math.pi * 14 * 30 / 64**2, abs=0.05)  # an ellipse of its square
    transparent = (truth.flags_left_hw & Flag.TRANSPARENT.value) != 0
    assert transparent[names == "Sheet"].all() and not transparent[names == "Box"].any()
    assert not (truth.flags_left_hw[names == "Box"] & Flag.NO_TRUTH.value).any()


def _names(scene: FlatScene, truth: Truth) -> np.ndarray:
    """What each pixel of the left eye shows first."""
    mesh_t = np.repeat(np.arange(len(scene.meshes)), [len(mesh.faces_f3) for mesh in scene.meshes])
    names_m = np.array([Path(mesh.name).name for mesh in scene.meshes])
    return names_m[mesh_t[truth.hits_left.primitive_n]].reshape(RIG.height, RIG.width)


def test_each_kind_that_is_taken_as_opaque_is_told_in_one_line(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        tell_opaque("room.usda", read_world(isaac_room(tmp_path)).surfaces)
    (told,) = [each.getMessage() for each in caplog.records if "opaque to the truth" in each.getMessage()]
    assert told.startswith("room.usda: nobody knows whether vMaterials_2/Wood/Teak.mdl has holes")
    assert "(1 in use, the first is </World/Props/Crate/Unknown>)" in told
