"""Small things on a surface: in heaps, in rows, standing, lying; all of it settled by physics.

    ground = area_of(sampler, table_asset, placement)   # or Ground.rectangle(...) for a floor
    pile = put(sampler, "Desk", ground[0], small_things(sampler), 12, how="heap")
    pile.placements                                     # what rests (or falls); pile.left_out says what not

Nothing in it reaches more than 2 mm into anything else, and nothing lies outside the surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.shapes import OPEN_M, Support, fits, rectangle
from assets_manifest.derived.supports import supports
from assets_manifest.records import Asset
from fsd_gen.physics.bodies import Block, Body, slab, standing
from fsd_gen.scene.rotations import rotation_matrix
from fsd_gen.scene.spec import Placement, Vec2
from fsd_gen.styles.heaps.let_go import (
    How,
    Thing,
    drawn_things,
    let_go,
    moved_to,
    sound_things,
    stacked,
    world_points,
)
from fsd_gen.styles.sampler import AnySampler

Floats = NDArray[np.float64]

__all__ = ["Ground", "How", "Pile", "grounds", "put", "small_things", "world_points"]

MOST_PENETRATION_M = 0.002
SETTLING_S = 2.0
AGAIN_S = 0.8  # after something was taken out
ROUNDS = 4
FALLING_S = (0.08, 0.25)
NEVER = ("door_window", "flat", "plant", "ceiling", "vehicle", "character")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A level surface of the scene, and what stands fast on and around it."""

    support: Support  # in world axes: outline and height
    blocks: tuple[Block, ...]  # holds the surface itself
    reach_m: Vec2 | None = None  # from the middle of the room to its walls, where it has any

    @classmethod
    def rectangle(cls, size: Vec2, place: tuple[float, float, float], height_m: float = 0.0) -> Ground:
        """A level rectangle: part of a floor or a desk; `place` is x, y and heading in degrees."""
        border = rectangle(size, place)
        support = Support(height_m=height_m, free_above_m=OPEN_M, inside=False, outline=border)
        return cls(support=support, blocks=slab(border, height_m))

    def with_blocks(self, *blocks: Block) -> Ground:
        """The same with more that stands fast."""
        return replace(self, blocks=(*self.blocks, *blocks))

    def in_room(self, width_m: float, depth_m: float) -> Ground:
        """The same in a room of this size: nothing stays on it that reaches into a wall."""
        return replace(self, reach_m=(width_m / 2, depth_m / 2))

    def is_clear_of_walls(self, points_n3: Floats) -> bool:
        """Whether points lie within the walls, if there are any."""
        return self.reach_m is None or bool((np.abs(points_n3[:, :2]) < self.reach_m).all())

    def obstacles(self) -> list[Floats]:
        """Boxes (2, 3: low, high) around the blocks that rise above the surface."""
        boxes = [np.stack([b.points_n3.min(axis=0), b.points_n3.max(axis=0)]) for b in self.blocks]
        return [box_23 for box_23 in boxes if box_23[1, 2] > self.support.height_m + MOST_PENETRATION_M]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """What was put somewhere."""

    placements: tuple[Placement, ...] = ()
    bodies: tuple[Body, ...] = ()  # the same, as physics sees them where they are now
    penetration_m: float = 0.0  # the deepest contact among what rests
    falling: frozenset[str] = frozenset()  # names of what still moves
    left_out: tuple[tuple[str, str], ...] = ()  # asset and reason

    def blocks(self) -> tuple[Block, ...]:
        """What lies there, as what stands fast for the next pile on the same ground."""
        return tuple(
            block
            for body in self.bodies
            for block in standing(body.hulls, body.position, body.rotation, body.scale)
        )


def small_things(sampler: AnySampler, *tags: str) -> tuple[Asset, ...]:
    """Assets of all packs to put on tables: those tagged tabletop, and plain shapes. In a fixed order."""
    usual = sampler.assets("object", "tabletop", *tags, without=NEVER)
    shapes = sampler.assets("object", "shape")
    found = {asset.id: asset for asset in (*usual, *shapes) if asset.size_m}
    return tuple(found[name] for name in sorted(found))


def grounds(
    sampler: AnySampler, asset: Asset, placement: Placement, *, inside: bool = False
) -> tuple[Ground, ...]:
    """The surfaces of an asset that stands in the scene, largest first; with `inside` also its boards.

    The asset must stand upright, and its scale be the same along x and y.
    """
    root = sampler.library.root(asset.id)
    levels = supports(asset, sampler.library.path(asset.id), root)
    turn_33 = rotation_matrix(placement.rotation)
    if not np.isclose(turn_33[2, 2], 1.0) or placement.scale[0] != placement.scale[1]:
        raise ValueError(f"{placement.name} is tilted or stretched: its surfaces are not level rectangles")
    return tuple(_ground(level, placement, turn_33) for level in levels if inside or not level.inside)


def _ground(level: Support, placement: Placement, turn_33: Floats) -> Ground:
    scale, z_scale = placement.scale[0], placement.scale[2]
    border = level.outline * scale @ turn_33[:2, :2].T + np.asarray(placement.position[:2])
    height = level.height_m * z_scale + placement.position[2]
    free = min(level.free_above_m * z_scale, OPEN_M)
    support = Support(height_m=height, free_above_m=free, inside=level.inside, outline=border)
    return Ground(support=support, blocks=slab(border, height))


