"""Driving scenes: the view from a car's lane, along a road with traffic, markings, signs, people, houses."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import CameraPose, SceneSpec
from fsd_gen.sections import Count, PositiveRange, Share, within
from fsd_gen.styles import lighting
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.hard import hardened
from fsd_gen.styles.needs import TEXTURE, Need
from fsd_gen.styles.outdoor import time_of_day
from fsd_gen.styles.outdoors import roadside
from fsd_gen.styles.outdoors.frontage import Frontage
from fsd_gen.styles.outdoors.streetscape import RIGHT, Street
from fsd_gen.styles.outdoors.traffic import Traffic
from fsd_gen.styles.outdoors.zones import ZONES
from fsd_gen.styles.registry import Style
from fsd_gen.styles.sampler import Sampler, StyleConfig

CAR_M = 4.6  # what the lane before the camera is free of others for, at least
SWEEP_M = 1.1  # half the width of the camera's car


class Config(StyleConfig):
    """Roads in towns, suburbs and the country."""

    baseline_m: Annotated[PositiveRange, AfterValidator(within(0.001, 3, "metres"))] = (0.1, 0.6)
    """Log-uniform: rigs on cars are wider than others."""

    camera_m: Annotated[PositiveRange, AfterValidator(within(0.3, 5, "metres"))] = (1.2, 1.8)
    """Height over the road."""

    people: Count = (3, 16)  # on pavements and crossings
    overcast: Share = 0.2  # of the scenes under cloud
    dusk: Share = 0.15  # of the scenes at dusk
    night: Share = 0.15  # of the scenes at night, with lamps

    def needs(self) -> tuple[Need, ...]:
        """Ground to stand on."""
        return (TEXTURE,)


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """A road seen from a lane of it."""
    style, layout = sampler.style, sampler.rng("layout")
    light = lighting.sky_and_sun(sampler, time_of_day(layout, style.overcast, style.dusk, style.night))
    street = Street(
        sampler, ZONES[str(layout.choice(sorted(ZONES), p=[0.2, 0.15, 0.3, 0.35]))], dark=light.dark
    )
    height = float(layout.uniform(*style.camera_m))
    rig = sampler.rig(nearest_m=float(layout.uniform(1.8, 3.2)), baseline_m=style.baseline_m)
    lane = int(layout.integers(street.road.lanes))
    gap_m = max(CAR_M, sampler.nearest_m(rig)) * float(layout.uniform(1.0, 3.0))
    _reserve(street, lane, gap_m, rig)
    roadside.fill(street, Frontage.of(street).build)
    traffic = Traffic(street)
    traffic.drive(own_lane=lane, gap_m=gap_m)
    traffic.parked()
    traffic.persons(style.people)
    scene = sampler.scene(
        rig,
        _pose(sampler, street, lane, height),
        placements=hardened(sampler, street.scenery.placements),
        panels=(street.land,),
        lights=(*light.lights, *street.scenery.lights),
        dome=light.dome,
    )
    return lighting.exposed(scene, light)


def _reserve(street: Street, lane: int, gap_m: float, rig: StereoRig) -> None:
    """Keep the lane free from behind the camera to `gap_m` before it."""
    wide = 2 * SWEEP_M + rig.baseline_m
    street.scenery.eye = street.at(0.0, street.road.lane_v(lane, RIGHT))[:2]
    for s in np.arange(-3.0, gap_m, 2.0):
        x, y, _ = street.at(float(s) + 1.0, street.road.lane_v(lane, RIGHT) - rig.baseline_m / 2)
        turn = street.road.heading_deg(float(s) + 1.0)
        street.scenery.take(Footprint(x=x, y=y, width=2.0, depth=wide, heading_deg=turn))


def _pose(sampler: Sampler[Config], street: Street, lane: int, height: float) -> CameraPose:
    """In the lane's middle, about along the road."""
    rng = sampler.rng("camera")
    v = street.road.lane_v(lane, RIGHT) + float(rng.normal(0, 0.12))
    x, y, z = street.at(0.0, v)
    ahead = 14.0
    tx, ty, tz = street.at(ahead, v)
    yaw, pitch = np.deg2rad(rng.normal(0, 2.5)), np.deg2rad(float(rng.uniform(-4.5, 1.5)))
    level = np.array([tx - x, ty - y])
    turned = level @ np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    target = (x + float(turned[0]), y + float(turned[1]), tz + height + ahead * float(np.tan(pitch)))
    return CameraPose(
        position=(round(x, 4), round(y, 4), round(z + height, 4)),
        target=target,
        roll_deg=float(rng.normal(0, 0.8)),
    )


STYLE = Style(name="driving", config=Config, compose=compose)
