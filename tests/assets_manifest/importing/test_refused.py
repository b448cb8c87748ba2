"""What is bad is refused by name, with the reason and the remedy; the rest comes in."""

from __future__ import annotations

import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from assets_manifest.importing.raw import ImportRefusedError, Limits
from tests.assets_manifest.importing.files import brought_in, glb, obj, png, reasons, stl

PBR = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}


def _usd(path, define):
    stage = Usd.Stage.CreateNew(str(path))
    define(stage)
    stage.GetRootLayer().Save()


def _bad_files(folder):
    """Writes every bad file; yields its name and what its reason says."""
    obj(folder / "broken.obj").write_text("v 0 0 0\nv 1 0 0\nf 1 2 9\nf one two three\n")
    yield "broken.obj", "unreadable OBJ: a face"
    (folder / "empty.obj").write_text("")
    yield "empty.obj", "the file is empty"
    (folder / "points.obj").write_text("v 0 0 0\nv 1 0 0\n")
    yield "points.obj", "no surface"
    obj(folder / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    yield "nan.obj", "1 of 3 corners are not finite"
    obj(folder / "house.obj", (300, 300, 300))
    yield (
        "house.obj",
        "longest side is 300 m, expected 5 mm to 60 m: wrong unit? with --unit cm it would be 3 m",
    )
    obj(folder / "speck.obj", (0.0003, 0.0003, 0.0003))
    yield "speck.obj", "longest side is 0.3 mm, expected 5 mm to 60 m: wrong unit? --any-size"
    obj(folder / "untextured.obj", head="mtllib u.mtl\nusemtl a", uv=True)
    (folder / "u.mtl").write_text("newmtl a\nmap_Kd gone.png\n")
    yield "untextured.obj", "refers to 'gone.png', which is not there"
    obj(folder / "thief.obj", head="mtllib t.mtl\nusemtl a", uv=True)
    (folder / "t.mtl").write_text("newmtl a\nmap_Kd ../../../../etc/hostname\n")
    yield "thief.obj", "leads out of"
    glb(folder / "picture.glb", images=[png()[:40]], material=PBR)
    yield "picture.glb", "texture 'image_0' is not readable"
    glb(folder / "liar.glb", count=10**9)
    yield "liar.glb", "333,333,333 triangles, more than 500,000; decimate it"
    glb(folder / "packed.glb", extra={"extensionsRequired": ["KHR_draco_mesh_compression"]})
    yield "packed.glb", "requires KHR_draco_mesh_compression, which is not supported"
    glb(folder / "wild.glb", points=np.full((4, 3), np.inf, "<f4"))
    yield "wild.glb", "corners are not finite"
    data = glb(folder / "cut.glb").read_bytes()
    (folder / "cut.glb").write_bytes(data[: len(data) // 2])
    yield "cut.glb", "unreadable GLB"
    stl(folder / "flat.stl", [[(0, 0, 0), (1, 0, 0), (2, 0, 0)]])
    yield "flat.stl", "no surface"
    (folder / "text.stl").write_text("hello")
    yield "text.stl", "unreadable STL"
    (folder / "cloud.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n0\n"
    )
    yield "cloud.ply", "no faces (a point cloud?)"
    (folder / "web.usd").write_text("<!doctype html><html>")
    yield "web.usd", "unreadable USD"
    _usd(folder / "shape.usda", lambda stage: UsdGeom.Sphere.Define(stage, "/Ball"))
    yield "shape.usda", "</Ball> is a Sphere, expected meshes alone"
    (folder / "chair.fbx").write_bytes(b"Kaydara")
    yield "chair.fbx", ".fbx is not read; export glTF"
    with zipfile.ZipFile(folder / "slip.zip", "w") as archive:
        archive.writestr("../evil.obj", "v 0 0 0")
    yield "slip.zip", "leads out of"
    (folder / "rotten.zip").write_bytes(b"PK\x03\x04 no")
    yield "rotten.zip", "no sound archive"


def test_every_bad_file_is_named_with_its_reason_and_the_good_one_comes_in(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    expected = dict(_bad_files(folder))
    obj(folder / "good.obj")
    os.symlink("/etc/hostname", folder / "link.obj")
    expected["link.obj"] = "a link that leads out of"
    obj(folder / "twin.obj")
    glb(folder / "twin.glb")
    expected["twin.obj"] = "would be called 'twin', as in/twin.glb is; rename one"
    report = brought_in(folder, tmp_path / "packs")
    found = reasons(report)
    assert found.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in found[name], name
    assert [each.id for each in report.entered] == ["mine/good", "mine/twin"]
    assert not (tmp_path / "evil.obj").exists()
    page = (report.folder / "report.html").read_text()
    assert "twin.obj" in page and "rename one" in page


@pytest.mark.parametrize("suffix", ["obj", "ply", "stl", "glb"])
def test_a_mesh_of_ten_million_triangles_is_refused_in_little_memory(suffix, tmp_path):
    (folder := tmp_path / "in").mkdir()
    path, many = folder / f"huge.{suffix}", 10_000_000
    if suffix == "obj":
        path.write_bytes(b"v 0 0 0\nv 1 0 0\nv 0 1 0\n" + b"f 1 2 3\n" * 60_000)
    elif suffix == "ply":
        path.write_text(f"ply\nformat binary_little_endian 1.0\nelement face {many}\nend_header\n")
    elif suffix == "stl":
        with path.open("wb") as file:
            file.write(b"\0" * 80 + many.to_bytes(4, "little"))
            file.truncate(84 + 50 * many)  # sparse
    else:
        glb(path, count=3 * many)
    tracemalloc.start()
    with pytest.raises(ImportRefusedError, match=r"triangles, more than 50,000; decimate it"):
        brought_in(folder, tmp_path / "packs", limits=Limits(triangles=50_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6


def test_more_triangles_are_taken_when_asked_for(tmp_path):
    obj(tmp_path / "in/box.obj")
    with pytest.raises(ImportRefusedError, match="12 triangles, more than 11"):
        brought_in(tmp_path / "in", tmp_path / "packs", limits=Limits(triangles=11))
    assert brought_in(tmp_path / "in", tmp_path / "packs", limits=Limits(triangles=12)).count("new") == 1


def test_any_size_takes_what_is_absurd(tmp_path):
    obj(tmp_path / "in/house.obj", (300, 300, 300))
    assert brought_in(tmp_path / "in", tmp_path / "packs", any_size=True).count("new") == 1


def test_nothing_to_import_changes_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ImportRefusedError, match="nothing to import: no file of a format that is read"):
        brought_in(tmp_path / "in", tmp_path / "packs")
    with pytest.raises(ImportRefusedError, match="no such file or folder"):
        brought_in(tmp_path / "nowhere", tmp_path / "packs")
    assert not (tmp_path / "packs/mine").exists()


def test_a_name_of_another_pack_is_refused(tmp_path):
    from assets_manifest.importing.convert import Choices
    from assets_manifest.importing.doors import import_folder

    obj(tmp_path / "in/box.obj")
    with pytest.raises(ImportRefusedError, match="that pack has a recipe of its own"):
        import_folder(tmp_path / "in", "builtin", Choices(), licence="MIT", root=tmp_path / "packs")


@pytest.mark.parametrize("cut", range(0, 900, 60))
def test_a_glb_cut_or_flipped_anywhere_is_refused_or_read_but_never_breaks_the_import(cut, tmp_path):
    data = glb(tmp_path / "in/a.glb", images=[png()], material=PBR).read_bytes()
    (tmp_path / "in/cut.glb").write_bytes(data[:cut])
    flipped = bytearray(data)
    for place in range(cut, min(cut + 40, len(data)), 7):
        flipped[place] ^= 0x5A
    (tmp_path / "in/flipped.glb").write_bytes(bytes(flipped))
    report = brought_in(tmp_path / "in", tmp_path / "packs")
    assert "cut.glb" in reasons(report) and "mine/a" in {each.id for each in report.entered}
