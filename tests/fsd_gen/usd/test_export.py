"""A stage that is handed on arrives whole, wherever it goes, or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Ar, Sdf, Usd, UsdShade, UsdUtils

from fsd_gen.production.staging import asset_paths
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import CameraPose, MaterialSpec, Panel, Placement, SceneSpec
from fsd_gen.styles.compose import compose_scene
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.export import export_stage
from fsd_gen.usd.reader import read_stage

CUBE = """#usda 1.0
(
  defaultPrim = "Object"
  metersPerUnit = 1
  upAxis = "Z"
)
def Xform "Object" {{
  def Cube "Body" (prepend apiSchemas = ["MaterialBindingAPI"]) {{
    rel material:binding = </Object/Look>
  }}
  def Material "Look" {{
    token outputs:surface.connect = </Object/Look/S.outputs:surface>
    def Shader "S" {{
      uniform token info:id = "UsdPreviewSurface"
      color3f inputs:diffuseColor.connect = </Object/Look/T.outputs:rgb>
      token outputs:surface
    }}
    def Shader "T" {{
      uniform token info:id = "UsdUVTexture"
      asset inputs:file = @{texture}@
      float3 outputs:rgb
    }}
  }}
}}
"""
TEXTURES = {  # asset id -> file of its texture: one name for other contents, and names that are hard to keep
    "pack/Chair": "Chair/wood.png",
    "pack/Table": "Table/wood.png",
    "pack/Shelf": "Shelf/Wood.PNG",
    "pack/Bench": "textures/wood grain (1).png",
    "pack/chair": "other/Eiche hell ä 木.png",
    "pack/Stool": "Stool/.wood.png",
}
LAYER_OF = {asset: f"{number}/{asset.split('/')[1]}.usda" for number, asset in enumerate(TEXTURES)}


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    """Six cubes, each with a texture of its own, on a path relative to the cube's."""
    folder = tmp_path_factory.mktemp("pack")
    rng = np.random.default_rng(0)
    for asset, texture in TEXTURES.items():
        (folder / texture).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).save(folder / texture)
        layer = folder / LAYER_OF[asset]
        layer.parent.mkdir()
        layer.write_text(CUBE.format(texture=f"../{texture}"), encoding="utf-8")
    Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).save(folder / "wood.png")
    return folder


@pytest.fixture
def path_of(pack):
    return lambda asset: pack / LAYER_OF.get(asset, "wood.png")


