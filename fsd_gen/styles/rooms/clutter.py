"""What stands on furniture and lies on the floor: tables in use, shelves full, things along the walls."""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import MaterialSpec, Panel, Placement
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.heaps.supporting import Board, boards, top_board
from fsd_gen.styles.rooms import pieces
from fsd_gen.styles.rooms.dressings import DRESSINGS, Spread, Thing
from fsd_gen.styles.rooms.floorplan import Floor, Item, Stood
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.pieces import Piece, made_id, new_seed
from fsd_gen.styles.rooms.room import wall_heading

TRIES = 8
LOWEST_SHELF_M = 0.07
CLOTHED = ("bedroom", "bath")  # rooms whose shelves hold towels and clothes
DROPPED = {"bedroom": 0.14, "bath": 0.1, "living": 0.06}  # share of cloth among what lies on the floor


def dress(m: Maker, stood: Stood, number: int) -> list[Thing]:
    """What stands on a piece of furniture."""
    piece, dressing = stood.item.piece, stood.item.dressing
    if m.room.kind == "bath" and dressing in ("sideboard", "basin"):
        dressing = "bath"
    if dressing == "shelves":
        return _fill_shelves(m, piece)
    if dressing not in DRESSINGS or number == 0:
        return []
    board = top_board(m.cast.library, piece)
    if board is None or stood.spot.top - piece.size[2] + board.height_m > 1.9:
        return []
    spread = Spread(board, m.rng)
    DRESSINGS[dressing](m, spread, number)
    return spread.things


def _fill_shelves(m: Maker, piece: Piece) -> list[Thing]:
    """Rows of books and small things on every board."""
    things: list[Thing] = []
    for board in boards(m.cast.library, piece)[:12]:
        if board.free_m < 0.1 or board.height_m < LOWEST_SHELF_M or board.height_m > 2.1:
            continue
        things += _fill_board(m, board)
    return things


def _fill_board(m: Maker, board: Board) -> list[Thing]:
    x0, y0, x1, y1 = board.bounds()
    spread, x = Spread(board, m.rng), x0 + 0.02
    while x < x1 - 0.08:
        thing = _for_shelf(m, min(x1 - x - 0.02, 0.7), y1 - y0 - 0.03, min(board.free_m - 0.02, 0.34))
        if thing is None:
            break
        y = (y0 + y1) / 2 if m.rng.uniform() < 0.5 else y1 - thing.size[1] / 2 - 0.015
        spread.put(thing, x + thing.size[0] / 2, y, 0.0)
        x += thing.size[0] + (m.uniform(0.02, 0.06) if m.rng.uniform() < 0.7 else m.uniform(0.06, 0.3))
    return spread.things


def _for_shelf(m: Maker, widest: float, deepest: float, highest: float) -> Piece | None:
    """A row of books, or a thing that is small enough."""
    if m.rng.uniform() < 0.65:
        row = pieces.book_row(m.rng, widest, min(highest, deepest / 0.7))
        return row if row.size[0] <= widest else None
    if m.room.kind in CLOTHED and m.rng.uniform() < 0.4:
        towels = pieces.folded(m.rng, min(widest, 0.45))
        return towels if towels.size[2] < highest and towels.size[1] < deepest else None
    return m.one("living_thing", "centre_piece", fits=lambda p: p.size[0] < widest and p.size[2] < highest)


def on(stood: Stood, thing: Thing, name: str) -> tuple[Placement, Footprint]:
    """The thing in its place in the room, on the piece that stands there."""
    spot = stood.spot
    turn = np.deg2rad(spot.heading_deg)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    x, y = spot.x + thing.x * cos - thing.y * sin, spot.y + thing.x * sin + thing.y * cos
    turned = (spot.heading_deg + thing.turn_deg) % 360
    z, (width, depth, height) = spot.bottom + thing.z, thing.piece.size
    ground = Footprint(x=x, y=y, width=width, depth=depth, heading_deg=turned, bottom=z, top=z + height)
    placement = Placement(name=name, asset=thing.piece.asset, position=(x, y, z), rotation=heading(turned))
    return placement, ground


def papers(m: Maker, stood: Stood, things: list[Thing], name: str) -> list[Panel]:
    """Sheets of paper on a desk, where nothing stands."""
    board = top_board(m.cast.library, stood.item.piece)
    if board is None or stood.item.dressing not in ("desk", "dining", "coffee"):
        return []
    spread = Spread(board, m.rng)
    for thing in things:
        size = thing.piece.size
        spread.taken.append(
            Footprint(x=thing.x, y=thing.y, width=size[0], depth=size[1], heading_deg=thing.turn_deg)
        )
    panels: list[Panel] = []
    for number in range(int(m.rng.integers(0, 5))):
        sheet = Piece(made_id("room_page", new_seed(m.rng)), (0.21, 0.297, 0.0))
        if spread.scatter(sheet, turned=35):
            placed, _ = on(stood, spread.things[-1], "")
            panels.append(_sheet(f"{name}_{number}", placed, sheet))
    return panels


def _sheet(name: str, placed: Placement, sheet: Piece) -> Panel:
    x, y, z = placed.position
    ink = MaterialSpec(texture=sheet.asset, uv_scale=(1 / sheet.size[0], 1 / sheet.size[1]), roughness=0.9)
    size = (sheet.size[0], sheet.size[1])
    return Panel(name=name, position=(x, y, z + 0.0015), rotation=placed.rotation, size=size, material=ink)


def along_walls(m: Maker, floor: Floor, number: int) -> None:
    """Things on the floor near the walls: bags, boxes, shoes, toys, piles of books, plants."""
    for _ in range(number):
        piece = _floor_thing(m)
        if piece is None:
            continue
        for _ in range(TRIES):
            wall = int(m.rng.integers(4))
            turn, off = m.wobble(25), piece.across / 2 + m.uniform(0.01, 0.25)
            slack = max(0.0, floor.room.wall_length(wall) / 2 - piece.across / 2)
            along = m.uniform(-slack, slack)
            x, y, _ = floor.room.on_wall(wall, along, 0.0, off)
            heading_deg = (wall_heading(wall) + turn) % 360
            spot = Footprint(
                x=x, y=y, width=piece.size[0], depth=piece.size[1], heading_deg=heading_deg, top=piece.size[2]
            )
            if floor.is_free(spot):
                floor.stood.append(
                    Stood(Item(piece, 0.0, 0.0, dressing="boxes" if piece.top_m else ""), spot, -1)
                )
                break


def _floor_thing(m: Maker) -> Piece | None:
    if m.rng.uniform() < DROPPED.get(m.room.kind, 0.0):
        return pieces.cloth(m.rng, 0.7)
    kind = m.rng.uniform()
    if kind < 0.25:
        return pieces.carton(m.rng)
    if kind < 0.35 and m.room.kind not in ("bath", "warehouse"):
        return pieces.books(m.rng)
    roles = {"warehouse": ("store_misc", "floor_thing"), "office": ("floor_thing", "bin", "plant")}
    return m.one(*roles.get(m.room.kind, ("floor_thing", "small_floor_thing", "small_floor_thing", "plant")))
