"""Furnishing a room: groups of furniture, what stands on them, what hangs on the walls, what lies about."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import Panel, Placement
from fsd_gen.sections import Count, Share
from fsd_gen.styles import clutter, finishes, plans
from fsd_gen.styles.floorplan import Floor, Stood
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.groups import Maker
from fsd_gen.styles.openings import Openings
from fsd_gen.styles.pieces import Cast, Piece
from fsd_gen.styles.room import Room, RoomConfig
from fsd_gen.styles.sampler import Sampler, count


class FurnishedConfig(RoomConfig):
    """How much stands in a room."""

    furniture: Count = (6, 14)
    """Pieces on the floor; a group, such as a desk with its chair, counts as one."""

    on_support: Count = (2, 9)
    """Small objects standing on one piece of furniture."""

    on_floor: Count = (3, 10)
    """Bags, boxes, toys, piles of books along the walls."""

    retexture: Share = 0.2
    """Of the objects that get another material."""


@dataclass(frozen=True, slots=True)
class Lit:
    """A standing lamp that is on."""

    name: str
    piece: Piece
    position: tuple[float, float, float]


@dataclass(slots=True)
class Furnished:
    """What stands in a room and the ground it takes."""

    placements: list[Placement] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)  # of the furniture on the floor
    things: list[Footprint] = field(default_factory=list)  # of what stands on it
    furniture: list[tuple[Placement, Footprint]] = field(default_factory=list)
    lit: list[Lit] = field(default_factory=list)


def furnish(sampler: Sampler[FurnishedConfig], floor: Floor, cast: Cast) -> Furnished:
    """Groups along the walls and in the middle, with small things on top and about them."""
    rng = sampler.rng("furniture")
    maker, style = Maker(cast, floor.room, rng), sampler.style
    plans.fill(floor, maker, count(rng, style.furniture))
    if style.furniture[1]:
        clutter.along_walls(Maker(cast, floor.room, sampler.rng("floor")), floor, count(rng, style.on_floor))
    furnished = Furnished()
    for number, stood in enumerate(floor.stood):
        if not stood.spot.bottom:
            furnished.footprints.append(stood.spot)
        if not _hangs(stood):
            _stand(sampler, cast, floor.room, furnished, f"Furniture_{number:02d}", stood)
    furnished.panels += _rugs(sampler, floor)
    return furnished


def _hangs(stood: Stood) -> bool:
    """Whether it was hung there before, and has its placement."""
    return stood.group < 0 and stood.item.z > 0


def _stand(
    sampler: Sampler[FurnishedConfig], cast: Cast, room: Room, into: Furnished, name: str, stood: Stood
) -> None:
    """The piece itself, what stands on it, and its light."""
    spot, item = stood.spot, stood.item
    rng = sampler.rng("clutter", name)
    position = (spot.x, spot.y, spot.bottom)
    placement = Placement(
        name=name, asset=item.piece.asset, position=position, rotation=heading(spot.heading_deg)
    )
    into.placements.append(placement)
    into.furniture.append((placement, spot))
    if item.piece.globe_m:
        into.lit.append(Lit(f"{name}_bulb", item.piece, placement.position))
    maker = Maker(cast, room, rng)
    things = clutter.dress(maker, stood, count(rng, sampler.style.on_support))
    for number, thing in enumerate(things):
        thing_name = name.replace("Furniture", "Thing") + f"_{number:02d}"
        placed, ground = clutter.on(stood, thing, thing_name)
        into.placements.append(placed)
        into.things.append(ground)
        if thing.piece.globe_m:
            into.lit.append(Lit(f"{thing_name}_bulb", thing.piece, placed.position))
    into.panels += clutter.papers(maker, stood, things, name.replace("Furniture", "Paper"))


def _rugs(sampler: Sampler[FurnishedConfig], floor: Floor) -> list[Panel]:
    rng = sampler.rng("rugs")
    panels = []
    for number, rug in enumerate(floor.rugs):
        size = (round(rug.width, 3), round(rug.depth, 3))
        panels.append(
            Panel(
                name=f"Rug_{number}",
                position=(rug.x, rug.y, 0.006),
                rotation=heading(rug.heading_deg),
                size=size,
                material=finishes.rug(rng, size),
            )
        )
    return panels


def bare(room: Room) -> Floor:
    """An empty room without openings."""
    return Floor(room, Openings((), ()))
