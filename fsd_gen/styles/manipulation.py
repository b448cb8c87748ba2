"""Manipulation scenes: small things on a table, in a shelf or in a bin, seen from near as by a robot or a person.

The place to work at is drawn first, then what lies on it falls and rests (some of it is caught still falling).
Either the camera is placed first and things are dropped where it looks, or they are dropped first and it looks
at their centre of mass: the two spawn modes of the paper (section 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.records import Asset
from fsd_gen.physics.bodies import box
from fsd_gen.scene.rotations import facing, heading
from fsd_gen.scene.spec import (
    CameraPose,
    DiskLight,
    LightSpec,
    MaterialSpec,
    Placement,
    Quaternion,
    SceneSpec,
    Vec2,
    Vec3,
)
from fsd_gen.sections import ConfigError, PositiveCount, PositiveRange, Share
from fsd_gen.styles import lighting, materials, piles
from fsd_gen.styles.backdrop import behind
from fsd_gen.styles.piles import Ground, How, Pile
from fsd_gen.styles.registry import Style
from fsd_gen.styles.room import Room, RoomConfig, Window, daylight, decorate, draw_room, draw_window, shell
from fsd_gen.styles.sampler import AnySampler, Sampler, count, log_uniform, pick

TABLE_M = (0.4, 1.15)  # heights of what one works at
SHELF_FREE_M = 0.14
BIN_M = ((0.3, 0.6), (0.25, 0.45), (0.08, 0.2))  # length, width, height
WALL_M = 0.012  # of a bin
EYE_TRIES = 60
LEAST_CLEAR_M = 0.16  # from either eye to anything small
WALL_CLEAR_M = 0.15
CONE = np.tan(np.deg2rad(48.0))  # what lies outside is not seen by any lens of the usual ones
HOWS: tuple[How, ...] = ("heap", "rows", "standing", "lying")

Floats = NDArray[np.float64]


class Config(RoomConfig):
    """Small things near the camera."""

    things: PositiveCount = (8, 26)  # small things
    falling: Share = 0.15  # of the scenes: some things are caught in the air
    shelf: Share = 0.2  # of the scenes
    bin: Share = 0.25  # of the scenes
    camera_first: Share = 0.4  # of the scenes: things are dropped where the camera looks
    distance_m: PositiveRange = (0.4, 1.2)  # from the camera to what it looks at
    down_deg: PositiveRange = (15.0, 60.0)  # how far it looks down
    new_top: Share = 0.5  # of the tables get another material
    retexture: Share = 0.12  # of the small things get another material


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What one works at: a piece of furniture, and the surfaces in use."""

    furniture: tuple[Placement, ...]
    grounds: tuple[Ground, ...]  # the first is looked at
    focus: Vec3
    azimuths_deg: Vec2  # from where it can be seen: the side towards -y is -90
    down_deg: Vec2


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """Heaps and rows of small things before an egocentric camera."""
    room = draw_room(sampler)
    window = draw_window(sampler, room)
    place = _place(sampler, room)
    heaps = _heaps(sampler, place)
    centre = _centre(heaps) if heaps else place.focus
    first = sampler.rng("camera", "first").uniform() < sampler.style.camera_first
    points_n3 = _surfaces(place, heaps)
    camera, nearest_m = _aim(sampler, room, place, place.focus if first else centre, points_n3)
    rig = sampler.rig(nearest_m=nearest_m)
    panels = shell(sampler, room, window) + decorate(sampler, room, window, pictures=(1, 5))
    return sampler.scene(
        rig,
        camera,
        placements=(*place.furniture, *_coated(sampler, heaps), *behind(sampler, room, camera, points_n3)),
        panels=panels,
        lights=_lights(sampler, room, window, place.focus),
    )


def _place(sampler: Sampler[Config], room: Room) -> _Place:
    kind = sampler.rng("place").uniform()
    if kind < sampler.style.shelf and (shelf := _shelf(sampler, room)) is not None:
        return shelf
    table = _table(sampler, room)
    boxes = sampler.assets("object", "shape")
    plates = [asset for asset in boxes if asset.id.endswith("shape_box")]
    if kind < sampler.style.shelf + sampler.style.bin and plates:
        return _with_bin(sampler, table, plates[0])
    return table


def _table(sampler: Sampler[Config], room: Room) -> _Place:
    """A table near the middle of the room, free all around."""
    rng = sampler.rng("table")
    limit = 0.5 * min(room.width_m, room.depth_m)
    found = [a for a in sampler.assets("object", "support", without=("fixture", "seat", "bed")) if a.size_m and max(a.size_m[:2]) < limit]
    for _ in range(40 if found else 0):
        asset = pick(rng, found)
        table = _standing(sampler, rng, asset, (0.0, 0.0, 0.0), heading(float(rng.uniform(0, 360))), "Table")
        tops = [g for g in piles.grounds(sampler, asset, table) if _is_work_top(g)]
        if tops:
            focus = _focus(rng, tops[0])
            down = sampler.style.down_deg
            return _Place(
                furniture=(table,), grounds=(tops[0],), focus=focus, azimuths_deg=(0, 360), down_deg=down
            )
    raise ConfigError(
        f"assets.packs: {list(sampler.library.packs)} hold no table for the style manipulation, 0.4 to 1.15 m "
        "high with a level top; add the pack 'builtin', which has some"
    )


