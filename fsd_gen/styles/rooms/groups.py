"""Functional groups: what stands together in a room, and how it is turned.

Each function draws one group in its own frame (back at y = 0, front towards -y), or None where the library
has nothing for its main part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from fsd_gen.styles.rooms import pieces
from fsd_gen.styles.rooms.floorplan import Group, Item
from fsd_gen.styles.rooms.pieces import Cast, Piece
from fsd_gen.styles.rooms.room import Room

Rng = np.random.Generator
GLOBES = 0.5  # of the standing lamps: they are on
UPPER_M = 1.45  # usual height of wall cabinets over the floor


@dataclass(frozen=True, slots=True)
class Maker:
    """What a group is drawn from."""

    cast: Cast
    room: Room
    rng: Rng

    @property
    def longest_m(self) -> float:
        return max(self.room.width_m, self.room.depth_m) - 0.2

    def one(self, *roles: str, fits: Callable[[Piece], bool] = lambda _: True) -> Piece | None:
        """A piece for one of the roles that goes under the ceiling."""
        low = self.room.ceiling_m - 0.05
        return self.cast.one(self.rng, *roles, fits=lambda p: p.size[2] < low and fits(p))

    def lamp(self, *, tall: bool) -> Piece | None:
        """A glowing globe on a stand, or a lamp of the library."""
        theirs = self.one("floor_lamp" if tall else "table_lamp")
        if theirs is None or self.rng.uniform() < GLOBES:
            return pieces.globe_lamp(self.rng, tall=tall)
        return theirs

    def wobble(self, degrees: float) -> float:
        return float(np.clip(self.rng.normal(0, degrees), -2 * degrees, 2 * degrees))

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))


Draw = Callable[[Maker], Group | None]


def back(piece: Piece, x: float = 0.0, *, dressing: str = "", z: float = 0.0) -> Item:
    """The piece with its back at y = 0."""
    return Item(piece, x, -piece.size[1] / 2, dressing=dressing, z=z)


def alone(*roles: str, dressing: str = "", turn: float = 0.0) -> Draw:
    """A single piece with its back to the wall."""

    def draw(m: Maker) -> Group | None:
        piece = m.one(*roles)
        if piece is None:
            return None
        angle = m.wobble(turn)
        reach = abs(np.sin(np.deg2rad(angle))) * piece.size[0] / 2
        on = dressing or ("sideboard" if piece.top_m else "")
        return Group((Item(piece, 0.0, -piece.size[1] / 2 - reach, angle, dressing=on),))

    return draw


def bookcase(m: Maker) -> Group | None:
    """A filled bookcase: made, or one of the library's."""
    theirs = m.one("bookcase")
    if theirs is None or m.rng.uniform() < 0.65:
        piece = pieces.shelf(m.rng, min(2.3, m.room.ceiling_m - 0.1))
        return Group((back(piece, dressing="sideboard" if piece.top_m else ""),))
    return Group((back(theirs, dressing="shelves"),))


def sofa(m: Maker) -> Group | None:
    """Sofa, coffee table before it, armchairs facing it, lamp or side table beside it, a rug under all."""
    main = m.one("sofa")
    if main is None:
        return None
    width, depth, _ = main.size
    items, front = [back(main, dressing="sofa")], -depth - m.uniform(0.35, 0.5)
    table = m.one("coffee_table", fits=lambda p: p.size[0] < width)
    reach = front
    if table:
        items.append(Item(table, m.wobble(0.05), front - table.size[1] / 2, m.wobble(2), dressing="coffee"))
        reach = front - table.size[1]
    items += _seats_beside(m, width, (front + reach) / 2)
    items += _beside(m, width / 2, ("floor_lamp", "side_table"))
    rug = (
        0.0,
        (-depth + reach) / 2 - 0.15,
        width + m.uniform(-0.2, 0.6),
        -reach - depth + m.uniform(0.7, 1.2),
    )
    return Group(tuple(items), rug if m.rng.uniform() < 0.75 else None)