def put(
    sampler: AnySampler,
    name: str,
    ground: Ground,
    assets: Sequence[Asset],
    wanted: int,
    *,
    how: How = "heap",
    centre: Vec2 | None = None,
    spread_m: float = 0.15,
    falling: int = 0,
) -> Pile:
    """Up to `wanted` of the assets on the ground, `falling` more caught above it in the air.

    `centre` and `spread_m`: where a heap is dropped, and how wide; elsewhere the whole ground is used.
    Placements are called NAME_00, NAME_01 ...; the random stream is called by `name` too.
    """
    rng = sampler.rng("pile", name)
    left_out: list[tuple[str, str]] = []
    drawn, boxes = drawn_things(rng, assets, wanted, how, ground.support), ground.obstacles()
    drawn = sound_things(sampler, drawn, left_out)
    things = let_go(rng, sampler, ground.support, boxes, drawn, how, centre, spread_m)
    things, deepest = _rest(ground, things[:wanted], left_out)
    moving: set[int] = set()
    if falling and how == "heap":
        more = sound_things(sampler, drawn_things(rng, assets, falling, how, ground.support), left_out)
        things, moving = _catch(rng, sampler, ground, things, more, centre, spread_m)
    names = [f"{name}_{index:02d}" for index in range(len(things))]
    return Pile(
        placements=tuple(_placement(label, thing) for label, thing in zip(names, things, strict=True)),
        bodies=tuple(thing.body for thing in things),
        penetration_m=deepest,
        falling=frozenset(names[index] for index in moving),
        left_out=tuple(left_out),
    )


def _rest(ground: Ground, things: list[Thing], left_out: list[tuple[str, str]]) -> tuple[list[Thing], float]:
    """What comes to rest. What does not is left out, and all else settles again: it may have lain on it."""
    from fsd_gen.physics.settle import settle  # needs an extra, which reading a configuration does not

    seconds = SETTLING_S
    for _ in range(ROUNDS):
        ends = settle(tuple(thing.body for thing in things), ground.blocks, seconds)
        moved = [moved_to(thing, end.position, end.rotation) for thing, end in zip(things, ends, strict=True)]
        worst = max((end.penetration_m for end in ends), default=0.0)
        reasons = [
            _trouble(ground, thing, end.at_rest, end.penetration_m, worst)
            for thing, end in zip(moved, ends, strict=True)
        ]
        left_out += [(t.asset.id, why) for t, why in zip(moved, reasons, strict=True) if why]
        things = [thing for thing, why in zip(moved, reasons, strict=True) if not why]
        if not any(reasons):
            return things, worst
        seconds = AGAIN_S
    left_out += [(thing.asset.id, "the heap did not come to rest") for thing in things]
    return [], 0.0


def _trouble(ground: Ground, thing: Thing, at_rest: bool, penetration_m: float, worst_m: float) -> str:
    """Why a thing cannot stay; empty where it can. Of two that are stuck in each other both go."""
    if penetration_m > MOST_PENETRATION_M and penetration_m >= worst_m - 1e-9:
        return f"it reaches {penetration_m * 1000:.1f} mm into another"
    points = world_points(thing.body)
    if points[:, 2].min() < ground.support.height_m - MOST_PENETRATION_M:
        return "it fell off"
    if not ground.is_clear_of_walls(points):
        return "it reaches into a wall"
    if not fits(ground.support, points[:, :2].mean(axis=0)[None]):
        return "it hangs over the edge"
    return "" if at_rest else "it did not come to rest"


def _catch(
    rng: np.random.Generator,
    sampler: AnySampler,
    ground: Ground,
    resting: list[Thing],
    drawn: list[tuple[Asset, float]],
    centre: Vec2 | None,
    spread_m: float,
) -> tuple[list[Thing], set[int]]:
    """The resting things with more falling on them, and which of all these move."""
    from fsd_gen.physics.settle import settle  # needs an extra, which reading a configuration does not

    above = stacked(rng, sampler, ground.support, ground.obstacles(), drawn, resting, centre, spread_m * 1.5)
    things = [*resting, *above]
    seconds = float(rng.uniform(*FALLING_S))
    ends = settle(tuple(thing.body for thing in things), ground.blocks, seconds, calm=False)
    moved = [moved_to(thing, end.position, end.rotation) for thing, end in zip(things, ends, strict=True)]
    sound = [
        end.penetration_m <= MOST_PENETRATION_M
        and not end.lost
        and ground.is_clear_of_walls(world_points(thing.body))
        for thing, end in zip(moved, ends, strict=True)
    ]
    if not all(sound[: len(resting)]):
        return resting, set()
    kept = [index for index in range(len(things)) if sound[index]]
    caught = [moved[index] for index in kept]
    return caught, {place for place, index in enumerate(kept) if not ends[index].at_rest}


def _placement(name: str, thing: Thing) -> Placement:
    body = thing.body
    return Placement(
        name=name, asset=thing.asset.id, position=body.position, rotation=body.rotation, scale=body.scale
    )
