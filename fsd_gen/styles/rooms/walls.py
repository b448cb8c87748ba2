"""What hangs on walls: pictures, posters, notes, shelves, mirrors, clocks, sockets, switches, radiators."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from assets_manifest.made.interior_sizes import RADIATOR_DEPTH_M
from assets_manifest.made.textures import TEXTURE, words_of
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import MaterialSpec, Panel, Placement, Vec2
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.rooms.floorplan import Claim, Floor, Item, Stood, wall_coordinates
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.pieces import Piece, made_id, new_seed
from fsd_gen.styles.rooms.room import wall_heading
from fsd_gen.styles.sampler import AnySampler, pick

TRIES = 10
OFF_M = 0.002  # between a wall and what hangs on it
BELOW_M = 0.12  # between a piece of furniture and what hangs above it
EYE_M = (1.35, 1.75)  # centre of pictures over the floor
WINDOW_LOW_M = 0.75  # a radiator needs so much wall below the window
SILVER = MaterialSpec(colour=(0.92, 0.93, 0.94), metallic=1.0, roughness=0.02)


@dataclass(slots=True)
class Hung:
    """What hangs on the walls so far."""

    placements: list[Placement] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)


def hang_piece(
    floor: Floor,
    hung: Hung,
    name: str,
    piece: Piece,
    wall: int,
    along: float,
    low: float,
    *,
    gap_m: float = 0.05,
) -> bool:
    """Hang the piece with its back on the wall; False where the wall or the space before it is taken."""
    (width, depth, height), turn = piece.size, wall_heading(wall)
    claim = Claim(wall, along - width / 2, along + width / 2, low, low + height)
    x, y, z = floor.room.on_wall(wall, along, low, depth / 2 + OFF_M)
    spot = Footprint(x=x, y=y, width=width, depth=depth, heading_deg=turn, bottom=low, top=low + height)
    blocked = depth > 0.05 and not floor.is_free(spot)
    if blocked or not floor.hang(claim, gap_m):
        return False
    if depth > 0.05:
        floor.stood.append(Stood(Item(piece, 0.0, 0.0, z=low), spot, -1))
    hung.placements.append(
        Placement(name=name, asset=piece.asset, position=(x, y, z), rotation=heading(turn))
    )
    return True


def radiators(m: Maker, floor: Floor, hung: Hung) -> None:
    """One below each window of a heated room."""
    if m.room.kind == "warehouse" or m.rng.uniform() < 0.25:
        return
    theirs, seed = m.one("radiator"), new_seed(m.rng)
    own = m.rng.uniform() < 0.5
    for number, window in enumerate(floor.openings.windows):
        low = window.edges()[2]
        if low < WINDOW_LOW_M:
            continue
        width, height = min(window.size[0], 1.4), low - 0.25
        piece = Piece(made_id("room_radiator", seed, width, height), (width, RADIATOR_DEPTH_M, height))
        if theirs and not own and theirs.size[2] < height:
            piece = theirs
        hang_piece(floor, hung, f"Radiator_{number}", piece, window.wall, window.along_m, 0.1, gap_m=0.0)


def above_furniture(m: Maker, sampler: AnySampler, floor: Floor, hung: Hung, most: int) -> int:
    """Mirrors over basins; pictures or a shelf over sofas, beds, desks; how many pictures that were."""
    done = 0
    for stood in list(floor.stood):
        kind, wall = stood.item.dressing, _wall_behind(floor, stood)
        if wall is None or stood.spot.top > 1.5:
            continue
        along = float(wall_coordinates(floor.room, wall, stood.spot.corners())[0].mean())
        if kind == "basin":
            _mirror(m, floor, hung, wall, along, max(stood.spot.top + BELOW_M, 1.15))
        elif kind in ("sofa", "bed", "desk", "sideboard", "tv") and m.rng.uniform() < 0.7:
            low = max(stood.spot.top + (0.45 if kind in ("desk", "tv", "sideboard") else 0.25), 1.2)
            if kind == "desk" and m.rng.uniform() < 0.6:
                _notes(m, floor, hung, wall, along, low)
            elif m.rng.uniform() < 0.35:
                _shelf(m, floor, hung, wall, along, low)
            elif done < most:
                done += _picture(m, sampler, floor, hung, wall, along, low)
    return done


def _wall_behind(floor: Floor, stood: Stood) -> int | None:
    """The wall that a piece turns its back to, if it stands there."""
    for wall in range(4):
        turned = abs((stood.spot.heading_deg - wall_heading(wall) + 180) % 360 - 180)
        off_4 = wall_coordinates(floor.room, wall, stood.spot.corners())[1]
        if turned < 20 and off_4.min() < 0.2:
            return wall
    return None


def _mirror(m: Maker, floor: Floor, hung: Hung, wall: int, along: float, low: float) -> None:
    size = (m.uniform(0.4, 0.8), m.uniform(0.5, 0.8))
    claim = Claim(wall, along - size[0] / 2, along + size[0] / 2, low, low + size[1])
    if not floor.hang(claim, 0.01):
        return
    number, centre = len(hung.panels), (along, low + size[1] / 2)
    rim = MaterialSpec(colour=materials.thing_colour(m.rng), roughness=0.4)
    border = (size[0] + 0.05, size[1] + 0.05)
    hung.panels.append(floor.room.wall_panel(f"Mirror_frame_{number}", wall, centre, border, rim, 0.01))
    glass = floor.room.wall_panel(f"Mirror_{number}", wall, centre, size, SILVER, 0.016)
    hung.panels.append(glass.but(hard="mirror"))


def _shelf(m: Maker, floor: Floor, hung: Hung, wall: int, along: float, low: float) -> bool:
    """A shelf with books and boxes on the wall."""
    size = (m.uniform(0.5, 1.3), m.uniform(0.18, 0.26), m.uniform(0.26, 0.7))
    width, depth, height = (round(side, 2) for side in size)
    piece = Piece(made_id("room_shelf", new_seed(m.rng), width, depth, height), (width, depth, height))
    return hang_piece(floor, hung, f"Wall_shelf_{len(hung.placements)}", piece, wall, along, low)


def _notes(m: Maker, floor: Floor, hung: Hung, wall: int, along: float, low: float) -> None:
    """Sheets of paper pinned above a desk."""
    for _ in range(int(m.rng.integers(2, 9))):
        wide = m.uniform(0.1, 0.3)
        centre = (along + m.uniform(-0.6, 0.6), low + m.uniform(0.05, 0.6))
        size = (wide, wide * 1.41)
        sheet = made_id("room_page" if m.rng.uniform() < 0.7 else "room_print", new_seed(m.rng))
        _poster(floor, hung, "Note", wall, centre, size, sheet, 0.02)


def _poster(
    floor: Floor, hung: Hung, name: str, wall: int, centre: Vec2, size: Vec2, image: str, gap_m: float
) -> bool:
    """A sheet flat on the wall."""
    claim = Claim(
        wall,
        centre[0] - size[0] / 2,
        centre[0] + size[0] / 2,
        centre[1] - size[1] / 2,
        centre[1] + size[1] / 2,
    )
    if not floor.hang(claim, gap_m):
        return False
    ink = MaterialSpec(texture=image, uv_scale=(1 / size[0], 1 / size[1]), roughness=0.6)
    hung.panels.append(floor.room.wall_panel(f"{name}_{len(hung.panels)}", wall, centre, size, ink, 0.003))
    return True


def _image(m: Maker, sampler: AnySampler) -> str:
    """What a picture shows: made for this scene, or one of the packs' photos and paintings."""
    kind = m.rng.uniform()
    theirs = sampler.assets("texture", "painting") + sampler.assets("photo", without=("dark", "pattern"))
    if kind < 0.3 and theirs:
        return pick(m.rng, theirs).id
    if kind < 0.5:
        return TEXTURE.asset_id(*words_of("poster", new_seed(m.rng)))
    return made_id("room_print", new_seed(m.rng))


