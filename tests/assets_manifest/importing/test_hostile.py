"""Files that lie, leave out or lead away: one line each in words about the file; what is good comes in."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
from PIL import Image

from tests.assets_manifest.importing.files import brought_in, glb, obj, png, reasons, stl

PBR = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
HEAD = (
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n"
)
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
MESH = '#usda 1.0\n(\n metersPerUnit=1\n)\ndef Mesh "A" {{\n int[] faceVertexCounts=[3]\n {}\n}}\n'
INNER = re.compile(r"BytesIO|out of range|numpy|reshape|NoneType|pxrInternal|0x[0-9a-f]")


def _accessors(**changed):
    listed = [
        {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
        {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
        {"bufferView": 2, "componentType": 5125, "count": 6, "type": "SCALAR"} | changed,
    ]
    return {"accessors": listed}


def _bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


GLBS = {  # name -> how it is bad, what is said of it
    "minus": ({"extra": _accessors(count=-3)}, "accessors 2: count: expected 0 or more, got -3"),
    "long": ({"extra": _accessors(count=60)}, "accessors 2: 60 entries end at byte 240 of 24"),
    "before": ({"extra": _accessors(byteOffset=-8)}, "accessors 2: byteOffset: expected 0 or more, got -8"),
    "kind": ({"extra": _accessors(componentType=1)}, "accessors 2: of no componentType and type of glTF 2"),
    "backwards": (
        {"images": [png()], "material": {"pbrMetallicRoughness": {"baseColorTexture": {"index": -1}}}},
        "materials 0: index: expected the number of one of 1 textures, got -1",
    ),
    "child": ({"node": {"children": [7]}}, "nodes 0: child: expected the number of one of 1 nodes, got 7"),
    "mapping": ({"extra": {"materials": {"a": 1}}}, "materials: expected a list of objects"),
    "alpha": (
        {"material": {"alphaMode": "FOG"}},
        "alphaMode: expected one of OPAQUE, MASK, BLEND, got 'FOG'",
    ),
    "infinite": (
        {"material": {"pbrMetallicRoughness": {"baseColorFactor": [1e999, 0, 0, 1]}}},
        "material 'material' has a number that is not finite",
    ),
    "cut": (
        {"images": [png(size=(64, 64))[:60]], "material": PBR},
        "'image_0' is not readable: it is damaged or cut",
    ),
    "words": (
        {"images": [b"hello"], "material": PBR},
        "'image_0' is not readable: it is no picture of a known",
    ),
    "bomb": ({"images": [_bomb()], "material": PBR}, "'image_0' is 60000 x 60000, more than 537 megapixels"),
    "gone": (
        {"material": PBR, "extra": {"images": [{"uri": "no.png"}], "textures": [{"source": 0}]}},
        "it refers to 'no.png', which is not there",
    ),
    "ktx2": (
        {
            "images": [png()],
            "material": PBR,
            "extra": {"textures": [{"extensions": {"KHR_texture_basisu": {}}}]},
        },
        "a texture in a form of an extension (KTX2, WebP); export PNG or JPEG",
    ),
    "meshopt": (
        {"extra": {"extensionsRequired": ["EXT_meshopt_compression"]}},
        "requires EXT_meshopt_compression",
    ),
    "circle": (
        {"extra": {"nodes": [{"children": [0], "mesh": 0}]}},
        "nodes 0: hangs below more than one node",
    ),
    "flat": ({"points": np.zeros((4, 3), "<f4")}, "its longest side is 0 mm"),
    "squeezed": ({"node": {"scale": [0, 0, 0]}}, "no surface: it holds no triangles"),
}
TEXTS = {
    "lfs.glb": ("version https://git-lfs.github.com/spec/v1\n", "a git-lfs pointer, not the file itself"),
    "deep.gltf": ("[" * 100_000, "it is nested too deeply"),
    "half.gltf": ('{"asset": {"version": "2.0"}', "its JSON is damaged in line 1, column 29"),
    "zero.obj": (TRIANGLE + "f 0 1 2\n", "a face names point 0, the file has 3"),
    "words.obj": ("v a b c\n" + TRIANGLE + "f 1 2 3\n", "a line that is not numbers"),
    "uv.obj": (TRIANGLE + "vt 0 0\nf 1/1 2/7 3/1\n", "a face names texture coordinate 7, the file has 1"),
    "area.obj": ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no triangle that can be seen has an area"),
    "minus.ply": (HEAD + "3 0 1 -1\n", "a face names point -1, of 3 that there are"),
    "range.ply": (HEAD + "3 0 1 7\n", "a face names point 7, of 3 that there are"),
    "lie.ply": (
        HEAD.replace("vertex 3", "vertex 3000000000000"),
        "3,000,000,000,000 points, more than 3,000,000",
    ),
    "splat.ply": (HEAD.replace("float x", "float f_dc_0\nproperty float rot_0"), "it holds Gaussian splats"),
    "shape.stl": ("solid x\nvertex a b\n", "unreadable STL"),
    "point.usda": (MESH.format("int[] faceVertexIndices=[0,1,2]"), "</A>: a face names point 2 of 0"),
    "text.usda": ("#usda 1.0\ndef Mesh {[\n", "unreadable USD: its text is damaged in line 2"),
    "lost.usda": (
        '#usda 1.0\ndef "A" (references=@no.usd@) {}\n',
        "it refers to 'no.usd', which is not there",
    ),
    "text.usdz": ("nope", "it is a text file, expected a USD package"),
}


def _zip(path, name, data="", mode=0o100644, compress=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.create_system, info.compress_type = mode << 16, 3, compress
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(info, data)


def _packages(folder):
    _zip(folder / "up.usdz", "../evil.usda", "#usda 1.0\n")
    yield "up.usdz", "its package holds '../evil.usda', which leads out of it"
    _zip(folder / "small.usdz", "a.usda", "#usda 1.0\n", compress=zipfile.ZIP_DEFLATED)
    yield "small.usdz", "its package holds 'a.usda' compressed"
    _zip(folder / "link.zip", "a.obj", "/etc/passwd", mode=0o120777)
    yield "link.zip", "'a.obj' is not a plain file"
    _zip(folder / "long.zip", "n" * 300 + ".obj")
    yield "long.zip", "is too long a name"


def _odd_places(folder):
    os.symlink("gone.obj", folder / "broken.obj")
    yield "broken.obj", "no such file"
    os.symlink("circle.obj", folder / "circle.obj")
    yield "circle.obj", "a link that leads in a circle"
    os.mkfifo(folder / "pipe.obj")
    yield "pipe.obj", "no plain file (a pipe or a device?)"
    (folder / ("n" * 245 + ".obj")).write_text(TRIANGLE + "f 1 2 3\n")
    yield "n" * 245 + ".obj", "a name of 245 characters, more than 200"


def test_what_lies_or_leads_away_is_said_in_words_about_the_file(tmp_path):
    (folder := tmp_path / "in").mkdir()
    expected = {f"{name}.glb": said for name, (_, said) in GLBS.items()} | {
        n: s for n, (_, s) in TEXTS.items()
    }
    for name, (how, _) in GLBS.items():
        glb(folder / f"{name}.glb", **how)
    for name, (text, _) in TEXTS.items():
        (folder / name).write_text(text)
    obj(folder / "nan.obj", head="mtllib nan.mtl\nusemtl a")
    (folder / "nan.mtl").write_text("newmtl a\nKd nan nan nan\n")
    expected["nan.obj"] = "material 'a' has a number that is not finite"
    obj(folder / "secret.obj", head="mtllib ../../../../etc/passwd\nusemtl a")
    expected["secret.obj"] = "which leads out of"
    obj(folder / "nul.obj", head="mtllib nul.mtl\nusemtl a")
    (folder / "nul.mtl").write_bytes(b"newmtl a\nmap_Kd wood\0.png\n")
    obj(folder / "nul2.obj", head="mtllib nul\0.mtl")
    expected |= dict.fromkeys(["nul.obj", "nul2.obj"], "expected a name without a NUL byte")
    lying = bytearray(stl(folder / "lying.stl", [[(0, 0, 0), (1, 0, 0), (0, 1, 0)]]).read_bytes())
    lying[80:84] = struct.pack("<I", 1_000_000)
    (folder / "lying.stl").write_bytes(lying)
    expected["lying.stl"] = "134 bytes, expected 50000084"
    expected |= dict([*_packages(folder), *_odd_places(folder)])
    obj(folder / "good.obj")
    report = brought_in(folder, tmp_path / "packs")
    found = reasons(report)
    assert found.keys() == expected.keys() and [each.id for each in report.entered] == ["mine/good"]
    for name, said in expected.items():
        assert said in found[name], name
        assert not INNER.search(found[name]) and "\n" not in found[name], found[name]


def test_what_only_looks_odd_comes_in(tmp_path):
    jpeg = io.BytesIO()
    Image.new("RGB", (8, 8), (3, 200, 3)).save(jpeg, "JPEG")
    glb(tmp_path / "in/jpeg_named_png.glb", images=[jpeg.getvalue()], material=PBR)
    glb(tmp_path / "in/animated.glb", extra={"animations": [{"channels": [], "samplers": []}]})
    obj(tmp_path / "in/no_uv.obj", head="mtllib m.mtl\nusemtl a")
    (tmp_path / "in/m.mtl").write_text("newmtl a\nKd 1 0 0\n")
    report = brought_in(tmp_path / "in", tmp_path / "packs")
    notes = {each.id: each.notes for each in report.entered}
    assert notes.keys() == {"mine/jpeg_named_png", "mine/animated", "mine/no_uv"} and not report.rejected
    assert notes["mine/animated"] == ("left out: animations (as it stands)",)


def test_a_rejected_file_leaves_its_name_to_the_next(tmp_path):
    (folder := tmp_path / "in").mkdir()
    (folder / "twin.glb").write_bytes(b"rotten")
    obj(folder / "twin.obj")
    report = brought_in(folder, tmp_path / "packs")
    assert [(each.id, each.label) for each in report.entered] == [("mine/twin", "in/twin.obj")]
    assert list(reasons(report)) == ["twin.glb"] and "unreadable" in reasons(report)["twin.glb"]
    again = brought_in(folder, tmp_path / "packs")
    assert [(each.id, each.state) for each in again.entered] == [("mine/twin", "unchanged")]


def test_a_file_that_was_good_keeps_its_name_from_another(tmp_path):
    glb(tmp_path / "in/twin.glb")
    brought_in(tmp_path / "in", tmp_path / "packs")
    (tmp_path / "in/twin.glb").write_bytes(b"rotten")
    obj(tmp_path / "in/twin.obj")
    report = brought_in(tmp_path / "in", tmp_path / "packs")
    assert not report.entered and not report.gone
    assert "would be called 'twin', as in/twin.glb is" in reasons(report)["twin.obj"]


def test_openusd_keeps_its_warnings_off_the_terminal(tmp_path):
    stage = tmp_path / "lost.usda"
    stage.write_text('#usda 1.0\ndef "A" (references=@no.usd@) {}\n')
    code = (
        "import sys; from pathlib import Path\n"
        "from assets_manifest.meshes.errors import MeshError\n"
        "from assets_manifest.meshes.usd_triangles import read_triangles\n"
        "from fsd_gen.usd.reader.stage import open_stage\nfrom fsd_gen.usd.errors import AssetFileError\n"
        "for read, kind in ((read_triangles, MeshError), (open_stage, AssetFileError)):\n"
        "    try: read(Path(sys.argv[1]))\n"
        "    except kind as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, stage], capture_output=True, text=True, check=True)
    assert "does not compose" in done.stdout and done.stderr == ""
