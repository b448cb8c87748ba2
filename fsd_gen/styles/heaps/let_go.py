"""How things are let go: which, how large, and in which poses, before physics takes over."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.hulls import hulls
from assets_manifest.derived.shapes import Hull, Support, fits, rectangle
from assets_manifest.library import AssetLibrary, MissingAssetError
from assets_manifest.meshes.errors import MeshError
from assets_manifest.records import Asset
from fsd_gen.physics.bodies import Body
from fsd_gen.scene.rotations import axis_angle, compose, heading, random_rotation, rotation_matrix
from fsd_gen.scene.spec import Placement, Quaternion, Vec2, Vec3
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

log = logging.getLogger(__name__)

How = Literal["heap", "rows", "standing", "lying"]
Floats = NDArray[np.float64]

SIZES_M = (0.04, 0.35)  # longest side of a small thing
SHARE_OF_GROUND = 0.5  # of its narrower side that a thing may be long
SPARES = 2  # things drawn for each that is to stand
TRIES = 25
CLEAR_M = 0.004  # between things before they are let go
DENSITIES = {"glass": 800.0, "plant": 250.0, "lamp": 300.0}  # kg/m3 by tag, hollows included
DENSITY = 450.0


@dataclass(frozen=True, slots=True)
class Thing:
    """An asset and its body."""

    asset: Asset
    body: Body


def drawn_things(
    rng: np.random.Generator, assets: Sequence[Asset], wanted: int, how: How, support: Support
) -> list[tuple[Asset, float]]:
    """Assets with the scale that makes them 4 to 35 cm long, less on a small surface.

    Rows are several of one kind. What is to stand side by side is drawn with spares, as not all finds a
    place; of a heap the largest come first, mostly.
    """
    drawn: list[tuple[Asset, float]] = []
    most_m = max(
        min(SIZES_M[1], SHARE_OF_GROUND * float(np.ptp(support.outline, axis=0).min())), 2 * SIZES_M[0]
    )
    wanted = wanted if how == "heap" else SPARES * wanted
    while assets and len(drawn) < wanted:
        asset = pick(rng, assets)
        size_m = asset.size_m or (0.1, 0.1, 0.1)
        longest = max(size_m)
        length = (
            log_uniform(rng, 0.06, 0.2)
            if "shape" in asset.tags
            else float(np.clip(longest, SIZES_M[0], most_m))
        )
        length = min(length, 0.9 * support.free_above_m * longest / size_m[2])
        repeats = int(rng.integers(2, 6)) if how == "rows" else 1
        drawn += [(asset, length / longest)] * repeats
    drawn = drawn[:wanted]
    if how != "heap":
        return drawn
    heft = [max(asset.size_m or (0.1,)) * scale * log_uniform(rng, 0.7, 1.4) for asset, scale in drawn]
    return [drawn[k] for k in np.argsort(heft)[::-1]]


@lru_cache(maxsize=512)
def _hulls(asset: Asset, path: Path, root: Path) -> tuple[Hull, ...]:
    return hulls(asset, path, root)


def sound_things(
    sampler: AnySampler, drawn: list[tuple[Asset, float]], left_out: list[tuple[str, str]]
) -> list[tuple[Asset, float]]:
    """Those whose files hold a shape; the others are said in `left_out` and in the log."""
    problems = {asset.id: _problem(sampler.library, asset) for asset, _ in drawn}
    left_out += [(id, problem) for id, problem in problems.items() if problem]
    return [(asset, scale) for asset, scale in drawn if not problems[asset.id]]


def _problem(library: AssetLibrary, asset: Asset) -> str:
    """Why an asset has no shape, "" where it has one."""
    try:
        return _shapeless(asset, library.path(asset.id), library.root(asset.id))
    except MissingAssetError as error:
        return str(error)


@lru_cache(maxsize=4096)
def _shapeless(asset: Asset, path: Path, root: Path) -> str:
    """As `_problem`; remembered, so that each worker says it once."""
    try:
        _hulls(asset, path, root)
    except MeshError as error:
        log.warning("asset=%s is not used: %s", asset.id, error)
        return str(error)
    return ""


def _body(sampler: AnySampler, asset: Asset, scale: float, position: Vec3, rotation: Quaternion) -> Body:
    pieces = _hulls(asset, sampler.library.path(asset.id), sampler.library.root(asset.id))
    density = next((DENSITIES[tag] for tag in asset.tags if tag in DENSITIES), DENSITY)
    three = (scale, scale, scale)
    return Body(hulls=pieces, position=position, rotation=rotation, scale=three, density=density)


def furniture_points(sampler: AnySampler, placement: Placement) -> Floats:
    """Corners (N, 3) of a placed asset's convex pieces."""
    asset = sampler.library.get(placement.asset)
    body = _body(sampler, asset, 1.0, placement.position, placement.rotation)
    return world_points(replace(body, scale=placement.scale))


