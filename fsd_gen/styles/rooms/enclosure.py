"""What closes a room in: its shell, doors and windows, and the street that the windows show."""

from __future__ import annotations

from dataclasses import dataclass

from fsd_gen.scene.spec import Panel, Placement
from fsd_gen.styles.rooms import openings
from fsd_gen.styles.rooms.floorplan import Floor
from fsd_gen.styles.rooms.pieces import Cast
from fsd_gen.styles.rooms.room import shell
from fsd_gen.styles.sampler import AnySampler


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A room without anything in it."""

    placements: tuple[Placement, ...]  # doors, window frames, curtains, trees outside
    panels: tuple[Panel, ...]  # floor, ceiling, walls, reveals
    outside: tuple[Panel, ...]  # what stands on the other side of the windows


def enclose(sampler: AnySampler, floor: Floor, cast: Cast) -> Enclosure:
    """The room around a floor, with the openings that were drawn for it."""
    room, holes = floor.room, floor.openings
    glazing, reveals = openings.glaze(sampler, room, holes)
    trees, outside = openings.outside(sampler, room, cast, holes.windows)
    doors = openings.hang_doors(sampler, room, holes.doors)
    return Enclosure(
        placements=(*doors, *glazing, *trees),
        panels=(*shell(sampler, room, holes.windows), *reveals),
        outside=tuple(outside),
    )
