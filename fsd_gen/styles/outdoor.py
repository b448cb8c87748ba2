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
from fsd_gen.styles.outdoors.standpoint import Stand, best_stand, body, random_stand
from fsd_gen.styles.outdoors.streetscape import LEFT, RIGHT, ZONES, Street
from fsd_gen.styles.outdoors.yards import YARDS, Place
from fsd_gen.styles.registry import Style
from fsd_gen.styles.sampler import Sampler, StyleConfig

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
    road, side = street.road, int(rng.choice([RIGHT, LEFT]))
    v = side * (road.half_m + float(rng.uniform(0.35, 0.75)) * road.pavement_m)
    x, y, z = street.at(0.0, v)
    height, pitch = float(rng.uniform(0.8, 1.9)), np.deg2rad(float(rng.uniform(-8, 3)))
    turn = np.deg2rad(road.heading_deg(0.0) - side * float(rng.uniform(-6, 55)))
    eye = (round(x, 4), round(y, 4), round(z + height, 4))
    target = (x + 6 * float(np.cos(turn)), y + 6 * float(np.sin(turn)), z + height + 6 * float(np.tan(pitch)))
    stand = Stand(eye=eye, target=target)
    for spot in body(stand, rig, sampler.nearest_m(rig)):
        street.scenery.take(spot)
    street.fill()
    street.traffic(own_lane=-1, gap_m=0.0)
    street.parked()
    street.persons((4, 16))
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
    place.view = stand
    return stand


def _last(sampler: Sampler[Config], place: Place, rig: StereoRig) -> Stand:
    """The best of many places to stand, each looking at the centre of mass of what is around something."""
    rng = sampler.rng("camera")
    small = [spot for spot in place.scenery.footprints if max(spot.width, spot.depth) < 5]
    aims = small or [Footprint(x=0, y=0, width=1, depth=1, heading_deg=0, top=1.5)]
    return best_stand(
        rng, place.half, place.ground.height, place.scenery.footprints, aims, rig, sampler.nearest_m(rig)
    )


def _pose(sampler: Sampler[Config], stand: Stand) -> CameraPose:
    roll = float(sampler.rng("roll").normal(0, 1.5))
    return CameraPose(position=stand.eye, target=stand.target, roll_deg=roll)


STYLE = Style(name="outdoor", config=Config, compose=compose)
