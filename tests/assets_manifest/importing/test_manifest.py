"""Manifests: fetched with bounds, known by their sums; one bad entry stops no other."""

from __future__ import annotations

import hashlib
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from assets_manifest.importing.convert import Choices
from assets_manifest.importing.manifest import import_manifest
from assets_manifest.importing.raw import ImportRefusedError, Limits
from assets_manifest.library import open_library
from tests.assets_manifest.importing.files import glb, obj, png

PBR = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}


class _Served(BaseHTTPRequestHandler):
    """Files of the server's `files`; the first answer for a path with `cut` in it breaks off."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        data = server.files.get(self.path)
        if data is None:
            self.send_error(404, "Not Found")
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        first = sum(path == self.path for path, _ in server.asked) == 1
        self.wfile.write(body[: len(body) // 2] if "cut" in self.path and first else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Served)
    server.files, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def manifest(folder, objects, **settings):
    path = folder / "set.yaml"
    path.write_text(yaml.safe_dump({"format": 1, "licence": "CC0-1.0", **settings, "objects": objects}))
    return path


def run(path, tmp_path, **choices):
    return import_manifest(path, "mine", Choices(**choices), root=tmp_path / "packs")


def test_what_is_good_comes_in_and_what_is_bad_is_named(server, tmp_path):
    chair = glb(tmp_path / "chair.glb", images=[png()], material=PBR).read_bytes()
    box = obj(tmp_path / "local/box.obj").read_bytes()
    server.files = {"/chair.glb": chair, "/cut.glb": chair, "/wrong.glb": chair, "/page.glb": b"<html>"}
    at = f"http://127.0.0.1:{server.server_port}"
    entries = [
        {"uri": f"{at}/chair.glb", "sha256": sha(chair), "tags": ["floor", "seat"], "author": "Ann"},
        {"uri": f"{at}/cut.glb", "sha256": sha(chair), "licence": "mit or CC-BY-4.0"},
        {"uri": f"{at}/wrong.glb", "sha256": "0" * 64},
        {"uri": f"{at}/page.glb", "sha256": sha(b"<html>")},
        {"uri": f"{at}/none.glb", "sha256": "0" * 64},
        {"uri": f"{at}/chair.glb", "id": "unsummed"},
        {"uri": "local/box.obj", "sha256": sha(box), "unit": "cm", "id": "set/box"},
        {"uri": (tmp_path / "gone.obj").as_uri(), "sha256": "0" * 64},
        {"uri": "s3fake://bucket/a.glb", "sha256": "0" * 64},
    ]
    report = run(manifest(tmp_path, entries), tmp_path, any_size=True)
    assert {each.id for each in report.entered} == {"mine/chair", "mine/cut", "mine/set/box"}
    reasons = [each.reason for each in report.rejected]
    for number, said in enumerate(
        (
            f"sha256 is {sha(chair)}, expected {'0' * 64}; not used",
            "unreadable glTF",
            "the server says 404",
            f"sha256 is {sha(chair)}, expected one in the manifest",
            "no such file",
            "s3fake",
        )
    ):
        assert said in reasons[number]
    library = open_library(["mine"], tmp_path / "packs")
    assert library.get("mine/chair").author == "Ann" and library.get("mine/cut").licence == "MIT OR CC-BY-4.0"
    assert library.get("mine/set/box").size_m == (0.01, 0.01, 0.01)
    assert [range_ for path, range_ in server.asked if path == "/cut.glb"] == [
        None,
        f"bytes={len(chair) // 2}-",
    ]
    server.asked.clear()
    again = run(manifest(tmp_path, entries[:2]), tmp_path, any_size=True)
    assert again.count("unchanged") == 2 and server.asked == [] and again.gone == ("mine/set/box",)


def test_companions_and_members_of_zips_are_found(tmp_path):
    obj(tmp_path / "src/meshes/model.obj", uv=True, head="mtllib model.mtl\nusemtl a")
    (tmp_path / "src/meshes/model.mtl").write_text("newmtl a\nmap_Kd texture.png\n")
    (tmp_path / "src/texture.png").write_bytes(png())
    with zipfile.ZipFile(tmp_path / "mug.zip", "w") as archive:
        archive.write(tmp_path / "src/meshes/model.obj", "meshes/model.obj")
        archive.write(tmp_path / "src/meshes/model.mtl", "meshes/model.mtl")
        archive.write(tmp_path / "src/texture.png", "materials/textures/texture.png")
    data = {
        name: (tmp_path / name).read_bytes()
        for name in ("mug.zip", "src/meshes/model.obj", "src/texture.png")
    }
    mtl = (tmp_path / "src/meshes/model.mtl").read_bytes()
    files = [
        {"path": "model.mtl", "uri": "src/meshes/model.mtl", "sha256": sha(mtl)},
        {"path": "texture.png", "uri": "src/texture.png", "sha256": sha(data["src/texture.png"])},
    ]
    entries = [
        {"uri": "mug.zip", "sha256": sha(data["mug.zip"]), "member": "meshes/model.obj"},
        {"uri": "src/meshes/model.obj", "sha256": sha(data["src/meshes/model.obj"]), "files": files},
        {"uri": "mug.zip", "sha256": sha(data["mug.zip"]), "id": "x", "member": "nothing.obj"},
    ]
    report = run(manifest(tmp_path, entries), tmp_path)
    assert {each.id for each in report.entered} == {"mine/mug", "mine/model"}
    assert "expected one object in the zip, got none; say `member:`" in report.rejected[0].reason
    for asset in open_library(["mine"], tmp_path / "packs"):
        assert len(asset.attachments) == 1


def test_a_file_larger_than_the_limit_is_not_fetched(server, tmp_path):
    server.files = {"/big.glb": b"x" * 5000}
    entry = {"uri": f"http://127.0.0.1:{server.server_port}/big.glb", "sha256": "0" * 64}
    with pytest.raises(ImportRefusedError, match="more than 0.0 GB"):
        run(manifest(tmp_path, [entry]), tmp_path, limits=Limits(file_bytes=1000))


def test_what_stays_on_a_server_is_a_reference_that_mitsuba_refuses(tmp_path, monkeypatch):
    from fsd_gen.config import load_config
    from fsd_gen.production.assets import open_chosen
    from fsd_gen.sections import ConfigError

    entries = [
        {
            "uri": "omniverse://host/Props/rack.usd",
            "size_m": [1, 2, 3],
            "unit": "cm",
            "up": "y",
            "tags": ["floor"],
        },
        {"uri": "omniverse://host/Props/box.usd"},
        {"uri": "omniverse://host/a@b.usd", "size_m": [1, 1, 1]},
    ]
    report = run(manifest(tmp_path, entries), tmp_path)
    assert [each.id for each in report.entered] == ["mine/rack"]
    assert (
        "say its size: size_m" in report.rejected[0].reason and "without blanks" in report.rejected[1].reason
    )
    library = open_library(["mine"], tmp_path / "packs")
    layer = library.path("mine/rack").read_text()
    assert "@omniverse://host/Props/rack.usd@" in layer and "(0, 0, 0.01, 0)" in layer
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path / "packs"))
    with pytest.raises(ConfigError, match=r"1 assets stay at omniverse:// URLs, the first is mine/rack"):
        open_chosen(load_config("demo", {"assets.packs": ["mine"]}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("objects: 3", "objects: expected a list, got 3"),
        ("objects: [{uri: a.obj, licens: MIT}]", "objects.0.licens: unknown field; did you mean 'licence'?"),
        ("objects: [{uri: a.obj, unit: yards}]", "objects.0.unit: should be 'mm', 'cm'"),
        ("objects: [{licence: MIT}]", "objects.0.uri: is missing"),
        ("[]", "set.yaml: a manifest: expected a section of settings, got []"),
        ("objects: [{uri: a.obj, files: [{path: ../../x, uri: b}]}]", "expected a path beside the object"),
        ("a: [", "no readable manifest"),
        (
            "objects: [{uri: a.obj, sha256: zz}]",
            "objects.0.sha256: expected a SHA-256, 64 of 0-9 and a-f",
        ),
    ],
)
def test_a_manifest_in_another_form_is_refused_with_the_place(text, said, tmp_path):
    (tmp_path / "set.yaml").write_text(text)
    with pytest.raises(ImportRefusedError, match=re.escape(said)) as refusal:
        run(tmp_path / "set.yaml", tmp_path)
    assert not re.search(r"Input|type=|pydantic|\n", str(refusal.value))


def test_names_that_no_file_can_have_stop_no_other_object(tmp_path):
    data = obj(tmp_path / "box.obj").read_bytes()
    long = tmp_path / f"{'w' * 240}.obj"
    long.write_bytes(data)
    entries = [
        {"uri": long.name, "sha256": sha(data)},
        {"uri": "box.obj", "sha256": sha(data), "id": "i" * 300},
        {"uri": f"{'u' * 300}.obj", "sha256": sha(data), "id": "away"},
        {"uri": "box.obj", "sha256": sha(data), "id": "c", "files": [{"path": "p" * 300, "uri": "box.obj"}]},
        {"uri": long.name, "sha256": sha(data), "id": "fine"},
        {"uri": "box.obj", "sha256": sha(data)},
    ]
    report = run(manifest(tmp_path, entries), tmp_path)
    assert [each.id for each in report.entered] == ["mine/fine", "mine/box"]
    said = [each.reason for each in report.rejected]
    assert "a name of 240 characters, more than 200" in said[0] and "`id:`" in said[0]
    assert "a name of 300 characters, more than 200" in said[1]
    assert all("the name is too long for the file system" in reason for reason in said[2:])
