"""Indoor scenes: rooms of seven kinds at real scale, full as rooms are, with lamps, and a view outside.

The camera stands in free space at eye to table height. Either it looks at the centre of mass of a group of
furniture, or it stands anywhere and looks down the room: the two spawn modes of the paper (section 3.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import CameraPose, LightSpec, Panel, Placement, SceneSpec, Vec3
from fsd_gen.sections import Count, PositiveRange, Share, within
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.registry import Style
from fsd_gen.styles.rooms import glow, lamps, openings, plans, walls
from fsd_gen.styles.rooms.enclosure import enclose
from fsd_gen.styles.rooms.floorplan import Floor
from fsd_gen.styles.rooms.furniture import Furnished, FurnishedConfig, furnish
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.pieces import Cast
from fsd_gen.styles.rooms.room import Room
from fsd_gen.styles.sampler import AnySampler, Sampler, count, pick
from fsd_gen.styles.viewpoint import Viewpoint
from fsd_gen.styles.widest import View

CAMERA_TRIES = 200
EYE_M = (0.8, 1.7)  # height of the camera
LONG = 1.5  # a corridor, of the longest side of a room
Kind = Literal["living", "bedroom", "kitchen", "bath", "office", "corridor", "warehouse"]


class Config(FurnishedConfig):
    """Furnished rooms."""

    pictures: Count = (0, 4)  # on the walls
    on_walls: Count = (2, 7)
    """Shelves, clocks, lamps and the like on the walls, beside pictures, switches and sockets."""

    rooms: Annotated[tuple[Kind, ...], Field(min_length=1)] = (
        "living",
        "bedroom",
        "kitchen",
        "bath",
        "office",
        "corridor",
        "warehouse",
    )
    """Kinds of room; one named twice is twice as likely."""

    corridor_m: Annotated[PositiveRange, AfterValidator(within(1, 20, "metres"))] = (1.6, 2.6)
    """Width of a corridor; its length is `room_m`'s upper end and half as much again."""

    warehouse_m: Annotated[PositiveRange, AfterValidator(within(2, 100, "metres"))] = (8.0, 15.0)
    """Side of a warehouse."""

    warehouse_ceiling_m: Annotated[PositiveRange, AfterValidator(within(2, 30, "metres"))] = (4.0, 7.0)
    """Height of a warehouse."""

    camera_first: Share = 0.35
    """Of the scenes whose camera is placed before it is known what it looks at."""

    def largest_room(self) -> tuple[tuple[float, float], float]:
        """Sides of the floor and height of the largest of the rooms, metres."""
        high_m = {
            self.warehouse_ceiling_m[1] if kind == "warehouse" else self.ceiling_m[1] for kind in self.rooms
        }
        return max(map(self._most_m, self.rooms), key=lambda sides: math.hypot(*sides)), max(high_m)

    def _most_m(self, kind: Kind) -> tuple[float, float]:
        side = self.warehouse_m[1] if kind == "warehouse" else self.room_m[1]
        return (self.corridor_m[1], side * LONG) if kind == "corridor" else (side, side)

    def widest_m(self, view: View) -> float:
        """As its largest room does."""
        sides_m, ceiling_m = self.largest_room()
        return view.widest_m(sides_m=sides_m, ceiling_m=ceiling_m, eye_m=EYE_M[1])


@dataclass(frozen=True, slots=True)
class Interior:
    """A room with everything in it."""

    room: Room
    floor: Floor
    furnished: Furnished
    placements: tuple[Placement, ...]
    panels: tuple[Panel, ...]


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """A furnished room with walls, a floor and a ceiling."""
    room = draw_room(sampler)
    rig = sampler.rig(nearest_m=min(room.width_m, room.depth_m) * 0.28)
    interior = build(sampler, room)
    lights, extra, dome = light(sampler, interior)
    return sampler.scene(
        rig,
        aim(sampler, room, rig, interior.furnished),
        placements=(*interior.placements, *extra),
        panels=interior.panels,
        lights=lights,
        dome=dome,
    )


def draw_room(sampler: Sampler[Config]) -> Room:
    """A room of a random kind, of the size that its kind has."""
    rng, style = sampler.rng("room"), sampler.style
    kind = pick(rng, style.rooms)
    sides, heights = style.room_m, style.ceiling_m
    if kind == "warehouse":
        sides, heights = style.warehouse_m, style.warehouse_ceiling_m
    width, depth = rng.uniform(*sides, 2).tolist()
    if kind == "corridor":
        width, depth = float(rng.uniform(*style.corridor_m)), sides[1] * float(rng.uniform(0.8, LONG))
    if kind == "bath":
        width, depth = max(width * 0.7, min(sides[0], 2.2)), max(depth * 0.7, min(sides[0], 2.4))
    return Room(width_m=width, depth_m=depth, ceiling_m=float(rng.uniform(*heights)), kind=kind)