def _picture(
    m: Maker, sampler: AnySampler, floor: Floor, hung: Hung, wall: int, along: float, low: float
) -> bool:
    """A picture in its frame, or a poster without one."""
    size = (m.uniform(0.25, 0.95), m.uniform(0.25, 0.8))
    centre, rim = (along, low + size[1] / 2), m.uniform(0.015, 0.05)
    image = _image(m, sampler)
    if m.rng.uniform() < 0.3:
        return _poster(floor, hung, "Picture", wall, centre, size, image, 0.04)
    border = (size[0] + 2 * rim, size[1] + 2 * rim)
    claim = Claim(wall, along - border[0] / 2, along + border[0] / 2, low - rim, low + size[1] + rim)
    if not floor.hang(claim, 0.04):
        return False
    number = len(hung.panels)
    wood = _frame(m.rng)
    ink = MaterialSpec(texture=image, uv_scale=(1 / size[0], 1 / size[1]), roughness=0.5)
    hung.panels.append(floor.room.wall_panel(f"Frame_of_{number}", wall, centre, border, wood, 0.018))
    hung.panels.append(floor.room.wall_panel(f"Picture_{number}", wall, centre, size, ink, 0.021))
    return True


def _frame(rng: np.random.Generator) -> MaterialSpec:
    """Wood, or black, white or metal paint."""
    if rng.uniform() < 0.45:
        return materials.made(rng, "veneer")
    levels = ((0.02, 0.02, 0.02), (0.8, 0.79, 0.76), (0.35, 0.24, 0.08), (0.4, 0.4, 0.4))
    return MaterialSpec(colour=pick(rng, levels), roughness=float(rng.uniform(0.25, 0.6)))


