"""What a robot sees on its way: corridors, halls, warehouse aisles, squares and paths in a park.

The camera is low and about level, there is free ground ahead, and far things behind near ones. People,
pallets, cones and boxes stand beside the way (paper section 3.5: navigation).
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from assets_manifest.made.ground import Ground
from assets_manifest.records import Asset
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import compose as turn_after
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import Placement, SceneSpec
from fsd_gen.sections import Count, PositiveRange, Share, within
from fsd_gen.styles import indoor, lighting
from fsd_gen.styles.footprint import Footprint, is_free
from fsd_gen.styles.hard import hardened
from fsd_gen.styles.needs import TEXTURE, Need
from fsd_gen.styles.outdoor import time_of_day
from fsd_gen.styles.outdoors.crowd import people
from fsd_gen.styles.outdoors.place import Place
from fsd_gen.styles.outdoors.scenery import leaning
from fsd_gen.styles.outdoors.yards import YARDS
from fsd_gen.styles.registry import Style
from fsd_gen.styles.rooms.pieces import Piece, carton, of_asset, pallet
from fsd_gen.styles.sampler import Sampler, count, pick
from fsd_gen.styles.wayfinding import Way, longest_way, pose
from fsd_gen.styles.widest import View

Kind = indoor.Kind
MOST_STRIP_M = 12.0  # of the way that is kept free
TRIES = 20  # places tried for one thing beside the way
SPARE_M = 0.3  # beyond the distance of the largest disparity
CONES = ("cone", "arrier")
SHARES = (0.3, 0.55, 0.75)  # people, pallets, cones; the rest are boxes


class Config(indoor.Config):
    """Where robots drive."""

    room_m: Annotated[PositiveRange, AfterValidator(within(1, 100, "metres"))] = (6.0, 12.0)
    """Side of the floor."""

    rooms: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("corridor", "warehouse", "warehouse", "office")
    """Kinds of room; one named twice is twice as likely."""

    outdoors: Share = 0.3  # of the scenes
    height_m: Annotated[PositiveRange, AfterValidator(within(0.05, 3, "metres"))] = (0.2, 0.6)
    """Of the camera over the ground."""

    tall: Share = 0.25
    """Of the robots that are higher: up to twice the height."""

    beside: Count = (3, 10)  # people and things beside the way

    def widest_m(self, view: View) -> float:
        """As its largest room does, or a yard."""
        eye_m = 2 * self.height_m[1] if self.tall else self.height_m[1]
        sides_m, ceiling_m = self.largest_room() if not self.outdoors else ((math.inf, math.inf), math.inf)
        return view.widest_m(sides_m=sides_m, ceiling_m=ceiling_m, eye_m=eye_m)

    def needs(self) -> tuple[Need, ...]:
        """Surfaces."""
        return (TEXTURE,)


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """A robot's view along a free way."""
    if sampler.rng("where").uniform() < sampler.style.outdoors:
        return _outdoors(sampler)
    room = indoor.draw_room(sampler)
    rig = sampler.rig(nearest_m=1.0)
    interior = indoor.build(sampler, room)
    half_m, taken = (room.width_m / 2, room.depth_m / 2), list(interior.furnished.footprints)
    way = longest_way(sampler.rng("way"), half_m, taken, rig)
    company = _company(sampler, way, rig, taken, half_m)
    lights, bodies, dome = indoor.light(sampler, interior)
    return sampler.scene(
        rig,
        pose(way, sampler.rng("camera"), _height_m(sampler), _level),
        placements=(*interior.placements, *bodies, *hardened(sampler, company)),
        panels=interior.panels,
        lights=lights,
        dome=dome,
    )


def _outdoors(sampler: Sampler[Config]) -> SceneSpec:
    layout = sampler.rng("layout")
    light = lighting.sky_and_sun(sampler, time_of_day(layout, 0.25, 0.15, 0.1))
    rig = sampler.rig(nearest_m=1.2)
    place = Place(sampler, YARDS[str(layout.choice(sorted(YARDS)))], dark=light.dark)
    for fill in (place.backdrop, place.enclose, place.lamps, place.furniture, place.vegetation):
        fill()
    scenery, half_m = place.scenery, (place.half, place.half)
    way = longest_way(sampler.rng("way"), half_m, scenery.footprints, rig)
    company = _company(sampler, way, rig, list(scenery.footprints), half_m, place.ground)
    return sampler.scene(
        rig,
        pose(way, sampler.rng("camera"), _height_m(sampler), place.ground.height),
        placements=hardened(sampler, (*scenery.placements, *company)),
        lights=(*light.lights, *scenery.lights),
        dome=light.dome,
    )