def build(sampler: Sampler[Config], room: Room) -> Interior:
    """The room: shell, openings, furniture, walls."""
    holes = openings.draw_openings(sampler, room)
    cast, floor, hung = Cast(sampler.library), Floor(room, holes), walls.Hung()
    maker = Maker(cast, room, sampler.rng("walls"))
    walls.radiators(maker, floor, hung)
    furnished = furnish(sampler, floor, cast)
    _decorate(sampler, maker, floor, hung)
    around = enclose(sampler, floor, cast)
    hour, kelvin = _hour(sampler, room, holes)
    switches = glow.Switches(sampler, sampler.rng("switches"), hour.lamps, kelvin)
    return Interior(
        room=room,
        floor=floor,
        furnished=furnished,
        placements=switches.turned((*furnished.placements, *hung.placements, *around.placements)),
        panels=(*around.panels, *furnished.panels, *hung.panels, *around.outside),
    )


def _decorate(sampler: Sampler[Config], maker: Maker, floor: Floor, hung: walls.Hung) -> None:
    style, rng = sampler.style, maker.rng
    wanted = count(rng, style.pictures)
    done = walls.above_furniture(maker, sampler, floor, hung, wanted)
    walls.fittings(maker, floor, hung)
    walls.others(maker, floor, hung, count(rng, style.on_walls))
    if floor.room.kind != "warehouse":
        walls.pictures(maker, sampler, floor, hung, wanted - done)


def _hour(sampler: AnySampler, room: Room, holes: openings.Openings) -> tuple[lamps.Hour, float]:
    """How bright it is in and out, and the colour temperature of the lamps."""
    rng = sampler.rng("hour")
    home = room.kind in lamps.HOME
    return lamps.draw_hour(rng, holes), float(rng.uniform(2600, 4200) if home else rng.uniform(3500, 6500))


def light(
    sampler: AnySampler, interior: Interior
) -> tuple[tuple[LightSpec, ...], tuple[Placement, ...], object]:
    """Lamps, sun and sky at some hour; and the lamps' own bodies."""
    rng, holes = sampler.rng("lights"), interior.floor.openings
    hour, kelvin = _hour(sampler, interior.room, holes)
    own = lamps.Lamps(sampler, Maker(Cast(sampler.library), interior.room, rng), hour.lamps, kelvin)
    bodies, lights = own.ceiling()
    lights += [own.globe(lit.name, lit.piece, lit.position) for lit in interior.furnished.lit]
    lights += lamps.low_sun(rng, holes, hour)
    return tuple(lights), tuple(bodies), lamps.sky(sampler, hour)


def aim(sampler: Sampler[Config], room: Room, rig: StereoRig, furnished: Furnished) -> CameraPose:
    """Of the places tried the one with the best view; the checks have the last word."""
    rng, spots = sampler.rng("camera"), tuple(furnished.footprints)
    half_view = float(np.arctan(rig.width / 2 / rig.focal_px))
    nearest_m = sampler.nearest_m(rig)
    anywhere = bool(rng.uniform() < sampler.style.camera_first)
    eyes = [_eye(rng, room, spots, anywhere=anywhere) for _ in range(CAMERA_TRIES)]
    best = max(eyes, key=lambda eye: eye.score(room, spots, rig.baseline_m, half_view, nearest_m))
    return CameraPose(
        position=(best.x, best.y, best.z), target=best.target, roll_deg=float(rng.normal(0, 1.5))
    )


def _eye(rng: np.random.Generator, room: Room, spots: tuple[Footprint, ...], *, anywhere: bool) -> Viewpoint:
    x = float(rng.uniform(-0.5, 0.5)) * (room.width_m - 0.6)
    y = float(rng.uniform(-0.5, 0.5)) * (room.depth_m - 0.6)
    z = float(rng.uniform(*EYE_M))
    if anywhere or not spots:
        angle, reach = rng.uniform(0, 2 * np.pi), 3.0
        drop = float(rng.normal(-0.12, 0.08)) * reach
        target = (x + reach * float(np.cos(angle)), y + reach * float(np.sin(angle)), z + drop)
    else:
        target = _group_centre(rng, spots)
    return Viewpoint(x=x, y=y, z=z, target=target)


def _group_centre(rng: np.random.Generator, spots: tuple[Footprint, ...]) -> Vec3:
    """Centre of mass, by volume, of the pieces within two metres of a random one."""
    chosen = pick(rng, spots)
    group = [s for s in spots if s.distance_to(chosen.x, chosen.y) < 2.0]
    weights = np.array([s.width * s.depth * max(s.top, 0.1) for s in group])
    centres = np.array([[s.x, s.y, s.top / 2] for s in group])
    x, y, z = (weights @ centres / weights.sum()).tolist()
    return (x, y, z)


KINDS = plans.KINDS
STYLE = Style(name="indoor", config=Config, compose=compose)
