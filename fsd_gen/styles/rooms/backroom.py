"""A room behind something else: walls with openings, what hangs on them, ceiling lamps, the hour outside."""

from __future__ import annotations

from dataclasses import dataclass

from fsd_gen.scene.spec import DomeSpec, LightSpec, Panel, Placement
from fsd_gen.sections import Count
from fsd_gen.styles.rooms import lamps, walls
from fsd_gen.styles.rooms.enclosure import enclose
from fsd_gen.styles.rooms.floorplan import Floor
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.pieces import Cast
from fsd_gen.styles.sampler import AnySampler, count


@dataclass(frozen=True, slots=True, kw_only=True)
class BackRoom:
    """All of a room but its furniture."""

    placements: tuple[Placement, ...]
    panels: tuple[Panel, ...]
    lights: tuple[LightSpec, ...]
    dome: DomeSpec | None


def back_room(sampler: AnySampler, floor: Floor, *, pictures: Count) -> BackRoom:
    """Walls with windows and doors, so many pictures where they are free, and light of its own."""
    room, holes = floor.room, floor.openings
    cast, hung = Cast(sampler.library), walls.Hung()
    maker = Maker(cast, room, sampler.rng("walls"))
    walls.radiators(maker, floor, hung)
    walls.fittings(maker, floor, hung)
    walls.pictures(maker, sampler, floor, hung, count(maker.rng, pictures))
    around = enclose(sampler, floor, cast)
    rng = sampler.rng("lights")
    hour = lamps.draw_hour(rng, holes)
    own = lamps.Lamps(sampler, Maker(cast, room, rng), hour.lamps, float(rng.uniform(2700, 5500)))
    bodies, lights = own.ceiling()
    return BackRoom(
        placements=(*hung.placements, *around.placements, *bodies),
        panels=(*around.panels, *hung.panels, *around.outside),
        lights=(*lights, *lamps.low_sun(rng, holes, hour)),
        dome=lamps.sky(sampler, hour),
    )
