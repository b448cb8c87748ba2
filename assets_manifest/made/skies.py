"""Skies by time of day: a panorama without its sun, and the sun's irradiance for a light beside it.

Latitude-longitude images, row 0 at the zenith, linear RGB; the sun stands above azimuth 0. One unit of
radiance is 10 kcd/m2, so that by day sky and sun are as strong as they are outdoors: an irradiance of 10 is
100 klx. Dusk and night are brought to the same range, since exposure follows the light anyway.

The clear sky is the fit of Preetham, Shirley, Smits: A Practical Analytic Model for Daylight (SIGGRAPH 1999),
the closed one the CIE standard overcast sky; clouds are spectral noise on a plane overhead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.exr import write_exr
from assets_manifest.made.registry import Maker
from assets_manifest.made.words import understood

HEIGHT = 1024  # pixels; twice as wide
PLANE = 1024  # cells of the noise that clouds are cut from
BAND = 16  # rows that are painted at once: what is at work on them stays in the processor's cache
KINDS = ("day", "overcast", "dusk", "night")
LIMITS = {"elevation_ddeg": (-120, 900), "turbidity_d": (18, 80), "cover_pct": (0, 100), "seed": (0, 2**31)}

Array = NDArray[np.float32]
Rgb = tuple[float, float, float]

EXTRATERRESTRIAL = 12.8  # 128 klx
RAYLEIGH_3 = np.array([0.045, 0.098, 0.225])  # vertical optical depth of clean air at 650, 550, 450 nm
HAZE_3 = np.array([1.75, 2.18, 2.82])  # wavelength in um to the power of -1.3
XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
GROUND = (0.17, 0.16, 0.145)  # albedo of what is not modelled below the horizon

PEREZ = {  # of turbidity: slope and offset of the coefficients A to E
    "Y": ((0.1787, -1.4630), (-0.3554, 0.4275), (-0.0227, 5.3251), (0.1206, -2.5771), (-0.0670, 0.3703)),
    "x": ((-0.0193, -0.2592), (-0.0665, 0.0008), (-0.0004, 0.2125), (-0.0641, -0.8989), (-0.0033, 0.0452)),
    "y": ((-0.0167, -0.2608), (-0.0950, 0.0092), (-0.0079, 0.2102), (-0.0441, -1.6537), (-0.0109, 0.0529)),
}
ZENITH_X = np.array([[0.00166, -0.00375, 0.00209, 0.0], [-0.02903, 0.06377, -0.03202, 0.00394],
                     [0.11693, -0.21196, 0.06052, 0.25886]])  # fmt: skip
ZENITH_Y = np.array([[0.00275, -0.00610, 0.00317, 0.0], [-0.04214, 0.08970, -0.04153, 0.00516],
                     [0.15346, -0.26756, 0.06670, 0.26688]])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """One sky, as its words say."""

    kind: str
    elevation_deg: float  # of the sun, also where it is hidden
    turbidity: float
    cover: float  # 0 clear .. 1 closed
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Sky:
        """Raises MadeAssetError for words that are none of a sky."""
        kind, (elevation, turbidity, cover, seed) = understood(words, KINDS, LIMITS)
        return cls(
            kind=kind, elevation_deg=elevation / 10, turbidity=turbidity / 10, cover=cover / 100, seed=seed
        )

    def words(self) -> tuple[str, ...]:
        """What `of` reads this sky from."""
        numbers = (self.elevation_deg * 10, self.turbidity * 10, self.cover * 100, self.seed)
        return (self.kind, *(str(round(number)) for number in numbers))

    def sun_irradiance(self) -> Rgb:
        """On a surface that faces the sun, or the moon by night; none where clouds hide it."""
        if self.kind == "night":
            return (0.010, 0.012, 0.016)
        if self.kind == "overcast" or self.elevation_deg < 0.3:
            return (0.0, 0.0, 0.0)
        clear = 0.35 if self.kind == "dusk" else 1.0
        r, g, b = (sunlight(self.elevation_deg, self.turbidity) * clear).tolist()
        return (r, g, b)


def sunlight(elevation_deg: float, turbidity: float) -> NDArray[np.float64]:
    """Irradiance (3,) of the sun through air of this turbidity; air mass by Kasten (1965)."""
    height = max(elevation_deg, 0.5)
    mass = 1 / (np.sin(np.radians(height)) + 0.15 * (height + 3.885) ** -1.253)
    haze = max(0.0, 0.04608 * turbidity - 0.04586)
    through: NDArray[np.float64] = EXTRATERRESTRIAL * np.exp(-mass * (RAYLEIGH_3 + haze * HAZE_3))
    return through


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The panorama as an EXR file."""
    write_exr(folder / "sky.exr", panorama(Sky.of(words), HEIGHT), half=True)
    return folder / "sky.exr"


