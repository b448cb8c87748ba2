"""What stands along streets and paths, made: lamps, signs, benches ..., and the light of lamps."""

from __future__ import annotations

import numpy as np

from assets_manifest.made import street
from assets_manifest.made.street import Thing
from fsd_gen.scene.rotations import heading, rotation_matrix
from fsd_gen.scene.spec import SphereLight, Vec3
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.lighting import scaled
from fsd_gen.styles.outdoors.scenery import seed


def draw_thing(
    rng: np.random.Generator, kind: str, length_m: float = 3.0, number: int | None = None
) -> tuple[str, Thing]:
    """The id of a lamp, sign, bench, fence ..., and what it is."""
    words = (kind, max(1, round(length_m * 10)), seed(rng) if number is None else number)
    return street.MAKER.asset_id(*words), Thing.of(tuple(map(str, words)))


def thing_spot(thing: Thing, x: float, y: float, heading_deg: float) -> Footprint:
    """The ground that a made thing takes."""
    width, depth, height = thing.size_m
    return Footprint(x=x, y=y, width=width, depth=depth, heading_deg=heading_deg, top=height)


def lamp_light(
    thing: Thing, name: str, position: Vec3, heading_deg: float, colour: Vec3, power: float
) -> SphereLight:
    """The bulb of a street lamp. `power` is the irradiance on the ground below it."""
    local = np.array(thing.lamp_m)
    x, y, z = (rotation_matrix(heading(heading_deg)) @ local + np.array(position)).tolist()
    radius = 0.21 if thing.kind == "ball_lamp" else 0.13
    radiance = power * thing.length_m**2 / (np.pi * radius**2)
    z += 0.0 if thing.kind != "arm_lamp" else -0.08
    return SphereLight(name=name, position=(x, y, z), radius_m=radius, radiance=scaled(colour, radiance))
