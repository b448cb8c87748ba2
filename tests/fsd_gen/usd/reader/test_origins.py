"""What a file says once is read once, and reads as if it had been read in every place."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pxr import Sdf, Usd

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import FlatScene
from fsd_gen.usd.reader import decoded, origins, read, surfaces
from fsd_gen.usd.reader.decoded import Decoded
from tests.fsd_gen.usd.cases import SUN, WALL, flat, stage

POINTS = "point3f[] points = [({x},0,0), (1,0,0), (1,1,0), (0,1,0)]"
THING = """#usda 1.0
(
    defaultPrim = "Thing"
    upAxis = "Y"
    metersPerUnit = 1
)
def Xform "Thing" {{
    def Mesh "Card" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
        uniform token subdivisionScheme = "none"
        {points}
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        {st}
        normal3f[] normals = [(0,0,1), (0,0,1), (0,0,1), (0,0,1)] ( interpolation = "vertex" )
        rel material:binding = </Thing/Look>
    }}
    def Material "Look" {{
        token outputs:surface.connect = </Thing/Look/S.outputs:surface>
        def Shader "S" {{
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = <{source}>
            token outputs:surface
        }}
        def Shader "St" {{
            uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result
        }}
        def Shader "T" {{
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @./picture.png@
            float2 inputs:st.connect = </Thing/Look/St.outputs:result>
            float3 outputs:rgb
        }}
    }}
    {more}
}}
"""
ST = 'texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] ( interpolation = "vertex" )'
SHIFTED = """double3 xformOp:translate = ({x}, 0, -2)
    double3 xformOp:scale = ({mirror}, 1, 1)
    uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]"""
ABOVE = 'texCoord2f[] primvars:st = [({s}, 0)] ( interpolation = "constant" )'


def thing(
    folder: Path, *, x: int = 0, st: str = ST, source: str = "/Thing/Look/T.outputs:rgb", more: str = ""
):
    text = THING.format(points=POINTS.format(x=x), st=st, source=source, more=more)
    path = folder / "thing.usda"
    path.write_text(text.replace("}", "\n}\n"))
    Image.new("RGB", (2, 2), (255, 0, 0)).save(folder / "picture.png")
    return path


def things(folder: Path, *insides: str, file: str = "thing.usda") -> Path:
    """A stage that refers to a file once for each text, which is written into the prim that refers."""
    placed = [
        f'def Xform "Thing{n}" ( references = @./{file}@ ) {{ {inside} }}' for n, inside in enumerate(insides)
    ]
    return stage(folder, WALL, SUN, *placed)


def three(folder: Path) -> Path:
    return things(folder, *(SHIFTED.format(x=n, mirror=1 - 2 * (n == 1)) for n in range(3)))


def same(one: Any, other: Any) -> bool:
    """Whether two scenes are equal to the bit."""
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return bool(one == other)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing is decoded yet, no file is too new to be kept; the meshes and materials that are read."""
    calls: list[str] = []
    triangles, network = read.local_triangles, surfaces._SurfaceReader

    def counted(prim: Usd.Prim, *rest: Any) -> Any:
        calls.append(prim.GetName())
        return triangles(prim, *rest)

    def counted_network(material: Any, *rest: Any) -> Any:
        calls.append(material.GetPrim().GetName())
        return network(material, *rest)

    monkeypatch.setattr(read, "local_triangles", counted)
    monkeypatch.setattr(surfaces, "_SurfaceReader", counted_network)
    monkeypatch.setattr(read, "DECODED", Decoded())
    monkeypatch.setattr(origins, "SETTLED_NS", -(10**15))
    return calls


def plainly(path: Path, monkeypatch: pytest.MonkeyPatch) -> FlatScene:
    """The scene as it is read without any sharing."""
    with monkeypatch.context() as without:
        without.setattr(origins.Origins, "of", lambda self, prim: None)
        without.setattr(origins.Origins, "of_material", lambda self, prim: None)
        return flat(path)


def test_a_file_that_three_places_refer_to_is_read_once_and_gives_the_same_scene(
    tmp_path, asked, monkeypatch
):
    thing(tmp_path)
    path = three(tmp_path)
    scene = flat(path)
    assert asked.count("Card") == asked.count("Look") == 1
    assert len(scene.meshes) == 4
    assert same(scene, plainly(path, monkeypatch)) and asked.count("Card") == 4


