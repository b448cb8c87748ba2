"""Modules of one's own: which of them dress up a material of Omniverse's, and what they say of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fsd_gen.usd import mdl_text
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Surface
from fsd_gen.usd.mdl_text import scanned
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.reader.mdl_modules import dress_of
from tests.fsd_gen.usd.isaac_room import mdl
from tests.fsd_gen.usd.reader.stages import BOUND, ST, quad, stage_file

KNOWN = frozenset({"OmniPBR", "OmniGlass"})
HEAD = "mdl 1.6;\nusing ::OmniPBR import OmniPBR;\n"
HOLED = "enable_opacity: true, opacity_threshold: 0.5, "
CUT = "material OmniPBR() = material(geometry: material_geometry(cutout_opacity: 0.0));\n"


def worn(folder: Path, text: str, inputs: str = "", *, module: str = "My.mdl", material: str = "") -> Surface:
    """What a quad wears whose material is of this module, with these inputs on the stage."""
    (folder / module).write_text(text)
    look = mdl("Look", f"./{module}", inputs.replace(" ; ", "\n"), material)
    return read_stage(stage_file(folder, quad(f"{BOUND}\n{ST}") + look), None).surfaces[0]


def dressed(folder: Path, said: str, inputs: str = "", *, parameters: str = "*") -> Surface:
    return worn(folder, f"{HEAD}export material My({parameters}) = OmniPBR({said});", inputs)


def is_unknown(surface: Surface) -> bool:
    return surface.unread is not None and surface.unread.holes and not surface.unread.lack


# -- whose material it is


@pytest.mark.parametrize(
    ("imported", "called"),
    [
        ("using ::OmniPBR import OmniPBR;", "OmniPBR"),
        ("using OmniPBR import *;", "OmniPBR"),
        ("import ::OmniPBR::OmniPBR;", "::OmniPBR::OmniPBR"),
        ("import ::OmniPBR::*; using ::df import diffuse_reflection_bsdf;", "OmniPBR::OmniPBR"),
        ("using ::df import *; export using ::OmniPBR import OmniPBR;", "OmniPBR"),
        ("import ::anno::author; import ::OmniPBR::*;", "OmniPBR"),
    ],
)
def test_a_name_imported_from_omniverse_is_omniverses(tmp_path, imported, called):
    red = f"mdl 1.6; {imported} export material My(*) = {called}(diffuse_color_constant: color(1, 0, 0));"
    assert worn(tmp_path, red).diffuse == (1, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "mdl 1.6; export material My(*) = OmniPBR();",  # from nowhere
        f"mdl 1.6; {CUT} export material My(*) = OmniPBR();",
        f"{HEAD} {CUT} export material My(*) = OmniPBR();",
        "mdl 1.6; import ::mine::OmniGlass; export material My(*) = mine::OmniGlass();",
        "mdl 1.6; using ::mine import OmniPBR; export material My(*) = OmniPBR();",
        f"{HEAD} using ::mine import OmniPBR; export material My(*) = OmniPBR();",
        "mdl 1.6; import ::OmniPBR::*; using ::mine import *; export material My(*) = OmniPBR();",
        "mdl 1.6; using .::OmniPBR import OmniPBR; export material My(*) = OmniPBR();",
        "mdl 1.8; using OmniPBR = ::mine; import OmniPBR::*; export material My(*) = OmniPBR::OmniPBR();",
        f"{HEAD} export material My(*) = OmniPBR() ? OmniPBR() : OmniPBR();",
        f'{HEAD} const string a = "export material My(*) = OmniPBR();"; export material My(*) = Own();',
        f"{HEAD} // export material My(*) = OmniPBR();\n export material My(*) = Own();",
    ],
)
def test_a_name_from_elsewhere_is_unknown_however_it_looks(tmp_path, text):
    assert is_unknown(worn(tmp_path, text))


def test_a_module_that_lies_beside_the_importing_one_is_not_omniverses(tmp_path):
    text = HEAD + "export material My(*) = OmniPBR();"
    assert worn(tmp_path, text).unread is None
    (tmp_path / "OmniPBR.mdl").write_text(f"mdl 1.6; export {CUT}")
    changed = text + "\n"  # read again
    assert is_unknown(worn(tmp_path, changed))


def test_a_stages_own_module_of_omniverses_name_is_read_before_its_name_is_trusted(tmp_path):
    assert is_unknown(worn(tmp_path, f"mdl 1.6; export {CUT}", module="OmniPBR.mdl"))
    glass = "mdl 1.6; using ::OmniGlass import OmniGlass; export material OmniPBR(*) = OmniGlass();"
    assert worn(tmp_path, glass, module="OmniPBR.mdl").transparent


@pytest.mark.parametrize("said", ["color(1, 0, 0), 0.5", "diffuse_color_constant: color(1), true", "::a::b"])
def test_arguments_without_a_name_are_not_dropped_but_make_the_material_unknown(tmp_path, said):
    assert is_unknown(dressed(tmp_path, said))


def test_a_string_that_looks_like_a_comment_hides_nothing_and_notes_may_hold_brackets(tmp_path):
    text = (
        f'{HEAD} const string a = "/*"; export material My(*) [[ anno::description("a ]] b") ]]'
        ' = OmniPBR(metallic_constant: 1.0); const string b = "*/";'
    )
    assert worn(tmp_path, text).metallic == 1


# -- what the stage may say of it


def test_the_stage_cannot_say_what_is_no_parameter_of_the_material(tmp_path):
    stage = "float inputs:opacity_constant = 0.9 ; float inputs:metallic_constant = 1"
    said = HOLED + "opacity_constant: 0.0, metallic_constant: 0.25"
    variant = dressed(tmp_path, said, stage)
    assert (variant.opacity, variant.metallic) == (1.0, 1.0)
    look = mdl("Look", "./My.mdl", stage.replace(" ; ", "\n"))
    (tmp_path / "My.mdl").write_text(
        f"{HEAD}export material My(float opacity_constant = 0.1) = OmniPBR({said});"
    )
    wall = quad(ST).replace('"Quad"', '"Wall"')
    scene = read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + wall + look), None)
    assert [mesh.name for mesh in scene.meshes] == ["/World/Wall"]  # below its threshold


def test_a_parameter_that_is_handed_on_is_the_stages_to_say_by_its_own_name(tmp_path):
    said = "metallic_constant: shine, reflection_roughness_constant: rough, specular_level: rough * 2"
    parameters = "float shine = 0.25, uniform float rough = 0.75 [[ anno::hidden() ]]"
    plain = dressed(tmp_path, said, parameters=parameters)
    assert (plain.metallic, plain.roughness) == (0.25, 0.75)
    assert plain.unread.lack == "specular_level, which the module computes"
    asked = "float inputs:shine = 0.5 ; float inputs:metallic_constant = 1"
    assert dressed(tmp_path, said, asked, parameters=parameters).metallic == 0.5


# -- wrong types


@pytest.mark.parametrize(
    ("inputs", "lack", "holes"),
    [
        ('string inputs:enable_opacity = "false"', "enable_opacity, which is to be true or false", True),
        ('token inputs:enable_opacity = "x"', "true or false and is 'x'", True),
        ("color3f inputs:enable_emission = (1, 0, 0)", "enable_emission, which is to be true", False),
        ('string inputs:diffuse_texture = "a.png"', "diffuse_texture, which is to be a texture", False),
        ("asset[] inputs:diffuse_texture = [@a.png@]", "diffuse_texture, which is to be a texture", False),
        ("float inputs:normalmap_texture = 3", "normalmap_texture, which is to be a texture and is 3", False),
        (
            "bool inputs:enable_opacity = 1 ; bool inputs:enable_opacity_texture = 1"
            ' ; string inputs:opacity_texture = "a.png"',
            "opacity_texture, which is to be a texture and is 'a.png'",
            True,
        ),
    ],
)
def test_an_input_of_a_wrong_type_is_lacking_by_name(tmp_path, inputs, lack, holes):
    unread = dressed(tmp_path, "", inputs).unread
    assert lack in unread.lack and unread.holes == holes


def test_an_image_of_omnisurface_of_a_wrong_type_is_lacking_and_one_by_way_of_the_material_is_too(tmp_path):
    for said in ('string inputs:geometry_opacity_image = "a.png"', WIRED):
        look = mdl("Look", "OmniSurface.mdl", said)
        wired = look.replace(
            "token outputs:mdl:surface", "asset inputs:map = @a.png@\n token outputs:mdl:surface"
        )
        got = read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + wired), None).surfaces[0]
        assert got.unread.lack == "geometry_opacity_image" and got.unread.holes


WIRED = "asset inputs:geometry_opacity_image.connect = </World/Look.inputs:map>"


def test_a_texture_where_a_number_belongs_is_called_one(tmp_path):
    for said, kind in [("metallic_constant", "a number"), ("diffuse_color_constant", "a colour")]:
        with pytest.raises(StageError, match=f"Shader> {said}: expected {kind}, got a texture$"):
            dressed(tmp_path, f'{said}: texture_2d("x.png")')
    with pytest.raises(StageError, match="Shader> metallic_constant: expected a number, got a texture$"):
        dressed(tmp_path, "", "asset inputs:metallic_constant = @x.png@")


@pytest.mark.parametrize("name", ["a\0b.png", "a" * 300 + ".png"])
def test_a_picture_of_a_name_that_no_file_can_have_is_lacking(tmp_path, name):
    assert dressed(tmp_path, f'diffuse_texture: texture_2d("{name}")').unread.lack.startswith(
        "diffuse_texture"
    )


def test_a_stages_texture_of_a_name_that_no_file_can_have_is_lacking(tmp_path):
    long = "a" * 300 + ".png"
    assert dressed(tmp_path, "", f"asset inputs:diffuse_texture = @{long}@").unread.lack.endswith(long)


def test_one_channel_of_a_picture_is_computed(tmp_path):
    said = 'diffuse_texture: texture_2d("x.png", ::tex::gamma_linear, "R")'
    assert dressed(tmp_path, said).unread.lack == "diffuse_texture, which the module computes"


# -- light and colours have an upper limit


EMITS = "bool inputs:enable_emission = 1 ; "
HUGE = "color3f inputs:{} = (1e38, 1e38, 1e38)"


@pytest.mark.parametrize(
    ("module", "inputs", "named"),
    [
        ("OmniPBR", EMITS + "float inputs:emissive_intensity = 1e38", "emissive_intensity"),
        ("OmniPBR", EMITS + HUGE.format("emissive_color"), "emissive_color"),
        ("OmniEmissive", "float inputs:emission_intensity = 1e38", "emission_intensity"),
        ("OmniEmissive", HUGE.format("emissive_color"), "emissive_color"),
        (
            "OmniSurface",
            "float inputs:emission_weight = 1 ; " + HUGE.format("emission_color"),
            "emission_color",
        ),
        ("OmniSurface", HUGE.format("diffuse_reflection_color"), "diffuse_reflection_color"),
        ("OmniPBR", HUGE.format("diffuse_color_constant"), "diffuse_color_constant"),
        ("OmniPBR", HUGE.format("diffuse_tint"), "diffuse_tint"),
        ("OmniPBR", "float inputs:albedo_brightness = 3e38", "diffuse_tint"),
    ],
)
def test_what_is_brighter_than_can_be_drawn_is_refused_by_name(tmp_path, module, inputs, named):
    look = mdl("Look", f"{module}.mdl", inputs.replace(" ; ", "\n"))
    with pytest.raises(StageError, match=rf"</World/Look/Shader> {named}: expected at most 1e\+24 in all"):
        read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + look), None)


@pytest.mark.parametrize(
    ("module", "inputs", "named"),
    [
        ("OmniPBR", "color3f inputs:diffuse_tint = (6, 1, 1)", "diffuse_color_constant, a share of 1.2 of"),
        ("OmniGlass", "color3f inputs:glass_color = (5, 1, 1)", "glass_color, a share of 5 of"),
        ("OmniSurface", "color3f inputs:diffuse_reflection_color = (5, 1, 1)", "color, a share of 4 of"),
        (
            "OmniSurface",
            "float inputs:specular_transmission_weight = 1"
            " ; color3f inputs:specular_transmission_color = (5, 1, 1)",
            "specular_transmission_color, a share of 5 of",
        ),
    ],
)
def test_what_would_send_back_more_light_than_it_gets_is_left_to_rtx(tmp_path, module, inputs, named):
    look = mdl("Look", f"{module}.mdl", inputs.replace(" ; ", "\n"))
    got = read_stage(stage_file(tmp_path, quad(f"{BOUND}\n{ST}") + look), None).surfaces[0]
    assert named in got.unread.lack and not got.unread.holes
    assert max(got.tint) <= 1 and max(got.diffuse) <= 1


def test_a_colour_that_a_texture_takes_the_place_of_may_be_any(tmp_path, picture):
    tinted = f"asset inputs:diffuse_texture = @{picture}@ ; color3f inputs:diffuse_tint = (6, 1, 1)"
    assert dressed(tmp_path, "", tinted).unread is None


# -- whatever a module holds


@pytest.mark.parametrize(
    "text",
    [
        "[[" * 100_000,
        "/*" * 100_000,
        '"' * 100_001,
        "import " * 100_000,
        "import ::" + "a::" * 100_000,
        "export material My(" * 50_000,
        HEAD + "".join(f"export material M{n}(*) = OmniPBR();" for n in range(20_000)),
        HEAD + "export material My(*) = OmniPBR(metallic_constant: " + "1" * 60_000 + "x);",
        HEAD + "export material My(*) = " + "a::" * 100_000,
    ],
    ids=["notes", "comments", "quotes", "imports", "path", "brackets", "many", "digits", "call"],
)
def test_a_module_is_scanned_in_linear_time(tmp_path, text):
    (tmp_path / "My.mdl").write_text(text)
    begun = time.process_time()
    dress_of(tmp_path / "My.mdl", "My", KNOWN)
    assert time.process_time() - begun < 2  # seconds; squares of these lengths take minutes


def test_a_module_that_is_too_large_is_unknown_and_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(mdl_text, "MAX_BYTES", 100)
    assert is_unknown(worn(tmp_path, HEAD + " " * 100 + "export material My(*) = OmniPBR();"))
    assert "not looked into" in caplog.text and "My.mdl" in caplog.text


def test_a_module_is_read_once_while_it_stays_as_it_is(tmp_path, monkeypatch):
    module = tmp_path / "My.mdl"
    module.write_text(HEAD + "export material A(*) = OmniPBR(); export material B(*) = OmniPBR();")
    read: list[str] = []
    monkeypatch.setattr(mdl_text, "scanned", lambda text: read.append(text) or scanned(text))
    assert all(dress_of(module, name, KNOWN) for name in "ABAB") and len(read) == 1
    module.write_text(HEAD + "export material A(*) = Own();")
    assert dress_of(module, "A", KNOWN) is None and len(read) == 2
