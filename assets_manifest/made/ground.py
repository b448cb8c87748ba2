"""Open ground with relief, a path across it, and what closes the horizon far behind everything.

The ground is a grid of triangles, fine in the middle and coarse far out; `Ground.height` is exactly the
height of those triangles (and of the path), so what is put there stands there. Metres, origin in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.words import understood
from assets_manifest.meshes.parts import Surface
from assets_manifest.meshes.triples import lengths

KINDS = ("lawn", "paved")
LIMITS = {"yard_dm": (60, 1500), "relief_cm": (0, 300), "path_dm": (0, 60), "seed": (0, 2**31)}
REACH_M = 260.0  # from the middle to the edge
LIFT_M = 0.03  # of the path over the ground
Array = NDArray[np.float64]

BACKDROPS = ("hills", "woods", "town")
BACKDROP_LIMITS = {"distance_m": (60, 900), "haze_pct": (0, 90), "seed": (0, 2**31)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the words of one piece of ground say. Parts: ground, path, edge."""

    kind: str
    yard_m: float  # side of the square in which the grid is fine
    relief_m: float  # from lowest to highest, about
    path_m: float  # width; 0: none
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Ground:
        """Raises MadeAssetError for words that are none of a ground."""
        kind, (yard, relief, path, seed) = understood(words, KINDS, LIMITS)
        return cls(kind=kind, yard_m=yard / 10, relief_m=relief / 100, path_m=path / 10, seed=seed)

    def height(self, x: float, y: float) -> float:
        """Height of the surface, path included."""
        lifted = LIFT_M if self.on_path(x, y) else 0.0
        return float(_interpolated(self, np.array([x]), np.array([y]))[0]) + lifted

    def on_path(self, x: float, y: float) -> bool:
        """Whether the path covers this place."""
        if self.path_m == 0 or abs(y) > self.yard_m * 0.75:
            return False
        return bool(abs(x - self.path_x(y)) <= self.path_m / 2)

    def path_x(self, y: ArrayLike) -> Array:
        """Where the middle of the path is: it winds along y."""
        sway, length, phase = _winding(self)
        return np.asarray(sway * np.sin(2 * np.pi * np.asarray(y) / length + phase), float)

    def tilt(self, x: float, y: float) -> tuple[float, float]:
        """Slope along x and along y."""
        e = 0.25
        return (
            (self.height(x + e, y) - self.height(x - e, y)) / (2 * e),
            (self.height(x, y + e) - self.height(x, y - e)) / (2 * e),
        )


def _winding(ground: Ground) -> tuple[float, float, float]:
    rng = np.random.Generator(np.random.Philox(key=[ground.seed, 1]))
    sway = ground.yard_m * float(rng.uniform(0.02, 0.14))
    return sway, ground.yard_m * float(rng.uniform(0.8, 1.6)), float(rng.uniform(0, 2 * np.pi))


@lru_cache(maxsize=64)
def _waves(ground: Ground) -> tuple[Array, Array, Array]:
    """Wave vectors (K, 2), phases and amplitudes: long waves are high, short ones low."""
    rng = np.random.Generator(np.random.Philox(key=[ground.seed, 2]))
    length = np.exp(rng.uniform(np.log(8), np.log(60), 9))
    turn = rng.uniform(0, 2 * np.pi, 9)
    vectors = (2 * np.pi / length)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    high = length**1.4
    return vectors, rng.uniform(0, 2 * np.pi, 9), high / np.sqrt((high**2).sum()) * ground.relief_m * 0.6


