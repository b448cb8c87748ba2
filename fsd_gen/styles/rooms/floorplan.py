"""Which ground and which wall is taken, and places for groups of furniture: walls first, then mid-room."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fsd_gen.styles.footprint import Footprint, is_free
from fsd_gen.styles.rooms.openings import Openings, before_window
from fsd_gen.styles.rooms.pieces import Piece
from fsd_gen.styles.rooms.room import Room, wall_heading

TRIES = 14  # places tried for one group
GAP_M = 0.02  # between neighbours
NEAR_WALL_M = 0.45  # what ends nearer to a wall hides it


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of a group, in the group's frame: back at y = 0, front towards -y."""

    piece: Piece
    x: float
    y: float  # of its centre
    turn_deg: float = 0.0
    dressing: str = ""  # what stands on it: "desk", "dining", "coffee" ...; see clutter
    z: float = 0.0  # above the floor; such things hang on the wall
    stretch: float = 1.0  # of all sides


@dataclass(frozen=True, slots=True)
class Group:
    """Things that belong together, and perhaps a rug under them: (x, y, width, depth)."""

    items: tuple[Item, ...]
    rug: tuple[float, float, float, float] | None = None

    def bounds(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the items on the floor."""
        corners = np.concatenate([_footprint(item, 0.0, 0.0, 0.0).corners() for item in self.items])
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return (x0, y0, x1, y1)


@dataclass(frozen=True, slots=True)
class Stood:
    """An item in its place in the room."""

    item: Item
    spot: Footprint
    group: int  # number of its group


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of a wall that something hides or hangs on, in wall coordinates."""

    wall: int
    left: float
    right: float
    low: float
    high: float

    def meets(self, other: Claim, gap_m: float = 0.0) -> bool:
        """Whether the two share a part of a wall, or come nearer than the gap."""
        return (
            self.wall == other.wall
            and self.left < other.right + gap_m
            and other.left < self.right + gap_m
            and self.low < other.high + gap_m
            and other.low < self.high + gap_m
        )


@dataclass(slots=True)
class Floor:
    """A room as it fills."""

    room: Room
    openings: Openings
    stood: list[Stood] = field(default_factory=list)
    rugs: list[Footprint] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    groups: int = 0

    def __post_init__(self) -> None:
        for door in self.openings.doors:
            a, half = door.along_m, door.width_m / 2
            self.claims.append(Claim(door.wall, a - half, a + half, 0.0, door.height_m))
        for window in self.openings.windows:
            left, right, low, high = window.edges()
            self.claims.append(Claim(window.wall, left - 0.1, right + 0.1, low - 0.1, high + 0.15))
        for curtain in self.openings.curtains(self.room):
            a, half = curtain.along_m, curtain.width_m / 2
            self.claims.append(Claim(curtain.wall, a - half, a + half, curtain.low_m, curtain.high_m))

    def against(self, rng: np.random.Generator, group: Group, walls: list[int] | None = None) -> bool:
        """Stand the group with its back to a wall; False where no place was found."""
        x0, _, x1, _ = group.bounds()
        for attempt in range(TRIES):
            wall = int(rng.choice(walls)) if walls and attempt < TRIES * 2 // 3 else int(rng.integers(4))
            half = self.room.wall_length(wall) / 2 - 0.02
            if x1 - x0 > 2 * half:
                continue
            low, high = -half - x0, half - x1
            corner = rng.uniform()
            along = low if corner < 0.2 else high if corner < 0.4 else float(rng.uniform(low, high))
            if self.at_wall(group, wall, along):
                return True
        return False

    def at_wall(self, group: Group, wall: int, along: float) -> bool:
        """Stand the group there if it is free."""
        x, y, _ = self.room.on_wall(wall, along, 0.0, GAP_M)
        return self._settle(group, x, y, wall_heading(wall))

    def amid(self, rng: np.random.Generator, group: Group, reach: float = 0.3) -> bool:
        """Stand the group in the middle, parallel to the walls; False where no place was found."""
        x0, y0, x1, y1 = group.bounds()
        for _ in range(TRIES):
            turn = 90.0 * int(rng.integers(4))
            cx, cy = rng.uniform(-reach, reach, 2) * (self.room.width_m, self.room.depth_m)
            middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
            c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
            x, y = np.array([cx, cy]) - np.array([[c, -s], [s, c]]) @ middle
            if self._settle(group, float(x), float(y), turn):
                return True
        return False

    def _settle(self, group: Group, x: float, y: float, turn: float) -> bool:
        """Take the ground if that of the main piece and of half of the others is free and inside."""
        found: list[Stood] = []
        for item in group.items:
            spot = _footprint(item, x, y, turn)
            if self.is_free(spot) and not any(_clash(spot, other.spot) for other in found):
                found.append(Stood(item, spot, self.groups))
            elif not found:
                return False
        if len(found) * 2 < len(group.items):
            return False
        for stood in found:
            self.stood.append(stood)
            self._claim(stood.spot)
        self.groups += 1
        if group.rug:
            self._lay(group.rug, x, y, turn)
        return True

    def is_free(self, spot: Footprint) -> bool:
        """Whether something may stand there."""
        if not spot.within(self.room.width_m, self.room.depth_m) or spot.top > self.room.ceiling_m - 0.02:
            return False
        ways = [door.way(self.room) for door in self.openings.doors]
        if spot.top > 0.03 and spot.bottom < 1.9 and not is_free(spot, ways):
            return False
        panes = [before_window(self.room, w) for w in self.openings.windows]
        cloth = [curtain.ground(self.room) for curtain in self.openings.curtains(self.room)]
        taken = [other.spot for other in self.stood]
        return all(not _clash(spot, other) for other in (*taken, *panes, *cloth))

    def _claim(self, spot: Footprint) -> None:
        """Walls that the piece stands close to are hidden behind it."""
        corners_42 = spot.corners()
        for wall in range(4):
            along_4, off_4 = wall_coordinates(self.room, wall, corners_42)
            if off_4.min() < NEAR_WALL_M and off_4.min() > -0.1:
                left, right = float(along_4.min()), float(along_4.max())
                self.claims.append(Claim(wall, left, right, spot.bottom, spot.top))

    def hang(self, claim: Claim, gap_m: float = 0.05) -> bool:
        """Take a part of a wall if it is free; False where it is not."""
        half = self.room.wall_length(claim.wall) / 2
        inside = claim.left > -half and claim.right < half and claim.high < self.room.ceiling_m
        if not inside or any(claim.meets(other, gap_m) for other in self.claims):
            return False
        self.claims.append(claim)
        return True

    def _lay(self, rug: tuple[float, float, float, float], x: float, y: float, turn: float) -> None:
        rx, ry, width, depth = rug
        c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        spot = Footprint(
            x=float(x + c * rx - s * ry),
            y=float(y + s * rx + c * ry),
            width=width,
            depth=depth,
            heading_deg=turn,
        )
        flat = all(not _clash(spot, other) for other in self.rugs)
        if flat and spot.within(self.room.width_m - 0.06, self.room.depth_m - 0.06):
            self.rugs.append(spot)


def wall_coordinates(
    room: Room, wall: int, points_n2: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[
    np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.ndarray[tuple[int, ...], np.dtype[np.float64]]
]:
    """Along a wall and off it, of points on the floor."""
    turn = np.deg2rad(wall_heading(wall))
    along_2, inward_2 = np.array([np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), -np.cos(turn)])
    distance = (room.depth_m if wall % 2 == 0 else room.width_m) / 2
    return points_n2 @ along_2, points_n2 @ inward_2 + distance


def _clash(a: Footprint, b: Footprint) -> bool:
    """Whether two share ground and height."""
    return a.bottom < b.top and b.bottom < a.top + 1e-6 and a.overlaps(b)


def _footprint(item: Item, x: float, y: float, turn: float) -> Footprint:
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    width, depth, height = (side * item.stretch for side in item.piece.size)
    return Footprint(
        x=float(x + c * item.x - s * item.y),
        y=float(y + s * item.x + c * item.y),
        width=width,
        depth=depth,
        heading_deg=(turn + item.turn_deg) % 360,
        bottom=item.z,
        top=item.z + height,
    )
