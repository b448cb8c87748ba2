"""Indoor scenes: a furnished room at real scale, things standing on the furniture, lamps and a window.

The camera stands in free space at eye to table height and looks at the centre of mass of a group of
furniture (paper section 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.records import Asset
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import CameraPose, LightSpec, Placement, SceneSpec
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.footprint import Footprint, is_free
from fsd_gen.styles.room import (
    INWARD,
    Room,
    Window,
    before_window,
    daylight,
    decorate,
    draw_room,
    draw_window,
    shell,
)
from fsd_gen.styles.sampler import Sampler, log_uniform, pick

ROOM_KINDS = ("living", "bedroom", "kitchen", "office", "bathroom")
TRIES = 12  # places tried for one piece of furniture
CAMERA_TRIES = 200
UNSUITED = ("door_window", "ceiling", "outdoor", "vehicle", "flat")


@dataclass(frozen=True, slots=True)
class Furnished:
    """What stands in a room and the ground it takes."""

    placements: tuple[Placement, ...]
    footprints: tuple[Footprint, ...]


def compose(sampler: Sampler) -> SceneSpec:
    """An indoor scene."""
    room = draw_room(sampler)
    window = draw_window(sampler, room)
    rig = sampler.rig(nearest_m=min(room.width_m, room.depth_m) * 0.28)
    furnished = furnish(sampler, room, window)
    return sampler.scene(
        rig,
        aim(sampler, room, rig, furnished),
        placements=furnished.placements,
        panels=shell(sampler, room, window) + decorate(sampler, room, window),
        lights=_lights(sampler, room, window),
    )


def furnish(sampler: Sampler, room: Room, window: Window | None = None) -> Furnished:
    """Furniture along the walls and in the middle, with small things on top; nothing tall before a window."""
    rng, indoor = sampler.rng("furniture"), sampler.config.indoor
    kind = pick(rng, ROOM_KINDS)
    choice = _fitting(sampler.assets("object", "floor", kind, without=UNSUITED), room)
    anything = _fitting(sampler.assets("object", "floor", without=UNSUITED), room)
    supports = _fitting(sampler.assets("object", "floor", "support", without=UNSUITED), room)
    wanted = int(rng.integers(indoor.furniture[0], indoor.furniture[1] + 1))
    placements: list[Placement] = []
    taken: list[Footprint] = []
    for index in range(wanted):
        pool = (
            supports if index < 2 and supports else (choice if choice and rng.uniform() < 0.75 else anything)
        )
        asset = pick(rng, pool)
        spot = _find_spot(rng, room, asset, [*taken, *_reserved(room, window, asset)])
        if spot is None:
            continue
        taken.append(spot)
        placements.append(_stand(sampler, rng, f"Furniture_{index:02d}", asset, spot))
        if asset.top_m is not None:
            placements += _on_top(sampler, rng, index, asset, spot)
    return Furnished(tuple(placements), tuple(taken))


def _reserved(room: Room, window: Window | None, asset: Asset) -> tuple[Footprint, ...]:
    if window is None or asset.size_m is None or asset.size_m[2] < window.up_m - window.size[1] / 2:
        return ()
    return (before_window(room, window),)


def _fitting(assets: tuple[Asset, ...], room: Room) -> tuple[Asset, ...]:
    limit = min(room.width_m, room.depth_m) * 0.62
    return tuple(
        a
        for a in assets
        if a.size_m and max(a.size_m[:2]) < limit and 0.25 < a.size_m[2] < room.ceiling_m - 0.15
    )


def _find_spot(
    rng: np.random.Generator, room: Room, asset: Asset, taken: list[Footprint]
) -> Footprint | None:
    width, depth, height = asset.size_m or (1.0, 1.0, 1.0)
    for _ in range(TRIES):
        if rng.uniform() < 0.65:
            wall = int(rng.integers(4))
            slack = max(0.0, room.wall_length(wall) / 2 - width / 2 - 0.05)
            off = depth / 2 + float(rng.uniform(0.03, 0.12))
            x, y, _z = room.on_wall(wall, float(rng.uniform(-slack, slack)), 0.0, off)
            inward = INWARD[wall]
            turn = float(np.rad2deg(np.arctan2(inward[1], inward[0]))) + 90 + float(rng.normal(0, 2))
        else:
            x = float(rng.uniform(-0.4, 0.4)) * room.width_m
            y = float(rng.uniform(-0.4, 0.4)) * room.depth_m
            turn = float(rng.uniform(0, 360))
        spot = Footprint(
            x=round(x, 4),
            y=round(y, 4),
            width=width + 0.04,
            depth=depth + 0.04,
            heading_deg=round(turn, 3),
            top=height,
        )
        if spot.within(room.width_m, room.depth_m) and is_free(spot, taken):
            return spot
    return None


def _stand(sampler: Sampler, rng: np.random.Generator, name: str, asset: Asset, spot: Footprint) -> Placement:
    size_m = max(asset.size_m or (1.0,))
    coat = None
    if rng.uniform() < sampler.config.indoor.retexture:
        coat = materials.surface(sampler, rng, "wood", "fabric", "metal", paint=0.3)
        scale = round(1 / min(size_m, 1.0), 4)
        coat = coat.model_copy(update={"uv_scale": (scale, scale)})
    return Placement(
        name=name,
        asset=asset.id,
        position=(spot.x, spot.y, round(spot.bottom, 5)),
        rotation=heading(spot.heading_deg),
        material=coat,
    )


def _on_top(
    sampler: Sampler, rng: np.random.Generator, index: int, support: Asset, ground: Footprint
) -> list[Placement]:
    """Small objects standing on a support's flat top, clear of each other and of its edge."""
    low, high = sampler.config.indoor.on_support
    things = [a for a in sampler.assets("object", "tabletop", without=UNSUITED) if a.size_m]
    assert support.size_m is not None and support.top_m is not None
    width, depth, _ = support.size_m
    angle = np.deg2rad(ground.heading_deg)
    placements: list[Placement] = []
    taken: list[Footprint] = []
    for item in range(int(rng.integers(low, high + 1)) if things else 0):
        asset = pick(rng, things)
        reach = float(np.hypot(*asset.size_m[:2])) / 2
        if reach > min(width, depth) / 2 - 0.02:
            continue
        dx = float(rng.uniform(-1, 1)) * (width / 2 - reach)
        dy = float(rng.uniform(-1, 1)) * (depth / 2 - reach)
        spot = Footprint(
            x=round(ground.x + dx * float(np.cos(angle)) - dy * float(np.sin(angle)), 4),
            y=round(ground.y + dx * float(np.sin(angle)) + dy * float(np.cos(angle)), 4),
            width=asset.size_m[0],
            depth=asset.size_m[1],
            heading_deg=round(float(rng.uniform(0, 360)), 3),
            bottom=support.top_m,
        )
        if is_free(spot, taken):
            taken.append(spot)
            placements.append(_stand(sampler, rng, f"Thing_{index:02d}_{item:02d}", asset, spot))
    return placements


