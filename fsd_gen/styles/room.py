"""The shell of a room: floor, ceiling, walls with an optional window, skirting, rug and pictures.

The room is centred over the origin, its floor at z = 0. Walls are numbered by the side they stand
on: 0 at +y, 1 at -x, 2 at -y, 3 at +x; wall coordinates are (along, up) from the wall's foot centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import MaterialSpec, Panel, RectLight, Vec2, Vec3
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.sampler import Sampler, pick

INWARD = ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangular hole in a wall, in wall coordinates."""

    wall: int
    along_m: float  # centre
    up_m: float  # centre
    size: Vec2  # metres


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A box to live in."""

    width_m: float  # along x
    depth_m: float  # along y
    ceiling_m: float

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


def draw_room(sampler: Sampler) -> Room:
    """A room of random size."""
    rng, indoor = sampler.rng("room"), sampler.config.indoor
    return Room(
        width_m=round(float(rng.uniform(*indoor.room_m)), 3),
        depth_m=round(float(rng.uniform(*indoor.room_m)), 3),
        ceiling_m=round(float(rng.uniform(*indoor.ceiling_m)), 3),
    )


def draw_window(sampler: Sampler, room: Room) -> Window | None:
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
        along_m=round(float(rng.uniform(-slack, slack)), 4),
        up_m=round(min(1.5 + float(rng.uniform(-0.15, 0.2)), room.ceiling_m - height / 2 - 0.15), 4),
        size=(round(width, 4), round(height, 4)),
    )


def shell(sampler: Sampler, room: Room, window: Window | None) -> tuple[Panel, ...]:
    """Floor, ceiling, four walls, skirting boards and the window's frame."""
    rng = sampler.rng("shell")
    floor = materials.surface(sampler, rng, "floor", "carpet")
    ceiling = materials.surface(sampler, rng, "ceiling", paint=0.8)
    base = materials.surface(sampler, rng, "wall", "plaster", paint=0.45)
    accent = (
        materials.surface(sampler, rng, "wall", "brick", "wood", "stone") if rng.uniform() < 0.5 else base
    )
    accent_wall = int(rng.integers(4))
    size = (room.width_m, room.depth_m)
    panels = [
        Panel(name="Floor", position=(0, 0, 0), rotation=facing((0, 0, 1)), size=size, material=floor),
        Panel(
            name="Ceiling",
            position=(0, 0, room.ceiling_m),
            rotation=facing((0, 0, -1)),
            size=size,
            material=ceiling,
        ),
    ]
    skirting = MaterialSpec(
        colour=materials.colour(rng, saturation=(0, 0.3), value=(0.3, 0.95)), roughness=0.5
    )
    for wall in range(4):
        coat = accent if wall == accent_wall else base
        panels += _wall(room, wall, coat, window if window and window.wall == wall else None)
        length = room.wall_length(wall)
        panels.append(room.wall_panel(f"Skirting_{wall}", wall, (0, 0.04), (length, 0.08), skirting, 0.012))
    return tuple(panels)


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
        shifted = coat.model_copy(update={"uv_offset": _continued(coat, a0 + length / 2, u0)})
        centre, size = ((a0 + a1) / 2, (u0 + u1) / 2), (a1 - a0, u1 - u0)
        panels.append(room.wall_panel(f"Wall_{wall}_{name}", wall, centre, size, shifted))
    return panels + _frame(room, window)


def _continued(coat: MaterialSpec, along_m: float, up_m: float) -> Vec2:
    """Texture offset that lets a piece go on where the whole wall's pattern would be."""
    u = coat.uv_offset[0] + along_m * coat.uv_scale[0]
    v = coat.uv_offset[1] + up_m * coat.uv_scale[1]
    return (round(u % 1.0, 5), round(v % 1.0, 5))


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


def decorate(sampler: Sampler, room: Room, window: Window | None) -> tuple[Panel, ...]:
    """Framed pictures on the walls and perhaps a rug."""
    rng, panels = sampler.rng("decoration"), []
    paintings = sampler.assets("texture", "painting") + sampler.assets("photo")
    count = int(rng.integers(sampler.config.indoor.pictures[0], sampler.config.indoor.pictures[1] + 1))
    for index in range(count if paintings else 0):
        wall = int(rng.integers(4))
        width, height = float(rng.uniform(0.3, 0.9)), float(rng.uniform(0.3, 0.8))
        slack = room.wall_length(wall) / 2 - width
        centre = (float(rng.uniform(-slack, slack)), float(rng.uniform(1.35, 1.75)))
        if (
            window
            and window.wall == wall
            and abs(centre[0] - window.along_m) < (width + window.size[0]) / 2 + 0.1
        ):
            continue
        frame = MaterialSpec(colour=materials.colour(rng, value=(0.05, 0.6)), roughness=0.4)
        image = MaterialSpec(texture=pick(rng, paintings).id, uv_scale=(1 / width, 1 / height), roughness=0.5)
        border = (width + 0.06, height + 0.06)
        panels.append(
            room.wall_panel(f"Frame_of_{index}", wall, centre, border, frame, 0.012 + index * 0.002)
        )
        panels.append(
            room.wall_panel(f"Picture_{index}", wall, centre, (width, height), image, 0.02 + index * 0.002)
        )
    if rng.uniform() < 0.5:
        panels.append(_rug(sampler, rng, room))
    return tuple(panels)


def _rug(sampler: Sampler, rng: np.random.Generator, room: Room) -> Panel:
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
