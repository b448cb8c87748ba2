"""Manipulation scenes: small things on a table, in a shelf or in a bin before an egocentric camera.

The place to work at is drawn first, then what lies on it falls and rests (some of it is caught still
falling). Either the camera looks where things are dropped, or at the centre of mass of what came to rest: the
two spawn modes of the paper (section 3.5).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.parts import Stuff
from assets_manifest.records import Asset
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import (
    CameraPose,
    DiskLight,
    MaterialSpec,
    Placement,
    SceneSpec,
    Vec3,
)
from fsd_gen.sections import PositiveCount, PositiveRange, Share
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.hard import hardened
from fsd_gen.styles.heaps import piles
from fsd_gen.styles.heaps.let_go import furniture_points
from fsd_gen.styles.heaps.piles import Ground, How, Pile
from fsd_gen.styles.heaps.workplace import TABLE, Workplace, WorkplaceConfig, draw_workplace
from fsd_gen.styles.needs import TEXTURE, Need
from fsd_gen.styles.registry import Style
from fsd_gen.styles.rooms.backdrop import behind
from fsd_gen.styles.rooms.backroom import back_room
from fsd_gen.styles.rooms.floorplan import Floor
from fsd_gen.styles.rooms.openings import draw_openings
from fsd_gen.styles.rooms.room import Room, draw_room
from fsd_gen.styles.sampler import AnySampler, Sampler, count, log_uniform, pick

EYE_TRIES = 60
FEW_CORNERS = 60
LEAST_CLEAR_M = 0.22  # from either eye to anything small
WALL_CLEAR_M = 0.15
ABOUT_M = 0.2  # from what is looked at
CONE = np.tan(np.deg2rad(48.0))  # what lies outside is not seen by any lens of the usual ones
# Of plain shapes: their likeliest twice.
STUFFS: tuple[Stuff, ...] = (
    "wood", "plastic", "plastic", "ceramic", "metal", "stone", "fabric", "leather"
)  # fmt: skip
HOWS: tuple[How, ...] = ("heap", "rows", "standing", "lying")

Floats = NDArray[np.float64]


class Config(WorkplaceConfig):
    """Small things near the camera."""

    things: PositiveCount = (12, 36)  # small things
    falling: Share = 0.15  # of the scenes: some things are caught in the air
    camera_first: Share = 0.4  # of the scenes: things are dropped where the camera looks
    distance_m: PositiveRange = (0.4, 1.2)  # from the camera to what it looks at
    retexture: Share = 0.12  # of the small things get another material

    def needs(self) -> tuple[Need, ...]:
        """Something to work at, and something to cover things with."""
        return (TABLE, TEXTURE)


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """Heaps and rows of small things before an egocentric camera."""
    room = draw_room(sampler)
    place = draw_workplace(sampler, room)
    place = replace(place, grounds=tuple(g.in_room(room.width_m, room.depth_m) for g in place.grounds))
    heaps = _heaps(sampler, place)
    centre = _centre(heaps) if heaps else place.focus
    first = sampler.rng("camera", "first").uniform() < sampler.style.camera_first
    points_n3 = _surfaces(sampler, place, heaps)
    target = place.focus if first and _lies_near(heaps, place.focus) else centre
    camera, nearest_m = _aim(sampler, room, place, target, points_n3)
    rig = sampler.rig(nearest_m=nearest_m)
    floor = Floor(room, draw_openings(sampler, room))
    background = behind(sampler, floor, camera, points_n3)
    around = back_room(sampler, floor, pictures=(1, 5))
    return sampler.scene(
        rig,
        camera,
        placements=(
            *place.furniture,
            *hardened(sampler, _coated(sampler, heaps)),
            *background,
            *around.placements,
        ),
        panels=around.panels,
        lights=(*around.lights, *_work_lamps(sampler, room, place.focus)),
        dome=around.dome,
    )


def _heaps(sampler: Sampler[Config], place: Workplace) -> tuple[Pile, ...]:
    """What lies on the surfaces: most on the first, where it is looked at, less elsewhere and around it."""
    rng = sampler.rng("heaps")
    wanted, assets = count(rng, sampler.style.things), piles.small_things(sampler)
    in_the_air = int(rng.integers(1, 5)) if rng.uniform() < sampler.style.falling else 0
    heaps = [_main_heap(sampler, rng, place, assets, wanted * 2 // 3, in_the_air)]
    if not heaps[0].placements:  # everything rolled off, or was too large
        heaps = [piles.put(sampler, "Thing_0_again", place.grounds[0], assets, wanted, how="standing")]
    if len(place.grounds) == 1:
        others: tuple[Ground, ...] = (place.grounds[0].with_blocks(*heaps[0].blocks()),)
    else:
        others = place.grounds[1:]
    for index, ground in enumerate(others, start=1):
        how = _how(rng, heap=0.0)
        lacking = (wanted - len(heaps[0].placements)) // len(others)  # what rolled off stands around
        more = max(3, min(lacking, wanted * 2 // 3))
        heaps.append(piles.put(sampler, f"Thing_{index}", ground, assets, more, how=how))
    return tuple(heap for heap in heaps if heap.placements)


def _main_heap(
    sampler: Sampler[Config],
    rng: np.random.Generator,
    place: Workplace,
    assets: tuple[Asset, ...],
    wanted: int,
    falling: int,
) -> Pile:
    """The heap (or the rows ...) that the camera looks at."""
    ground = place.grounds[0]
    how = "heap" if place.bin else _how(rng, heap=0.0 if ground.support.inside else 0.65)
    return piles.put(
        sampler,
        "Thing_0",
        ground,
        assets,
        wanted,
        how=how,
        centre=place.focus[:2] if how == "heap" else None,
        spread_m=0.1 if place.bin else float(rng.uniform(0.15, 0.3)),
        falling=falling,
    )


def _how(rng: np.random.Generator, *, heap: float) -> How:
    rest = (1 - heap) * np.array([0.4, 0.35, 0.25])
    return HOWS[int(rng.choice(4, p=[heap, *rest]))]


def _centre(heaps: tuple[Pile, ...]) -> Vec3:
    """Centre of mass of what lies on the first surface that holds anything, by volume."""
    volumes = [sum(h.volume_m3 for h in b.hulls) * float(np.prod(b.scale)) for b in heaps[0].bodies]
    middles = [piles.world_points(body).mean(axis=0) for body in heaps[0].bodies]
    x, y, z = (np.asarray(volumes) @ np.asarray(middles) / sum(volumes)).tolist()
    return (x, y, z)


def _lies_near(heaps: tuple[Pile, ...], focus: Vec3) -> bool:
    """Whether most of the first heap lies about what the camera is to look at."""
    middles = [piles.world_points(body).mean(axis=0)[:2] for heap in heaps[:1] for body in heap.bodies]
    away_m = [float(np.linalg.norm(middle - focus[:2])) for middle in middles]
    return bool(away_m) and float(np.median(away_m)) < ABOUT_M


def _coated(sampler: Sampler[Config], heaps: tuple[Pile, ...]) -> tuple[Placement, ...]:
    """A share of the things with new looks, part by part; plain shapes, which are of nothing, with a coat."""
    rng = sampler.rng("coats")
    placements = []
    for placement in (p for heap in heaps for p in heap.placements):
        asset = sampler.library.get(placement.asset)
        if "shape" in asset.tags:
            placements.append(placement.but(material=_of_something(rng, placement)))
        elif rng.uniform() < sampler.style.retexture:
            looks = materials.relook(sampler, rng, asset, 0.9, scale=placement.scale[0])
            placements.append(placement.but(looks=looks))
        else:
            placements.append(placement)
    return tuple(placements)


def _of_something(rng: np.random.Generator, placement: Placement) -> MaterialSpec:
    """What a plain shape is made of: wood, plastic, painted, stone, metal, card, cloth."""
    return materials.LOOKS[pick(rng, STUFFS)](rng, placement.scale[0], (0.5, 0.5, 0.5))


def _surfaces(sampler: AnySampler, place: Workplace, heaps: tuple[Pile, ...]) -> Floats:
    """Points (N, 3) of all that is near: things, borders of surfaces, boards of a bin."""
    parts = [_dense(piles.world_points(body)) for heap in heaps for body in heap.bodies]
    parts += [furniture_points(sampler, piece) for piece in place.furniture]
    for ground in place.grounds:
        parts += [block.points_n3 for block in ground.blocks]
        border = ground.support.outline
        inner = np.concatenate([border * s + border.mean(axis=0) * (1 - s) for s in (0.25, 0.5, 0.75)])
        parts.append(np.column_stack([inner, np.full(len(inner), ground.support.height_m)]))
    return np.concatenate(parts)


def _dense(corners_n3: Floats) -> Floats:
    """The corners of a body, and where they are few the middles between them: points on large faces."""
    if len(corners_n3) > FEW_CORNERS:
        return corners_n3
    middles = (corners_n3[:, None] + corners_n3[None]) / 2
    return middles.reshape(-1, 3)


def _aim(
    sampler: Sampler[Config], room: Room, place: Workplace, target: Vec3, points_n3: Floats
) -> tuple[CameraPose, float]:
    """A camera at the configured distance in free space, and the depth of the nearest thing before it."""
    rng, style = sampler.rng("camera"), sampler.style
    best: tuple[float, Floats] = (-np.inf, np.zeros(3))
    for _ in range(EYE_TRIES):
        azimuth = np.deg2rad(rng.uniform(*place.azimuths_deg))
        down = np.deg2rad(rng.uniform(*place.down_deg))
        away = np.array([np.cos(down) * np.cos(azimuth), np.cos(down) * np.sin(azimuth), np.sin(down)])
        eye = np.asarray(target) + away * log_uniform(rng, *style.distance_m)
        score = _clearance(room, eye, points_n3)
        if score > best[0]:
            best = (score, eye)
        if score >= LEAST_CLEAR_M:
            best = (score, eye)
            break
    x, y, z = best[1].tolist()
    camera = CameraPose(position=(x, y, z), target=target, roll_deg=float(rng.normal(0, 3)))
    return camera, _nearest(best[1], np.asarray(target), points_n3)


def _clearance(room: Room, eye: Floats, points_n3: Floats) -> float:
    """Metres from the eye to the nearest point; negative where it stands in a wall or in the ceiling."""
    walls = min(room.width_m / 2 - abs(eye[0]), room.depth_m / 2 - abs(eye[1]), room.ceiling_m - eye[2])
    if walls < WALL_CLEAR_M or eye[2] < WALL_CLEAR_M:
        return float(min(walls, eye[2])) - 1.0
    return float(np.linalg.norm(points_n3 - eye, axis=1).min())


def _nearest(eye: Floats, target: Floats, points_n3: Floats) -> float:
    """Depth of the nearest point in sight of a usual lens."""
    ahead = (target - eye) / np.linalg.norm(target - eye)
    depth_n = (points_n3 - eye) @ ahead
    off_n = np.linalg.norm(points_n3 - eye - depth_n[:, None] * ahead, axis=1)
    seen_n = (depth_n > 0.02) & (off_n < CONE * depth_n)
    return max(float(depth_n[seen_n].min()) if seen_n.any() else float(np.linalg.norm(target - eye)), 0.08)


def _work_lamps(sampler: AnySampler, room: Room, focus: Vec3) -> tuple[DiskLight, ...]:
    """Often a lamp over the place of work."""
    rng = sampler.rng("work-lamp")
    return (_work_lamp(rng, room, focus),) if rng.uniform() < 0.5 else ()


def _work_lamp(rng: np.random.Generator, room: Room, focus: Vec3) -> DiskLight:
    azimuth = rng.uniform(0, 2 * np.pi)
    side = float(rng.uniform(0.0, 0.5))
    limits = np.array([room.width_m, room.depth_m]) / 2 - 0.3
    x, y = np.clip([focus[0] + side * np.cos(azimuth), focus[1] + side * np.sin(azimuth)], -limits, limits)
    z = min(focus[2] + float(rng.uniform(1.0, 1.5)), room.ceiling_m - 0.05)
    at = np.array([x, y, z])
    radius = float(rng.uniform(0.06, 0.2))
    white = materials.blackbody(rng.uniform(2700, 6500))
    return DiskLight(
        name="Work_lamp",
        position=(float(x), float(y), float(z)),
        rotation=facing(at - np.asarray(focus)),  # shines along its own -z
        radius_m=radius,
        radiance=lighting.scaled(white, log_uniform(rng, 0.3, 1.5) / radius**2),
    )


STYLE = Style(name="manipulation", config=Config, compose=compose)
