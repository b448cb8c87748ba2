"""Doors, windows, and what is seen through a window: a street or trees under a sky, lit as it is outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.made.interior_sizes import CURTAIN_DEPTH_M, DOOR_DEPTH_M, FACADE_M, WINDOW_DEPTH_M
from fsd_gen.scene.rotations import facing, heading
from fsd_gen.scene.spec import MaterialSpec, Panel, Placement, Vec3
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.rooms import coats, finishes
from fsd_gen.styles.rooms.pieces import Cast, made_id, new_seed
from fsd_gen.styles.rooms.room import INWARD, WALL_M, Room, Window, wall_heading
from fsd_gen.styles.sampler import AnySampler, count, pick

DOOR_WAY_M = 1.1  # the ground before a door that stays free
CURTAIN_ROOM_M = CURTAIN_DEPTH_M + 0.04  # from the wall
TREE_TRIANGLES = 80_000  # of one tree outside, at most


@dataclass(frozen=True, slots=True)
class Door:
    """A closed door in its frame, before a wall."""

    wall: int
    along_m: float
    width_m: float
    height_m: float

    def way(self, room: Room) -> Footprint:
        """The ground that must stay free for whoever comes in."""
        x, y, _ = room.on_wall(self.wall, self.along_m, 0.0, DOOR_WAY_M / 2)
        turn = 0.0 if self.wall % 2 == 0 else 90.0
        return Footprint(x=x, y=y, width=self.width_m + 0.1, depth=DOOR_WAY_M, heading_deg=turn)


@dataclass(frozen=True, slots=True)
class Hanging:
    """Where a curtain hangs, in wall coordinates."""

    wall: int
    along_m: float  # centre
    width_m: float
    low_m: float
    high_m: float

    def ground(self, room: Room) -> Footprint:
        """The space that it takes."""
        x, y, _ = room.on_wall(self.wall, self.along_m, 0.0, CURTAIN_ROOM_M / 2)
        turn = 0.0 if self.wall % 2 == 0 else 90.0
        return Footprint(
            x=x,
            y=y,
            width=self.width_m,
            depth=CURTAIN_ROOM_M,
            heading_deg=turn,
            bottom=self.low_m,
            top=self.high_m,
        )


@dataclass(frozen=True, slots=True)
class Openings:
    """Where one comes in and where light does."""

    doors: tuple[Door, ...]
    windows: tuple[Window, ...]
    curtain: float = 0.0  # width of one, as a share of its window; 0: there are none
    to_floor: bool = False  # or to the sill

    def curtains(self, room: Room) -> tuple[Hanging, ...]:
        """Two beside each window."""
        return tuple(
            hanging
            for window in self.windows
            for hanging in (_hanging(room, window, self, side) for side in (-1, 1) if self.curtain)
        )


def draw_openings(sampler: AnySampler, room: Room) -> Openings:
    """Windows in one wall of most rooms, a door or more in others."""
    rng = sampler.rng("window")
    outer = int(rng.integers(4))
    chances = {"corridor": 0.25, "bath": 0.4, "warehouse": 0.4}
    windows = _windows(rng, room, outer) if rng.uniform() < chances.get(room.kind, 0.75) else ()
    walls = [wall for wall in range(4) if not windows or wall != outer]
    doors = []
    for wall in rng.permutation(walls).tolist()[: 3 if room.kind == "corridor" else 1]:
        doors += _doors(rng, room, wall, count(rng, (1, 3)) if room.kind == "corridor" else 1)
    curtained = rng.uniform() < 0.6 and room.kind not in ("bath", "warehouse")
    share, to_floor = float(rng.uniform(0.16, 0.3)), bool(rng.uniform() < 0.6)
    return Openings(tuple(doors), windows, share if curtained else 0.0, to_floor)


def _hanging(room: Room, window: Window, openings: Openings, side: int) -> Hanging:
    """The curtain on one side (-1: left), as far as the wall goes on."""
    left, right, low, high = window.edges()
    wide = max(round(openings.curtain * window.size[0], 2), 0.12)
    edge = room.wall_length(window.wall) / 2 - 0.02 - wide / 2
    along = (left if side < 0 else right) + side * wide * 0.55
    foot = 0.03 if openings.to_floor else max(low - 0.12, 0.03)
    top = min(high + 0.15, room.ceiling_m - 0.02)
    return Hanging(window.wall, float(np.clip(along, -edge, edge)), wide, foot, top)


def _windows(rng: np.random.Generator, room: Room, wall: int) -> tuple[Window, ...]:
    length = room.wall_length(wall)
    number = max(1, min(3, int(length / rng.uniform(1.8, 4.0))))
    share = length / number
    height = float(rng.uniform(0.9, 1.5)) if room.kind != "bath" else 0.7
    width = float(rng.uniform(0.5, 0.75)) * min(share, 2.6)
    top = min(room.ceiling_m - 0.2, 2.3)
    height = min(height, top - 0.5)
    if room.kind == "warehouse":
        top = room.ceiling_m - 0.3
    places = [(k + 0.5) * share - length / 2 for k in range(number)]
    return tuple(Window(wall=wall, along_m=a, up_m=top - height / 2, size=(width, height)) for a in places)


def _doors(rng: np.random.Generator, room: Room, wall: int, number: int) -> list[Door]:
    length = room.wall_length(wall)
    number = max(1, min(number, int(length / 1.6)))
    share, height = length / number, min(float(rng.uniform(2.0, 2.15)), room.ceiling_m - 0.1)
    width = min(float(rng.uniform(0.85, 1.05)), share - 0.3)
    slack = (share - width) / 2 - 0.12
    return [
        Door(wall, (k + 0.5) * share - length / 2 + float(rng.uniform(-slack, slack)), width, height)
        for k in range(number)
    ]


def hang_doors(sampler: AnySampler, room: Room, doors: tuple[Door, ...]) -> list[Placement]:
    """The doors as objects; those of one room look alike."""
    rng = sampler.rng("doors")
    seed, looks = new_seed(rng), coats.door(rng)
    placements = []
    for number, door in enumerate(doors):
        asset = made_id("room_door", seed, door.width_m, door.height_m)
        position = room.on_wall(door.wall, door.along_m, 0.0, DOOR_DEPTH_M / 2 + 0.001)
        placements.append(_hung(f"Door_{number}", asset, position, door.wall).but(looks=looks))
    return placements


def _hung(name: str, asset: str, position: Vec3, wall: int) -> Placement:
    return Placement(name=name, asset=asset, position=position, rotation=heading(wall_heading(wall)))


def glaze(sampler: AnySampler, room: Room, openings: Openings) -> tuple[list[Placement], list[Panel]]:
    """Frames, reveals and sills of the windows, and curtains beside them."""
    rng = sampler.rng("windows")
    placements: list[Placement] = []
    panels: list[Panel] = []
    seed, cloth = new_seed(rng), new_seed(rng)
    for number, window in enumerate(openings.windows):
        asset = made_id("room_window", seed, *window.size)
        foot = room.on_wall(window.wall, window.along_m, window.edges()[2], -WALL_M + WINDOW_DEPTH_M)
        placements.append(_hung(f"Window_{number}", asset, foot, window.wall))
        panels += _reveal(room, number, window)
    for number, curtain in enumerate(openings.curtains(room)):
        asset = made_id("room_curtain", cloth, curtain.width_m, curtain.high_m - curtain.low_m)
        foot = room.on_wall(curtain.wall, curtain.along_m, curtain.low_m, CURTAIN_DEPTH_M / 2 + 0.02)
        placements.append(_hung(f"Curtain_{number}", asset, foot, curtain.wall))
    return placements, panels


def _reveal(room: Room, number: int, window: Window) -> list[Panel]:
    """The four sides of the hole through the wall; the lower one is the sill."""
    left, right, low, high = window.edges()
    white = MaterialSpec(colour=(0.72, 0.71, 0.68), roughness=0.5)
    x, y = INWARD[window.wall]
    along = np.cross([0.0, 0.0, 1.0], [x, y, 0.0])
    sides = {
        "sill": ((left + right) / 2, low, (0.0, 0.0, 1.0), right - left),
        "head": ((left + right) / 2, high, (0.0, 0.0, -1.0), right - left),
        "left": (left, (low + high) / 2, tuple(along.tolist()), high - low),
        "right": (right, (low + high) / 2, tuple((-along).tolist()), high - low),
    }
    panels = []
    for name, (a, u, normal, length) in sides.items():
        flat = name in ("sill", "head")
        turned = facing(normal, (x, y, 0.0))
        panels.append(
            Panel(
                name=f"Reveal_{number}_{name}",
                position=room.on_wall(window.wall, a, u, -WALL_M / 2),
                rotation=turned,
                size=(length + 0.002 * flat, WALL_M),
                material=white,
            )
        )
    return panels


def outside(
    sampler: AnySampler, room: Room, cast: Cast, windows: tuple[Window, ...]
) -> tuple[list[Placement], list[Panel]]:
    """Ground, house fronts and trees on the other side of the window's wall."""
    if not windows:
        return [], []
    rng, wall = sampler.rng("outside"), windows[0].wall
    storey = float(rng.choice([0.25, 3.1, 6.0]))
    ground = materials.made(rng, pick(rng, ("gravel", "asphalt", "concrete")))
    grass = finishes.of_pack(sampler, rng, ("ground",))
    panels = [
        Panel(
            name="Outside_ground",
            position=room.on_wall(wall, 0.0, -storey, -40.3),
            rotation=facing((0, 0, 1)),
            size=(80.0, 80.0),
            material=grass if grass and rng.uniform() < 0.6 else ground,
        )
    ]
    panels += _houses(rng, room, wall, storey)
    return _trees(rng, room, cast, wall, storey), panels


