"""Meshes, lights and cameras that contradict themselves are refused by name, whatever the contradiction."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fsd_gen.usd.errors import StageError
from tests.fsd_gen.usd.cases import (
    BOUND,
    DIFFUSE,
    RIG,
    WALL,
    card,
    flat,
    material,
    stage,
)

COUNTS, INDICES = "faceVertexCounts = [4]", "faceVertexIndices = [0, 1, 2, 3]"
PERSPECTIVE = "((1,0,0,0), (0,1,0,0), (0,0,1,0.1), (0,0,0,1))"
AT_ORIGIN = "double3 xformOp:translate = (0, 0, 0)"
PLACE = RIG[RIG.index(AT_ORIGIN) : RIG.index('"]', RIG.index(AT_ORIGIN)) + 2]
FIRST = "(-0.5,-0.5,-2)"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (COUNTS, "faceVertexCounts = [-4]", "face vertex counts must not be negative"),
        (COUNTS, "faceVertexCounts = [3]", "add up to 3, got 4 indices"),
        (COUNTS, "faceVertexCounts = [2147483647, 2147483647]", "add up to 4294967294, got 4"),
        ("int[] " + COUNTS, 'string faceVertexCounts = "4"', "expected whole numbers, got str"),
        ("int[] " + COUNTS, "float[] faceVertexCounts = [4]", "expected whole numbers, got FloatArray"),
        ("int[] " + COUNTS, "", "add up to 0, got 4"),
        (INDICES, "faceVertexIndices = [0, 1, 2, -1]", "reach from -1 to 2"),
        (INDICES, "faceVertexIndices = [0, 1, 2, 4]", "reach from 0 to 4, but there are 4 points"),
        (FIRST, "(nan, 0, 0)", "some points are not finite"),
        (FIRST, "(0, inf, 0)", "some points are not finite"),
        ('subdivisionScheme = "none"', 'subdivisionScheme = "no"', "subdivisionScheme: expected one of"),
    ],
)
def test_topology(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in card()
    with pytest.raises(StageError, match=f"</World/Card>: .*{message}"):
        flat(stage(tmp_path, WALL, card().replace(old, new)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("int[] holeIndices = [7]", "hole indices reach from 7 to 7, but there are 1 faces"),
        ("int[] holeIndices = [-1]", "hole indices reach from -1"),
        ("normal3f[] normals = [(0, 0, 1)]", "normals: vertex values: expected 4, got 1"),
        ('normal3f[] normals = [(0, 0, 1)] ( interpolation = "spin" )', "cannot be interpolated by 'spin'"),
        ('normal3f[] normals = [(nan, 0, 1)] ( interpolation = "faceVarying" )', "expected 4, got 1"),
        (
            'normal3f[] primvars:normals = [(0, 0, 1)] ( interpolation = "vertex" )\n'
            "int[] primvars:normals:indices = [0, 0, 0, 9]",
            "indices reach from 0 to 9, but there are 1 values",
        ),
        ("color3f[] primvars:displayColor = [(nan, 0, 0)]", "primvars:displayColor: expected a finite"),
        (
            "color3f[] primvars:displayColor = [(1, 0, 0)]\n int[] primvars:displayColor:indices = [5]",
            "its 1 val",
        ),
        (
            'double3 xformOp:translate = (nan, 0, 0)\nuniform token[] xformOpOrder = ["xformOp:translate"]',
            "its transform is not finite",
        ),
        (
            f"matrix4d xformOp:transform = {PERSPECTIVE}\n"
            'uniform token[] xformOpOrder = ["xformOp:transform"]',
            "its transform has perspective; expected 0, 0, 0, 1 in the last column",
        ),
        (
            'double3 xformOp:scale = (1e30, 1, 1)\nuniform token[] xformOpOrder = ["xformOp:scale"]',
            "expected points within 1e.18 m of the origin, got 5e.29 m",
        ),
        ('uniform token[] xformOpOrder = ["banana"]', "Invalid xform op"),
        ('token visibility = "maybe"', "visibility: expected one of inherited, invisible, got 'maybe'"),
        ('uniform token orientation = "sideways"', "orientation: expected one of"),
    ],
)
def test_attributes(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(StageError, match=f"</World/Card>: .*{message}"):
        flat(stage(tmp_path, WALL, card(more)))


ST = "texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)]"


@pytest.mark.parametrize(
    ("st", "message"),
    [
        (
            'texCoord2f[] primvars:st = [(0, 0)] ( interpolation = "vertex" )',
            "uv: vertex values: expected 4, got 1",
        ),
        ('texCoord2f[] primvars:st = [(0, 0)] ( interpolation = "faceVarying" )', "uv: faceVarying values"),
        (
            'texCoord2f[] primvars:st = [(0, 0), (1, 1)] ( interpolation = "uniform" )',
            "uv: uniform values: expected 1",
        ),
        (
            'texCoord2f[] primvars:st = [(0, 0)] ( interpolation = "vertex" )\n'
            "int[] primvars:st:indices = [0, 0, 0, -1]",
            "uv: indices reach from -1 to 0",
        ),
        ('texCoord3f[] primvars:st = [(0, 0, 0)] ( interpolation = "constant" )', "expected 2 numbers each"),
        ('string primvars:st = "hello"', "expected numbers, got str"),
        (ST.replace("(1, 1)", "(nan, 1)") + ' ( interpolation = "vertex" )', "coordinates are not finite"),
        (ST + ' ( interpolation = "vertex"\n elementSize = 2 )', "expected elementSize 1, got 2"),
    ],
)
def test_texture_coordinates(tmp_path: Path, st: str, message: str) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    own = next(line for line in card().splitlines() if "primvars:st" in line)
    body = card(BOUND).replace(own, st)
    with pytest.raises(StageError, match=f"</World/Card>: .*{message}"):
        flat(stage(tmp_path, WALL, body, material(DIFFUSE, "./p.png")))


def subset(indices: str, name: str = "Part", kind: str = "face") -> str:
    return f"""def GeomSubset "{name}" {{
        uniform token elementType = "{kind}"
        uniform token familyName = "materialBind"
        int[] indices = {indices}
    }}
    """


@pytest.mark.parametrize(
    ("subsets", "message"),
    [
        (subset("[3]"), "</World/Card/Part>: face 3 of a mesh with 1 faces"),
        (subset("[-1]"), "</World/Card/Part>: face -1"),
        (
            subset("[0]", kind="point"),
            "</World/Card/Part>: expected a subset of faces, got elementType 'point'",
        ),
        (subset("[0]") + subset("[0]", "Second"), "</World/Card/Second>: .* in another subset too"),
    ],
)
def test_subsets(tmp_path: Path, subsets: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        flat(stage(tmp_path, WALL, card(subsets)))


@pytest.mark.parametrize(
    ("light", "message"),
    [
        ('def SphereLight "L" { float inputs:radius = nan }', "inputs:radius: expected a finite number"),
        ('def SphereLight "L" { float inputs:intensity = -1 }', "inputs:intensity: .* got -1"),
        (
            'def SphereLight "L" { float inputs:exposure = 5000 }',
            "expected a light of 0 to 1e.24",
        ),
        (
            'def DistantLight "L" { float inputs:intensity = 1e36 }',
            "expected a light of 0 to 1e.24, got 1e.36",
        ),
        (
            'def RectLight "L" { float inputs:intensity = 1e20\n bool inputs:normalize = 1\n'
            "float inputs:width = 1e-4\n float inputs:height = 1e-4 }",
            "expected a light of 0 to 1e.24, got 1e.28",
        ),
        ('def SphereLight "L" { color3f inputs:color = (nan, 0, 0) }', "inputs:color: expected three finite"),
        (
            'def DistantLight "L" { double3 xformOp:scale = (0, 0, 0)\n'
            'uniform token[] xformOpOrder = ["xformOp:scale"] }',
            "its transform is not finite, or scales it to noth",
        ),
        (
            'def SphereLight "L" { bool collection:lightLink:includeRoot = 0 }',
            "light linking is not supported",
        ),
        ('def SphereLight "L" { rel light:filters = </World/Wall> }', "light filters are not supported"),
        (
            'def SphereLight "L" (prepend apiSchemas = ["ShadowAPI"]) { bool inputs:shadow:enable = 0 }',
            "inputs:shadow:enable is not supported; expected True, got False",
        ),
        (
            'def SphereLight "L" { asset inputs:shaping:ies:file = @a.ies@ }',
            "IES profiles are not supported, got a.ies",
        ),
        ('def DistantLight "L" { float inputs:shaping:cone:angle = 5 }', "a DistantLight cannot be shaped"),
        ('def DomeLight "L" (prepend apiSchemas = ["ShapingAPI"]) { }', "a DomeLight cannot be shaped"),
    ],
)
def test_lights(tmp_path: Path, light: str, message: str) -> None:
    with pytest.raises(StageError, match=f"</World/L>: {message}"):
        flat(stage(tmp_path, WALL, light))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("focalLength = 36", "focalLength = nan", "focalLength: expected a finite number"),
        (
            "float focalLength",
            "float4[] clippingPlanes = [(0, 0, -1, -3)]\nfloat focalLength",
            "clippingPlanes",
        ),
        (
            PLACE,
            PLACE.replace(AT_ORIGIN, f"matrix4d xformOp:transform = {PERSPECTIVE}").replace(
                ":translate", ":transform"
            ),
            "its transform has perspective",
        ),
        ("(0, 0, 0)", "(nan, 0, 0)", "the camera's transform is not finite"),
        ('["xformOp:translate"]', '["banana"]', "Invalid xform op"),
    ],
)
def test_cameras(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(StageError, match=f"</World/Rig/Left>: .*{message}"):
        flat(stage(tmp_path, WALL, rig=RIG.replace(old, new, 1)))


def test_the_unit_of_a_stage_is_a_length(tmp_path: Path) -> None:
    path = stage(tmp_path, WALL)
    path.write_text(path.read_text().replace("metersPerUnit = 1", "metersPerUnit = 0"))
    with pytest.raises(StageError, match="expected metersPerUnit to be a positive number"):
        flat(path)
