"""What patterns are made of: periodic noise, cells, bonds of bricks, and soft edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.fft import irfft2
from numpy.typing import NDArray

from assets_manifest.made.pixels import blended

SIZE = 512  # pixels along each side of a tile
Field = NDArray[np.floating[Any]]  # (SIZE, SIZE)
Image = NDArray[np.floating[Any]]  # (SIZE, SIZE, 3), display colours 0..1
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """One tile: display colours, and heights in metres where it has relief."""

    rgb: Image
    height_m: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a pattern draws from: its random numbers, and how many metres its tile measures."""

    rng: np.random.Generator
    tile_m: float

    def count(self, size_m: float, *, multiple: int = 1, most: int = 128) -> int:
        """How many things of `size_m` fit along the tile: a multiple of `multiple`, so that bonds close."""
        wanted = self.tile_m / size_m / multiple
        return multiple * int(np.clip(round(wanted), 1, most // multiple))

    def uniform(self, low: float, high: float) -> float:
        """A number between the two."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return bool(self.rng.uniform() < share)

    def whole(self, low: int, high: int) -> int:
        """A whole number between the two, both included."""
        return int(self.rng.integers(low, high + 1))

    def cycles(self, size_m: float) -> float:
        """Frequency, in cycles per tile, of features of `size_m`."""
        return self.tile_m / size_m


@cache
def axis() -> Field:
    """Pixel centres along one side, 0..1."""
    return ((np.arange(SIZE) + 0.5) / SIZE).astype(np.float32)


@cache
def _frequencies() -> tuple[Field, Field]:
    """Squares of the frequencies down and across, cycles per tile."""
    down = np.fft.fftfreq(SIZE, 1 / SIZE).astype(np.float32)[:, None] ** 2
    across = np.fft.rfftfreq(SIZE, 1 / SIZE).astype(np.float32)[None, :] ** 2
    return down, across


def noise(
    rng: np.random.Generator,
    low: float,
    *,
    slope: float = 2.0,
    high: float = 256.0,
    across: float = 1.0,
    down: float = 1.0,
) -> Field:
    """Gaussian noise of unit variance: flat up to `low` cycles per tile, then falling as f**-slope.

    Features are `across` and `down` times as long along x and y. Nothing above `high` cycles.
    """
    fy, fx = _frequencies()
    square = fy * np.float32(down**2) + fx * np.float32(across**2)
    level = np.power(square + np.float32(low**2), np.float32(-slope / 2))
    level *= np.exp(square * np.float32(-0.5 / high**2))
    level[0, 0] = 0
    waves = rng.standard_normal((*level.shape, 2), np.float32).view(np.complex64)[..., 0] * level
    values = irfft2(waves, (SIZE, SIZE))
    scaled: Field = values / np.float32(max(float(values.std()), 1e-12))
    return scaled


def cells(
    rng: np.random.Generator, rows: int, columns: int, *, jitter: float = 0.9
) -> tuple[Field, Field, Numbers]:
    """Voronoi cells of a jittered lattice: distance to the centre, to the border, and the cell's number.

    Distances in lattice cells. The border's is half the gap between nearest and second nearest.
    """
    shift = (0.5 + jitter * rng.uniform(-0.5, 0.5, (2, rows, columns))).astype(np.float32)
    y, x = axis() * np.float32(rows), axis() * np.float32(columns)
    i, j = y.astype(np.intp), x.astype(np.intp)
    near = np.full((SIZE, SIZE), 9, np.float32)
    second, which = near.copy(), np.zeros((SIZE, SIZE), np.uint8)
    for step in range(9):
        row, column = i + step // 3 - 1, j + step % 3 - 1
        down, across = (np.take(s[row % rows], column % columns, axis=1) for s in shift)
        down += (row - y).astype(np.float32)[:, None]
        across += (column - x).astype(np.float32)[None, :]
        far = down * down + across * across  # squared
        np.copyto(which, np.uint8(step), where=far < near)
        np.minimum(second, np.maximum(near, far), out=second)
        np.minimum(near, far, out=near)
    number = (i[:, None] + (which // 3).astype(np.intp) - 1) % rows * columns + (
        j[None, :] + (which % 3).astype(np.intp) - 1
    ) % columns
    np.sqrt(near, out=near)
    return near, (np.sqrt(second) - near) / 2, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """Bricks, tiles or boards in rows: which one each pixel shows, and how far from its edge, in metres."""

    number: Numbers
    u: Field  # along the brick, 0..1
    v: Field  # down the brick, 0..1
    edge_m: Field
    total: int


def bond(draft: Draft, rows: int, columns: int, *, shift: float = 0.5, ragged: bool = False) -> Bond:
    """Rows of equal bricks, each row shifted by `shift` of a brick, or at random if `ragged`."""
    v = axis() * np.float32(rows)
    row = v.astype(np.intp)
    shifts = draft.rng.uniform(0, 1, rows) if ragged else np.arange(rows) * shift
    u = axis()[None, :] * np.float32(columns) + shifts[row].astype(np.float32)[:, None]
    column = np.floor(u).astype(np.intp)
    fu, fv = u - column, np.broadcast_to((v - row)[:, None], (SIZE, SIZE))
    long_m, high_m = draft.tile_m / columns, draft.tile_m / rows
    edge = np.minimum(np.minimum(fu, 1 - fu) * long_m, np.minimum(fv, 1 - fv) * high_m)
    number = row[:, None] * columns + column % columns
    return Bond(number=number, u=fu, v=fv, edge_m=edge.astype(np.float32), total=rows * columns)


def soft(values: Field, width: float) -> Field:
    """0 below -width/2, 1 above width/2, smooth between."""
    t: Field = np.clip(values / np.float32(max(width, 1e-9)) + np.float32(0.5), 0, 1)
    smooth: Field = t * t * (3 - 2 * t)
    return smooth


def each(rng: np.random.Generator, number: Numbers, total: int) -> Field:
    """A random value 0..1 for each cell, at each pixel."""
    return rng.uniform(0, 1, total).astype(np.float32)[number]


def mixed(below: Image, above: Image, share: Field) -> Image:
    """`above` over `below`, by share."""
    return blended(below, above, share)