def _is_work_top(ground: Ground) -> bool:
    side = float(np.ptp(ground.support.outline, axis=0).min())
    return TABLE_M[0] <= ground.support.height_m <= TABLE_M[1] and side > 0.3 and not ground.support.inside


def _standing(
    sampler: Sampler[Config],
    rng: np.random.Generator,
    asset: Asset,
    position: Vec3,
    rotation: Quaternion,
    name: str,
) -> Placement:
    coat = None
    if rng.uniform() < sampler.style.new_top:
        coat = materials.surface(sampler, rng, "wood", "stone", "metal", "fabric", paint=0.2)
    return Placement(name=name, asset=asset.id, position=position, rotation=rotation, material=coat)


def _focus(rng: np.random.Generator, ground: Ground) -> Vec3:
    """A point on the surface, nearer to its middle than to its border."""
    border = ground.support.outline
    middle = border.mean(axis=0)
    edge = border[int(rng.integers(len(border)))]
    x, y = (middle + (edge - middle) * float(rng.uniform(0, 0.45))).tolist()
    return (x, y, ground.support.height_m)


def _with_bin(sampler: Sampler[Config], table: _Place, plate: Asset) -> _Place:
    """The table with a bin, a crate or a tray on it, as large as fits."""
    rng, ground = sampler.rng("bin"), table.grounds[0]
    length, width, height = (float(rng.uniform(*low_high)) for low_high in BIN_M)
    turn = float(rng.uniform(0, 180))
    room = float(np.linalg.norm(ground.support.outline - np.asarray(table.focus[:2]), axis=1).min())
    shrink = min(1.0, 2 * room / float(np.hypot(length, width)))
    length, width = length * shrink, width * shrink
    if min(length, width) < 0.15:
        return table
    material = materials.surface(sampler, rng, "wood", "metal", paint=0.6)
    walls = _bin_walls(table.focus, (length, width, height), turn)
    boards = tuple(
        _board(plate, f"Bin_{index}", centre, size, turn, material)
        for index, (centre, size) in enumerate(walls)
    )
    base_z = table.focus[2] + WALL_M
    inner = (length - 2 * WALL_M, width - 2 * WALL_M)
    inside = Ground.rectangle(inner, (table.focus[0], table.focus[1], turn), base_z)
    inside = inside.with_blocks(*(box(centre, size, turn) for centre, size in walls[1:]))
    around = ground.with_blocks(*(box(centre, size, turn) for centre, size in walls))
    return _Place(
        furniture=(*table.furniture, *boards),
        grounds=(inside, around),
        focus=(table.focus[0], table.focus[1], base_z),
        azimuths_deg=table.azimuths_deg,
        down_deg=(max(35.0, table.down_deg[0]), max(60.0, table.down_deg[1])),
    )


def _bin_walls(at: Vec3, size: Vec3, turn_deg: float) -> list[tuple[Vec3, Vec3]]:
    """Middle and size of the bottom and the four sides."""
    (x, y, z), (length, width, height) = at, size
    cos, sin = float(np.cos(np.deg2rad(turn_deg))), float(np.sin(np.deg2rad(turn_deg)))
    along, across = length / 2 - WALL_M / 2, width / 2 - WALL_M / 2
    up = z + height / 2
    local = [
        ((0.0, 0.0, z + WALL_M / 2), (length, width, WALL_M)),
        ((along, 0.0, up), (WALL_M, width, height)),
        ((-along, 0.0, up), (WALL_M, width, height)),
        ((0.0, across, up), (length - 2 * WALL_M, WALL_M, height)),
        ((0.0, -across, up), (length - 2 * WALL_M, WALL_M, height)),
    ]
    return [((x + dx * cos - dy * sin, y + dx * sin + dy * cos, dz), side) for (dx, dy, dz), side in local]


def _board(
    plate: Asset, name: str, centre: Vec3, size: Vec3, turn_deg: float, material: MaterialSpec
) -> Placement:
    """A box asset stretched into a board."""
    full = plate.size_m or (1.0, 1.0, 1.0)
    return Placement(
        name=name,
        asset=plate.id,
        position=(centre[0], centre[1], centre[2] - size[2] / 2),
        rotation=heading(turn_deg),
        scale=(size[0] / full[0], size[1] / full[1], size[2] / full[2]),
        material=material,
    )