def pictures(m: Maker, sampler: AnySampler, floor: Floor, hung: Hung, wanted: int) -> None:
    """So many more pictures where the walls are free."""
    for _ in range(wanted):
        for _ in range(TRIES):
            wall, low = int(m.rng.integers(4)), m.uniform(*EYE_M) - 0.3
            along = m.uniform(-0.5, 0.5) * (floor.room.wall_length(wall) - 0.6)
            if _picture(m, sampler, floor, hung, wall, along, low):
                break


def fittings(m: Maker, floor: Floor, hung: Hung) -> None:
    """Switches beside the doors, sockets near the floor."""
    switch, socket = m.one("switch"), m.one("socket")
    for number, door in enumerate(floor.openings.doors):
        side = 1 if m.rng.uniform() < 0.5 else -1
        along = door.along_m + side * (door.width_m / 2 + 0.15)
        if switch:
            hang_piece(floor, hung, f"Switch_{number}", switch, door.wall, along, 1.1, gap_m=0.02)
    for number in range(int(m.rng.integers(2, 7)) if socket else 0):
        wall = int(m.rng.integers(4))
        along = m.uniform(-0.48, 0.48) * floor.room.wall_length(wall)
        for k in range(int(m.rng.integers(1, 3))):
            if socket:
                hang_piece(
                    floor, hung, f"Socket_{number}_{k}", socket, wall, along + k * 0.1, 0.24, gap_m=0.005
                )


def others(m: Maker, floor: Floor, hung: Hung, wanted: int) -> None:
    """Clocks, shelves, wall lamps, towel racks and the like."""
    roles = {"bath": ("towel_rack", "towel_rack", "wall_lamp"), "warehouse": ("air", "wall_thing")}
    for number in range(wanted):
        piece = m.one(*roles.get(m.room.kind, ("wall_thing", "wall_lamp", "air", "wall_picture")))
        shelf = m.rng.uniform() < 0.4 and m.room.kind not in ("bath", "warehouse")
        for _ in range(TRIES):
            wall = int(m.rng.integers(4))
            along = m.uniform(-0.46, 0.46) * floor.room.wall_length(wall)
            if shelf or piece is None:
                if _shelf(m, floor, hung, wall, along, m.uniform(1.3, 1.6)):
                    break
            elif hang_piece(floor, hung, f"Wall_thing_{number}", piece, wall, along, _height(m, piece)):
                break


def _height(m: Maker, piece: Piece) -> float:
    """Height of a wall thing's lower edge: the usual one if its record says so, else at eye height."""
    record = piece.record
    if record and record.hang_m is not None:
        return record.hang_m
    highest = m.room.ceiling_m - piece.size[2] - 0.05
    return float(np.clip(m.uniform(1.5, 1.8) - piece.size[2] / 2, 0.05, max(highest, 0.05)))