MAKER = Maker(name="sky", version=1, kind="hdri", make=make)


def panorama(sky: Sky, height: int) -> Array:
    """Radiance (H, 2H, 3) without the sun's disc; below the horizon, what the ground would send back."""
    rows = height // 2
    paint = _painter(sky, rows)
    upper = np.concatenate([paint(slice(top, top + BAND)) for top in range(0, rows, BAND)])
    lit = _horizontal(upper) + np.array(sky.sun_irradiance()) * max(
        0.0, np.sin(np.radians(sky.elevation_deg))
    )
    lower = np.broadcast_to((np.array(GROUND) / np.pi * lit).astype(np.float32), upper.shape)
    return np.concatenate([np.maximum(upper, 0), lower])


def _horizontal(upper_hw3: Array) -> NDArray[np.float64]:
    """Irradiance (3,) on level ground of the upper half of a panorama."""
    rows = len(upper_hw3)
    polar = (np.arange(rows) + 0.5) / rows * np.pi / 2
    weights = np.cos(polar) * np.sin(polar) * (np.pi / 2 / rows) * 2 * np.pi
    lit: NDArray[np.float64] = weights @ upper_hw3.mean(axis=1, dtype=np.float64)
    return lit


def _painter(sky: Sky, rows: int) -> Callable[[slice], Array]:
    """What paints some rows of the upper half."""
    if sky.kind != "day":
        chance = _Chance.drawn(sky, rows)
        return lambda band: getattr(_Dome(sky, rows, chance, band), sky.kind)()
    whole = _Dome(sky, rows, _Chance.drawn(sky, rows))
    blue = whole.preetham()
    fill = _horizontal(blue) / np.pi
    return lambda band: _Dome(sky, rows, whole.chance, band).clear(blue[band], fill)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chance:
    """All that is random about a sky, and about all of it."""

    planes: tuple[Array, ...] = ()  # noise that clouds are cut from
    scale: float = 0.0  # of the clouds
    stars_hw: NDArray[np.float64] | None = None

    @classmethod
    def drawn(cls, sky: Sky, rows: int) -> _Chance:
        rng = np.random.Generator(np.random.Philox(key=sky.seed))
        if sky.kind == "overcast":
            return cls(planes=(_spectral(rng, 2.6), _spectral(rng, 2.2)))
        planes, scale = tuple[Array, ...](), 0.0
        if sky.cover > 0:
            planes = (_spectral(rng, 2.0 + 0.5 * float(rng.uniform())),)
            scale = 0.05 + 0.06 * float(rng.uniform())
        stars_hw = rng.uniform(size=(rows, 4 * rows)) if sky.kind == "night" else None
        return cls(planes=planes, scale=scale, stars_hw=stars_hw)