def _seats_beside(m: Maker, width: float, y: float) -> list[Item]:
    """Armchairs on one or both sides of the table, turned towards it."""
    items = []
    for side in (-1, 1):
        seat = m.one("armchair") if m.rng.uniform() < 0.4 else None
        if seat and y + seat.across / 2 < -0.1:
            x = side * (width / 2 + seat.across / 2 + 0.02)
            items.append(Item(seat, x, y - 0.25, -side * 90 + m.wobble(10)))
    return items


def _beside(m: Maker, edge: float, roles: tuple[str, ...]) -> list[Item]:
    """A lamp, or a table with a lamp, on one side."""
    piece = m.lamp(tall=True) if m.rng.uniform() < 0.5 else m.one(*roles)
    if piece is None or m.rng.uniform() < 0.35:
        return []
    side = 1 if m.rng.uniform() < 0.5 else -1
    on = "night" if piece.top_m else ""
    return [back(piece, side * (edge + piece.size[0] / 2 + 0.06), dressing=on)]


def floor_lamp(m: Maker) -> Group | None:
    """A tall lamp by the wall."""
    lamp = m.lamp(tall=True)
    return Group((back(lamp),)) if lamp else None


def television(m: Maker) -> Group | None:
    """A screen on a low cabinet."""
    stand = m.one("sideboard", fits=lambda p: p.size[2] < 0.95)
    return Group((back(stand, dressing="tv"),)) if stand else None


def dining(m: Maker) -> Group | None:
    """A table with chairs around it, facing it."""
    table, chair = m.one("dining_table"), m.one("chair", "stool")
    if table is None or chair is None:
        return None
    items = [Item(table, 0.0, 0.0, dressing="dining")]
    for x, y, turn in _places(m, table, chair):
        if m.rng.uniform() < 0.88:
            items.append(Item(chair, x, y, turn + m.wobble(6)))
    width, depth, _ = table.size
    rug = (0.0, 0.0, width + 1.5, depth + 1.5) if m.rng.uniform() < 0.3 else None
    return Group(tuple(items), rug)


def _places(m: Maker, table: Piece, chair: Piece) -> list[tuple[float, float, float]]:
    """Where chairs stand and how they are turned, around a table at the origin."""
    width, depth, _ = table.size
    gap = partial(_gap, m, chair)
    if abs(width - depth) < 0.05 and width < 1.3:
        seats = [(0, 1), (0, -1), (1, 0), (-1, 0)]
        return [(a * (width / 2 + gap()), b * (depth / 2 + gap()), _towards(a, b)) for a, b in seats]
    number = max(1, int(width / (chair.size[0] + 0.14)))
    xs = (np.arange(number) - (number - 1) / 2) * width / number
    places = [(x, side * (depth / 2 + gap()), _towards(0, side)) for x in xs.tolist() for side in (1, -1)]
    if m.rng.uniform() < 0.4:
        places += [(side * (width / 2 + gap()), 0.0, _towards(side, 0)) for side in (1, -1)]
    return places


def _gap(m: Maker, chair: Piece) -> float:
    """From the edge of a table to the middle of a chair at it."""
    return chair.size[1] / 2 + m.uniform(0.05, 0.22)


def _towards(a: float, b: float) -> float:
    """Degrees that turn the front of something at (a, b) towards the origin."""
    return float(np.rad2deg(np.arctan2(-a, b)))


def desk(m: Maker) -> Group | None:
    """A desk to the wall with its chair, perhaps drawers or a bin beside it."""
    table, chair = m.one("desk"), m.one("desk_chair", "chair")
    if table is None:
        return None
    width, depth, _ = table.size
    items = [back(table, dressing="desk")]
    if chair:
        y = -depth - chair.across / 2 - m.uniform(0.0, 0.25)
        items.append(Item(chair, m.wobble(0.12), y, 180 + m.wobble(22)))
    extra = m.one("bin", "filing", fits=lambda p: p.size[0] < 0.6)
    if extra and m.rng.uniform() < 0.6:
        side = 1 if m.rng.uniform() < 0.5 else -1
        items.append(back(extra, side * (width / 2 + extra.size[0] / 2 + 0.05), dressing="sideboard"))
    return Group(tuple(items))