def aim(sampler: Sampler, room: Room, rig: StereoRig, furnished: Furnished) -> CameraPose:
    """A free place to stand, looking at the centre of mass of the furniture around a random piece.

    Of the places tried it takes the one with the best view; the checks have the last word.
    """
    rng, spots = sampler.rng("camera"), furnished.footprints
    half_view = float(np.arctan(rig.width / 2 / rig.focal_px))
    best, best_score = None, -np.inf
    for _ in range(CAMERA_TRIES):
        eye = Viewpoint(
            x=round(float(rng.uniform(-0.5, 0.5)) * (room.width_m - 0.6), 4),
            y=round(float(rng.uniform(-0.5, 0.5)) * (room.depth_m - 0.6), 4),
            z=round(float(rng.uniform(0.9, 1.7)), 4),
            target=_group_centre(rng, spots) if spots else (0.0, 0.0, 0.8),
        )
        score = eye.score(room, spots, rig.baseline_m, half_view, sampler.nearest_m(rig))
        if score > best_score:
            best, best_score = eye, score
    assert best is not None
    return CameraPose(
        position=(best.x, best.y, best.z), target=best.target, roll_deg=round(float(rng.normal(0, 1.5)), 3)
    )


def _group_centre(rng: np.random.Generator, spots: tuple[Footprint, ...]) -> tuple[float, float, float]:
    """Centre of mass, by volume, of the pieces within two metres of a random one."""
    chosen = pick(rng, spots)
    group = [s for s in spots if s.distance_to(chosen.x, chosen.y) < 2.0]
    weights = np.array([s.width * s.depth * max(s.top, 0.1) for s in group])
    centres = np.array([[s.x, s.y, s.top / 2] for s in group])
    x, y, z = (weights @ centres / weights.sum()).round(4).tolist()
    return (x, y, z)


