"""What an MDL module names is carried along with it, by the paths as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.asset_files import is_asset
from fsd_gen.usd.gather import gather, pack
from fsd_gen.usd.mdl_files import module_files

MODULE = 'mdl 1.6;\nexport material My(*) [[ {note} ]] = OmniPBR(diffuse_texture: texture_2d("{picture}"));'
STAGE = '#usda 1.0\ndef Shader "S" {{\n    uniform asset info:mdl:sourceAsset = @./{module}@\n}}\n'


def stage(folder: Path, picture: str, note: str = "") -> Path:
    """A stage that refers to a module beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "My.mdl").write_text(MODULE.format(note=note, picture=picture))
    (folder / "stage.usda").write_text(STAGE.format(module="My.mdl"))
    return folder / "stage.usda"


def picture(folder: Path, name: str = "a.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"picture")


@pytest.mark.parametrize(
    "note",
    [
        f'anno::description("{"long words of a description " * 12}www.nvidia.com")',
        f'anno::description("{"a" * 300}.png")',
        'anno::description("a\0b.png")',
        'anno::description("a\0<UDIM>.png")',
        'anno::author("My.exe")',
    ],
)
def test_a_text_that_names_no_file_is_passed_over(tmp_path, note):
    source = stage(tmp_path / "in", "./t/a.png", note)
    picture(tmp_path / "in/t")
    (tmp_path / "in/My.exe").write_bytes(b"neither picture nor module")
    names = [file.name for file in gather(source, tmp_path / "out/s.usda", "assets")]
    assert names == ["s.usda", "My.mdl", "a.png"]
    (tmp_path / "scratch").mkdir()
    pack(source, tmp_path / "s.usdz", tmp_path / "scratch")
    assert (tmp_path / "s.usdz").is_file()


def test_pictures_behind_a_link_lie_in_the_copy_where_the_module_says(tmp_path):
    source = stage(tmp_path / "in", "./t/a.png")
    picture(tmp_path / "in/real/deep")
    (tmp_path / "in/t").symlink_to("real/deep")
    files = gather(source, tmp_path / "out/s.usda", "assets")
    module = next(file for file in files if file.name == "My.mdl")
    assert (module.parent / "t/a.png").read_bytes() == b"picture"


def test_two_links_to_one_module_each_bring_what_lies_beside_them(tmp_path):
    stage(tmp_path / "common", "./a.png")
    text = STAGE.format(module="one/My.mdl") + STAGE.format(module="two/My.mdl").partition("\n")[2].replace(
        '"S"', '"T"'
    )
    for name in ("one", "two"):
        picture(tmp_path / name)
        (tmp_path / name / "a.png").write_text(name)
        (tmp_path / name / "My.mdl").symlink_to(tmp_path / "common/My.mdl")
    (tmp_path / "stage.usda").write_text(text)
    files = gather(tmp_path / "stage.usda", tmp_path / "out/s.usda", "assets")
    assert sorted(file.read_text() for file in files if file.name == "a.png") == ["one", "two"]


def test_all_tiles_of_a_set_come_along_and_names_beyond_ascii_are_kept(tmp_path):
    picture(tmp_path / "in/ä ö", "b.1001.png")
    picture(tmp_path / "in/ä ö", "b.1012.png")
    picture(tmp_path / "in/ä ö", "b.x.png")
    source = stage(tmp_path / "in", "./ä ö/b.<UDIM>.png")
    files = gather(source, tmp_path / "out/s.usda", "assets")
    assert [f"{file.parent.name}/{file.name}" for file in files[2:]] == ["ä ö/b.1001.png", "ä ö/b.1012.png"]


def test_modules_in_folders_below_are_found_by_their_imports(tmp_path):
    picture(tmp_path / "lib/wood", "Oak.mdl")
    (tmp_path / "My.mdl").write_text("mdl 1.6; using .::lib::wood::Oak import *; import ::df::*;")
    assert module_files(tmp_path / "My.mdl") == [tmp_path / "My.mdl", tmp_path / "lib/wood/Oak.mdl"]


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_there_is_no_file_of_a_name_that_no_file_can_have(tmp_path, name):
    assert not is_asset(tmp_path / f"{name}.png")