def _shelf(sampler: Sampler[Config], room: Room) -> _Place | None:
    """A shelf with its back to the wall at +y, two or three of its boards in use; None where no pack has one."""
    rng = sampler.rng("shelf")
    tall = [
        a
        for a in sampler.assets("object", "floor", "indoor", without=("seat", "bed"))
        if a.size_m and 0.7 < a.size_m[2] < room.ceiling_m - 0.1 and a.size_m[0] < 2.2 and a.size_m[1] < 0.7
    ]
    for _ in range(25 if tall else 0):
        asset = pick(rng, tall)
        depth = (asset.size_m or (0, 0, 0))[1]
        at = (float(rng.uniform(-0.2, 0.2)) * room.width_m, room.depth_m / 2 - depth / 2 - 0.03, 0.0)
        shelf = Placement(name="Shelf", asset=asset.id, position=at)
        boards = [g for g in piles.grounds(sampler, asset, shelf, inside=True) if _is_board(g)]
        if len(boards) >= 2:
            rng.shuffle(boards)
            x, y = boards[0].support.outline.mean(axis=0).tolist()
            focus = (x, y, boards[0].support.height_m + 0.05)
            return _Place(
                furniture=(shelf,),
                grounds=tuple(boards[:3]),
                focus=focus,
                azimuths_deg=(-125, -55),
                down_deg=(8.0, 25.0),
            )
    return None


def _is_board(ground: Ground) -> bool:
    support, sides = ground.support, np.ptp(ground.support.outline, axis=0)
    level = 0.25 < support.height_m < 1.5 and support.free_above_m > SHELF_FREE_M
    return bool(level and sides.min() > 0.12 and sides.max() > 0.3)


def _heaps(sampler: Sampler[Config], place: _Place) -> tuple[Pile, ...]:
    """What lies on the surfaces: most on the first, a little on the others."""
    rng = sampler.rng("heaps")
    wanted, assets = count(rng, sampler.style.things), piles.small_things(sampler)
    in_the_air = int(rng.integers(1, 5)) if rng.uniform() < sampler.style.falling else 0
    on_shelf = place.grounds[0].support.inside
    heaps = []
    for index, ground in enumerate(place.grounds):
        how = HOWS[int(rng.choice(4, p=[0.0, 0.45, 0.4, 0.15] if on_shelf else [0.6, 0.12, 0.14, 0.14]))]
        first = index == 0
        how = "heap" if first and len(place.grounds) == 2 and not on_shelf else how
        heaps.append(
            piles.put(
                sampler,
                f"Thing_{index}",
                ground,
                assets,
                wanted if first else max(2, wanted // 3),
                how=how,
                centre=place.focus[:2] if how == "heap" and first else None,
                spread_m=0.08 if len(place.grounds) == 2 else float(rng.uniform(0.12, 0.3)),
                falling=in_the_air if first else 0,
            )
        )
    return tuple(heap for heap in heaps if heap.placements)


def _centre(heaps: tuple[Pile, ...]) -> Vec3:
    """Centre of mass of what lies on the first surface that holds anything, by volume."""
    volumes = [sum(h.volume_m3 for h in b.hulls) * float(np.prod(b.scale)) for b in heaps[0].bodies]
    middles = [piles.world_points(body).mean(axis=0) for body in heaps[0].bodies]
    x, y, z = (np.asarray(volumes) @ np.asarray(middles) / sum(volumes)).tolist()
    return (x, y, z)


def _coated(sampler: Sampler[Config], heaps: tuple[Pile, ...]) -> tuple[Placement, ...]:
    rng = sampler.rng("coats")
    placements = []
    for placement in (p for heap in heaps for p in heap.placements):
        new = rng.uniform() < sampler.style.retexture
        coat = materials.object_material(sampler, rng, 0.15, metal=0.25, glass=0.1) if new else None
        placements.append(placement.but(material=coat) if coat else placement)
    return tuple(placements)


def _surfaces(place: _Place, heaps: tuple[Pile, ...]) -> Floats:
    """Points (N, 3) of all that is near: things, borders of surfaces, boards of a bin."""
    parts = [piles.world_points(body) for heap in heaps for body in heap.bodies]
    for ground in place.grounds:
        parts += [block.points_n3 for block in ground.blocks]
        border = ground.support.outline
        inner = np.concatenate([border * s + border.mean(axis=0) * (1 - s) for s in (0.25, 0.5, 0.75)])
        parts.append(np.column_stack([inner, np.full(len(inner), ground.support.height_m)]))
    return np.concatenate(parts)


def _aim(
    sampler: Sampler[Config], room: Room, place: _Place, target: Vec3, points_n3: Floats
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


def _lights(sampler: AnySampler, room: Room, window: Window | None, focus: Vec3) -> tuple[LightSpec, ...]:
    """Lamps of the room, the sky in its window, and often a lamp over the place of work."""
    rng = sampler.rng("lights")
    size = (room.width_m, room.depth_m)
    lights: tuple[LightSpec, ...] = lighting.ceiling_lamps(rng, room_m=size, ceiling_m=room.ceiling_m)
    if window is not None:
        white = materials.blackbody(rng.uniform(5000, 9000))
        lights = (*lights, daylight(window, room, lighting.scaled(white, log_uniform(rng, 4, 12))))
    if rng.uniform() < 0.5:
        lights = (*lights, _work_lamp(rng, room, focus))
    return lights


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
