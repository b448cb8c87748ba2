"""The shell of a room: floor, ceiling, walls with an optional window, skirting, rug and pictures.

The room is centred over the origin, its floor at z = 0. Walls are numbered by the side they stand
on: 0 at +y, 1 at -x, 2 at -y, 3 at +x; wall coordinates are (along, up) from the wall's foot centre.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from assets_manifest.records import Asset
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import MaterialSpec, Panel, RectLight, Value, Vec2, Vec3, rounded
from fsd_gen.sections import PositiveRange, within
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.sampler import AnySampler, Sampler, StyleConfig, count, pick

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


class Room(Value):
    """A box to live in."""

    width_m: Side  # along x
    depth_m: Side  # along y
    ceiling_m: Side

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


def draw_window(sampler: AnySampler, room: Room) -> Window | None:
    """A window in two rooms of three."""
    rng = sampler.rng("window")
    if rng.uniform() > 0.67:
        return None
    wall = int(rng.integers(4))
    width = float(rng.uniform(0.9, min(2.4, room.wall_length(wall) * 0.5)))
    height = float(rng.uniform(0.9, 1.4))
    slack = (room.wall_length(wall) - width) / 2 - 0.3
    return Window(
        wall=wall,
        along_m=float(rng.uniform(-slack, slack)),
        up_m=min(1.5 + float(rng.uniform(-0.15, 0.2)), room.ceiling_m - height / 2 - 0.15),
        size=(width, height),
    )


def shell(sampler: AnySampler, room: Room, window: Window | None) -> tuple[Panel, ...]:
    """Floor, ceiling, four walls, skirting boards and the window's frame."""
    rng = sampler.rng("shell")
    floor = materials.surface(sampler, rng, "floor", "carpet")
    ceiling = materials.surface(sampler, rng, "ceiling", paint=0.8)
    base = materials.surface(sampler, rng, "wall", "plaster", paint=0.45)
    accented = rng.uniform() < 0.5
    accent = materials.surface(sampler, rng, "wall", "brick", "wood", "stone") if accented else base
    accent_wall = int(rng.integers(4))
    wood = materials.colour(rng, saturation=(0, 0.3), value=(0.3, 0.95))
    panels = [_level(room, "Floor", 0.0, 1.0, floor), _level(room, "Ceiling", room.ceiling_m, -1.0, ceiling)]
    for wall in range(4):
        coat = accent if wall == accent_wall else base
        panels += _wall(room, wall, coat, window if window and window.wall == wall else None)
        panels.append(_skirting(room, wall, MaterialSpec(colour=wood, roughness=0.5)))
    return tuple(panels)


def _level(room: Room, name: str, z: float, normal_z: float, material: MaterialSpec) -> Panel:
    size = (room.width_m, room.depth_m)
    turned = facing((0.0, 0.0, normal_z))
    return Panel(name=name, position=(0, 0, z), rotation=turned, size=size, material=material)


def _skirting(room: Room, wall: int, material: MaterialSpec) -> Panel:
    size = (room.wall_length(wall), 0.08)
    return room.wall_panel(f"Skirting_{wall}", wall, (0, 0.04), size, material, 0.012)


def _wall(room: Room, wall: int, coat: MaterialSpec, window: Window | None) -> list[Panel]:
    length, height = room.wall_length(wall), room.ceiling_m
    if window is None:
        return [room.wall_panel(f"Wall_{wall}", wall, (0, height / 2), (length, height), coat)]
    half_w, half_h = window.size[0] / 2, window.size[1] / 2
    left, right = window.along_m - half_w, window.along_m + half_w
    low, high = window.up_m - half_h, window.up_m + half_h
    pieces = {  # name: (from along, to along, from up, to up)
        "left": (-length / 2, left, 0.0, height),
        "right": (right, length / 2, 0.0, height),
        "below": (left, right, 0.0, low),
        "above": (left, right, high, height),
    }
    panels = []
    for name, (a0, a1, u0, u1) in pieces.items():
        shifted = coat.but(uv_offset=_continued(coat, a0 + length / 2, u0))
        centre, size = ((a0 + a1) / 2, (u0 + u1) / 2), (a1 - a0, u1 - u0)
        panels.append(room.wall_panel(f"Wall_{wall}_{name}", wall, centre, size, shifted))
    return panels + _frame(room, window)