@pytest.fixture(scope="module")
def scene() -> SceneSpec:
    """All the cubes, and a floor whose texture is called wood.png too."""
    return SceneSpec(
        seed=0,
        key=SlotKey(slot=0),
        stratum="test",
        rig=StereoRig.centred(width=64, height=48, focal_px=60.0, baseline_m=0.1),
        camera=CameraPose(position=(0, -4, 1), target=(0, 0, 1)),
        placements=tuple(
            Placement(name=f"It_{n}", asset=asset, position=(n, 0, 0)) for n, asset in enumerate(TEXTURES)
        ),
        panels=(Panel(name="Floor", position=(0, 0, 0), size=(4, 4), material=MaterialSpec(texture="a/f")),),
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def textures_seen(stage: Path) -> Counter[str]:
    """Hash of what each texture of the opened stage resolves to, through USD's own resolver."""
    found = Counter()
    opened = Usd.Stage.Open(str(stage))
    for prim in opened.Traverse():
        shader = UsdShade.Shader(prim)
        if shader and shader.GetIdAttr().Get() == "UsdUVTexture":
            resolved = shader.GetInput("file").Get().resolvedPath
            found[sha256(Ar.GetResolver().OpenAsset(Ar.ResolvedPath(resolved)).GetBuffer())] += 1
    return found


@pytest.fixture
def expected(pack) -> Counter[str]:
    return Counter(sha256((pack / name).read_bytes()) for name in (*TEXTURES.values(), "wood.png"))


FORMS = ["out.usdz", "out.usda", "out.usdc", "out.usd", "folder", "folder/"]


@pytest.mark.parametrize("form", FORMS)
def test_every_texture_arrives_whatever_its_name_and_the_stage_opens_elsewhere(
    tmp_path, scene, path_of, expected, form
):
    made, moved = tmp_path / "made", tmp_path / "moved"
    made.mkdir()
    written = export_stage(scene, f"{made}/{form}", path_of)
    made.rename(moved)  # the other machine
    stage = moved / written.relative_to(made)
    assert textures_seen(stage) == expected
    assert not Usd.Stage.Open(str(stage)).GetCompositionErrors()


@pytest.mark.parametrize("form", ["out.usdz", "out.usda", "folder"])
def test_nothing_in_the_copy_points_out_of_it(tmp_path, scene, path_of, pack, form):
    written = export_stage(scene, tmp_path / form, path_of)
    layers, assets, missing = UsdUtils.ComputeAllDependencies(str(written))
    assert len(layers) == 1 + len(TEXTURES) and len(assets) == len(TEXTURES) + 1 and not missing
    assert all(Path(layer.realPath or layer.identifier).is_relative_to(tmp_path) for layer in layers)
    assert all(str(asset).startswith(str(tmp_path)) for asset in assets)
    assert str(pack).encode() not in written.read_bytes()


def test_names_in_a_package_are_plain_and_differ_beyond_letter_case(tmp_path, scene, path_of):
    names = zipfile.ZipFile(export_stage(scene, tmp_path / "out.usdz", path_of)).namelist()
    assert names[0] == "out.usdc" and all(name.isascii() and " " not in name for name in names)
    assert len({name.casefold() for name in names}) == len(names) == 1 + 2 * len(TEXTURES) + 1


@pytest.mark.parametrize("form", ["out.usdz", "out.usda", "folder"])
def test_what_is_there_is_refused_or_replaced_on_purpose(tmp_path, scene, path_of, expected, form):
    export_stage(scene, tmp_path / form, path_of)
    stage = export_stage(scene, tmp_path / form, path_of, force=True)
    (tmp_path / "mine.txt").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(StageWriteError, match=r"is there already; `--force` replaces it"):
        export_stage(scene, tmp_path / form, path_of)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert textures_seen(stage) == expected


@pytest.mark.parametrize("again", [False, True])
def test_a_package_neither_minds_nor_touches_the_assets_of_a_stage_beside_it(
    tmp_path, scene, path_of, expected, again
):
    stage = export_stage(scene, tmp_path / "out.usda", path_of)
    package = export_stage(scene, tmp_path / "out.usdz", path_of, force=again)
    assert textures_seen(stage) == textures_seen(package) == expected
    with pytest.raises(StageWriteError, match=r"out\.usdz is there already"):
        export_stage(scene, tmp_path / "out.usdz", path_of)


@pytest.mark.parametrize("form", ["out.usdz", "out.usda", "folder"])
def test_a_missing_file_is_named_and_leaves_nothing(tmp_path, scene, pack, form):
    broken = tmp_path / "broken"
    shutil.copytree(pack, broken)
    (broken / TEXTURES["pack/Table"]).unlink()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StageWriteError, match=r"Table\.usda: refers to \.\./Table/wood\.png, which is not"):
        export_stage(scene, tmp_path / form, lambda asset: broken / LAYER_OF.get(asset, "wood.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "folder"]
    assert not list((tmp_path / "folder").iterdir())


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.obj", r"expected a name ending in .usda, .usdc, .usd, .usdz, or a folder"),
        ("none/out.usda", r"there is no folder .*none"),
        ("file/folder/", r"could not make the folder: Not a directory"),
    ],
)
def test_a_place_that_cannot_be_is_one_clear_error(tmp_path, scene, path_of, out, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(StageWriteError, match=message):
        export_stage(scene, f"{tmp_path}/{out}", path_of)


def test_a_package_of_another_and_udim_tiles_are_carried_along(tmp_path, scene, path_of):
    inner = export_stage(scene, tmp_path / "inner.usdz", path_of)
    for tile in (1001, 1012):
        Image.new("RGB", (2, 2), (tile - 1000, 0, 0)).save(tmp_path / f"skin {tile}.png")
    outer = tmp_path / "outer.usda"
    outer.write_text(CUBE.format(texture="./skin <UDIM>.png"))
    one = scene.model_copy(
        update={
            "placements": (
                Placement(name="Inner", asset="x/inner", position=(0, 0, 0)),
                Placement(name="Outer", asset="x/outer", position=(0, 0, 0)),
            ),
            "panels": (),
        }
    )
    paths = {"x/inner": inner, "x/outer": outer}
    stage = export_stage(one, tmp_path / "out.usdz", paths.__getitem__)
    names = zipfile.ZipFile(stage).namelist()
    assert "assets/inner/inner.usdz" in names
    assert [name for name in names if "skin" in name] == [
        "assets/outer/skin_1001.png",
        "assets/outer/skin_1012.png",
    ]
    opened = Usd.Stage.Open(str(stage))
    texture = opened.GetPrimAtPath("/World/Objects/Outer/Asset/Look/T").GetAttribute("inputs:file").Get()
    assert texture.path == "./skin_<UDIM>.png"


EXPORT = """
import sys
from tests.conftest import *
from fsd_gen.usd.export import export_stage
from fsd_gen.usd.reader import read_stage
from fsd_gen.scene.spec import SceneSpec
from pathlib import Path
pack = Path(sys.argv[2])
from tests.fsd_gen.usd.test_export import LAYER_OF
spec = SceneSpec.model_validate_json(Path(sys.argv[1]).read_text())
export_stage(spec, sys.argv[3], lambda asset: pack / LAYER_OF.get(asset, "wood.png"))
"""


def test_packing_is_silent(tmp_path, scene, pack):
    """USD's own packager complains about every absolute path; it writes past Python's sys.stderr."""
    (tmp_path / "spec.json").write_text(scene.to_json())
    command = [sys.executable, "-c", EXPORT, tmp_path / "spec.json", pack, tmp_path / "out.usdz"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_drawn_scene_arrives_with_all_its_assets(tmp_path, small_config, library):
    for slot in range(2):  # one flying, one indoor
        spec = compose_scene(small_config, library, SlotKey(slot=slot))
        paths = asset_paths(library, tmp_path / "assets")
        stage = export_stage(spec, tmp_path / f"{slot}.usdz", paths)
        plain = export_stage(spec, tmp_path / f"{slot}.usda", paths)
        assert textures_seen(stage) == textures_seen(plain)
        held = {sha256(data) for data in map(zipfile.ZipFile(stage).read, zipfile.ZipFile(stage).namelist())}
        files = map(paths, spec.asset_ids())
        images = [path for path in files if path.suffix not in (".usdc", ".usda")]
        assert images
        assert {sha256(path.read_bytes()) for path in images} <= held
        assert Sdf.Layer.FindOrOpen(str(stage)).customLayerData["fsd"]["digest"] == spec.digest()


@pytest.mark.parametrize("form", ["out.usda", "out.usdz"])
def test_coat_tint_and_glow_arrive(tmp_path, scene, path_of, form):
    """What is handed on is drawn as the farm draws it: both are read into the same surfaces."""
    coat = MaterialSpec(
        texture="wood",
        tint=(0.9, 0.8, 0.7),
        clearcoat=1.0,
        clearcoat_roughness=0.05,
        glow=(3.0, 2.0, 1.0),
        glow_texture="wood",
    )
    spec = scene.but(placements=(), panels=tuple(panel.but(material=coat) for panel in scene.panels))
    handed_on = read_stage(export_stage(spec, tmp_path / form, path_of), spec.rig)
    drawn = read_stage(write_stage(spec, tmp_path / "own.usda", path_of), spec.rig)

    def panels(flat):
        found = (flat.surfaces[mesh.surface] for mesh in flat.meshes if "/Panels/" in mesh.name)
        return [dataclasses.replace(each, name="", **textureless(each)) for each in found]

    def textureless(surface):
        return {
            name: dataclasses.replace(getattr(surface, name), path=Path()) for name in ("diffuse", "emissive")
        }

    assert panels(handed_on) == panels(drawn)
    (surface, *_) = panels(drawn)
    assert surface.emissive.gain == (3.0, 2.0, 1.0, 1.0) and surface.coated
