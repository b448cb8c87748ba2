"""A pack of one's own follows its files: what changed is made anew, the rest stays."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

from assets_manifest.fetch import FetchError
from assets_manifest.importing import pack as packs
from assets_manifest.importing.convert import Choices
from assets_manifest.importing.doors import add_file
from assets_manifest.importing.manifest import _file_name
from assets_manifest.importing.raw import ImportRefusedError, RejectedFileError
from assets_manifest.importing.transfer import transfer
from assets_manifest.library import open_library
from assets_manifest.registry import pack_statuses
from tests.assets_manifest.importing.files import brought_in, obj, png, reasons

MTL = "mtllib a.mtl\nusemtl a"


def states(report):
    return {each.id.partition("/")[2]: each.state for each in report.entered}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "packs"


@pytest.fixture
def folder(tmp_path):
    obj(tmp_path / "in/plain.obj")
    obj(tmp_path / "in/painted.obj", head=MTL, uv=True)
    (tmp_path / "in/a.mtl").write_text("newmtl a\nmap_Kd a.png\n")
    (tmp_path / "in/a.png").write_bytes(png())
    return tmp_path / "in"


def test_only_what_changed_is_made_anew_pictures_included(folder, root):
    assert states(brought_in(folder, root)) == {"plain": "new", "painted": "new"}
    before = open_library(["mine"], root)
    assert states(brought_in(folder, root)) == {"plain": "unchanged", "painted": "unchanged"}
    (folder / "a.png").write_bytes(png((1, 2, 3)))
    assert states(brought_in(folder, root)) == {"plain": "unchanged", "painted": "changed"}
    after = open_library(["mine"], root)
    assert before.get("mine/plain") == after.get("mine/plain")
    assert before.packs["mine"] != after.packs["mine"] or before.identities() != after.identities()
    assert states(brought_in(folder, root, force=True)) == {"plain": "changed", "painted": "changed"}
    assert (
        open_library(["mine"], root).identities() == after.identities()
    )  # the same files give the same bytes
    assert states(brought_in(folder, root, unit="cm")) == {"plain": "changed", "painted": "changed"}


def test_a_damaged_asset_of_the_pack_is_made_anew(folder, root):
    brought_in(folder, root)
    open_library(["mine"], root).path("mine/plain").write_bytes(b"rotten")
    assert states(brought_in(folder, root)) == {"plain": "changed", "painted": "unchanged"}
    assert list(open_library(["mine"], root).verify()) == []


def test_what_left_the_folder_leaves_the_pack_and_what_came_from_elsewhere_stays(folder, root, tmp_path):
    brought_in(folder, root)
    other = obj(tmp_path / "other/extra.obj")
    add_file(other, "mine", Choices(tags=("floor",)), licence="MIT", root=root)
    (folder / "plain.obj").unlink()
    report = brought_in(folder, root)
    assert report.gone == ("mine/plain",)
    assert [asset.id for asset in open_library(["mine"], root)] == ["mine/extra", "mine/painted"]


def test_adding_one_file_again_replaces_it_and_leaves_the_rest(folder, root, tmp_path):
    brought_in(folder, root)
    report = add_file(obj(tmp_path / "x/plain.obj", (2, 2, 2)), "mine", Choices(), licence="MIT", root=root)
    assert states(report) == {"plain": "changed"} and report.gone == ()
    assert open_library(["mine"], root).get("mine/plain").size_m == (2, 2, 2)
    assert len(open_library(["mine"], root)) == 2
    with pytest.raises(ImportRefusedError, match="is a folder; bring it in with `fsd-gen assets import"):
        add_file(folder, "mine", Choices(), licence="MIT", root=root)


def test_an_interrupted_import_is_not_seen_and_the_next_one_goes_on_from_there(folder, root, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(packs, "publish_folder", die)
    with pytest.raises(KeyboardInterrupt):
        brought_in(folder, root)
    assert not (root / "mine").exists()
    monkeypatch.undo()
    monkeypatch.setattr("assets_manifest.importing.convert.convert", die)  # nothing is left to convert
    assert states(brought_in(folder, root)) == {"plain": "new", "painted": "new"}
    assert not list((root / ".building").iterdir())


def test_two_imports_of_one_pack_do_not_meet(folder, root):
    root.mkdir()
    with (
        FileLock(root / ".mine.lock"),
        pytest.raises(FetchError, match="another process works on the pack mine"),
    ):
        brought_in(folder, root)


def test_a_zip_in_the_folder_is_a_folder_of_its_own(folder, root):
    with zipfile.ZipFile(folder / "set one.zip", "w") as archive:
        archive.write(folder / "painted.obj", "parts/b.obj")
        archive.write(folder / "a.mtl", "parts/a.mtl")
        archive.write(folder / "a.png", "parts/a.png")
    report = brought_in(folder, root)
    assert reasons(report) == {}
    assert states(report) == {"painted": "new", "plain": "new", "set_one/parts/b": "new"}
    assert states(brought_in(folder, root))["set_one/parts/b"] == "unchanged"


def test_a_pack_of_ones_own_is_listed_described_and_verified(folder, root):
    brought_in(folder, root)
    status = next(status for status in pack_statuses(root) if status.name == "mine")
    assert "2 x object" in status.described and "CC0-1.0" in status.described
    assert list(open_library(["mine"], root).verify()) == []


def test_a_folder_linked_from_elsewhere_is_refused_not_followed(folder, root, tmp_path):
    obj(tmp_path / "secret/box.obj")
    os.symlink(tmp_path / "secret", folder / "inside")
    assert "leads out of" in reasons(brought_in(folder, root))["inside"]


def test_names_of_any_script_become_ids(root, tmp_path):
    obj(tmp_path / "in/Stühle/Chair (2).obj")
    obj(tmp_path / "in/椅子.obj")
    ids = {each.id for each in brought_in(tmp_path / "in", root).entered}
    assert "mine/St_hle/Chair_2" in ids and any(id.startswith("mine/object_") for id in ids)


def test_the_report_escapes_what_strangers_wrote(root, tmp_path):
    obj(tmp_path / "in/a<img src=x>.obj")
    obj(tmp_path / "in/b.obj", head="usemtl <script>alert(1)</script>")
    page = (brought_in(tmp_path / "in", root).folder / "report.html").read_text()
    assert "<script" not in page and "<img src=x" not in page and "&lt;img src=x&gt;" in page


def test_what_was_good_stays_in_the_pack_when_its_file_goes_bad(folder, root):
    brought_in(folder, root)
    before = open_library(["mine"], root).get("mine/plain")
    (folder / "plain.obj").write_text("x")
    report = brought_in(folder, root)
    assert [refused.label for refused in report.rejected] == ["in/plain.obj"] and report.gone == ()
    assert open_library(["mine"], root).get("mine/plain") == before


def test_names_units_uris_and_tables_that_cannot_be_are_refused_one_by_one(folder, root):
    (folder / os.fsdecode(b"odd\xff.obj")).write_text("v 0 0 0\n")
    usd = '#usda 1.0\n(\n metersPerUnit = 0\n upAxis = "Z"\n)\ndef Mesh "M" {\n point3f[] points = '
    usd += "[(0,0,0),(1,0,0),(0,1,0)]\n int[] faceVertexCounts = [3]\n int[] faceVertexIndices = [0,1,2]\n}\n"
    (folder / "flat.usda").write_text(usd)
    report = brought_in(folder, root)
    assert len(report.entered) == 2
    why = " ".join(refused.reason for refused in report.rejected)
    assert "no UTF-8" in why and "metersPerUnit must be a positive number, got 0" in why
    (folder / "licences.csv").write_text(f"file,licence\n{'x' * 200_000},CC0-1.0\n")
    with pytest.raises(ImportRefusedError, match="not a table"):
        brought_in(folder, root)


@pytest.mark.parametrize("read", [_file_name, lambda uri: transfer(uri, Path("x"), "", Path(), 1)])
def test_what_is_no_uri_is_refused(read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RejectedFileError, match="is no URI"):
        read("http://[bad/x.obj")