class _Dome:
    """Rows of the upper half of a panorama: directions of their pixels, and what is painted over them."""

    def __init__(self, sky: Sky, rows: int, chance: _Chance, band: slice = slice(None)) -> None:
        polar = (np.arange(rows) + 0.5) / rows * np.pi / 2
        turn = (np.arange(4 * rows) + 0.5) / rows * np.pi / 2
        self.sky, self.chance, self.band = sky, chance, band
        self.up_h1: Array = np.cos(polar).astype(np.float32)[band, None]
        ring = np.sin(polar).astype(np.float32)[band, None]
        self.x_hw: Array = ring * np.cos(turn).astype(np.float32)
        self.y_hw: Array = ring * np.sin(turn).astype(np.float32)
        sun = np.radians(sky.elevation_deg)
        self.cosine_hw: Array = np.clip(
            self.x_hw * np.float32(np.cos(sun)) + self.up_h1 * np.float32(np.sin(sun)), -1, 1
        )

    def clear(self, blue: Array, fill_3: NDArray[np.float64]) -> Array:
        """Preetham's sky with clouds in it, on which the whole sky sheds `fill_3`."""
        sun = np.array(self.sky.sun_irradiance())
        return self._clouded(blue, 0.24 * sun + 0.9 * fill_3, 0.06 * sun + 0.75 * fill_3)

    def preetham(self) -> Array:
        """The sky without clouds."""
        luminance = self._perez("Y") * np.float32(0.075)
        x, y = self._perez("x"), self._perez("y")
        xyz = np.stack([x / y, np.ones_like(x), (1 - x - y) / y], axis=2) * luminance[:, :, None]
        return np.asarray(np.maximum(xyz @ XYZ_TO_RGB.T.astype(np.float32), 0))

    def _perez(self, channel: str) -> Array:
        a, b, c, d, e = (np.float32(slope * self.sky.turbidity + offset) for slope, offset in PEREZ[channel])
        sun = np.float32(np.radians(90 - max(self.sky.elevation_deg, 1.0)))
        gamma, up = np.arccos(self.cosine_hw), np.maximum(self.up_h1, np.float32(0.02))
        seen = (1 + a * np.exp(b / up)) * (1 + c * np.exp(d * gamma) + e * self.cosine_hw**2)
        zenith = (1 + a * np.exp(b)) * (1 + c * np.exp(d * sun) + e * np.cos(sun) ** 2)
        value: Array = seen * np.float32(self._zenith(channel) / zenith)
        return value

    def _zenith(self, channel: str) -> float:
        turbidity, sun = self.sky.turbidity, np.radians(90 - max(self.sky.elevation_deg, 1.0))
        if channel == "Y":
            chi = (4 / 9 - turbidity / 120) * (np.pi - 2 * sun)
            return float((4.0453 * turbidity - 4.9710) * np.tan(chi) - 0.2155 * turbidity + 2.4192)
        table = ZENITH_X if channel == "x" else ZENITH_Y
        return float(np.array([turbidity**2, turbidity, 1]) @ table @ np.array([sun**3, sun**2, sun, 1]))

    def overcast(self) -> Array:
        """The CIE overcast sky under layers of cloud of uneven thickness."""
        level = (1 + 2 * self.up_h1) / 3 * np.float32(0.5)
        thick = (
            self._sampled(self.chance.planes[0], 0.05)[0] * 0.55
            + self._sampled(self.chance.planes[1], 0.13)[0] * 0.25
        )
        fade = np.clip(self.up_h1 * 4, 0.15, 1)
        shade = np.clip(1 + 0.32 * thick * fade, 0.45, 1.7) * (1 + 0.25 * np.maximum(self.cosine_hw, 0) ** 4)
        tint = np.array([0.94, 0.98, 1.06], np.float32)
        return np.asarray((level * shade)[:, :, None] * tint, np.float32)

    def dusk(self) -> Array:
        """The glow where the sun has gone or goes, a blue vault, the belt of Venus on the other side."""
        across = self.x_hw / np.maximum(np.hypot(self.x_hw, self.y_hw), np.float32(1e-6))  # 1: at the sun
        low = np.exp(-self.up_h1 / np.float32(0.16))
        near = np.clip(0.5 + 0.5 * across, 0, 1)
        late = np.clip(-self.sky.elevation_deg / 6 + 0.3, 0, 1)
        vault = np.array([0.055, 0.10, 0.22], np.float32) * np.float32(1 - 0.6 * late)
        image = vault * (1 + 0.9 * np.exp(-self.up_h1 / np.float32(0.5)))[:, :, None]
        image = image + (low * near**2)[:, :, None] * _rgb(0.62, 0.27, 0.09) * (1 - 0.45 * late)
        image = image + (low * (1 - near))[:, :, None] * _rgb(0.14, 0.10, 0.14)
        core = np.exp((self.cosine_hw - 1) * 30) * np.exp(-self.up_h1 / np.float32(0.1))
        image = image + core[:, :, None] * _rgb(1.1, 0.45, 0.12) * (1 - 0.6 * late)
        warm = (np.clip(0.2 + near, 0, 1) * np.exp(-self.up_h1 * 1.2))[:, :, None]
        lit = image * 1.1 + warm * _rgb(0.42, 0.17, 0.10) * (1 - 0.5 * late)
        return self._clouded(image.astype(np.float32), lit, image * 0.55)

    def night(self) -> Array:
        """City glow at the horizon, stars, a moon with its halo."""
        glow = np.exp(-self.up_h1 / np.float32(0.22)) + np.float32(0.12)
        image = np.broadcast_to(glow[:, :, None] * _rgb(0.017, 0.012, 0.0075), (*self.x_hw.shape, 3))
        image = image + _rgb(0.002, 0.0032, 0.0075)
        clouds = self._clouded(image.astype(np.float32), image * 1.9, image * 1.1)
        assert self.chance.stars_hw is not None
        stars = self.chance.stars_hw[self.band].astype(np.float32)
        bright = np.where(stars > 0.9994, 0.25 * (stars - 0.9994) / 0.0006, 0) * np.clip(self.up_h1 * 3, 0, 1)
        seen = np.clip(1 - 8 * np.abs(clouds - image).mean(axis=2) / image.mean(axis=2), 0, 1)
        halo = 0.02 * np.exp((self.cosine_hw - 1) * 400)
        moon = 3.0 * np.clip((self.cosine_hw - np.cos(np.radians(0.45))) * 2e5, 0, 1)
        lights = (bright * seen + halo + moon)[:, :, None] * _rgb(0.9, 0.95, 1.0)
        return np.asarray(clouds + lights, np.float32)

    def _clouded(self, image: Array, lit: NDArray[np.floating], dark: NDArray[np.floating]) -> Array:
        """Clouds of this sky's cover: `lit` where they face the sun, `dark` where they are thick."""
        if self.sky.cover <= 0:
            return image
        here, towards = self._sampled(self.chance.planes[0], self.chance.scale, 0.0, 0.012)
        threshold = np.float32(1.7 - 3.0 * self.sky.cover)
        density = np.clip((here - threshold) * np.float32(0.9), 0, 1)
        density = density * np.clip((self.up_h1 - 0.01) / 0.1, 0, 1)
        light = np.clip(
            0.62 + 0.45 * (here - towards) - 0.42 * np.clip(here - threshold - 0.5, 0, 1.6), 0.06, 1
        )
        light = light + 0.8 * np.maximum(self.cosine_hw, 0) ** 24 * (1 - density)  # edges against the sun
        cloud = dark + (lit - dark) * light[:, :, None]
        haze = np.exp(-self.up_h1 / np.float32(0.07))  # far clouds fade into the horizon
        share = (density * (1 - 0.75 * haze))[:, :, None]
        clouded: Array = (image * (1 - share) + cloud * share).astype(np.float32)
        return clouded

    def _sampled(self, plane: Array, scale: float, *shifts: float) -> list[NDArray[np.float64]]:
        """The noise plane seen overhead, in perspective; once for each shift away from the sun."""
        up = self.up_h1 + np.float32(0.06)  # the earth's curvature keeps the horizon from running away
        size = len(plane)
        v = self.y_hw / up * np.float32(scale) * size
        down = np.floor(v).astype(np.intp)
        fv, i, low = v - down, down % size * size, (down + 1) % size * size
        blend = partial(_between, plane.ravel())
        seen = []
        for shift in shifts or (0.0,):
            u = (self.x_hw / up * np.float32(scale) + np.float32(shift)) * size
            across = np.floor(u).astype(np.intp)
            fu, j, right = u - across, across % size, (across + 1) % size
            seen.append(blend(i + j, i + right, fu) * (1 - fv) + blend(low + j, low + right, fu) * fv)
        return seen


def _between(
    values: Array, one: NDArray[np.intp], other: NDArray[np.intp], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    blended: NDArray[np.float64] = values.take(one) * (1 - share) + values.take(other) * share
    return blended


def _rgb(r: float, g: float, b: float) -> Array:
    return np.array([r, g, b], np.float32)


def _spectral(rng: np.random.Generator, steepness: float) -> Array:
    """Periodic noise (P, P) of unit deviation; its power falls with frequency to -steepness - 1."""
    rows, columns = np.fft.fftfreq(PLANE, 1 / PLANE)[:, None], np.arange(PLANE // 2 + 1)
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1
    amplitude = frequency ** -(steepness / 2 + 0.5) * (frequency > 3)
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    field = np.fft.irfft2(amplitude * np.exp(1j * phase), (PLANE, PLANE))
    return np.asarray(field / field.std(), np.float32)