def _level(x: float, y: float) -> float:
    return 0.0


def _height_m(sampler: Sampler[Config]) -> float:
    rng, (low, high) = sampler.rng("height"), sampler.style.height_m
    if rng.uniform() < sampler.style.tall:
        return float(rng.uniform(high, 2 * high))
    return float(rng.uniform(low, high))


def _company(
    sampler: Sampler[Config],
    way: Way,
    rig: StereoRig,
    taken: list[Footprint],
    half_m: tuple[float, float],
    ground: Ground | None = None,
) -> tuple[Placement, ...]:
    """People and things on both sides of the way, none on it. `ground` is level where there is none."""
    rng = sampler.rng("beside")
    taken.append(way.strip(min(way.free_m, MOST_STRIP_M)))
    persons = people(sampler) or sampler.assets("object", "character")
    cones = tuple(a for a in sampler.assets("object") if a.size_m and any(name in a.id for name in CONES))
    placements: list[Placement] = []
    for index in range(count(rng, sampler.style.beside)):
        what = _what(rng, persons, cones, pallets=ground is None)
        spot = _spot(rng, what, way, sampler.nearest_m(rig) + SPARE_M, taken, half_m)
        if spot is not None:
            taken.append(spot)
            placements.append(_standing(f"Beside_{index:02d}", what, spot, ground))
    return tuple(placements)


def _what(
    rng: np.random.Generator, persons: tuple[Asset, ...], cones: tuple[Asset, ...], *, pallets: bool
) -> Piece:
    kind = float(rng.uniform())
    if kind < SHARES[0] and persons:
        return of_asset(pick(rng, persons))
    if SHARES[1] <= kind < SHARES[2] and cones:
        return of_asset(pick(rng, cones))
    return pallet(rng) if kind < SHARES[1] and pallets else carton(rng)


def _spot(
    rng: np.random.Generator,
    what: Piece,
    way: Way,
    nearest_m: float,
    taken: list[Footprint],
    half_m: tuple[float, float],
) -> Footprint | None:
    """Free ground in view, sooner near the way than far from it."""
    right = np.array([way.ahead[1], -way.ahead[0]])
    furthest_m = max(nearest_m + 2.0, min(way.free_m + 2.0, 18.0))
    for _ in range(TRIES):
        depth_m = float(np.exp(rng.uniform(np.log(nearest_m), np.log(furthest_m))))
        aside_m = float(rng.choice([-1.0, 1.0])) * (0.5 + float(rng.exponential(0.35)) * depth_m)
        x, y = (np.array([way.x, way.y]) + depth_m * way.ahead + aside_m * right).tolist()
        width, depth, height = what.size
        turn = float(rng.uniform(0, 360))
        spot = Footprint(x=x, y=y, width=width + 0.1, depth=depth + 0.1, heading_deg=turn, top=height)
        if spot.within(2 * half_m[0] - 0.1, 2 * half_m[1] - 0.1) and is_free(spot, taken):
            return spot
    return None


def _standing(name: str, what: Piece, spot: Footprint, ground: Ground | None) -> Placement:
    """On the ground: people upright with both feet on it, things as it slopes."""
    turned, z = heading(spot.heading_deg), 0.0
    if ground is not None:
        upright = what.record is not None and "character" in what.record.tags
        z = ground.height(spot.x, spot.y)
        if upright:
            z = min(z, *(ground.height(*corner) for corner in spot.corners().tolist()))
        else:
            turned = turn_after(leaning(*ground.tilt(spot.x, spot.y)), turned)
    return Placement(name=name, asset=what.asset, position=(spot.x, spot.y, z), rotation=turned)


STYLE = Style(name="navigation", config=Config, compose=compose)
