from __future__ import annotations

import base64
import hashlib
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from assets_manifest.downloads import DownloadError, MissingToolError
from assets_manifest.exr import read_exr
from assets_manifest.library import Pack
from assets_manifest.packs import surfaces
from assets_manifest.packs.surfaces import (
    FileChoice,
    Source,
    SourceError,
    build,
    read_selection,
    store,
    take_files,
)


def source(**changes: object) -> Source:
    values = {
        "key": "demo",
        "tool": "pip",
        "package": "demo-pack",
        "version": "1.0",
        "sha256": "0" * 64,
        "licence": "MIT",
        "author": "Ada",
        "members": "demo/textures",
        "kind": "texture",
        "files": {"oak.png": FileChoice(tags=("wood", "floor"), tile_m=1.5)},
    }
    return Source(**(values | changes))


def write_wheel(path: Path) -> Path:
    Image.new("P", (4, 4)).save(path.parent / "oak.png")
    with zipfile.ZipFile(path, "w") as file:
        file.write(path.parent / "oak.png", "demo/textures/oak.png")
        file.writestr("demo/other.py", "x")
    return path


def test_the_shipped_selection_is_pinned_and_tagged() -> None:
    sources = read_selection()
    assert len({source.key for source in sources}) == len(sources)
    for entry in sources:
        assert len(entry.sha256) == 64 and entry.choices()
        for name, choice in entry.choices().items():
            assert choice.tags or entry.tags, name
            assert entry.kind != "texture" or choice.tile_m, name


def test_archive_names_of_every_tool_are_recognised() -> None:
    patterns = {entry.key: entry.archive().pattern for entry in read_selection()}
    assert Path("gymnasium_robotics-1.4.2-py3-none-any.whl").match(patterns["gymnasium_robotics"])
    assert Path("pmndrs-assets-1.7.0.tgz").match(patterns["pmndrs"])
    assert not Path("pmndrs-assets-1.8.0.tgz").match(patterns["pmndrs"])


def test_only_chosen_files_are_taken_with_their_tags_and_size(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "demo.whl")
    (record,) = take_files(source(), wheel, tmp_path / "pack", tmp_path / "scratch")
    assert (record.id, record.tags, record.tile_m) == ("surfaces/demo/oak", ("floor", "wood"), 1.5)
    stored = tmp_path / "pack" / record.uri
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == record.sha256
    assert Image.open(stored).mode == "RGB"
    assert not (tmp_path / "scratch/demo/other.py").exists()


def test_a_file_that_the_package_lacks_is_named(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "demo.whl")
    with pytest.raises(SourceError, match=r"demo-pack 1.0 holds no demo/textures/elm.png"):
        take_files(source(files={"elm.png": FileChoice()}), wheel, tmp_path / "pack", tmp_path / "scratch")


def test_negative_radiance_inside_a_javascript_module_is_clamped(tmp_path: Path) -> None:
    pixels = np.array([[[-5.0, 1.0, 70000.0], [0.5, 0.5, 0.5]]], np.float32)
    with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": pixels}) as file:
        file.write(str(tmp_path / "raw.exr"))
    text = base64.b64encode((tmp_path / "raw.exr").read_bytes()).decode()
    (tmp_path / "package").mkdir()
    (tmp_path / "package/sky.exr.js").write_text(f'export default "data:image/exr;base64,{text}"')
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as file:
        file.add(tmp_path / "package", "package")
    entry = source(kind="hdri", members="package", files={"sky.exr.js": FileChoice(tags=("sky",))})
    (record,) = take_files(entry, tmp_path / "a.tgz", tmp_path / "pack", tmp_path / "scratch")
    assert record.id == "surfaces/demo/sky"
    assert read_exr(tmp_path / "pack" / record.uri).tolist() == [[[0.0, 1.0, 70000.0], [0.5, 0.5, 0.5]]]


def test_webp_becomes_png(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (128, 128, 255)).save(tmp_path / "n.webp", lossless=True)
    stored = store(tmp_path / "n.webp", "normal_map", tmp_path / "out")
    assert stored.name == "n.png" and Image.open(stored).getpixel((0, 0)) == (128, 128, 255)


def test_a_painter_is_named_after_the_file(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "demo.whl")
    entry = source(kind="photo", author="{stem}", files={}, plain_files=("oak.png",), tags=("painting",))
    (record,) = take_files(entry, wheel, tmp_path / "pack", tmp_path / "scratch")
    assert (record.author, record.tags) == ("Oak", ("painting",))


@pytest.fixture
def one_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(surfaces, "read_selection", lambda: (source(optional=True),))
    return monkeypatch


def failing(error: DownloadError) -> object:
    def download(*_: object) -> Path:
        raise error

    return download


def test_an_optional_source_without_its_tool_is_left_out_with_a_note(
    one_source: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one_source.setattr(surfaces, "download", failing(MissingToolError("no npm here")))
    pack = build(tmp_path, tmp_path, lambda *_: None, allow_partial=False)
    assert pack.assets == () and pack.notes == ("without demo: no npm here",) and pack.partial


def test_a_source_that_fails_stops_the_build_unless_partial_is_allowed(
    one_source: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one_source.setattr(surfaces, "download", failing(DownloadError("no network")))
    with pytest.raises(DownloadError, match="no network"):
        build(tmp_path, tmp_path, lambda *_: None, allow_partial=False)
    pack = build(tmp_path, tmp_path, lambda *_: None, allow_partial=True)
    assert pack.notes == ("without demo: no network",) and pack.partial


@pytest.mark.parametrize("installed", [True, False])
def test_a_partial_pack_can_be_completed_once_the_tool_of_a_missing_source_is_there(
    one_source: pytest.MonkeyPatch, installed: bool
) -> None:
    one_source.setattr(surfaces, "has_tool", lambda tool: installed)
    lacking = Pack(name="surfaces", version="1", licence="x", partial=True, notes=("without demo: no npm",))
    assert surfaces.can_complete(lacking) is installed
    assert not surfaces.can_complete(lacking.model_copy(update={"notes": ("without other: gone",)}))
