"""Light: panoramas, suns, lamps. Exposure is automatic, so radiances only matter relative to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made import skies
from fsd_gen.scene.rotations import facing, heading
from fsd_gen.scene.spec import DistantLight, DomeSpec, RectLight, SceneSpec, SphereLight, Vec2, Vec3
from fsd_gen.styles.materials import blackbody
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick


def scaled(rgb: Vec3, factor: float) -> Vec3:
    """`rgb` times `factor`."""
    r, g, b = (c * factor for c in rgb)
    return (r, g, b)


def dome(sampler: AnySampler, *tags: str) -> DomeSpec:
    """A panorama with all of the `tags`, turned at random."""
    rng = sampler.rng("dome")
    assets = sampler.some("hdri", *tags)
    level = log_uniform(rng, 0.6, 1.6)
    return DomeSpec(
        hdri=pick(rng, assets).id,
        colour=(level, level, level),
        rotation_deg=float(rng.uniform(0, 360)),
    )


def sun(rng: np.random.Generator, *, irradiance: float) -> DistantLight:
    """A low to high sun, its disc up to ten times the real one so that shadows may be soft."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(15, 75))
    towards_sun = (
        np.cos(elevation) * np.cos(azimuth),
        np.cos(elevation) * np.sin(azimuth),
        np.sin(elevation),
    )
    return DistantLight(
        name="Sun",
        rotation=facing(towards_sun),  # shines along its own -z
        angle_deg=log_uniform(rng, 0.53, 5.0),
        irradiance=scaled(blackbody(rng.uniform(4000, 6500)), irradiance),
    )


def balls(rng: np.random.Generator, spots_n3: NDArray[np.float64]) -> tuple[SphereLight, ...]:
    """Glowing balls at these places, of one colour temperature."""
    warm = blackbody(rng.uniform(2700, 7500))
    return tuple(
        SphereLight(
            name=f"Ball_{i}",
            position=(round(x, 4), round(y, 4), round(z, 4)),
            radius_m=float(rng.uniform(0.04, 0.1)),
            radiance=scaled(warm, log_uniform(rng, 30, 120)),
        )
        for i, (x, y, z) in enumerate(spots_n3.tolist())
    )


def ceiling_lamps(
    rng: np.random.Generator, *, room_m: Vec2, ceiling_m: float
) -> tuple[RectLight | SphereLight, ...]:
    """One or two panels in the ceiling, or two to four glowing balls below it."""
    warm = blackbody(rng.uniform(2700, 6500))
    if rng.uniform() < 0.6:
        return _ceiling_panels(rng, warm, room_m, ceiling_m)
    return _bulbs(rng, warm, room_m, ceiling_m)


def _ceiling_panels(
    rng: np.random.Generator, warm: Vec3, room_m: Vec2, ceiling_m: float
) -> tuple[RectLight, ...]:
    number, (width, depth) = int(rng.integers(1, 3)), room_m
    return tuple(
        RectLight(
            name=f"Ceiling_{i}",
            position=(
                (i - (number - 1) / 2) * width / 2,
                float(rng.uniform(-0.2, 0.2)) * depth,
                ceiling_m - 0.01,
            ),
            rotation=heading(0.0),  # shines along its own -z: down
            size=(round(float(rng.uniform(0.5, 1.3)), 3), round(float(rng.uniform(0.3, 0.8)), 3)),
            radiance=scaled(warm, log_uniform(rng, 8, 20)),
        )
        for i in range(number)
    )


def _bulbs(rng: np.random.Generator, warm: Vec3, room_m: Vec2, ceiling_m: float) -> tuple[SphereLight, ...]:
    width, depth = room_m
    return tuple(
        SphereLight(
            name=f"Bulb_{i}",
            position=(
                float(rng.uniform(-0.35, 0.35)) * width,
                float(rng.uniform(-0.35, 0.35)) * depth,
                ceiling_m - float(rng.uniform(0.15, 0.5)),
            ),
            radius_m=float(rng.uniform(0.07, 0.16)),
            radiance=scaled(warm, log_uniform(rng, 30, 90)),
        )
        for i in range(int(rng.integers(2, 5)))
    )


SKY_AZIMUTH_DEG = 90.0  # where a panorama's first column is in the world


@dataclass(frozen=True, slots=True, kw_only=True)
class Daylight:
    """A sky, and the sun or the moon that belongs to it."""

    dome: DomeSpec
    sun: DistantLight | None
    dark: bool  # lamps are lit
    exposure_ev: float  # on top of the automatic one: a picture of the night is not as bright as day

    @property
    def lights(self) -> tuple[DistantLight, ...]:
        """What shines beside the sky."""
        return (self.sun,) if self.sun else ()


def sky_and_sun(sampler: AnySampler, time_of_day: str) -> Daylight:
    """A made sky for `day`, `overcast`, `dusk` or `night`, with the light of its sun or moon."""
    rng = sampler.rng("sky")
    low, high = {"day": (8, 65), "overcast": (15, 55), "dusk": (-5, 2.5), "night": (15, 50)}[time_of_day]
    sky = skies.Sky(
        kind=time_of_day,
        elevation_deg=round(float(rng.uniform(low, high)), 1),
        turbidity=round(float(rng.uniform(2.2, 5.5)), 1),
        cover=round(float(rng.uniform(0.0, 0.62)), 2),
        seed=int(rng.integers(2**31)),
    )
    azimuth_deg = float(rng.uniform(0, 360))
    dome = DomeSpec(hdri=skies.MAKER.asset_id(*sky.words()), rotation_deg=azimuth_deg - SKY_AZIMUTH_DEG)
    return Daylight(
        dome=dome,
        sun=_sun_of(sky, azimuth_deg),
        dark=time_of_day in ("dusk", "night"),
        exposure_ev={"night": -1.3, "dusk": -0.5}.get(time_of_day, 0.0),
    )


def _sun_of(sky: skies.Sky, azimuth_deg: float) -> DistantLight | None:
    irradiance = sky.sun_irradiance()
    if max(irradiance) < 1e-3:
        return None
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(sky.elevation_deg)
    towards = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    return DistantLight(name="Sun", rotation=facing(towards), angle_deg=0.53, irradiance=irradiance)


def exposed(scene: SceneSpec, light: Daylight) -> SceneSpec:
    """The scene with the exposure that goes with this light."""
    settings = scene.settings
    return scene.but(settings=settings.but(exposure_ev=settings.exposure_ev + light.exposure_ev))