def _smooth(ground: Ground, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Height and its slopes along x and y before triangulation."""
    vectors, phases, high = _waves(ground)
    at = x[..., None] * vectors[:, 0] + y[..., None] * vectors[:, 1] + phases
    cos = np.cos(at) * high
    return (np.sin(at) - np.sin(phases)) @ high, cos @ vectors[:, 0], cos @ vectors[:, 1]


@lru_cache(maxsize=64)
def _lines(yard_m: float) -> Array:
    """Grid lines of either axis: even over the yard, then wider and wider."""
    half = yard_m / 2
    inner = np.linspace(-half, half, int(np.clip(yard_m / 0.45, 24, 90)) + 1)
    step = inner[1] - inner[0]
    outer = half + np.cumsum(step * 1.22 ** np.arange(1, 60))
    outer = np.append(outer[outer < REACH_M], REACH_M)
    return np.concatenate([-outer[::-1], inner, outer])


def _interpolated(ground: Ground, x_n: Array, y_n: Array) -> Array:
    """Height of the grid's triangles at points (N,)."""
    lines = _lines(ground.yard_m)
    i = np.clip(np.searchsorted(lines, x_n, side="right") - 1, 0, len(lines) - 2)
    j = np.clip(np.searchsorted(lines, y_n, side="right") - 1, 0, len(lines) - 2)
    fx = (x_n - lines[i]) / (lines[i + 1] - lines[i])
    fy = (y_n - lines[j]) / (lines[j + 1] - lines[j])
    corners_x, corners_y = lines[np.stack([i, i + 1, i + 1, i])], lines[np.stack([j, j, j + 1, j + 1])]
    z00, z10, z11, z01 = _smooth(ground, corners_x, corners_y)[0]
    lower = z00 + fx * (z10 - z00) + fy * (z11 - z10)
    upper = z00 + fy * (z01 - z00) + fx * (z11 - z01)
    return np.asarray(np.where(fx >= fy, lower, upper))


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The ground's USD file."""
    ground = Ground.of(words)
    solids, lines = Solids(), _lines(ground.yard_m)
    x, y = np.meshgrid(lines, lines, indexing="ij")
    z, dx, dy = _smooth(ground, x, y)
    colour = (0.09, 0.13, 0.035) if ground.kind == "lawn" else (0.33, 0.32, 0.3)
    solids.grid(paint("ground", colour, 0.95), np.stack([x, y, z], axis=2), _normals(dx, dy))
    if ground.path_m:
        _path(solids, ground)
    return solids.write(folder)


MAKER = Maker(name="ground", version=1, kind="object", make=make)


def _normals(dx: Array, dy: Array) -> Array:
    normals = np.stack([-dx, -dy, np.ones_like(dx)], axis=-1)
    return np.asarray(normals / lengths(normals)[..., None])


def _path(solids: Solids, ground: Ground) -> None:
    """A strip that lies on the ground, with edging stones on both sides."""
    along = np.linspace(-0.75, 0.75, int(ground.yard_m * 1.5 / 0.4) + 1) * ground.yard_m
    across = np.linspace(-0.5, 0.5, max(4, int(ground.path_m / 0.3)) + 1) * ground.path_m
    y, offset = np.meshgrid(along, across)
    x = ground.path_x(y) + offset
    z = _interpolated(ground, x.ravel(), y.ravel()).reshape(x.shape) + LIFT_M
    _, dx, dy = _smooth(ground, x, y)
    solids.grid(paint("path", (0.3, 0.27, 0.22), 0.95), np.stack([x, y, z], axis=2), _normals(dx, dy))
    edge = paint("edge", (0.3, 0.29, 0.27), 0.9)
    for side in (0, -1):
        out = np.sign(across[side]) * 0.08
        _ribbon(solids, edge, np.stack([x[side], y[side], z[side]], axis=1), out)


def _ribbon(solids: Solids, surface: Surface, line_n3: Array, out: float) -> None:
    """A row of stones beside a line, a little higher than it."""
    low, top = np.array([0, 0, -0.15]), np.array([0, 0, 0.025])
    beside = line_n3 + [out, 0, 0]
    for a, b in ((line_n3 + low, line_n3 + top), (line_n3 + top, beside + top), (beside + top, beside + low)):
        strip = np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1)
        solids.quads(surface, strip if out > 0 else strip[:, ::-1])


def make_backdrop(folder: Path, words: tuple[str, ...]) -> Path:
    """Ridges behind ridges all round, each jagged like what grows or stands on it, paler with distance."""
    kind, (distance, haze, seed) = understood(words, BACKDROPS, BACKDROP_LIMITS)
    rng = np.random.Generator(np.random.Philox(key=seed))
    solids = Solids()
    for number in range(3):
        radius = distance * (1 + 0.6 * number)
        pale = min(0.95, haze / 100 * (0.5 + 0.45 * number))
        _ridge(solids, kind, rng, radius, number, pale)
    return solids.write(folder)


BACKDROP = Maker(name="backdrop", version=1, kind="object", make=make_backdrop)
MAKERS = (BACKDROP,)


def _ridge(
    solids: Solids, kind: str, rng: np.random.Generator, radius: float, number: int, pale: float
) -> None:
    columns = 720 if kind != "town" else 360
    turn = np.arange(columns + 1) / columns * 2 * np.pi
    waves = sum(rng.uniform(0.3, 1) / k * np.sin(k * turn + rng.uniform(0, 6.28)) for k in range(1, 9))
    base = radius * (0.035 + 0.02 * number) * (1 + 0.4 * np.asarray(waves))
    high = np.maximum(base, 0.01 * radius) + _jags(kind, rng, columns)
    if kind == "town":
        high = np.repeat(high[:-1:3], 3)[:columns]
        high = np.append(high, high[0])
    else:
        high[-1] = high[0]
    ring = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    low, top = np.c_[ring, np.full(columns + 1, -25.0)], np.c_[ring, high]
    quads = np.stack([low[1:], low[:-1], top[:-1], top[1:]], axis=1)
    if kind == "town":
        quads[:, 3, 2] = quads[:, 2, 2]
    near, far = (
        np.array(
            {"hills": (0.05, 0.08, 0.03), "woods": (0.03, 0.055, 0.02), "town": (0.2, 0.17, 0.15)}[kind]
        ),
        np.array((0.36, 0.42, 0.5)),
    )
    tone = rng.integers(3, size=columns // 3).repeat(3)[:columns]
    for k in range(3):
        r, g, b = (near * (0.8 + 0.25 * k) * (1 - pale) + far * pale).tolist()
        solids.quads(paint(f"ridge_{number}_{k}", (r, g, b), 1.0), quads[tone == k])


def _jags(kind: str, rng: np.random.Generator, columns: int) -> Array:
    """Crowns of trees, or roofs, on a ridge; metres."""
    if kind == "hills":
        return rng.uniform(0, 1.2, columns + 1)
    if kind == "town":
        return rng.uniform(2, 16, columns + 1)
    crowns = np.repeat(rng.uniform(4, 12, columns // 4 + 1), 4)[: columns + 1]
    return np.asarray(
        crowns * np.tile([0.7, 1.0, 0.97, 0.75], columns // 4 + 1)[: columns + 1]
        + rng.uniform(0, 0.7, columns + 1)
    )