def test_a_second_stage_asks_a_file_for_nothing_and_gives_the_same_scene(tmp_path, asked):
    thing(tmp_path)
    cold = flat(three(tmp_path))
    asked.clear()
    assert same(flat(three(tmp_path)), cold)
    assert "Card" not in asked


def reach(scene: FlatScene) -> float:
    return min(float(mesh.vertices_v3[:, 0].min()) for mesh in scene.meshes if "Thing0" in mesh.name)


@pytest.mark.parametrize(("how", "x"), [("rewritten", -3), ("replaced", -12345)])
def test_a_file_that_has_changed_is_read_anew(tmp_path, how, x):
    path, before = thing(tmp_path), things(tmp_path, SHIFTED.format(x=0, mirror=1))
    assert reach(flat(before)) == 0.0
    if how == "rewritten":
        thing(tmp_path, x=x)
    else:
        (tmp_path / "new").mkdir()
        os.replace(thing(tmp_path / "new", x=x), path)
    assert reach(flat(before)) == x


def test_what_a_file_says_of_new_is_seen_though_size_and_time_are_the_old_ones(tmp_path):
    path, before = thing(tmp_path, x=5), things(tmp_path, SHIFTED.format(x=0, mirror=1))
    old, first = path.stat(), flat(before)
    thing(tmp_path, x=0)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert path.stat().st_size == old.st_size
    assert not same(flat(before), first)


def test_a_file_that_has_just_changed_is_not_kept(tmp_path, asked, monkeypatch):
    monkeypatch.setattr(origins, "SETTLED_NS", 2_000_000_000)
    thing(tmp_path)
    flat(three(tmp_path))
    flat(three(tmp_path))
    assert asked.count("Card") == 2


def test_what_a_process_holds_of_an_older_file_is_not_taken_for_the_file(tmp_path):
    path, before = thing(tmp_path, x=0), things(tmp_path, SHIFTED.format(x=0, mirror=1))
    held = Sdf.Layer.FindOrOpen(str(path))
    thing(tmp_path, x=-3)
    assert reach(flat(before)) == 0.0  # as USD has it, while it is held
    del held
    assert reach(flat(before)) == -3.0


OVER = 'over "Card" {{ {} }}'


@pytest.mark.parametrize(
    ("inside", "file"),
    [
        (OVER.format(POINTS.format(x=-2)), {}),  # the stage has points of its own
        (OVER.format('uniform token orientation = "leftHanded"'), {}),
        ('over "Look" { over "S" { float inputs:roughness = 0.1 } }', {}),
        (ABOVE.format(s=0.25), {"st": ""}),  # coordinates of a prim above
        (
            'over "Elsewhere" { color3f inputs:own = (0, 1, 0) }',  # what a material is connected to
            {
                "source": "/Thing/Elsewhere.inputs:own",
                "more": 'def Material "Elsewhere" { color3f inputs:own = (1, 0, 0) }',
            },
        ),
    ],
)
def test_places_that_differ_in_what_a_thing_is_are_read_apart(tmp_path, monkeypatch, inside, file):
    thing(tmp_path, **file)
    path = things(tmp_path, "", inside)
    scene = flat(path)
    assert same(scene, plainly(path, monkeypatch))
    first, second = (
        next(mesh for mesh in scene.meshes if mesh.name == f"/World/Thing{n}/Card") for n in range(2)
    )
    parts = ("vertices_v3", "faces_f3", "uv_v2", "surface")
    assert not all(same(getattr(first, part), getattr(second, part)) for part in parts)


def test_another_material_in_one_place_leaves_the_shape_to_be_shared(tmp_path, asked, monkeypatch):
    thing(tmp_path)
    bound = (
        'over "Card" ( prepend apiSchemas = ["MaterialBindingAPI"] ) { rel material:binding = </World/Mine> }'
    )
    mine = """def Material "Mine" {
        token outputs:surface.connect = </World/Mine/S.outputs:surface>
        def Shader "S" { uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor = (0, 0, 1)
        token outputs:surface } }"""
    places = [f'def Xform "Thing{n}" ( references = @./thing.usda@ ) {{ {bound} }}' for n in range(2)]
    path = stage(tmp_path, WALL, mine, *places)
    scene = flat(path)
    assert asked.count("Card") == 1 and "Look" not in asked
    assert same(scene, plainly(path, monkeypatch))


