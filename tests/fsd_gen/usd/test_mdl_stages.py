"""Stages of MDL alone as worlds, through the layer for RTX, and handed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, Usd, UsdUtils

from fsd_gen.config import Config, ConfigError, load_config
from fsd_gen.production.attempt import draw, expose
from fsd_gen.production.shooting import shoot_stage
from fsd_gen.production.worlds import bind_worlds, world_attribution
from fsd_gen.rtx.layer import author_rtx_layer
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import RenderSettings, World
from fsd_gen.styles.compose import compose_scene
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.environment import world_digest
from fsd_gen.usd.export import export_stage
from fsd_gen.usd.reader import read_stage, read_world
from fsd_gen.usd.staged import StagedScene
from fsd_gen.usd.unread import UnreadMaterialError
from tests.fsd_gen.rtx.same import assert_same_scene, target
from tests.fsd_gen.synthetic import make_spec
from tests.fsd_gen.usd.isaac_room import LEFT, RIGHT, isaac_room

RIG = StereoRig.centred(width=64, height=36, focal_px=36.0, baseline_m=0.065)
TEAK = "vMaterials_2/Wood/Teak.mdl"
MODULE = """mdl 1.6;
import ::state::normal;
using .::Base import Plain;  // a module beside it; "./no.png"
export material Worn(*) = Plain(diffuse_texture: texture_2d("../maps/wood.png", ::tex::gamma_srgb));
"""
SERVER = "omniverse://nucleus/oak.png"
WORLD = f"""#usda 1.0
(
    metersPerUnit = 1
    upAxis = "Z"
)
def Cube "Box" {{
}}
def Shader "S" {{
    uniform asset info:mdl:sourceAsset = @./mdl/Worn.mdl@
    asset inputs:diffuse_texture = @{SERVER}@
}}
"""


class Nobody:
    """A renderer that must not be asked."""

    name = "mitsuba"

    def render(self, *_: object, **__: object) -> None:
        raise AssertionError("asked to render")


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    return isaac_room(tmp_path_factory.mktemp("room"))


def config_of(room: Path, backend: str = "mitsuba", **style: object) -> Config:
    environment = {"stages": [str(room)], "cameras": [LEFT], **style}
    return load_config("demo", {"render.backend": backend, "styles": {"environment": environment}})


@pytest.mark.usefixtures("assets_home")
def test_before_the_first_scene_a_renderer_without_mdl_refuses_and_only_rtx_is_warned(
    tmp_path, room, caplog, capfd
):
    with pytest.raises(
        ConfigError, match=f"</World/Props/Crate/Unknown>: {TEAK} is MDL, which only RTX"
    ) as no:
        bind_worlds(tmp_path, config_of(room))
    assert "--backend replicator or ovrtx" in str(no.value) and "--unknown-materials grey" in str(no.value)
    bind_worlds(tmp_path, config_of(room, unknown_materials="grey"))
    assert not caplog.records and capfd.readouterr() == ("", "")  # neither of our warnings nor of OpenUSD's
    bind_worlds(tmp_path, config_of(room, "ovrtx"))
    assert [each.getMessage().partition(" has holes")[0] for each in caplog.records] == [
        f"{room}: nobody knows whether {TEAK}"
    ]


def test_a_scene_says_which_materials_its_truth_takes_as_opaque(library, room):
    spec = compose_scene(config_of(room, "ovrtx"), library, SlotKey(slot=0))
    assert spec.world.opaque == (TEAK,)
    assert f"opaque to the truth, unseen: {TEAK}" in world_attribution(spec)[0]
    with draw(spec, library) as draft, pytest.raises(UnreadMaterialError, match="which only RTX can draw"):
        expose(draft, Nobody())


def test_a_world_without_such_materials_is_written_as_it_always_was():
    world = World(stage="/a.usda", sha256="0" * 64)
    assert set(world.model_dump()) == {"stage", "sha256", "time", "lit"}


def test_shoot_refuses_what_only_rtx_draws(room):
    with pytest.raises(UnreadMaterialError, match=f"</World/Props/Crate/Unknown>: {TEAK}"):
        shoot_stage(room, Nobody(), RenderSettings(), width=64, height=36, left=LEFT, right=RIGHT)


@pytest.mark.parametrize(("engine", "version"), [("ovrtx", "0.5.1"), ("replicator", "5.1.0")])
def test_the_layer_for_rtx_leaves_mdl_and_its_textures_as_they_are(tmp_path, room, engine, version):
    staged = StagedScene(path=room, flat=read_stage(room, None, left=LEFT))
    rtx = author_rtx_layer(staged, RIG, RenderSettings(), target(engine, version), tmp_path)
    assert_same_scene(staged.flat, read_stage(rtx.path, None, left="/FsdRtx/Left"))
    through = Usd.Stage.Open(str(rtx.path))
    shader = through.GetPrimAtPath("/World/Shell/Looks/Brick/Shader")
    assert shader.GetAttribute("info:mdl:sourceAsset").Get().path == "OmniPBR.mdl"
    picture = shader.GetAttribute("inputs:diffuse_texture").Get().resolvedPath
    assert picture == str(room.parent / "parts/textures/brick.png")
    assert not Sdf.Layer.FindOrOpen(str(rtx.path)).GetPrimAtPath(shader.GetPath())


def test_a_stage_that_is_handed_on_keeps_its_mdl_and_brings_its_textures(tmp_path, room):
    spec = make_spec().but(world=World(stage=str(room), sha256=world_digest(room)))
    (tmp_path / "out").mkdir()
    export_stage(spec, tmp_path / "out/stage.usda", Path)
    (tmp_path / "out").rename(tmp_path / "moved")
    moved = read_world(tmp_path / "moved/stage.usda")
    here = read_stage(write_stage(spec, tmp_path / "own.usda", Path), spec.rig)
    assert [mesh.name for mesh in moved.meshes] == [mesh.name for mesh in here.meshes]
    brick = next(each for each in moved.surfaces if each.name.endswith("Brick"))
    assert brick.diffuse.path.is_relative_to(tmp_path / "moved")
    assert brick.diffuse.gain[1] == pytest.approx(0.9)
    assert any(each.unread and each.unread.mdl == TEAK for each in moved.surfaces)


def test_what_lies_on_a_server_keeps_its_path_and_a_module_brings_what_it_names(tmp_path):
    source = tmp_path / "source"
    for folder in ("source/mdl", "source/maps", "out"):
        (tmp_path / folder).mkdir(parents=True)
    (source / "mdl/Worn.mdl").write_text(MODULE)
    (source / "mdl/Base.mdl").write_text("mdl 1.6; export material Plain() = material();")
    (source / "maps/wood.png").write_bytes(b"wood")
    world = source / "world.usda"
    world.write_text(WORLD)
    before = world_digest(world)
    spec = make_spec().but(world=World(stage=str(world), sha256=before))
    copy = export_stage(spec, tmp_path / "out/stage.usda", Path)
    _, assets, _ = UsdUtils.ComputeAllDependencies(str(copy))
    (module,) = (Path(asset) for asset in assets if str(asset).endswith("Worn.mdl"))
    assert module.is_relative_to(tmp_path / "out") and module.with_name("Base.mdl").is_file()
    assert (module.parent / "../maps/wood.png").read_bytes() == b"wood"
    assert f"@{SERVER}@" in (tmp_path / "out/stage_assets/world/world.usda").read_text()
    (source / "maps/wood.png").write_bytes(b"another")
    assert world_digest(world) != before  # a module's pictures are part of the world
