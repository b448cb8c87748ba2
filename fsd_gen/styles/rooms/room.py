"""The shell of a room: floor, ceiling, walls with holes for windows, skirting boards.

The room is centred over the origin, its floor at z = 0. Walls are numbered by the side they stand
on: 0 at +y, 1 at -x, 2 at -y, 3 at +x; wall coordinates are (along, up) from the wall's foot centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from fsd_gen.scene.rotations import facing, heading
from fsd_gen.scene.spec import MaterialSpec, Panel, Value, Vec2, Vec3, rounded
from fsd_gen.sections import PositiveRange, within
from fsd_gen.styles import materials
from fsd_gen.styles.rooms import finishes
from fsd_gen.styles.sampler import AnySampler, Sampler, StyleConfig

WALL_M = 0.25  # thickness of a wall that has windows
OVERLAP_M = 0.02  # of wall panels at their ends, so that no light leaks in
INWARD = ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))

Side = Annotated[float, rounded(3)]  # metres
OnWall = Annotated[float, rounded(4)]  # metres


class RoomConfig(StyleConfig):
    """How large rooms are."""

    room_m: Annotated[PositiveRange, AfterValidator(within(1, 100, "metres"))] = (3.2, 7.0)
    """Side of the floor."""

    ceiling_m: Annotated[PositiveRange, AfterValidator(within(1, 30, "metres"))] = (2.4, 3.2)
    """Height of the room."""


class Window(Value):
    """A rectangular hole in a wall, in wall coordinates."""

    wall: int
    along_m: OnWall  # centre
    up_m: OnWall  # centre
    size: tuple[OnWall, OnWall]

    def edges(self) -> tuple[float, float, float, float]:
        """Left, right, low and high edge in wall coordinates."""
        (width, height), a, u = self.size, self.along_m, self.up_m
        return (a - width / 2, a + width / 2, u - height / 2, u + height / 2)


class Room(Value):
    """A box to live in."""

    width_m: Side  # along x
    depth_m: Side  # along y
    ceiling_m: Side
    kind: str = "living"

    def wall_length(self, wall: int) -> float:
        """Length of a wall along the floor."""
        return self.width_m if wall % 2 == 0 else self.depth_m

    def on_wall(self, wall: int, along_m: float, up_m: float, off_m: float = 0.0) -> Vec3:
        """World point at wall coordinates, `off_m` into the room."""
        inward = np.array([*INWARD[wall], 0.0])
        along = np.cross([0.0, 0.0, 1.0], inward)
        distance = (self.depth_m if wall % 2 == 0 else self.width_m) / 2
        x, y, z = (-inward * (distance - off_m) + along * along_m + [0, 0, up_m]).round(5).tolist()
        return (x, y, z)

    def wall_panel(
        self, name: str, wall: int, centre: Vec2, size: Vec2, material: MaterialSpec, off_m: float = 0.0
    ) -> Panel:
        """A rectangle on a wall, facing the room."""
        return Panel(
            name=name,
            position=self.on_wall(wall, *centre, off_m),
            rotation=facing((*INWARD[wall], 0.0)),
            size=(round(size[0], 5), round(size[1], 5)),
            material=material,
        )


def draw_room(sampler: Sampler[RoomConfig]) -> Room:
    """A room of random size."""
    rng, size = sampler.rng("room"), sampler.style
    return Room(
        width_m=float(rng.uniform(*size.room_m)),
        depth_m=float(rng.uniform(*size.room_m)),
        ceiling_m=float(rng.uniform(*size.ceiling_m)),
    )


def wall_heading(wall: int) -> float:
    """Degrees that turn something with its front towards -y to stand with its back to this wall."""
    inward = INWARD[wall]
    return float(np.rad2deg(np.arctan2(inward[1], inward[0]))) + 90


def shell(sampler: AnySampler, room: Room, windows: Sequence[Window] = ()) -> tuple[Panel, ...]:
    """Floor, ceiling, four walls with holes for the windows, skirting boards."""
    rng = sampler.rng("shell")
    floor, ceiling = finishes.floor(sampler, rng, room.kind), finishes.ceiling(rng, room.kind)
    base = finishes.wall(sampler, rng, room.kind)
    accented = rng.uniform() < 0.35
    accent = finishes.wall(sampler, rng, room.kind) if accented else base
    accent_wall = int(rng.integers(4))
    board = _skirting_board(rng)
    panels = [_level(room, "Floor", 0.0, 1.0, floor), _level(room, "Ceiling", room.ceiling_m, -1.0, ceiling)]
    for wall in range(4):
        coat = accent if wall == accent_wall else base
        panels += _wall(room, wall, coat, [window for window in windows if window.wall == wall])
        if room.kind not in ("bath", "warehouse"):
            panels += _skirting(room, wall, board)
    return tuple(panels)


def _level(room: Room, name: str, z: float, normal_z: float, material: MaterialSpec) -> Panel:
    size = (room.width_m + 2 * OVERLAP_M, room.depth_m + 2 * OVERLAP_M)
    turned = facing((0.0, 0.0, normal_z))
    return Panel(name=name, position=(0, 0, z), rotation=turned, size=size, material=material)


def _skirting_board(rng: np.random.Generator) -> MaterialSpec:
    """White mostly, wood, or painted."""
    kind = rng.uniform()
    if kind < 0.25:
        return materials.made(rng, "veneer")
    white = materials.colour(rng, saturation=(0, 0.06), value=(0.8, 0.95))
    return MaterialSpec(colour=white if kind < 0.85 else materials.thing_colour(rng), roughness=0.45)


def _skirting(room: Room, wall: int, material: MaterialSpec) -> list[Panel]:
    """A board 8 cm high and its upper edge."""
    length, thick = room.wall_length(wall), 0.012
    front = room.wall_panel(f"Skirting_{wall}", wall, (0, 0.04), (length, 0.08), material, thick)
    edge = Panel(
        name=f"Skirting_{wall}_top",
        position=room.on_wall(wall, 0.0, 0.08, thick / 2),
        rotation=heading(wall_heading(wall)),
        size=(length, thick),
        material=material,
    )
    return [front, edge]


def _wall(room: Room, wall: int, coat: MaterialSpec, windows: list[Window]) -> list[Panel]:
    """One panel, or the pieces around the holes, from left to right."""
    length, height = room.wall_length(wall) + 2 * OVERLAP_M, room.ceiling_m
    if not windows:
        return [room.wall_panel(f"Wall_{wall}", wall, (0, height / 2), (length, height), coat)]
    pieces: dict[str, tuple[float, float, float, float]] = {}  # from along, to along, from up, to up
    done = -length / 2
    for number, window in enumerate(sorted(windows, key=lambda w: w.along_m)):
        left, right, low, high = window.edges()
        pieces[f"{number}_left"] = (done, left, 0.0, height)
        pieces[f"{number}_below"] = (left, right, 0.0, low)
        pieces[f"{number}_above"] = (left, right, high, height)
        done = right
    pieces["right"] = (done, length / 2, 0.0, height)
    panels = []
    for name, (a0, a1, u0, u1) in pieces.items():
        if min(a1 - a0, u1 - u0) < 1e-4:
            continue
        shifted = coat.but(uv_offset=_continued(coat, a0 + length / 2, u0))
        centre, size = ((a0 + a1) / 2, (u0 + u1) / 2), (a1 - a0, u1 - u0)
        panels.append(room.wall_panel(f"Wall_{wall}_{name}", wall, centre, size, shifted))
    return panels


def _continued(coat: MaterialSpec, along_m: float, up_m: float) -> Vec2:
    """Texture offset that lets a piece go on where the whole wall's pattern would be."""
    turn = np.deg2rad(coat.uv_rotation_deg)
    u, v = along_m * coat.uv_scale[0], up_m * coat.uv_scale[1]
    du, dv = u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)
    return (float(coat.uv_offset[0] + du) % 1.0, float(coat.uv_offset[1] + dv) % 1.0)
