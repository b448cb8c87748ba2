"""Light of flying scenes: domes bright, dim and tinted; lamps of every shape and colour; suns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import DiskLight, DomeSpec, LightSpec, RectLight, SphereLight, Vec3
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.sampler import AnySampler, log_uniform

Array = NDArray[np.float64]
NEUTRAL = 0.6  # of the lamps, whose light is that of a black body


def chaotic_dome(sampler: AnySampler, *, seen: bool) -> DomeSpec:
    """A panorama; a sharp one where it is `seen`. Sometimes tinted; unseen, sometimes of one colour."""
    rng = sampler.rng("dome-tint")
    dome = lighting.dome(sampler, "sharp") if seen else lighting.dome(sampler)
    kind = rng.uniform()
    if kind < 0.15 and not seen:
        return DomeSpec(colour=_colour(rng), rotation_deg=0.0)
    if kind < 0.35:
        r, g, b = (base * tint for base, tint in zip(dome.colour, _colour(rng), strict=True))
        return dome.but(colour=(r, g, b))
    return dome


def chaotic_lamps(rng: np.random.Generator, centre: Vec3, reach_m: float, *, inside: bool) -> list[LightSpec]:
    """None to four lamps around the objects, or two to five within a box, which lets no other light in;
    in the open also a sun in two scenes of five.
    """
    lamps: list[LightSpec] = []
    for index in range(int(rng.integers(2, 6) if inside else rng.integers(0, 5))):
        away_m = reach_m * (rng.uniform(0.25, 0.34) if inside else rng.uniform(1.3, 2.0))
        lamps.append(_lamp(rng, f"Lamp_{index}", np.array(centre), away_m, reach_m))
    if not inside and rng.uniform() < 0.4:
        lamps.append(lighting.sun(rng, irradiance=log_uniform(rng, 1.0, 6.0)))
    return lamps


def _lamp(rng: np.random.Generator, name: str, centre_3: Array, away_m: float, reach_m: float) -> LightSpec:
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(15, 85))
    away_3 = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    x, y, z = (centre_3 + away_3 * away_m).tolist()
    side_m = away_m * float(rng.uniform(0.1, 0.45))
    power = log_uniform(rng, 1.0, 9.0) * away_m**2 / side_m**2
    radiance = lighting.scaled(_colour(rng), power)
    shape = int(rng.integers(3))
    if shape == 0:
        return SphereLight(name=name, position=(x, y, z), radius_m=max(side_m / 2, 0.001), radiance=radiance)
    turned = facing(away_3)  # shines along its own -z
    if shape == 1:
        radius_m = max(side_m / 2, 0.001)
        return DiskLight(name=name, position=(x, y, z), rotation=turned, radius_m=radius_m, radiance=radiance)
    size = (side_m, side_m * float(rng.uniform(0.3, 1.0)))
    return RectLight(name=name, position=(x, y, z), rotation=turned, size=size, radiance=radiance)


def _colour(rng: np.random.Generator) -> Vec3:
    if rng.uniform() < NEUTRAL:
        return materials.blackbody(rng.uniform(2700, 9000))
    return materials.colour(rng, saturation=(0.2, 0.7), value=(0.9, 1.0))
