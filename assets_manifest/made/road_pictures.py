"""Pictures of a road's surface: asphalt as wheels, oil, dust and repairs leave it, and worn paint.

The carriageway's picture runs from the middle of the road to the kerb (u) and some metres along it (v), so
that tracks lie where wheels roll; it repeats along the road.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets_manifest.made.picture import save_picture
from assets_manifest.made.pixels import as_bytes, shaded
from assets_manifest.srgb import linear_to_srgb

Field = NDArray[np.floating[Any]]
SIZE = 1024
ALONG_M = 9.0  # that the picture covers
TRACK_M = 0.78  # from a lane's middle to where wheels roll
MARK_M = 1.2  # side of the picture of paint


def carriageway(path: Path, rng: np.random.Generator, half_m: float, lanes_m: Sequence[float]) -> None:
    """Asphalt of half a road; `lanes_m` are the middles of its lanes, from the middle of the road."""
    share = (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) / np.float32(SIZE)
    across = (share * np.float32(half_m))[None, :]
    light = np.float32(rng.uniform(0.075, 0.15))
    shade = 1 + np.float32(0.05) * _noise(rng, (3.0, 3.0 * half_m / ALONG_M), 1.8)
    shade = shade * (1 - _tracks(rng, across, lanes_m))
    gutter = np.exp(-(half_m - across) / np.float32(rng.uniform(0.2, 0.5)))
    shade = shade * (1 + np.float32(rng.uniform(-0.25, 0.3)) * gutter)
    grain = _grain(rng, half_m)
    shade = shade * (1 + np.float32(rng.uniform(0.1, 0.2)) * grain)
    shade = shade * (1 - np.float32(0.6) * _cracks(rng, half_m))
    tint = np.array([1.0, rng.uniform(0.97, 1.0), rng.uniform(0.92, 1.0)], np.float32)
    _save(path, shaded(tint, np.clip(light * shade, 0.02, 0.5)))


def paint(path: Path, rng: np.random.Generator, wear: float) -> None:
    """White road paint, worn down to the asphalt here and there."""
    size = 256
    broad, fine = _noise(rng, (4.0, 4.0), 1.5, size), rng.standard_normal((size, size), np.float32)
    fine = (fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1)) / np.float32(1.7)
    worn = np.clip((0.55 * broad + 0.75 * fine - 2.3 + 2.6 * np.float32(wear)) * 1.6, 0, 1)
    white = 0.62 * (1 + 0.04 * broad + 0.03 * fine)
    coloured = shaded(np.array([1.0, 0.985, 0.93], np.float32), (1 - 0.75 * worn) * white)
    _save(path, np.asarray(coloured, np.float32))


def _tracks(rng: np.random.Generator, across: Field, lanes_m: Sequence[float]) -> Field:
    """How much darker tyres and oil have made the lanes."""
    dark = np.zeros_like(across)
    strength, oil = rng.uniform(0.08, 0.26), rng.uniform(0.0, 0.22)
    for lane in lanes_m:
        for wheel in (lane - TRACK_M, lane + TRACK_M):
            dark += np.float32(strength) * np.exp(-(((across - wheel) / np.float32(0.27)) ** 2))
        dark += np.float32(oil) * np.exp(-(((across - lane) / np.float32(0.22)) ** 2))
    return np.asarray(dark)


def _grain(rng: np.random.Generator, half_m: float) -> Field:
    """Stones in tar: some pixels large, a few of them bright."""
    fine = rng.standard_normal((SIZE, SIZE), np.float32)
    fine = (
        fine
        + np.roll(fine, 1, 1) * np.float32(min(1.0, 5.0 / half_m))
        + np.roll(fine, 1, 0) * np.float32(0.6)
    )
    fine /= fine.std()
    return np.asarray(fine + np.float32(1.3) * (fine > np.float32(2.1)))


def _cracks(rng: np.random.Generator, half_m: float) -> Field:
    """Thin lines where the surface has broken, more or fewer of them."""
    if rng.uniform() < 0.35:
        return np.zeros((SIZE, SIZE), np.float32)
    web = np.abs(_noise(rng, (3.5, 3.5 * half_m / ALONG_M), 2.1))
    where = _noise(rng, (2.0, 2.0), 2.0) > np.float32(rng.uniform(0.6, 1.6))
    return np.asarray(np.exp(-web * np.float32(110)) * where)


def _noise(rng: np.random.Generator, low: tuple[float, float], slope: float, size: int = SIZE) -> Field:
    """Periodic noise of unit variance: flat up to `low` cycles along and across, then falling."""
    small = min(size, 256)  # what is broad needs no fine grid
    fy = np.fft.fftfreq(small, 1 / small)[:, None] / low[0]
    fx = np.fft.rfftfreq(small, 1 / small)[None, :] / low[1]
    level = (1 + fy**2 + fx**2) ** (-slope / 2)
    level[0, 0] = 0
    waves = rng.standard_normal((*level.shape, 2)).view(complex)[..., 0] * level
    values = np.fft.irfft2(waves, (small, small)).astype(np.float32)
    values /= values.std()
    if size == small:
        return values
    picture = Image.fromarray(np.pad(values, 1, mode="wrap"))
    scale = size // small
    wide = np.asarray(picture.resize(((small + 2) * scale, (small + 2) * scale), Image.Resampling.BICUBIC))
    return np.asarray(wide[scale:-scale, scale:-scale])


def _save(path: Path, linear: Field) -> None:
    save_picture(path, as_bytes(linear_to_srgb(np.clip(linear, 0, 1))))
