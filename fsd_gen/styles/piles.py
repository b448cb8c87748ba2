"""Small things on a surface: in heaps, in rows, standing, lying; all of it settled by physics.

    ground = area_of(sampler, table_asset, placement)   # or Ground.rectangle(...) for a floor
    pile = put(sampler, "Desk", ground[0], small_things(sampler), 12, how="heap")
    pile.placements                                     # what rests (or falls); pile.left_out says what not

Nothing in it reaches more than 2 mm into anything else, and nothing lies outside the surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.hulls import hulls
from assets_manifest.derived.shapes import OPEN_M, Hull, Support, fits, rectangle
from assets_manifest.derived.supports import supports
from assets_manifest.records import Asset
from fsd_gen.physics.bodies import Block, Body, slab
from fsd_gen.scene.rotations import axis_angle, compose, heading, random_rotation, rotation_matrix
from fsd_gen.scene.spec import Placement, Quaternion, Vec2, Vec3
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

How = Literal["heap", "rows", "standing", "lying"]
Floats = NDArray[np.float64]

SIZES_M = (0.04, 0.35)  # longest side of a small thing
MOST_PENETRATION_M = 0.002
SETTLING_S = 2.0
AGAIN_S = 0.8  # after something was taken out
ROUNDS = 4
FALLING_S = (0.08, 0.25)
TRIES = 25
CLEAR_M = 0.004  # between things before they are let go
DENSITIES = {"glass": 800.0, "plant": 250.0, "lamp": 300.0}  # kg/m3 by tag, hollows included
DENSITY = 450.0
NEVER = ("door_window", "flat", "plant", "ceiling", "vehicle", "character")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A level surface of the scene, and what stands fast on and around it."""

    support: Support  # in world axes: outline and height
    blocks: tuple[Block, ...]  # holds the surface itself

    @classmethod
    def rectangle(cls, size: Vec2, place: tuple[float, float, float], height_m: float = 0.0) -> Ground:
        """A level rectangle: part of a floor or a desk; `place` is x, y and heading in degrees."""
        border = rectangle(size, place)
        support = Support(height_m=height_m, free_above_m=OPEN_M, inside=False, outline=border)
        return cls(support=support, blocks=slab(border, height_m))

    def with_blocks(self, *blocks: Block) -> Ground:
        """The same with more that stands fast."""
        return replace(self, blocks=(*self.blocks, *blocks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """What was put somewhere."""

    placements: tuple[Placement, ...] = ()
    bodies: tuple[Body, ...] = ()  # the same, as physics sees them where they are now
    penetration_m: float = 0.0  # the deepest contact among what rests
    falling: frozenset[str] = frozenset()  # names of what still moves
    left_out: tuple[tuple[str, str], ...] = ()  # asset and reason


@dataclass(frozen=True, slots=True)
class _Thing:
    asset: Asset
    body: Body


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
    things = _start(rng, sampler, ground, _drawn(rng, assets, wanted, how, ground), how, centre, spread_m)
    things, deepest = _rest(ground, things, left_out)
    moving: set[int] = set()
    if falling and how == "heap":
        more = _drawn(rng, assets, falling, how, ground)
        things, moving = _catch(rng, sampler, ground, things, more, centre, spread_m)
    names = [f"{name}_{index:02d}" for index in range(len(things))]
    return Pile(
        placements=tuple(_placement(label, thing) for label, thing in zip(names, things, strict=True)),
        bodies=tuple(thing.body for thing in things),
        penetration_m=deepest,
        falling=frozenset(names[index] for index in moving),
        left_out=tuple(left_out),
    )


def _drawn(
    rng: np.random.Generator, assets: Sequence[Asset], wanted: int, how: How, ground: Ground
) -> list[tuple[Asset, float]]:
    """Assets with the scale that makes them 4 to 35 cm long; rows are several of one kind."""
    drawn: list[tuple[Asset, float]] = []
    while assets and len(drawn) < wanted:
        asset = pick(rng, assets)
        size_m = asset.size_m or (0.1, 0.1, 0.1)
        longest = max(size_m)
        length = log_uniform(rng, 0.06, 0.2) if "shape" in asset.tags else float(np.clip(longest, *SIZES_M))
        length = min(length, 0.9 * ground.support.free_above_m * longest / size_m[2])
        repeats = int(rng.integers(2, 6)) if how == "rows" else 1
        drawn += [(asset, length / longest)] * repeats
    return drawn[:wanted]


@lru_cache(maxsize=512)
def _hulls(asset: Asset, path: Path, root: Path) -> tuple[Hull, ...]:
    return hulls(asset, path, root)


def _body(sampler: AnySampler, asset: Asset, scale: float, position: Vec3, rotation: Quaternion) -> Body:
    pieces = _hulls(asset, sampler.library.path(asset.id), sampler.library.root(asset.id))
    density = next((DENSITIES[tag] for tag in asset.tags if tag in DENSITIES), DENSITY)
    three = (scale, scale, scale)
    return Body(hulls=pieces, position=position, rotation=rotation, scale=three, density=density)


def _start(
    rng: np.random.Generator,
    sampler: AnySampler,
    ground: Ground,
    drawn: list[tuple[Asset, float]],
    how: How,
    centre: Vec2 | None,
    spread_m: float,
) -> list[_Thing]:
    """The things where they are let go."""
    if how == "heap":
        return _stacked(rng, sampler, ground, drawn, [], centre, spread_m)
    turned = [(asset, scale, _pose(rng, how)) for asset, scale in drawn]
    return _side_by_side(rng, sampler, ground, turned, rows=how == "rows")


def _pose(rng: np.random.Generator, how: How) -> Quaternion:
    if how != "lying":
        return heading(float(rng.normal(0, 4)) if how == "rows" else float(rng.uniform(0, 360)))
    axis: Vec3 = (1.0, 0.0, 0.0) if rng.uniform() < 0.5 else (0.0, 1.0, 0.0)
    return compose(heading(float(rng.uniform(0, 360))), axis_angle(axis, 90.0 * int(rng.integers(1, 4))))


def _stacked(
    rng: np.random.Generator,
    sampler: AnySampler,
    ground: Ground,
    drawn: list[tuple[Asset, float]],
    below: list[_Thing],
    centre: Vec2 | None,
    spread_m: float,
) -> list[_Thing]:
    """Things above each other, each as low as the balls around them allow."""
    middle = np.asarray(centre if centre is not None else ground.support.outline.mean(axis=0))
    balls = [_ball(thing.body) for thing in below]
    things: list[_Thing] = []
    for asset, scale in drawn:
        rotation = random_rotation(rng) if rng.uniform() < 0.7 else heading(float(rng.uniform(0, 360)))
        body = _body(sampler, asset, scale, (0.0, 0.0, 0.0), rotation)
        ball_centre, radius = _ball(body)
        x, y = middle + rng.normal(0, spread_m / 2, 2)
        z = ground.support.height_m + radius + CLEAR_M
        for other, other_radius in sorted(balls, key=lambda ball: float(ball[0][2])):
            apart2 = (radius + other_radius + CLEAR_M) ** 2 - (other[0] - x) ** 2 - (other[1] - y) ** 2
            z = max(z, other[2] + np.sqrt(apart2)) if apart2 > 0 and z < other[2] + np.sqrt(apart2) else z
        goal = np.array([x, y, z])
        balls.append((goal, radius))
        px, py, pz = (goal - ball_centre).tolist()
        things.append(_Thing(asset, replace(body, position=(px, py, pz))))
    return things


def _ball(body: Body) -> tuple[Floats, float]:
    """Middle and radius of a ball that holds the body."""
    points = world_points(body)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle, float(np.linalg.norm(points - middle, axis=1).max())


def world_points(body: Body) -> Floats:
    """Corners (N, 3) of the body's convex pieces where it is."""
    points = np.concatenate([hull.points_n3 for hull in body.hulls]) * body.scale
    placed: Floats = points @ rotation_matrix(body.rotation).T + np.asarray(body.position)
    return placed


def _side_by_side(
    rng: np.random.Generator,
    sampler: AnySampler,
    ground: Ground,
    turned: list[tuple[Asset, float, Quaternion]],
    *,
    rows: bool,
) -> list[_Thing]:
    """Things on the ground beside each other, their boxes apart; what finds no place is not put."""
    things: list[_Thing] = []
    boxes: list[Floats] = []
    row: tuple[str, float, float, float] | None = None  # asset, its last x and y, its last half width
    for asset, scale, rotation in turned:
        body = _body(sampler, asset, scale, (0.0, 0.0, 0.0), rotation)
        points = world_points(body)
        low, high = points.min(axis=0), points.max(axis=0)
        half = (high - low)[:2] / 2 + CLEAR_M / 2
        goes_on = rows and row is not None and row[0] == asset.id
        start = (row[1] + row[3] + half[0], row[2]) if goes_on and row is not None else None
        spot = _free_spot(rng, ground.support, half, boxes, start)
        if spot is None:
            continue
        boxes.append(np.array([spot - half, spot + half]))
        row = (asset.id, float(spot[0]), float(spot[1]), float(half[0]))
        x, y = (spot - (low + high)[:2] / 2).tolist()
        position = (x, y, float(ground.support.height_m - low[2] + 0.0005))
        things.append(_Thing(asset, replace(body, position=position)))
    return things


def _free_spot(
    rng: np.random.Generator, support: Support, half_2: Floats, boxes: list[Floats], start: Vec2 | None
) -> Floats | None:
    """A place for a box of this half size clear of the others: `start`, or any."""
    low, high = support.outline.min(axis=0) + half_2, support.outline.max(axis=0) - half_2
    if (low > high).any():
        return None
    tried = [np.asarray(start)] if start is not None else []
    tried += [rng.uniform(low, high) for _ in range(TRIES)]
    for spot in tried:
        clear = all((spot + half_2 <= b[0]).any() or (spot - half_2 >= b[1]).any() for b in boxes)
        size = (float(2 * half_2[0]), float(2 * half_2[1]))
        if clear and fits(support, rectangle(size, (float(spot[0]), float(spot[1]), 0.0))):
            return np.asarray(spot, float)
    return None


def _rest(
    ground: Ground, things: list[_Thing], left_out: list[tuple[str, str]]
) -> tuple[list[_Thing], float]:
    """What comes to rest. What does not is left out, and all else settles again: it may have lain on it."""
    from fsd_gen.physics.settle import settle  # needs an extra, which reading a configuration does not

    seconds = SETTLING_S
    for _ in range(ROUNDS):
        ends = settle(tuple(thing.body for thing in things), ground.blocks, seconds)
        moved = [_moved(thing, end.position, end.rotation) for thing, end in zip(things, ends, strict=True)]
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


def _trouble(ground: Ground, thing: _Thing, at_rest: bool, penetration_m: float, worst_m: float) -> str:
    """Why a thing cannot stay; empty where it can. Of two that are stuck in each other both go."""
    if penetration_m > MOST_PENETRATION_M and penetration_m >= worst_m - 1e-9:
        return f"it reaches {penetration_m * 1000:.1f} mm into another"
    points = world_points(thing.body)
    if points[:, 2].min() < ground.support.height_m - MOST_PENETRATION_M:
        return "it fell off"
    if not fits(ground.support, points[:, :2].mean(axis=0)[None]):
        return "it hangs over the edge"
    return "" if at_rest else "it did not come to rest"


def _moved(thing: _Thing, position: Vec3, rotation: Quaternion) -> _Thing:
    return _Thing(thing.asset, replace(thing.body, position=position, rotation=rotation))


def _catch(
    rng: np.random.Generator,
    sampler: AnySampler,
    ground: Ground,
    resting: list[_Thing],
    drawn: list[tuple[Asset, float]],
    centre: Vec2 | None,
    spread_m: float,
) -> tuple[list[_Thing], set[int]]:
    """The resting things with more falling on them, and which of all these move."""
    from fsd_gen.physics.settle import settle  # needs an extra, which reading a configuration does not

    above = _stacked(rng, sampler, ground, drawn, resting, centre, spread_m * 1.5)
    things = [*resting, *above]
    seconds = float(rng.uniform(*FALLING_S))
    ends = settle(tuple(thing.body for thing in things), ground.blocks, seconds, calm=False)
    sound = [end.penetration_m <= MOST_PENETRATION_M and not end.lost for end in ends]
    if not all(sound[: len(resting)]):
        return resting, set()
    kept = [index for index in range(len(things)) if sound[index]]
    caught = [_moved(things[index], ends[index].position, ends[index].rotation) for index in kept]
    return caught, {place for place, index in enumerate(kept) if not ends[index].at_rest}


def _placement(name: str, thing: _Thing) -> Placement:
    body = thing.body
    return Placement(
        name=name, asset=thing.asset.id, position=body.position, rotation=body.rotation, scale=body.scale
    )