def _continued(coat: MaterialSpec, along_m: float, up_m: float) -> Vec2:
    """Texture offset that lets a piece go on where the whole wall's pattern would be."""
    u = coat.uv_offset[0] + along_m * coat.uv_scale[0]
    v = coat.uv_offset[1] + up_m * coat.uv_scale[1]
    return (u % 1.0, v % 1.0)


def _frame(room: Room, window: Window) -> list[Panel]:
    white = MaterialSpec(colour=(0.75, 0.74, 0.72), roughness=0.4)
    width, height = window.size
    a, u, bar = window.along_m, window.up_m, 0.06
    strips = {
        "left": ((a - width / 2, u), (bar, height + bar)),
        "right": ((a + width / 2, u), (bar, height + bar)),
        "low": ((a, u - height / 2), (width, bar)),
        "high": ((a, u + height / 2), (width, bar)),
        "middle": ((a, u), (bar * 0.7, height)),
    }
    return [
        room.wall_panel(f"Frame_{name}", window.wall, centre, size, white, 0.02)
        for name, (centre, size) in strips.items()
    ]


def daylight(window: Window, room: Room, radiance: Vec3) -> RectLight:
    """The bright sky behind a window, shining into the room."""
    x, y = INWARD[window.wall]
    return RectLight(
        name="Daylight",
        position=room.on_wall(window.wall, window.along_m, window.up_m, -0.08),
        rotation=facing((-x, -y, 0.0)),  # shines along its own -z
        size=(round(window.size[0] + 1.6, 4), round(window.size[1] + 1.0, 4)),
        radiance=radiance,
    )


def before_window(room: Room, window: Window) -> Footprint:
    """The ground in front of a window that must stay free of tall things."""
    x, y, _ = room.on_wall(window.wall, window.along_m, 0.0, 0.3)
    turn = 0.0 if window.wall % 2 == 0 else 90.0
    return Footprint(x=x, y=y, width=window.size[0] + 0.3, depth=0.6, heading_deg=turn)


def decorate(
    sampler: AnySampler, room: Room, window: Window | None, *, pictures: tuple[int, int]
) -> tuple[Panel, ...]:
    """Framed pictures on the walls and perhaps a rug."""
    rng = sampler.rng("decoration")
    paintings = sampler.assets("texture", "painting") + sampler.assets("photo")
    wanted = count(rng, pictures)
    panels: list[Panel] = []
    for index in range(wanted if paintings else 0):
        panels += _picture(rng, room, window, index, paintings)
    if rng.uniform() < 0.5:
        panels.append(_rug(sampler, rng, room))
    return tuple(panels)


def _picture(
    rng: np.random.Generator, room: Room, window: Window | None, index: int, paintings: tuple[Asset, ...]
) -> tuple[Panel, ...]:
    """A picture in its frame; nothing where it would hang over the window."""
    wall = int(rng.integers(4))
    width, height = float(rng.uniform(0.3, 0.9)), float(rng.uniform(0.3, 0.8))
    slack = room.wall_length(wall) / 2 - width
    centre = (float(rng.uniform(-slack, slack)), float(rng.uniform(1.35, 1.75)))
    if window and window.wall == wall and _overlap(window, centre[0], width):
        return ()
    wood = MaterialSpec(colour=materials.colour(rng, value=(0.05, 0.6)), roughness=0.4)
    image = MaterialSpec(texture=pick(rng, paintings).id, uv_scale=(1 / width, 1 / height), roughness=0.5)
    border, off_m = (width + 0.06, height + 0.06), 0.012 + index * 0.002
    return (
        room.wall_panel(f"Frame_of_{index}", wall, centre, border, wood, off_m),
        room.wall_panel(f"Picture_{index}", wall, centre, (width, height), image, 0.02 + index * 0.002),
    )


def _overlap(window: Window, along_m: float, width_m: float) -> bool:
    return abs(along_m - window.along_m) < (width_m + window.size[0]) / 2 + 0.1


def _rug(sampler: AnySampler, rng: np.random.Generator, room: Room) -> Panel:
    size = (float(rng.uniform(0.3, 0.6)) * room.width_m, float(rng.uniform(0.3, 0.6)) * room.depth_m)
    return Panel(
        name="Rug",
        position=(
            float(rng.uniform(-0.1, 0.1)) * room.width_m,
            float(rng.uniform(-0.1, 0.1)) * room.depth_m,
            0.008,
        ),
        rotation=facing((0, 0, 1)),
        size=size,
        material=materials.surface(sampler, rng, "carpet", "fabric"),
    )