def _lights(sampler: Sampler, room: Room, window: Window | None) -> tuple[LightSpec, ...]:
    rng = sampler.rng("lights")
    size = (room.width_m, room.depth_m)
    lamps: tuple[LightSpec, ...] = lighting.ceiling_lamps(rng, room_m=size, ceiling_m=room.ceiling_m)
    if window is None:
        return lamps
    white = materials.blackbody(rng.uniform(5000, 9000))
    sky = daylight(window, room, lighting.scaled(white, log_uniform(rng, 4, 16)))
    if rng.uniform() < 0.35:
        return (sky,)
    return (*lamps, sky)


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewpoint:
    """A place for the left camera and what it looks at."""

    x: float
    y: float
    z: float
    target: tuple[float, float, float]

    def score(
        self, room: Room, spots: tuple[Footprint, ...], baseline_m: float, half_view: float, nearest_m: float
    ) -> float:
        """Higher is better: both eyes stand free, nothing too near or in the way, much to see far ahead."""
        ahead = np.array([self.target[0] - self.x, self.target[1] - self.y])
        distance = float(np.hypot(*ahead))
        pitch = float(np.arctan2(abs(self.z - self.target[2]), distance))
        if distance < 0.8:
            return -np.inf
        ahead /= distance
        right = np.array([self.x, self.y]) + baseline_m * np.array([ahead[1], -ahead[0]])
        walls = np.array([room.width_m, room.depth_m]) / 2
        if (np.abs(right) > walls - 0.25).any():
            return -np.inf
        score = 0.4 * min(5.0, _to_wall(np.array([self.x, self.y]), ahead, walls)) - 8.0 * max(
            0.0, pitch - 0.3
        )
        for spot in spots:
            tall = spot.top > self.z - 0.25
            near = min(spot.distance_to(self.x, self.y), spot.distance_to(*right.tolist()))
            if tall and near < 0.3:
                return -np.inf
            towards = np.array([spot.x - self.x, spot.y - self.y])
            angle = abs(np.arctan2(ahead[0] * towards[1] - ahead[1] * towards[0], ahead @ towards))
            if angle < half_view + 0.2:
                depth = max(near, abs(self.z - spot.top) if not tall else 0.0)
                score -= 4.0 * max(0.0, 1 - depth / nearest_m)
                score -= 2.5 * max(0.0, 2.2 - near) * tall
                score += 0.3 * (1.0 < near < 6.0)
        return score


def _to_wall(position_2: np.ndarray, ahead_2: np.ndarray, walls_2: np.ndarray) -> float:
    """Distance to the wall straight ahead."""
    with np.errstate(divide="ignore"):
        return float(np.min((np.sign(ahead_2) * walls_2 - position_2) / ahead_2))
