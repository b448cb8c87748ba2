"""Outdoor scenes: squares, courtyards, gardens, parks and streets under a sky of some time of day.

Either the camera stands first and things are put before it, or things stand first and the camera is turned to
the centre of mass of some of them (the two ways of paper section 3.5).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import CameraPose, SceneSpec
from fsd_gen.sections import PositiveRange, Share, within
from fsd_gen.styles import lighting
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.hard import hardened
from fsd_gen.styles.needs import TEXTURE, Need
from fsd_gen.styles.outdoors import roadside
from fsd_gen.styles.outdoors.frontage import Frontage
from fsd_gen.styles.outdoors.place import Place
from fsd_gen.styles.outdoors.standpoint import (
    TRIES,
    Stand,
    best_stand,
    body,
    inside,
    pavement_stand,
    random_stand,
)
from fsd_gen.styles.outdoors.streetscape import Street
from fsd_gen.styles.outdoors.traffic import Traffic
from fsd_gen.styles.outdoors.yards import YARDS
from fsd_gen.styles.outdoors.zones import ZONES
from fsd_gen.styles.registry import Style
from fsd_gen.styles.sampler import Sampler, StyleConfig

LARGE_M = 14.0  # what is larger is a house, or ground that is kept free
BaselineRange = Annotated[PositiveRange, AfterValidator(within(0.001, 3, "metres"))]


class Config(StyleConfig):
    """When and where, as shares of the scenes; the rest is a clear or cloudy day, or a park."""

    overcast: Share = 0.18  # of the scenes under cloud
    dusk: Share = 0.16  # of the scenes at dusk
    night: Share = 0.16  # of the scenes at night, with lamps
    streets: Share = 0.25  # seen from the pavement; the others are squares, courtyards, gardens, parks
    camera_first: Share = 0.5  # the others place the camera last
    baseline_m: BaselineRange = (0.06, 0.45)
    """Log-uniform; what is far needs more than a room does."""

    def needs(self) -> tuple[Need, ...]:
        """Ground to stand on."""
        return (TEXTURE,)


def time_of_day(rng: np.random.Generator, overcast: float, dusk: float, night: float) -> str:
    """One of the times of day, by their shares; what is left is day."""
    drawn = float(rng.uniform()) * max(1.0, overcast + dusk + night)
    for name, share in (("overcast", overcast), ("dusk", dusk), ("night", night)):
        drawn -= share
        if drawn < 0:
            return name
    return "day"


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """A place out of doors, and a camera in it at 0.8 to 2 m."""
    style, layout = sampler.style, sampler.rng("layout")
    light = lighting.sky_and_sun(sampler, time_of_day(layout, style.overcast, style.dusk, style.night))
    rig = sampler.rig(nearest_m=float(layout.uniform(1.3, 3.0)), baseline_m=style.baseline_m)
    if layout.uniform() < style.streets:
        return lighting.exposed(_street(sampler, rig, light), light)
    place = Place(sampler, YARDS[str(layout.choice(sorted(YARDS)))], dark=light.dark)
    place.backdrop()
    place.enclose()
    stand = _first(sampler, place, rig) if layout.uniform() < style.camera_first else None
    place.lamps()
    place.persons()
    place.furniture()
    place.vegetation()
    stand = stand or _last(sampler, place, rig)
    scene = sampler.scene(
        rig,
        _pose(sampler, stand),
        placements=hardened(sampler, place.scenery.placements),
        lights=(*light.lights, *place.scenery.lights),
        dome=light.dome,
    )
    return lighting.exposed(scene, light)


def _street(sampler: Sampler[Config], rig: StereoRig, light: lighting.Daylight) -> SceneSpec:
    """A street seen from its pavement, along it or across."""
    rng = sampler.rng("camera")
    street = Street(sampler, ZONES[str(rng.choice(["town", "suburb", "avenue"]))], dark=light.dark)
    stand = pavement_stand(rng, street) if rng.uniform() < sampler.style.camera_first else None
    if stand is not None:
        street.scenery.eye = stand.eye[:2]
        for spot in body(stand, rig, sampler.nearest_m(rig)):
            street.scenery.take(spot)
    roadside.fill(street, Frontage.of(street).build)
    traffic = Traffic(street)
    traffic.drive(own_lane=-1, gap_m=0.0)
    traffic.parked()
    traffic.persons((4, 16))
    small = [s for s in street.scenery.footprints if max(s.width, s.depth) < LARGE_M]
    if stand is None:
        stands = [pavement_stand(rng, street, small) for _ in range(TRIES)]
        stand = best_stand(stands, small, rig, sampler.nearest_m(rig), street.scenery.crowns)
    return sampler.scene(
        rig,
        _pose(sampler, stand),
        placements=hardened(sampler, street.scenery.placements),
        panels=(street.land,),
        lights=(*light.lights, *street.scenery.lights),
        dome=light.dome,
    )


def _first(sampler: Sampler[Config], place: Place, rig: StereoRig) -> Stand:
    """Stand somewhere in the empty place and keep the ground before the camera free as far as it must be."""
    rng = sampler.rng("camera")
    stand = random_stand(rng, place.half, place.ground.height)
    for spot in body(stand, rig, sampler.nearest_m(rig)):
        place.scenery.take(spot)
    place.view, place.scenery.eye = stand, stand.eye[:2]
    return stand


def _last(sampler: Sampler[Config], place: Place, rig: StereoRig) -> Stand:
    """The best of many places to stand, each looking at the centre of mass of what is around something."""
    rng = sampler.rng("camera")
    small = [spot for spot in place.scenery.footprints if max(spot.width, spot.depth) < 5]
    aims = small or [Footprint(x=0, y=0, width=1, depth=1, heading_deg=0, top=1.5)]
    stands = inside(rng, place.half, place.ground.height, aims)
    return best_stand(stands, place.scenery.footprints, rig, sampler.nearest_m(rig), place.scenery.crowns)


def _pose(sampler: Sampler[Config], stand: Stand) -> CameraPose:
    roll = float(sampler.rng("roll").normal(0, 1.5))
    return CameraPose(position=stand.eye, target=stand.target, roll_deg=roll)


STYLE = Style(name="outdoor", config=Config, compose=compose)
