"""Rooms obey the room: over many scenes of every kind, with the builtin pack alone."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from assets_manifest.library import AssetLibrary, load_pack
from fsd_gen.scene.rotations import rotation_matrix
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles import indoor, mixed
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.registry import find_style
from fsd_gen.styles.rooms.plans import KINDS
from fsd_gen.styles.rooms.room import INWARD
from fsd_gen.styles.sampler import Sampler
from tests.fsd_gen.styles.only import only

FEW, MANY = 2, 60  # scenes of each kind of room


def sampler_of(config, library, slot, kind, style="indoor"):
    return Sampler(
        style=find_style(style).config(rooms=(kind,)),
        image=config.image,
        rigs=config.rig,
        render=config.render,
        library=library,
        seed=config.seed,
        key=SlotKey(slot=slot),
        stratum=style,
    )


@pytest.fixture(scope="module")
def interiors(small_config, library):
    """A few rooms of each kind, built once."""
    return list(built(small_config, library, range(FEW)))


def built(config, library, slots):
    for kind in KINDS:
        for slot in slots:
            sampler = sampler_of(config, library, slot, kind)
            yield sampler, indoor.build(sampler, indoor.draw_room(sampler))


def apart(a, b):
    return a.top <= b.bottom + 1e-6 or b.top <= a.bottom + 1e-6 or not a.overlaps(b)


def furniture_is_apart_and_inside(interior):
    room, spots = interior.room, [stood.spot for stood in interior.floor.stood]
    assert all(spot.within(room.width_m + 1e-3, room.depth_m + 1e-3) for spot in spots)
    assert all(spot.top <= room.ceiling_m for spot in spots)
    assert all(apart(a, b) for a, b in combinations(spots, 2))


def the_way_in_is_free(interior):
    for door in interior.floor.openings.doors:
        way = door.way(interior.room)
        taken = [s.spot for s in interior.floor.stood if s.spot.bottom < 1.9 and s.spot.top > 0.03]
        assert not any(way.overlaps(spot) for spot in taken)


def nothing_tall_hides_a_window(interior):
    for window in interior.floor.openings.windows:
        low = window.edges()[2]
        x, y, _ = interior.room.on_wall(window.wall, window.along_m, 0.0, 0.3)
        assert all(s.spot.top <= low or s.spot.distance_to(x, y) > 0 for s in interior.floor.stood)


def test_furniture_stands_apart_and_inside(interiors):
    for _, interior in interiors:
        furniture_is_apart_and_inside(interior)


def test_the_way_in_from_every_door_is_free(interiors):
    assert any(interior.floor.openings.doors for _, interior in interiors)
    for _, interior in interiors:
        the_way_in_is_free(interior)


def test_nothing_tall_stands_before_a_window(interiors):
    assert any(interior.floor.openings.windows for _, interior in interiors)
    for _, interior in interiors:
        nothing_tall_hides_a_window(interior)


def test_what_hangs_touches_a_wall(interiors):
    hung = 0
    for _, interior in interiors:
        room = interior.room
        for placement in interior.placements:
            if not placement.name.startswith(("Door", "Switch", "Socket", "Radiator", "Wall_")):
                continue
            hung += 1
            front_3 = rotation_matrix(placement.rotation) @ [0.0, -1.0, 0.0]
            wall = next(k for k in range(4) if np.allclose(front_3[:2], INWARD[k], atol=1e-6))
            side = (room.depth_m if wall % 2 == 0 else room.width_m) / 2
            off = side + float(front_3[:2] @ placement.position[:2])
            assert 0 < off < 0.4, placement
    assert hung > 20


def test_things_on_furniture_stand_on_it(interiors):
    things = 0
    for _, interior in interiors:
        tops = [stood.spot for stood in interior.floor.stood]
        for thing in interior.furnished.things:
            things += 1
            assert any(
                spot.distance_to(thing.x, thing.y) == 0 and spot.bottom < thing.bottom <= spot.top + 1e-3
                for spot in tops
            )
    assert things > 30


def test_a_bathroom_has_at_most_one_toilet_and_mostly_one(small_config, library):
    """The builtin pack has none: its cone is taken for one."""
    folder = library.folder("builtin/shape_cone")
    pack = load_pack(folder)
    toilet = library.get("builtin/shape_cone").model_copy(
        update={"tags": ("toilet",), "size_m": (0.4, 0.6, 0.8)}
    )
    others = tuple(asset for asset in pack.assets if asset.id != toilet.id)
    with_one = AssetLibrary([(pack.model_copy(update={"assets": (toilet, *others)}), folder)])
    counts = []
    for slot in range(6):
        sampler = sampler_of(small_config, with_one, slot, "bath")
        placements = indoor.build(sampler, indoor.draw_room(sampler)).placements
        counts.append(sum(placement.asset == toilet.id for placement in placements))
    assert max(counts) == 1 and sum(counts) >= 3, counts


def test_the_camera_stands_free_in_the_room(small_config, library, interiors):
    for sampler, interior in interiors:
        rig = sampler.rig(nearest_m=1.0)
        camera = indoor.aim(sampler, interior.room, rig, interior.furnished)
        x, y, z = camera.position
        assert abs(x) < interior.room.width_m / 2 and abs(y) < interior.room.depth_m / 2
        tall = [s for s in interior.furnished.footprints if s.top > z - 0.25]
        assert all(spot.distance_to(x, y) > 0.25 for spot in tall)


def test_rooms_hold_what_their_kind_is_for(small_config, library):
    sampler = sampler_of(small_config, library, 0, "warehouse")
    racks = [p for p in indoor.build(sampler, indoor.draw_room(sampler)).placements if "room_rack" in p.asset]
    assert racks


def test_no_two_scenes_hang_the_same_prints(small_config, library):
    config = only(small_config, "indoor", pictures=(4, 4), rooms=("living",))
    seen = Counter()
    for slot in range(3):
        spec = compose_scene(config, library, SlotKey(slot=slot))
        seen.update({p.material.texture for p in spec.panels if "room_print" in (p.material.texture or "")})
    assert len(seen) >= 3 and max(seen.values()) == 1


def test_flying_objects_touch_nothing_in_the_room(small_config, library):
    flying = 0
    for slot in range(8):
        sampler = sampler_of(small_config, library, slot, KINDS[slot % len(KINDS)], "mixed")
        room = indoor.draw_room(sampler)
        interior = indoor.build(sampler, room)
        rig = sampler.rig(nearest_m=1.0)
        camera = indoor.aim(sampler, room, rig, interior.furnished)
        spots = tuple(stood.spot for stood in interior.floor.stood) + tuple(interior.furnished.things)
        air = mixed.Air(rig, camera, room, sampler.nearest_m(rig), spots)
        for _ in range(6):
            air.place(sampler.rng("test"), 0.15)
        flying += len(air.balls)
        for ball in air.balls:
            assert all(ball.clear_of(spot) for spot in spots)
            assert np.abs(ball.centre_3[0]) + ball.radius < room.width_m / 2
            assert ball.centre_3[2] - ball.radius > 0 and ball.centre_3[2] + ball.radius < room.ceiling_m
        assert all(
            np.linalg.norm(a.centre_3 - b.centre_3) > a.radius + b.radius
            for a, b in combinations(air.balls, 2)
        )
    assert flying > 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_library_of_a_few_objects_gives_whole_rooms(kind, small_config, library):
    mine = load_pack(library.path("builtin/mug_yellow").parents[1])
    few = [
        a for a in mine.assets if a.id in ("builtin/chair_red", "builtin/mug_yellow", "builtin/table_desk")
    ]
    pack = mine.model_copy(update={"assets": tuple(few)})
    small = AssetLibrary([(pack, library.root("builtin/mug_yellow") / "builtin")])
    spec = indoor.compose(sampler_of(small_config, small, 1, kind))
    assert any(panel.name == "Floor" for panel in spec.panels)
    assert {p.asset for p in spec.placements if p.name.startswith("Furniture")}


def test_an_asset_joins_a_role_by_its_tag(small_config, library):
    mine = load_pack(library.path("builtin/mug_yellow").parents[1])
    tagged = [a.model_copy(update={"tags": (*a.tags, "toilet")}) for a in mine.assets if "shape_cone" in a.id]
    small = AssetLibrary(
        [(mine.model_copy(update={"assets": tuple(tagged)}), library.root("builtin/mug_yellow"))]
    )
    assert [piece.asset for piece in indoor.Cast(small).pieces("toilet")] == ["builtin/shape_cone"]


@pytest.mark.slow
def test_hundreds_of_rooms_obey_the_room(small_config, library):
    for _, interior in built(small_config, library, range(FEW, MANY)):
        furniture_is_apart_and_inside(interior)
        the_way_in_is_free(interior)
        nothing_tall_hides_a_window(interior)
