"""A stage of the user's in ours shows what it shows alone: every triangle, surface and light, in metres."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Usd, UsdGeom, UsdUtils

from fsd_gen.scene.instances import instance_names, instance_of, instance_prims
from fsd_gen.scene.spec import SceneSpec, World
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.environment import world_digest
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.export import export_stage
from fsd_gen.usd.reader import read_stage, read_world
from tests.fsd_gen.synthetic import make_spec
from tests.fsd_gen.usd.cases import BOUND, DIFFUSE, SUN, WALL, card, material, packed, stage
from tests.fsd_gen.worlds.halls import hall


def in_world(path: Path, **world: object) -> SceneSpec:
    return make_spec().but(world=World(stage=str(path), sha256=world_digest(path), **world))


def staged(spec: SceneSpec, folder: Path):
    return read_stage(write_stage(spec, folder / "ours.usda", lambda name: Path(name)), spec.rig)


def lights_of(scene) -> list:
    return [(light.radiance, light.to_world.round(6).tolist()) for light in scene.area_lights]


@pytest.mark.parametrize(("unit", "y_up"), [(0.01, True), (1.0, False), (1.0, True), (0.0254, False)])
def test_a_stage_of_any_unit_and_axis_comes_whole(tmp_path, unit, y_up):
    path = hall(tmp_path, unit=unit, y_up=y_up)
    alone, ours = read_world(path), staged(in_world(path), tmp_path)
    assert len(ours.meshes) == len(alone.meshes) == 14
    for one, other in zip(alone.meshes, ours.meshes, strict=True):
        assert np.abs(one.vertices_v3 - other.vertices_v3).max() < 1e-9
        assert alone.surfaces[one.surface].diffuse == ours.surfaces[other.surface].diffuse
        assert other.name == f"/World/Environment{one.name}"
    assert lights_of(ours) == lights_of(alone) != []


def test_its_lights_go_out_when_ours_are_to_shine(tmp_path):
    assert staged(in_world(hall(tmp_path), lit=False), tmp_path).area_lights == ()


def test_it_is_shown_at_its_own_time(tmp_path):
    """Rates of time codes differ from ours; the moment must not."""
    push = """double3 xformOp:translate.timeSamples = { 0: (0, 0, 0), 90: (0, 0, -9) }
    uniform token[] xformOpOrder = ["xformOp:translate"]"""
    head = "startTimeCode = 10\n endTimeCode = 90\n timeCodesPerSecond = 60"
    path = stage(tmp_path, WALL, SUN, card(push), head=head)
    for time, away in ((None, 1.0), (50.0, 5.0)):
        ours = staged(in_world(path, time=time), tmp_path)
        (moved,) = (mesh for mesh in ours.meshes if mesh.name.endswith("Card"))
        assert moved.vertices_v3[:, 1].min() == pytest.approx(2 + away)  # 2 m ahead, y up: along -z


def test_a_dome_keeps_its_pole(tmp_path):
    for axis in ("scene", "Y", "Z"):
        dome = f'def DomeLight_1 "Sky" {{\n uniform token poleAxis = "{axis}"\n}}'
        path = stage(tmp_path, WALL, dome, name=f"{axis}.usda")
        alone, ours = read_world(path), staged(in_world(path), tmp_path)
        assert np.abs(ours.dome.to_world[:3, :3] - alone.dome.to_world[:3, :3]).max() < 1e-9


def test_a_stage_that_changed_is_refused_by_name(tmp_path):
    path = hall(tmp_path)
    spec = in_world(path)
    path.write_text(path.read_text().replace("0.6", "0.7"))
    with pytest.raises(AssetFileError, match=r"hall\.usda: the stage, or a file .* has changed"):
        staged(spec, tmp_path)


def test_the_digest_covers_what_the_stage_refers_to(tmp_path):
    hall(tmp_path, name="inner.usda")
    outer = tmp_path / "outer.usda"
    outer.write_text('#usda 1.0\n(\n subLayers = [@./inner.usda@]\n metersPerUnit = 1\n upAxis = "Z"\n)\n')
    before = world_digest(outer)
    inner = tmp_path / "inner.usda"
    inner.write_text(inner.read_text() + "\n")
    assert world_digest(outer) != before


def test_the_digest_covers_what_another_layer_comes_to_refer_to(tmp_path):
    hall(tmp_path, name="inner.usda")
    head = '#usda 1.0\n(\n subLayers = [{}]\n metersPerUnit = 1\n upAxis = "Z"\n)\n'
    outer, more, middle = tmp_path / "outer.usda", tmp_path / "more.usda", tmp_path / "middle.usda"
    outer.write_text(head.format("@./middle.usda@"))
    middle.write_text(head.format("@./inner.usda@"))
    more.write_text(head.format(""))
    digests = [world_digest(outer)]
    middle.write_text(head.format("@./inner.usda@, @./more.usda@"))
    digests.append(world_digest(outer))
    more.write_text(more.read_text() + "\n")
    digests.append(world_digest(outer))
    assert len(set(digests)) == 3


def test_the_digest_sees_another_content_of_the_same_size_and_time(tmp_path):
    path = hall(tmp_path)
    before, old = world_digest(path), path.stat()
    path.write_text(path.read_text().replace("0.6", "0.7"))
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert path.stat().st_size == old.st_size and world_digest(path) != before


def test_the_digest_covers_a_tile_that_joins_its_set(tmp_path):
    Image.new("RGB", (2, 2), "red").save(tmp_path / "t.1001.png")
    path = stage(tmp_path, WALL, SUN, card(BOUND), material(DIFFUSE, "t.<UDIM>.png"))
    before = world_digest(path)
    Image.new("RGB", (2, 2), "red").save(tmp_path / "t.1002.png")
    assert world_digest(path) != before


def test_a_package_is_a_world_too(tmp_path):
    """Its header says its unit; its digest is that of the package, whatever lies in it."""
    Image.new("RGB", (2, 2), "red").save(tmp_path / "oak.png")
    package = packed(stage(tmp_path, WALL, SUN, card(BOUND), material(DIFFUSE, "oak.png")))
    spec = in_world(package)
    ours = staged(spec, tmp_path)
    (mesh,) = (mesh for mesh in ours.meshes if mesh.name.endswith("Card"))
    assert str(ours.surfaces[mesh.surface].diffuse.path).endswith("oak.png]")
    package.write_bytes(package.read_bytes() + b" ")
    with pytest.raises(AssetFileError, match="has changed"):
        staged(spec, tmp_path)


def test_the_digest_covers_textures_and_all_tiles_of_a_set(tmp_path):
    for name, files in (("oak.png", ["oak.png"]), ("t.<UDIM>.png", ["t.1001.png", "t.1002.png"])):
        for file in files:
            Image.new("RGB", (2, 2), "red").save(tmp_path / file)
        path = stage(tmp_path, WALL, SUN, card(BOUND), material(DIFFUSE, name))
        before = world_digest(path)
        Image.new("RGB", (2, 2), "blue").save(tmp_path / files[-1])
        assert world_digest(path) != before


def test_a_stage_that_is_not_here_is_said_clearly(tmp_path):
    spec = in_world(hall(tmp_path))
    (tmp_path / "hall.usda").unlink()
    with pytest.raises(AssetFileError, match="has to be at the same path on every machine"):
        staged(spec, tmp_path)


def test_a_prim_that_ignores_its_parents_is_refused_where_that_matters(tmp_path):
    reset = 'uniform token[] xformOpOrder = ["!resetXformStack!"]'
    path = stage(tmp_path, WALL, SUN, card(reset))
    with pytest.raises(StageError, match=r"stage\.usda: </World/Card> resets its transform stack"):
        staged(in_world(path), tmp_path)


def test_an_instance_that_points_out_of_its_root_is_refused(tmp_path):
    path = hall(tmp_path)
    whole = Usd.Stage.Open(str(path))
    for name in ("One", "Two"):
        copy = UsdGeom.Xform.Define(whole, f"/Hall/{name}").GetPrim()
        copy.GetReferences().AddInternalReference("/Crates")
        copy.SetInstanceable(True)
    UsdGeom.Cube.Define(whole, "/Crates/Crate").GetPrim().CreateRelationship("material:binding").SetTargets(
        ["/Looks/Red"]
    )
    whole.GetRootLayer().Save()
    with pytest.raises(StageError, match=r"points out of </Hall> from inside an instance"):
        staged(in_world(path), tmp_path)


def test_a_handed_on_scene_brings_its_world(tmp_path):
    path = stage(tmp_path, WALL, SUN, card(BOUND), material("float inputs:roughness = 0.2"))
    spec = in_world(path)
    moved = export_stage(spec, tmp_path / "out" / "", lambda name: Path(name))
    path.unlink()
    assert len(read_stage(moved, spec.rig).meshes) == 2
    packed = UsdUtils.ComputeAllDependencies(str(moved))
    assert not packed[2]


def test_the_whole_world_is_one_thing(tmp_path):
    spec = in_world(hall(tmp_path))
    assert instance_names(spec)[-1] == "Environment"
    assert instance_of("/World/Environment/Hall/Table") == instance_prims(spec)[-1]


def test_a_scene_without_world_is_named_as_ever():
    assert '"world"' not in make_spec().to_json()
