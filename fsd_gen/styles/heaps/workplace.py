"""Where hands work: a table, a bin on it, or the boards of a shelf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.derived.shapes import fits, rectangle
from assets_manifest.records import Asset
from fsd_gen.physics.bodies import box
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import MaterialSpec, Placement, Quaternion, Vec2, Vec3
from fsd_gen.sections import ConfigError, PositiveRange, Share
from fsd_gen.styles import materials
from fsd_gen.styles.heaps import piles
from fsd_gen.styles.heaps.piles import Ground
from fsd_gen.styles.needs import Need
from fsd_gen.styles.rooms.room import Room, RoomConfig
from fsd_gen.styles.sampler import Sampler, pick

TABLE_M = (0.4, 1.15)  # heights of what one works at
NO_TABLE = ("fixture", "seat", "bed", "bathroom")
NO_SHELF = ("seat", "bed", "fixture", "bathroom", "lamp", "plant")
FOCUS_TRIES = 12
ROOM_M = 0.3  # free around what is looked at
SHELF_FREE_M = 0.14
BIN_M = ((0.3, 0.6), (0.25, 0.45), (0.08, 0.2))  # length, width, height
WALL_M = 0.012  # of a bin


class WorkplaceConfig(RoomConfig):
    """What there is to work at."""

    shelf: Share = 0.2  # of the scenes
    bin: Share = 0.25  # of the scenes
    down_deg: PositiveRange = (15.0, 60.0)  # how far the camera looks down
    new_top: Share = 0.5  # of the tables get another material


def _may_be_table(asset: Asset) -> bool:
    return "support" in asset.tags and not set(NO_TABLE) & set(asset.tags)


TABLE = Need("table (an object tagged support)", _may_be_table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What one works at: a piece of furniture, and the surfaces in use."""

    furniture: tuple[Placement, ...]
    grounds: tuple[Ground, ...]  # the first is looked at
    focus: Vec3
    azimuths_deg: Vec2  # from where it can be seen: the side towards -y is -90
    down_deg: Vec2
    bin: bool = False


def draw_workplace(sampler: Sampler[WorkplaceConfig], room: Room) -> Workplace:
    """A table, a bin on a table, or a shelf, standing in the room.

    Raises:
        ConfigError: the packs hold no table.
    """
    kind = sampler.rng("place").uniform()
    if kind < sampler.style.shelf and (shelf := _shelf(sampler, room)) is not None:
        return shelf
    table = _table(sampler, room)
    boxes = sampler.assets("object", "shape")
    plates = [asset for asset in boxes if asset.id.endswith("shape_box")]
    if kind < sampler.style.shelf + sampler.style.bin and plates:
        return _with_bin(sampler, table, plates[0])
    return table


def _table(sampler: Sampler[WorkplaceConfig], room: Room) -> Workplace:
    """A table near the middle of the room, free all around."""
    rng = sampler.rng("table")
    limit = 0.5 * min(room.width_m, room.depth_m)
    found = [
        a
        for a in sampler.assets("object", "support", without=NO_TABLE)
        if a.size_m and max(a.size_m[:2]) < limit
    ]
    for _ in range(40 if found else 0):
        asset = pick(rng, found)
        table = _standing(sampler, rng, asset, (0.0, 0.0, 0.0), heading(float(rng.uniform(0, 360))), "Table")
        tops = [g for g in piles.grounds(sampler, asset, table) if _is_work_top(g)]
        focus = _focus(rng, tops[0]) if tops else None
        if focus is not None:
            down = sampler.style.down_deg
            return Workplace(
                furniture=(table,), grounds=(tops[0],), focus=focus, azimuths_deg=(0, 360), down_deg=down
            )
    raise ConfigError(
        f"assets.packs: {list(sampler.library.packs)} hold no table for the style manipulation, 0.4 to 1.15 "
        "m high with a level top; add the pack 'builtin', which has some"
    )


def _is_work_top(ground: Ground) -> bool:
    side = float(np.ptp(ground.support.outline, axis=0).min())
    return TABLE_M[0] <= ground.support.height_m <= TABLE_M[1] and side > 0.4 and not ground.support.inside


def _standing(
    sampler: Sampler[WorkplaceConfig],
    rng: np.random.Generator,
    asset: Asset,
    position: Vec3,
    rotation: Quaternion,
    name: str,
) -> Placement:
    table = Placement(name=name, asset=asset.id, position=position, rotation=rotation)
    if rng.uniform() >= sampler.style.new_top:
        return table
    return table.but(looks=materials.relook(sampler, rng, asset, 0.9))


def _focus(rng: np.random.Generator, ground: Ground) -> Vec3 | None:
    """A point with room around it, nearer to the middle than to the border; None where there is none."""
    border = ground.support.outline
    middle = border.mean(axis=0)
    for _ in range(FOCUS_TRIES):
        edge = border[int(rng.integers(len(border)))]
        x, y = (middle + (edge - middle) * float(rng.uniform(0, 0.6))).tolist()
        if fits(ground.support, rectangle((ROOM_M, ROOM_M), (x, y, 0.0))):
            return (x, y, ground.support.height_m)
    return None


def _with_bin(sampler: Sampler[WorkplaceConfig], table: Workplace, plate: Asset) -> Workplace:
    """The table with a bin, a crate or a tray on it, as large as fits."""
    rng, ground = sampler.rng("bin"), table.grounds[0]
    length, width, height = (float(rng.uniform(*low_high)) for low_high in BIN_M)
    turn = float(rng.uniform(0, 180))
    room = float(np.linalg.norm(ground.support.outline - np.asarray(table.focus[:2]), axis=1).min())
    shrink = min(1.0, 2 * room / float(np.hypot(length, width)))
    length, width = length * shrink, width * shrink
    if min(length, width) < 0.15:
        return table
    material = _bin_material(rng)
    walls = _bin_walls(table.focus, (length, width, height), turn)
    boards = tuple(
        _board(plate, f"Bin_{index}", centre, size, turn, material)
        for index, (centre, size) in enumerate(walls)
    )
    base_z = table.focus[2] + WALL_M
    inner = (length - 2 * WALL_M, width - 2 * WALL_M)
    inside = Ground.rectangle(inner, (table.focus[0], table.focus[1], turn), base_z)
    inside = inside.with_blocks(*(box(centre, size, turn) for centre, size in walls[1:]))
    middle = (table.focus[0], table.focus[1], table.focus[2] + height / 2)
    around = ground.with_blocks(box(middle, (length, width, height), turn))
    return Workplace(
        furniture=(*table.furniture, *boards),
        grounds=(inside, around),
        focus=(table.focus[0], table.focus[1], base_z),
        azimuths_deg=table.azimuths_deg,
        down_deg=(max(35.0, table.down_deg[0]), max(60.0, table.down_deg[1])),
        bin=True,
    )


def _bin_material(rng: np.random.Generator) -> MaterialSpec:
    """Plastic mostly, or wood, card, sheet metal."""
    sort = pick(rng, ("plastic", "plastic", "plastic", "veneer", "planks", "cardboard", "brushed", ""))
    if not sort:
        return MaterialSpec(colour=materials.thing_colour(rng), roughness=float(rng.uniform(0.25, 0.6)))
    return materials.made(rng, sort)


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


def _shelf(sampler: Sampler[WorkplaceConfig], room: Room) -> Workplace | None:
    """A shelf with its back to the wall at +y, up to three of its boards in use; None where there is none."""
    rng = sampler.rng("shelf")
    tall = [
        a
        for a in sampler.assets("object", "floor", "indoor", without=NO_SHELF)
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
            return Workplace(
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
