"""What is neither drawn nor in the truth is said, once for a stage."""

from __future__ import annotations

from PIL import Image

from fsd_gen.usd.reader import read_stage
from tests.fsd_gen.usd.cases import BOUND, SUN, WALL, card, material, stage

PAINTED = 'color3f[] primvars:displayColor = [(1,0,0), (0,1,0), (0,0,1), (1,1,1)] (interpolation = "vertex")'
JOINTS = """int[] primvars:skel:jointIndices = [0, 0, 0, 0] (interpolation = "vertex")
    float[] primvars:skel:jointWeights = [1, 1, 1, 1] (interpolation = "vertex")"""
LENS = (
    "float focalLength = 36\n float fStop = 2.8\n float2 clippingRange = (3, 9)\n double shutter:close = 0.5"
)


def told(path, caplog) -> list[str]:
    read_stage(path, None)
    return [r.getMessage() for r in caplog.records if "left out of images and truth" in r.getMessage()]


def test_what_is_left_out_is_one_warning_that_names_the_prims(tmp_path, caplog):
    coat = "float inputs:clearcoat = 1\n float inputs:clearcoatRoughness.connect = </World/Look/T.outputs:r>"
    Image.new("L", (2, 2), 99).save(tmp_path / "wear.png")
    coated = material(coat, "./wear.png", name="Look")
    shapes = (card(PAINTED, name="Painted"), card(JOINTS, name="Limp"), card(BOUND, name="Coated"))
    path = stage(tmp_path, WALL, SUN, coated, *shapes)
    text = path.read_text().replace("float focalLength = 36", LENS)
    path.write_text(text)
    (warning,) = told(path, caplog)
    for named in (
        "clippingRange (nothing is clipped): </World/Rig/Left>",
        "fStop (all is in focus): </World/Rig/Left>",
        "shutter (nothing is blurred by motion): </World/Rig/Left>",
        "clearcoatRoughness of a texture (drawn even): </World/Look>",
        "displayColor over a surface (its mean is drawn): </World/Painted>",
        "joint influences without a skeleton (drawn at rest): </World/Limp>",
    ):
        assert named in warning


def test_a_stage_that_is_drawn_as_it_is_warns_of_nothing(tmp_path, caplog):
    assert told(stage(tmp_path, WALL, SUN, card()), caplog) == []


def test_a_clipping_range_that_cuts_nothing_is_no_news(tmp_path, caplog):
    path = stage(tmp_path, WALL, SUN, card())
    text = path.read_text().replace(
        "float focalLength = 36", "float2 clippingRange = (1, 100)\n float focalLength = 36"
    )
    path.write_text(text)
    assert told(path, caplog) == []
