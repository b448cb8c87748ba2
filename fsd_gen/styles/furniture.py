"""Furnishing a room: pieces along the walls and in the middle, small things standing on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.records import Asset
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import Placement
from fsd_gen.sections import Count, Share
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint, is_free
from fsd_gen.styles.room import INWARD, Room, RoomConfig, Window, before_window
from fsd_gen.styles.sampler import Sampler, count, pick

ROOM_KINDS = ("living", "bedroom", "kitchen", "office", "bathroom")
TRIES = 12  # places tried for one piece of furniture
UNSUITED = ("door_window", "ceiling", "outdoor", "vehicle", "flat")
Size = tuple[float, float, float]


class FurnishedConfig(RoomConfig):
    """How much stands in a room."""

    furniture: Count = (6, 14)  # pieces on the floor
    on_support: Count = (2, 9)  # small objects standing on furniture
    retexture: Share = 0.2  # of the objects that get another material


@dataclass(frozen=True, slots=True)
class Furnished:
    """What stands in a room and the ground it takes."""

    placements: tuple[Placement, ...]
    footprints: tuple[Footprint, ...]


@dataclass(frozen=True, slots=True)
class _Pools:
    """What a room may be furnished with. Every asset has a size."""

    supports: tuple[Asset, ...]
    of_its_kind: tuple[Asset, ...]
    anything: tuple[Asset, ...]

    def pick(self, rng: np.random.Generator, index: int) -> Asset:
        """The piece for place `index`: supports first, then mostly what suits the kind of room."""
        if index < 2 and self.supports:
            return pick(rng, self.supports)
        suits = self.of_its_kind and rng.uniform() < 0.75
        return pick(rng, self.of_its_kind if suits else self.anything)


def furnish(sampler: Sampler[FurnishedConfig], room: Room, window: Window | None = None) -> Furnished:
    """Furniture along the walls and in the middle, with small things on top; nothing tall before a window."""
    rng = sampler.rng("furniture")
    pools = _pools(sampler, room, pick(rng, ROOM_KINDS))
    placements: list[Placement] = []
    taken: list[Footprint] = []
    for index in range(count(rng, sampler.style.furniture)):
        asset = pools.pick(rng, index)
        spot = _find_spot(rng, room, asset, [*taken, *_reserved(room, window, asset)])
        if spot is None:
            continue
        taken.append(spot)
        placements.append(_stand(sampler, rng, f"Furniture_{index:02d}", asset, spot))
        if asset.top_m is not None:
            placements += _on_top(sampler, rng, index, asset, spot)
    return Furnished(tuple(placements), tuple(taken))


def _pools(sampler: Sampler[FurnishedConfig], room: Room, kind: str) -> _Pools:
    def fitting(*tags: str) -> tuple[Asset, ...]:
        return _fitting(sampler.assets("object", "floor", *tags, without=UNSUITED), room)

    return _Pools(supports=fitting("support"), of_its_kind=fitting(kind), anything=fitting())


def _fitting(assets: tuple[Asset, ...], room: Room) -> tuple[Asset, ...]:
    limit = min(room.width_m, room.depth_m) * 0.62
    return tuple(
        a
        for a in assets
        if a.size_m and max(a.size_m[:2]) < limit and 0.25 < a.size_m[2] < room.ceiling_m - 0.15
    )


def _reserved(room: Room, window: Window | None, asset: Asset) -> tuple[Footprint, ...]:
    if window is None or asset.size_m is None or asset.size_m[2] < window.up_m - window.size[1] / 2:
        return ()
    return (before_window(room, window),)


def _find_spot(
    rng: np.random.Generator, room: Room, asset: Asset, taken: list[Footprint]
) -> Footprint | None:
    size_m = _size(asset)
    for _ in range(TRIES):
        against_wall = rng.uniform() < 0.65
        x, y, turn = _by_a_wall(rng, room, size_m) if against_wall else _in_the_middle(rng, room)
        spot = Footprint(
            x=x, y=y, width=size_m[0] + 0.04, depth=size_m[1] + 0.04, heading_deg=turn, top=size_m[2]
        )
        if spot.within(room.width_m, room.depth_m) and is_free(spot, taken):
            return spot
    return None


def _by_a_wall(rng: np.random.Generator, room: Room, size_m: Size) -> tuple[float, float, float]:
    """Position and heading in degrees with the back to a wall, nearly parallel to it."""
    wall = int(rng.integers(4))
    slack = max(0.0, room.wall_length(wall) / 2 - size_m[0] / 2 - 0.05)
    off = size_m[1] / 2 + float(rng.uniform(0.03, 0.12))
    x, y, _ = room.on_wall(wall, float(rng.uniform(-slack, slack)), 0.0, off)
    inward = INWARD[wall]
    turn = float(np.rad2deg(np.arctan2(inward[1], inward[0]))) + 90 + float(rng.normal(0, 2))
    return x, y, turn


def _in_the_middle(rng: np.random.Generator, room: Room) -> tuple[float, float, float]:
    x = float(rng.uniform(-0.4, 0.4)) * room.width_m
    y = float(rng.uniform(-0.4, 0.4)) * room.depth_m
    return x, y, float(rng.uniform(0, 360))


def _stand(
    sampler: Sampler[FurnishedConfig], rng: np.random.Generator, name: str, asset: Asset, spot: Footprint
) -> Placement:
    coat = None
    if rng.uniform() < sampler.style.retexture:
        scale = round(1 / min(max(_size(asset)), 1.0), 4)
        coat = materials.surface(sampler, rng, "wood", "fabric", "metal", paint=0.3)
        coat = coat.but(uv_scale=(scale, scale))
    return Placement(
        name=name,
        asset=asset.id,
        position=(spot.x, spot.y, spot.bottom),
        rotation=heading(spot.heading_deg),
        material=coat,
    )


def _on_top(
    sampler: Sampler[FurnishedConfig],
    rng: np.random.Generator,
    index: int,
    support: Asset,
    ground: Footprint,
) -> list[Placement]:
    """Small objects standing on a support's flat top, clear of each other and of its edge."""
    things = [a for a in sampler.assets("object", "tabletop", without=UNSUITED) if a.size_m]
    wanted = count(rng, sampler.style.on_support) if things else 0
    placements: list[Placement] = []
    taken: list[Footprint] = []
    for item in range(wanted):
        asset = pick(rng, things)
        spot = _spot_on(rng, support, ground, asset)
        if spot is not None and is_free(spot, taken):
            taken.append(spot)
            placements.append(_stand(sampler, rng, f"Thing_{index:02d}_{item:02d}", asset, spot))
    return placements


def _spot_on(rng: np.random.Generator, support: Asset, ground: Footprint, asset: Asset) -> Footprint | None:
    """A place on the support's top; None where the asset is too large for it."""
    (width, depth, _), size_m = _size(support), _size(asset)
    reach = float(np.hypot(*size_m[:2])) / 2
    if reach > min(width, depth) / 2 - 0.02:
        return None
    dx = float(rng.uniform(-1, 1)) * (width / 2 - reach)
    dy = float(rng.uniform(-1, 1)) * (depth / 2 - reach)
    angle = np.deg2rad(ground.heading_deg)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return Footprint(
        x=ground.x + dx * cos - dy * sin,
        y=ground.y + dx * sin + dy * cos,
        width=size_m[0],
        depth=size_m[1],
        heading_deg=float(rng.uniform(0, 360)),
        bottom=support.top_m or 0.0,
    )


def _size(asset: Asset) -> Size:
    return asset.size_m or (1.0, 1.0, 1.0)
