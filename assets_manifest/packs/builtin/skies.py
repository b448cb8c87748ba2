"""Analytic panoramas: a clear or clouded sky with a sun disc, and two indoor light rooms.

Latitude-longitude images, row 0 at the zenith, linear RGB radiance; the sun is a disc of 1.6 degrees that
carries its irradiance, so a sky lights a scene with sharp shadows of the right strength.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.packs.builtin.patterns import fractal

Color = tuple[float, float, float]
SUN_RADIUS_RAD = np.radians(0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """Parameters of one sky; colours are radiance."""

    zenith: Color
    horizon: Color
    ground: Color
    sun_elevation_deg: float
    sun_irradiance: Color
    glow: float  # strength of the bright ring round the sun
    clouds: float  # 0 clear .. 1 closed
    seed: int = 0


SKIES = {
    "sky_noon": Sky(zenith=(0.16, 0.34, 0.75), horizon=(0.62, 0.78, 0.95), ground=(0.21, 0.19, 0.17),
                    sun_elevation_deg=62, sun_irradiance=(6.2, 5.9, 5.4), glow=0.5, clouds=0.35, seed=1),
    "sky_morning": Sky(zenith=(0.17, 0.3, 0.58), horizon=(0.85, 0.75, 0.62), ground=(0.17, 0.16, 0.14),
                       sun_elevation_deg=22, sun_irradiance=(4.6, 3.8, 2.8), glow=0.9, clouds=0.45, seed=2),
    "sky_sunset": Sky(zenith=(0.11, 0.16, 0.34), horizon=(1.0, 0.48, 0.2), ground=(0.1, 0.08, 0.07),
                      sun_elevation_deg=6, sun_irradiance=(2.8, 1.4, 0.6), glow=1.6, clouds=0.5, seed=3),
    "sky_overcast": Sky(zenith=(0.62, 0.65, 0.7), horizon=(0.5, 0.53, 0.57), ground=(0.17, 0.17, 0.16),
                        sun_elevation_deg=48, sun_irradiance=(0.0, 0.0, 0.0), glow=0.35, clouds=1.0, seed=4),
}  # fmt: skip


def directions(height: int) -> NDArray[np.float64]:
    """Unit vectors, z up, of the pixel centres of a (height, 2 * height) panorama. (H, 2H, 3)"""
    polar = (np.arange(height) + 0.5) / height * np.pi
    turn = (np.arange(2 * height) + 0.5) / height * np.pi
    ring = np.sin(polar)[:, None]
    return np.stack(
        [
            ring * np.cos(turn),
            ring * np.sin(turn),
            np.broadcast_to(np.cos(polar)[:, None], (height, 2 * height)),
        ],
        axis=2,
    )


def render_sky(sky: Sky, height: int) -> NDArray[np.float32]:
    """Radiance of the sky. (H, 2H, 3)"""
    look = directions(height)
    up = np.clip(look[:, :, 2], 0, 1)
    blend = ((1 - up) ** 4)[:, :, None]
    image = np.array(sky.zenith) * (1 - blend) + np.array(sky.horizon) * blend
    elevation = np.radians(sky.sun_elevation_deg)
    sun = np.array([np.cos(elevation), 0.0, np.sin(elevation)])
    angle = np.arccos(np.clip(look @ sun, -1, 1))
    image = image * (1 + sky.glow * np.exp(-angle / 0.35))[:, :, None]
    cover = _cloud_cover(sky, look)[:, :, None]
    image = (
        image * (1 - cover) + np.array([0.9, 0.9, 0.92]) * image.mean(axis=2, keepdims=True) * 1.35 * cover
    )
    below = np.clip(-look[:, :, 2] * 40, 0, 1)[:, :, None]
    image = image * (1 - below) + np.array(sky.ground) * below
    image += _sun_disc(angle, look, height) * np.array(sky.sun_irradiance)
    return np.asarray(image, np.float32)


def _cloud_cover(sky: Sky, look: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cloud share 0..1, from a noise plane overhead that thins out towards the horizon."""
    rng = np.random.Generator(np.random.Philox(key=sky.seed))
    size = 1024
    plane = fractal(size, 5, rng, octaves=7, gain=0.55)
    up = np.maximum(look[:, :, 2], 0.03)
    rows = (np.round(look[:, :, 1] / up * 0.06 * size).astype(int)) % size
    columns = (np.round(look[:, :, 0] / up * 0.06 * size).astype(int)) % size
    fade = np.clip((look[:, :, 2] - 0.03) / 0.2, 0, 1)
    share: NDArray[np.float64] = (
        np.clip((plane[rows, columns] + 1.6 * sky.clouds - 0.75) * 1.6, 0, 0.9) * fade
    )
    return share


def _sun_disc(angle: NDArray[np.float64], look: NDArray[np.float64], height: int) -> NDArray[np.float64]:
    """A disc whose radiance times solid angle is exactly 1, whatever the resolution. (H, W, 1)"""
    disc = np.clip((SUN_RADIUS_RAD - angle) / (np.pi / height) + 0.5, 0, 1)
    solid_angle = (np.pi / height) ** 2 * np.hypot(look[:, :, 0], look[:, :, 1])
    radiance: NDArray[np.float64] = disc / max(float((disc * solid_angle).sum()), 1e-12)
    return radiance[:, :, None]


def render_studio(height: int) -> NDArray[np.float32]:
    """A dark room with three soft boxes."""
    look = directions(height)
    image = np.full((height, 2 * height, 3), 0.06) * (1 + 0.5 * look[:, :, 2:3])
    for azimuth, elevation, size, color in (
        (40, 45, 0.35, (9.0, 8.6, 8.0)),
        (165, 30, 0.25, (5.0, 5.4, 6.0)),
        (280, 60, 0.2, (7.0, 6.6, 6.2)),
    ):
        image += _soft_box(look, azimuth, elevation, size) * np.array(color)
    return image.astype(np.float32)


def render_window_room(height: int) -> NDArray[np.float32]:
    """A bright room: warm walls, white ceiling, one wide window and a ceiling lamp."""
    look = directions(height)
    up = look[:, :, 2:3]
    image = np.where(up > 0.6, (0.62, 0.6, 0.57), np.where(up > -0.5, (0.42, 0.38, 0.33), (0.2, 0.15, 0.11)))
    image = image * (1 + 0.25 * look[:, :, 0:1])
    azimuth = np.arctan2(look[:, :, 1], look[:, :, 0])
    bars = np.abs((azimuth + 0.55) % 0.275 - 0.1375) < 0.125
    window = (np.abs(azimuth) < 0.55) & (look[:, :, 2] > -0.12) & (look[:, :, 2] < 0.5) & bars
    image[window] = np.array([6.0, 6.6, 7.4])
    return np.asarray(image + _soft_box(look, 200, 80, 0.18) * np.array([11.0, 9.4, 7.2]), np.float32)


def _soft_box(
    look: NDArray[np.float64], azimuth_deg: float, elevation_deg: float, size: float
) -> NDArray[np.float64]:
    """A square light with soft edges, seen under about `size` radians to each side. (H, W, 1)"""
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    ahead = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    side = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    over = np.cross(ahead, side)
    reach = np.maximum(np.abs(look @ side), np.abs(look @ over))
    lit: NDArray[np.float64] = np.clip((size - reach) / 0.02 + 0.5, 0, 1) * (look @ ahead > 0)
    return lit[:, :, None]
