"""Furnishing a room: groups of furniture, what stands on them, what hangs on the walls, what lies about."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import Panel, Placement
from fsd_gen.sections import Count, Share
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.hard import Quota, harden
from fsd_gen.styles.rooms import clutter, coats, plans
from fsd_gen.styles.rooms.floorplan import Floor, Stood
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.openings import Openings
from fsd_gen.styles.rooms.pieces import Cast, Piece, made_id, new_seed
from fsd_gen.styles.rooms.room import Room, RoomConfig
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
    dresser = _Dresser(sampler, cast, floor.room, Quota.of(style.hard, sampler.rng("hard")))
    for number, stood in enumerate(floor.stood):
        if not stood.spot.bottom:
            dresser.into.footprints.append(stood.spot)
        if not _hangs(stood):
            dresser.stand(f"{number:02d}", stood)
    dresser.into.placements += _rugs(sampler, floor)
    return dresser.into


def _hangs(stood: Stood) -> bool:
    """Whether it was hung there before, and has its placement."""
    return stood.group < 0 and stood.item.z > 0


@dataclass(slots=True)
class _Dresser:
    """Gives what stands on the floor its looks, its light, and the things on it."""

    sampler: Sampler[FurnishedConfig]
    cast: Cast
    room: Room
    quota: Quota
    into: Furnished = field(default_factory=Furnished)

    def stand(self, number: str, stood: Stood) -> None:
        """The piece itself and what stands on it."""
        spot, piece, rng = stood.spot, stood.item.piece, self.sampler.rng("clutter", number)
        name, position = f"Furniture_{number}", (spot.x, spot.y, spot.bottom)
        bare_piece = Placement(
            name=name, asset=piece.asset, position=position, rotation=heading(spot.heading_deg)
        )
        placement = self._add(rng, piece, bare_piece)
        self.into.furniture.append((placement, spot))
        maker = Maker(self.cast, self.room, rng)
        things = clutter.dress(maker, stood, count(rng, self.sampler.style.on_support))
        for index, thing in enumerate(things):
            placed, ground = clutter.on(stood, thing, f"Thing_{number}_{index:02d}")
            self._add(rng, thing.piece, placed)
            self.into.things.append(ground)
        self.into.panels += clutter.papers(maker, stood, things, f"Paper_{number}")

    def _add(self, rng: np.random.Generator, piece: Piece, placement: Placement) -> Placement:
        """With new looks for some of its parts, and with its globe alight if it has one."""
        if piece.globe_m:
            self.into.lit.append(Lit(f"{placement.name}_globe", piece, placement.position))
        if piece.record:
            share = 0.8 if rng.uniform() < self.sampler.style.retexture else 0.0
            looks = materials.relook(self.sampler, rng, piece.record, share)
            placement = harden(self.sampler, rng, self.quota, placement.but(looks=looks))
        else:
            placement = placement.but(looks=coats.coat(rng, piece.asset))
        self.into.placements.append(placement)
        return placement


def _rugs(sampler: Sampler[FurnishedConfig], floor: Floor) -> list[Placement]:
    rng = sampler.rng("rugs")
    placements = []
    for number, rug in enumerate(floor.rugs):
        size = (max(round(rug.width, 2), 0.3), max(round(rug.depth, 2), 0.3))
        rug_id = made_id("room_rug", new_seed(rng), *size)
        placement = Placement(
            name=f"Rug_{number}",
            asset=rug_id,
            position=(rug.x, rug.y, 0.001),
            rotation=heading(rug.heading_deg),
            looks=coats.rug(rng, size),
        )
        placements.append(placement)
    return placements


def bare(room: Room) -> Floor:
    """An empty room without openings."""
    return Floor(room, Openings((), ()))
