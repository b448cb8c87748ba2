"""What stands on one piece of furniture, by what it is for: a desk, a sofa, a bed, a laid table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.heaps.supporting import Board
from fsd_gen.styles.rooms import pieces
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.pieces import Piece

TRIES = 8
CLEAR_M = 0.012  # between things on a table


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on a board, in the frame of the piece that carries it."""

    piece: Piece
    x: float
    y: float
    z: float
    turn_deg: float


@dataclass(slots=True)
class Spread:
    """A board as it fills: things in a row along its back, others scattered."""

    board: Board
    rng: np.random.Generator
    things: list[Thing] = field(default_factory=list)
    taken: list[Footprint] = field(default_factory=list)

    def put(self, piece: Piece | None, x: float, y: float, turn_deg: float) -> bool:
        """Stand the piece there if it fits and the place is free."""
        if piece is None or piece.size[2] > self.board.free_m - 0.01:
            return False
        spot = Footprint(
            x=x, y=y, width=piece.size[0] + CLEAR_M, depth=piece.size[1] + CLEAR_M, heading_deg=turn_deg
        )
        if any(spot.overlaps(other) for other in self.taken):
            return False
        if not self.board.carries(piece.size[:2], x, y, turn_deg):
            return False
        self.taken.append(spot)
        self.things.append(Thing(piece, x, y, self.board.height_m, turn_deg))
        return True

    def scatter(self, piece: Piece | None, *, turned: float = 180.0) -> bool:
        """Stand the piece anywhere, turned up to so many degrees from the front."""
        if piece is None:
            return False
        x0, y0, x1, y1 = self.board.bounds()
        reach = min(piece.size[:2]) / 2
        if x1 - x0 < 2 * reach or y1 - y0 < 2 * reach:
            return False
        for _ in range(TRIES):
            x, y = self.rng.uniform(x0 + reach, x1 - reach), self.rng.uniform(y0 + reach, y1 - reach)
            if self.put(piece, float(x), float(y), float(self.rng.uniform(-turned, turned))):
                return True
        return False

    def behind(self, piece: Piece | None, *, turned: float = 8.0) -> bool:
        """Stand the piece at the back, facing the front."""
        if piece is None:
            return False
        x0, _, x1, y1 = self.board.bounds()
        half = piece.size[0] / 2 + 0.015
        if x1 - x0 < 2 * half:
            return False
        for attempt in range(TRIES):
            x = float(self.rng.uniform(x0 + half, x1 - half))
            y = y1 - piece.size[1] / 2 - 0.02 - 0.02 * attempt
            if self.put(piece, x, y, float(self.rng.normal(0, turned / 2))):
                return True
        return False


Dress = Callable[[Maker, Spread, int], None]


def _desk(m: Maker, s: Spread, number: int) -> None:
    x0, _, x1, y1 = s.board.bounds()
    screen = m.one("screen")
    if screen:
        place = (x0 + x1) / 2 + m.wobble(0.15)
        s.put(screen, place, y1 - screen.size[1] / 2 - m.uniform(0.02, 0.1), m.wobble(8))
    if m.rng.uniform() < 0.6:
        s.behind(m.lamp(tall=False))
    if m.rng.uniform() < 0.6:
        s.behind(pieces.book_row(m.rng, 0.4))
    for _ in range(number):
        s.scatter(pieces.books(m.rng) if m.rng.uniform() < 0.2 else m.one("desk_thing"), turned=70)


def _of(
    *roles: str, books: float = 0.2, row: float = 0.0, behind: float = 0.5, turned: float = 60.0
) -> Dress:
    """Things of the roles, a share of them at the back; piles of books among them."""

    def dress(m: Maker, s: Spread, number: int) -> None:
        if m.rng.uniform() < row:
            s.behind(pieces.book_row(m.rng, 0.5))
        for _ in range(number):
            thing = pieces.books(m.rng) if m.rng.uniform() < books else m.one(*roles)
            (s.behind if m.rng.uniform() < behind else s.scatter)(thing, turned=turned)

    return dress