def _houses(rng: np.random.Generator, room: Room, wall: int, storey: float) -> list[Panel]:
    """Fronts in a row that does not hide the whole sky."""
    panels: list[Panel] = []
    x, y = INWARD[wall]
    away, along = float(rng.uniform(9, 28)), float(rng.uniform(-30, -22))
    scale = round(1 / FACADE_M, 5)
    while along < 26:
        width, height = float(rng.uniform(6, 15)), float(rng.uniform(3.5, 13))
        back = away + float(rng.uniform(0, 6))
        front = MaterialSpec(
            texture=made_id("room_facade", new_seed(rng)), uv_scale=(scale, scale), roughness=0.9
        )
        panels.append(
            Panel(
                name=f"House_{len(panels)}",
                position=room.on_wall(wall, along + width / 2, height / 2 - storey, -back),
                rotation=facing((x, y, 0.0)),
                size=(width, height),
                material=front,
            )
        )
        along += width + (0.0 if rng.uniform() < 0.5 else float(rng.uniform(1, 8)))
    return panels


def _trees(rng: np.random.Generator, room: Room, cast: Cast, wall: int, storey: float) -> list[Placement]:
    trees = [t for t in cast.pieces("tree") if t.record and (t.record.triangles or 0) < TREE_TRIANGLES]
    placements = []
    for number in range(int(rng.integers(0, 6)) if trees else 0):
        tree = pick(rng, trees)
        off = -float(rng.uniform(2.5, 8.5)) - max(tree.size[:2]) / 2
        placements.append(
            Placement(
                name=f"Tree_{number}",
                asset=tree.asset,
                position=room.on_wall(wall, float(rng.uniform(-9, 9)), -storey, off),
                rotation=heading(float(rng.uniform(0, 360))),
            )
        )
    return placements


def before_window(room: Room, window: Window) -> Footprint:
    """The ground in front of a window that must stay free of tall things."""
    x, y, _ = room.on_wall(window.wall, window.along_m, 0.0, 0.3)
    turn = 0.0 if window.wall % 2 == 0 else 90.0
    low = window.edges()[2]
    return Footprint(
        x=x, y=y, width=window.size[0] + 0.3, depth=0.6, heading_deg=turn, bottom=low, top=room.ceiling_m
    )