def let_go(
    rng: np.random.Generator,
    sampler: AnySampler,
    support: Support,
    taken: list[Floats],
    drawn: list[tuple[Asset, float]],
    how: How,
    centre: Vec2 | None,
    spread_m: float,
) -> list[Thing]:
    """The things where they are let go, outside the boxes (2, 3: low, high) that are `taken`."""
    if how == "heap":
        return stacked(rng, sampler, support, taken, drawn, [], centre, spread_m)
    turned = [(asset, scale, _pose(rng, how)) for asset, scale in drawn]
    return _side_by_side(rng, sampler, support, taken, turned, rows=how == "rows")


def _pose(rng: np.random.Generator, how: How) -> Quaternion:
    if how != "lying":
        return heading(float(rng.normal(0, 4)) if how == "rows" else float(rng.uniform(0, 360)))
    axis: Vec3 = (1.0, 0.0, 0.0) if rng.uniform() < 0.5 else (0.0, 1.0, 0.0)
    return compose(heading(float(rng.uniform(0, 360))), axis_angle(axis, 90.0 * int(rng.integers(1, 4))))


def stacked(
    rng: np.random.Generator,
    sampler: AnySampler,
    support: Support,
    taken: list[Floats],
    drawn: list[tuple[Asset, float]],
    below: list[Thing],
    centre: Vec2 | None,
    spread_m: float,
) -> list[Thing]:
    """Things above each other, each as low as the balls around them allow."""
    middle = np.asarray(centre if centre is not None else support.outline.mean(axis=0))
    balls = [_ball(thing.body) for thing in below]
    things: list[Thing] = []
    for asset, scale in drawn:
        rotation = random_rotation(rng) if rng.uniform() < 0.7 else heading(float(rng.uniform(0, 360)))
        body = _body(sampler, asset, scale, (0.0, 0.0, 0.0), rotation)
        ball_centre, radius = _ball(body)
        x, y = middle + rng.normal(0, spread_m / 2, 2)
        z = _floor_m(support, taken, np.array([x, y]), radius) + radius + CLEAR_M
        for other, other_radius in sorted(balls, key=lambda ball: float(ball[0][2])):
            apart2 = (radius + other_radius + CLEAR_M) ** 2 - (other[0] - x) ** 2 - (other[1] - y) ** 2
            z = max(z, other[2] + np.sqrt(apart2)) if apart2 > 0 and z < other[2] + np.sqrt(apart2) else z
        goal = np.array([x, y, z])
        balls.append((goal, radius))
        px, py, pz = (goal - ball_centre).tolist()
        things.append(Thing(asset, replace(body, position=(px, py, pz))))
    return things


def _floor_m(support: Support, taken: list[Floats], middle_2: Floats, radius: float) -> float:
    """The height that a ball above this point of the ground must stay above."""
    in_the_way = [
        float(box_23[1, 2])
        for box_23 in taken
        if (middle_2 + radius > box_23[0, :2]).all() and (middle_2 - radius < box_23[1, :2]).all()
    ]
    return max([support.height_m, *in_the_way])


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
    support: Support,
    taken: list[Floats],
    turned: list[tuple[Asset, float, Quaternion]],
    *,
    rows: bool,
) -> list[Thing]:
    """Things on the ground beside each other, their boxes apart; what finds no place is not put."""
    things: list[Thing] = []
    boxes = [box_23[:, :2] for box_23 in taken]
    row: tuple[str, float, float, float] | None = None  # asset, its last x and y, its last half width
    for asset, scale, rotation in turned:
        body = _body(sampler, asset, scale, (0.0, 0.0, 0.0), rotation)
        points = world_points(body)
        low, high = points.min(axis=0), points.max(axis=0)
        half = (high - low)[:2] / 2 + CLEAR_M / 2
        goes_on = rows and row is not None and row[0] == asset.id
        start = (row[1] + row[3] + half[0], row[2]) if goes_on and row is not None else None
        spot = _free_spot(rng, support, half, boxes, start)
        if spot is None:
            continue
        boxes.append(np.array([spot - half, spot + half]))
        row = (asset.id, float(spot[0]), float(spot[1]), float(half[0]))
        x, y = (spot - (low + high)[:2] / 2).tolist()
        position = (x, y, float(support.height_m - low[2] + 0.0005))
        things.append(Thing(asset, replace(body, position=position)))
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


def moved_to(thing: Thing, position: Vec3, rotation: Quaternion) -> Thing:
    """The thing in another pose."""
    return Thing(thing.asset, replace(thing.body, position=position, rotation=rotation))