def bed(m: Maker) -> Group | None:
    """A bed with its head to the wall and a night table on either side."""
    main, table = m.one("bed"), m.one("side_table", fits=lambda p: p.size[2] < 0.75)
    if main is None:
        return None
    width, depth, _ = main.size
    items = [back(main, dressing="bed")]
    for side in (-1, 1):
        if table and m.rng.uniform() < 0.8:
            items.append(back(table, side * (width / 2 + table.size[0] / 2 + 0.05), dressing="night"))
    rug = (0.0, -depth * 0.75, width + m.uniform(0.6, 1.2), depth * 0.7) if m.rng.uniform() < 0.6 else None
    return Group(tuple(items), rug)


def kitchen_line(m: Maker) -> Group | None:
    """Fridge, cabinets, sink, stove side by side; cabinets on the wall above them."""
    base = m.one("base_cabinet")
    if base is None:
        return None
    room_for = min(m.longest_m, m.uniform(2.6, 4.6))
    upper, chain = m.one("upper_cabinet"), [p for p in (m.one("fridge"), m.one("sink"), m.one("stove")) if p]
    if m.rng.uniform() < 0.5 and (machine := m.one("machine")):
        chain.append(machine)
    chain = [piece for piece in chain if piece.size[0] < room_for]
    while sum(p.size[0] + 0.004 for p in chain) + base.size[0] < room_for:
        chain.insert(int(m.rng.integers(1, len(chain) + 1)) if chain else 0, base)
    items, x = [], 0.0
    for piece in chain:
        centre = x + piece.size[0] / 2
        items.append(back(piece, centre, dressing="worktop" if piece.top_m else ""))
        if upper and piece.size[2] < 1.3 and upper.size[0] <= piece.size[0] + 0.02:
            items += _above(m, piece, upper, centre)
        x += piece.size[0] + 0.004
    return Group(tuple(items))


def _above(m: Maker, piece: Piece, upper: Piece, x: float) -> list[Item]:
    """A wall cabinet over a base cabinet, a hood over the stove."""
    hood = m.one("hood", fits=lambda p: p.size[0] <= piece.size[0] + 0.02)
    stove = piece.top_m is None and piece.size[2] < 1.0
    over = hood if stove and hood else upper
    low = max(UPPER_M, piece.size[2] + 0.35)
    if low + over.size[2] > m.room.ceiling_m - 0.02:
        return []
    return [Item(over, x, -over.size[1] / 2, z=low)]


def bath_line(m: Maker) -> Group | None:
    """Wash basins; a mirror comes above them with the walls."""
    basin = m.one("basin")
    if basin is None:
        return None
    hang = basin.record.hang_m if basin.record else None
    number = 2 if m.rng.uniform() < 0.25 and basin.size[0] < 0.75 else 1
    low = (hang or 0.0) if basin.size[2] < 0.7 else 0.0
    xs = [(k - (number - 1) / 2) * (basin.size[0] + 0.15) for k in range(number)]
    return Group(tuple(back(basin, x, z=low, dressing="basin") for x in xs))


def racks(m: Maker) -> Group | None:
    """A storage rack."""
    highest = min(m.room.ceiling_m - 0.2, 4.5)
    return Group((back(pieces.rack(m.rng, highest, m.longest_m * 0.8)),))


def pallets(m: Maker) -> Group | None:
    """Loaded pallets in a row."""
    items = []
    for number in range(int(m.rng.integers(1, 4))):
        load = pieces.pallet(m.rng)
        if load.size[2] < m.room.ceiling_m - 0.1:
            items.append(Item(load, number * 1.35, -0.6, m.wobble(2)))
    return Group(tuple(items)) if items else None


def heap(m: Maker) -> Group | None:
    """Cardboard boxes beside each other."""
    items, x = [], 0.0
    for _ in range(int(m.rng.integers(1, 4))):
        box = pieces.carton(m.rng)
        turn = m.wobble(7)
        items.append(Item(box, x + box.across / 2, -box.across / 2, turn, dressing="boxes"))
        x += box.across + 0.03
    return Group(tuple(items))
