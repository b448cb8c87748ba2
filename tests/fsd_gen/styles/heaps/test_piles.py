"""Small things lie where they can lie, and reach into nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from assets_manifest.derived.supports import fits
from assets_manifest.library import AssetLibrary, Pack, load_pack
from assets_manifest.records import Asset
from fsd_gen.physics.settle import settle
from fsd_gen.scene.rotations import axis_angle, heading
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import Placement
from fsd_gen.styles.heaps.let_go import SIZES_M
from fsd_gen.styles.heaps.piles import MOST_PENETRATION_M, Ground, grounds, put, small_things, world_points
from fsd_gen.styles.sampler import Sampler, StyleConfig


@pytest.fixture(scope="module")
def sampler(small_config, library):
    return Sampler(
        style=StyleConfig(),
        image=small_config.image,
        rigs=small_config.rig,
        render=small_config.render,
        library=library,
        seed=3,
        key=SlotKey(slot=0),
        stratum="x",
    )


@pytest.fixture(scope="module")
def table():
    return Ground.rectangle((1.0, 0.7), (0.3, -0.2, 25.0), 0.7)


@pytest.fixture(scope="module")
def heap(sampler, table):
    return put(sampler, "Heap", table, small_things(sampler), 10, how="heap", falling=3)


def test_a_heap_rests_on_its_table_and_reaches_into_nothing(heap, table):
    resting = [b for p, b in zip(heap.placements, heap.bodies, strict=True) if p.name not in heap.falling]
    assert len(resting) >= 4 and heap.penetration_m <= MOST_PENETRATION_M
    for body in resting:
        points = world_points(body)
        assert points[:, 2].min() > 0.7 - MOST_PENETRATION_M
        assert fits(table.support, points[:, :2].mean(axis=0)[None])
    lowest = sorted(world_points(body)[:, 2].min() for body in resting)
    assert lowest[0] == pytest.approx(0.7, abs=0.001)  # without a gap


def test_what_rests_stays_where_it_is(heap, table):
    resting = [b for p, b in zip(heap.placements, heap.bodies, strict=True) if p.name not in heap.falling]
    ends = settle(tuple(resting), table.blocks, 0.1)
    moved = [np.linalg.norm(np.subtract(e.position, b.position)) for e, b in zip(ends, resting, strict=True)]
    assert max(moved) < 0.01


def test_some_are_caught_in_the_air(heap):
    assert heap.falling
    bodies = {p.name: b for p, b in zip(heap.placements, heap.bodies, strict=True)}
    assert any(world_points(bodies[name])[:, 2].min() > 0.75 for name in heap.falling)


def test_placements_are_the_bodies_rounded(heap):
    for placement, body in zip(heap.placements, heap.bodies, strict=True):
        assert placement.position == body.position and placement.rotation == body.rotation
    assert len({placement.name for placement in heap.placements}) == len(heap.placements)


def test_the_same_stream_gives_the_same_heap(sampler, table, heap):
    again = put(sampler, "Heap", table, small_things(sampler), 10, how="heap", falling=3)
    assert again.placements == heap.placements and again.left_out == heap.left_out


@pytest.mark.parametrize("how", ["rows", "standing", "lying"])
def test_things_beside_each_other_lie_within_the_surface(sampler, table, how):
    pile = put(sampler, how, table, small_things(sampler), 6, how=how)
    assert pile.placements and pile.penetration_m <= MOST_PENETRATION_M and not pile.falling
    for body in pile.bodies:
        points = world_points(body)
        assert points[:, 2].min() == pytest.approx(0.7, abs=MOST_PENETRATION_M)
        assert np.ptp(points, axis=0).max() < SIZES_M[1] * 1.75  # on a turned body's box
    if how == "rows":
        assets = [p.asset for p in pile.placements]
        assert len(set(assets)) < len(assets)
    for one, other in combinations(pile.bodies, 2):
        assert np.linalg.norm(np.subtract(one.position, other.position)) > 0.01


def test_the_boards_of_a_shelf_are_grounds_of_the_scene(sampler, library):
    asset = library.get("builtin/shelf_empty")
    shelf = Placement(name="S", asset=asset.id, position=(2.0, 1.0, 0.0), rotation=heading(90))
    (top,) = grounds(sampler, asset, shelf)
    boards = grounds(sampler, asset, shelf, inside=True)
    assert top.support.height_m == pytest.approx(asset.size_m[2], abs=1e-3) and len(boards) == 5
    for board in boards:
        assert board.support.outline.mean(axis=0) == pytest.approx([2, 1], abs=0.05)
        assert np.ptp(board.support.outline[:, 1]) > np.ptp(board.support.outline[:, 0])  # turned
    pile = put(sampler, "Board", boards[1], small_things(sampler), 5, how="standing")
    limit = boards[1].support.height_m + boards[1].support.free_above_m
    assert pile.placements and max(world_points(b)[:, 2].max() for b in pile.bodies) < limit


def test_a_tilted_table_has_no_ground(sampler, library):
    asset = library.get("builtin/table_round")
    tilted = Placement(name="T", asset=asset.id, position=(0, 0, 0), rotation=axis_angle((1.0, 0, 0), 10.0))
    with pytest.raises(ValueError, match="T is tilted or stretched"):
        grounds(sampler, asset, tilted)


def test_nothing_to_put_is_an_empty_pile(sampler, table):
    assert put(sampler, "None", table, (), 5).placements == ()
    assert put(sampler, "None", table, small_things(sampler), 0).placements == ()


def test_a_thing_whose_file_holds_no_shape_is_left_out_and_said(sampler, table, tmp_path, caplog):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/no.usda").write_text('#usda 1.0\n(defaultPrim = "A")\ndef Xform "A" {}\n')
    bad = Asset(
        id="broken/no",
        kind="object",
        uri="no.usda",
        sha256="0" * 64,
        licence="MIT",
        author="a",
        source="s",
        size_m=(0.1, 0.1, 0.1),
    )
    pack = Pack(name="broken", version="1", licence="MIT", assets=(bad,))
    own = load_pack(sampler.library.path("builtin/mug_yellow").parents[1])
    both = AssetLibrary([(pack, tmp_path / "broken"), (own, sampler.library.folder("builtin/mug_yellow"))])
    good = sampler.library.get("builtin/mug_yellow")
    pile = put(replace(sampler, library=both), "Row", table, [bad, good], 6, how="standing")
    assert {each.asset for each in pile.placements} == {"builtin/mug_yellow"}
    assert [id for id, why in pile.left_out if "holds no triangle" in why] == ["broken/no"]
    assert "asset=broken/no is not used: " in caplog.text


def test_nothing_stays_that_reaches_into_a_wall(sampler):
    ground = Ground.rectangle((1.0, 1.0), (0.0, 0.0, 0.0), 0.7)
    close = put(sampler, "Close", ground.in_room(0.5, 4.0), small_things(sampler), 8, how="standing")
    free = put(sampler, "Close", ground, small_things(sampler), 8, how="standing")
    reach_m = [abs(world_points(body)[:, 0]).max() for body in close.bodies]
    assert close.placements and max(reach_m) < 0.25
    assert len(free.placements) > len(close.placements)
    assert "it reaches into a wall" in dict(close.left_out).values()