def _night(m: Maker, s: Spread, number: int) -> None:
    s.behind(m.lamp(tall=False))
    _of("bed_thing", books=0.35, behind=0.0)(m, s, number)


def _sofa(m: Maker, s: Spread, number: int) -> None:
    """Cushions at its back, a blanket, what was left there."""
    for _ in range(min(number, int(m.rng.integers(0, 5)))):
        s.behind(pieces.cushion(m.rng, leans=True), turned=12)
    if m.rng.uniform() < 0.5:
        _cloths(m, s)
    if m.rng.uniform() < 0.4:
        s.scatter(m.one("bed_thing", "living_thing", fits=lambda p: p.size[2] < 0.3), turned=90)


def _bed(m: Maker, s: Spread, number: int) -> None:
    """Clothes and blankets, books, toys."""
    for _ in range(int(m.rng.integers(0, 3))):
        _cloths(m, s)
    if m.rng.uniform() < 0.35:
        s.scatter(pieces.cushion(m.rng, leans=False), turned=40)
    for _ in range(number // 4):
        s.scatter(pieces.books(m.rng) if m.rng.uniform() < 0.3 else m.one("bed_thing"), turned=120)


def _cloths(m: Maker, s: Spread) -> None:
    if m.rng.uniform() < 0.5:
        s.scatter(pieces.folded(m.rng), turned=20)
    else:
        s.scatter(pieces.cloth(m.rng), turned=180)


def _tv(m: Maker, s: Spread, number: int) -> None:
    x0, y0, x1, y1 = s.board.bounds()
    screen = m.one("big_screen", fits=lambda p: p.size[0] < x1 - x0 and p.size[1] < y1 - y0)
    s.put(screen, (x0 + x1) / 2, (y0 + y1) / 2, m.wobble(3))
    _of("living_thing", row=0.4)(m, s, number)


def _dining(m: Maker, s: Spread, number: int) -> None:
    """A centre piece, and what is left of a meal or of work."""
    x0, y0, x1, y1 = s.board.bounds()
    s.put(
        m.one("centre_piece"),
        (x0 + x1) / 2 + m.wobble(0.1),
        (y0 + y1) / 2 + m.wobble(0.05),
        m.uniform(0, 360),
    )
    setting = m.one("place_setting")
    laid = m.rng.uniform() < 0.4 and setting is not None
    for x in np.linspace(x0 + 0.3, x1 - 0.3, 3).tolist() if laid and setting else ():
        for y, turn in ((y0 + 0.22, 0.0), (y1 - 0.22, 180.0)):
            s.put(setting, x, y, turn + m.wobble(4))
    _of("kitchen_thing", "living_thing", books=0.15, behind=0.0, turned=180)(m, s, number)


def _worktop(m: Maker, s: Spread, number: int) -> None:
    for _ in range(max(1, number // 3)):
        s.behind(m.one("worktop_thing"), turned=15)
    if m.rng.uniform() < 0.6:
        s.scatter(m.one("kitchen_thing"), turned=180)


def _boxes(m: Maker, s: Spread, number: int) -> None:
    """Another box on top, or a thing."""
    (x0, y0, x1, y1), box = s.board.bounds(), pieces.carton(m.rng)
    if m.rng.uniform() < 0.6 and not s.put(box, (x0 + x1) / 2, (y0 + y1) / 2, m.wobble(10)):
        s.scatter(m.one("tool", "desk_thing"))


def _bath(m: Maker, s: Spread, number: int) -> None:
    """Towels, bottles, brushes."""
    if m.rng.uniform() < 0.5:
        s.behind(pieces.folded(m.rng, 0.4), turned=10)
    for _ in range(number):
        s.scatter(m.one("bath_thing"), turned=40)


DRESSINGS: dict[str, Dress] = {
    "desk": _desk,
    "night": _night,
    "tv": _tv,
    "dining": _dining,
    "worktop": _worktop,
    "boxes": _boxes,
    "bath": _bath,
    "sofa": _sofa,
    "bed": _bed,
    "coffee": _of("living_thing", books=0.35, behind=0.1, turned=120),
    "sideboard": _of("living_thing", "centre_piece", row=0.6, behind=0.7, turned=15),
}