@pytest.mark.parametrize(
    "more",
    [
        'def Xform "Other" ( references = </Thing/Card> ) { }',
        'def Xform "Other" ( inherits = </Thing/Card> ) { }',
        'def Xform "Other" { double3 xformOp:translate.timeSamples = { 0: (0, 0, 0) } }',
        'def Xform "Other" ( variants = { string v = "a" } prepend variantSets = "v" ) '
        '{ variantSet "v" = { "a" { } } }',
    ],
)
def test_a_file_that_composes_anything_is_read_in_every_place(tmp_path, asked, more):
    thing(tmp_path, more=more)
    flat(three(tmp_path))
    assert asked.count("Card") >= 3


def test_a_place_with_value_clips_is_read_by_itself(tmp_path, asked):
    thing(tmp_path)
    clips = """def Xform "Thing0" (
        references = @./thing.usda@
        clips = { dictionary default = { double2[] active = [(0, 0)] } }
    ) { }
    """
    flat(stage(tmp_path, WALL, clips, clips.replace("Thing0", "Thing1")))
    assert asked.count("Card") == 2


@pytest.mark.parametrize("where", ["stage", "between"])
def test_a_prim_moved_below_one_place_of_a_shared_material_is_missed_there(tmp_path, monkeypatch, where):
    """The material itself has one opinion in every place; the move is said by whoever refers to it."""
    thing(tmp_path)
    path = three(tmp_path)
    if where == "stage":
        moved = path.read_text().replace("(", "(\n relocates = { </World/Thing1/Look/S>: <> }", 1)
        path.write_text(moved)
    else:
        text = (
            '(\n relocates = { </Thing/Look/S>: <> }\n)\ndef "Thing" ( references = @./thing.usda@ ) {\n}\n'
        )
        (tmp_path / "between.usda").write_text(f"#usda 1.0\n{text}")
        at, rest = path.read_text().rsplit("@./thing.usda@", 1)
        path.write_text(f"{at}@./between.usda@</Thing>{rest}")
    with pytest.raises(StageError) as read_once:
        flat(path)
    with pytest.raises(StageError) as apart:
        plainly(path, monkeypatch)
    assert str(read_once.value) == str(apart.value) and "/Look" in str(apart.value)


def test_prims_nested_deeper_than_python_recurses_are_no_trouble(tmp_path, asked):
    deep = "".join(f'def Xform "D{n}" {{ ' for n in range(1200)) + "}" * 1200
    thing(tmp_path, more=deep)
    flat(three(tmp_path))
    assert asked.count("Card") == 1


def test_what_is_kept_is_bounded_and_what_was_not_used_for_longest_goes_first(tmp_path):
    path = thing(tmp_path)
    opened = Usd.Stage.Open(str(path))
    mesh = opened.GetPrimAtPath("/Thing/Card")
    triangles = read.local_triangles(mesh, None, Usd.TimeCode.Default())
    stamp = origins.stamp_of(Sdf.Layer.FindOrOpen(str(path)))
    keys = [(stamp, origins.Origin("layer", Sdf.Path(f"/P{n}")), None) for n in range(3)]
    one = decoded._size(triangles)
    kept = Decoded(limit_bytes=2 * one)
    kept.keep(keys[0], triangles), kept.keep(keys[1], triangles)
    assert kept.get(keys[0]) is triangles
    kept.keep(keys[2], triangles)
    assert [kept.get(key) is None for key in keys] == [False, True, False]
    assert kept.size_bytes == 2 * one
    assert Decoded(limit_bytes=one - 1).keep(keys[0], triangles) is None


def test_what_is_kept_cannot_be_written_to(tmp_path):
    thing(tmp_path)
    scene = flat(three(tmp_path))
    card = next(mesh for mesh in scene.meshes if mesh.name == "/World/Thing0/Card")
    assert card.uv_v2 is not None
    with pytest.raises(ValueError, match="read-only"):
        card.uv_v2[0] = 7
