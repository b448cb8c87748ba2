"""Where a road runs: its own frame, heights, lanes, junctions and crossings.

The frame: `s` metres along its middle, `v` metres to the left of it. It starts in the origin towards +x at
s = 0, bends evenly, rises and falls gently. `Road.place` and `Road.height` are exact to a millimetre or two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets_manifest.made.words import understood

KINDS = ("street", "avenue", "country")
LIMITS = {
    "curve_e5": (-700, 700),
    "lane_dm": (26, 40),
    "parking_dm": (0, 26),
    "pavement_dm": (0, 80),
    "seed": (0, 2**31),
}
START_M, END_M = -70.0, 330.0
VERGE_M = 46.0  # from the pavement's back to the edge of the ground
KERB_M, KERB_HEIGHT_M = 0.14, 0.12
CAMBER = 0.02
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """A side street that crosses at a right angle."""

    s: float
    half_m: float  # from its middle to its kerb


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What the words of one road say."""

    kind: str
    curvature: float  # 1 / m, positive to the left
    lane_m: float
    parking_m: float
    pavement_m: float
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Road:
        """Raises MadeAssetError for words that are none of a road."""
        kind, (curve, lane, parking, pavement, seed) = understood(words, KINDS, LIMITS)
        return cls(
            kind=kind,
            curvature=curve / 1e5,
            lane_m=lane / 10,
            parking_m=parking / 10,
            pavement_m=pavement / 10,
            seed=seed,
        )

    @property
    def lanes(self) -> int:
        """On each side of the middle."""
        return 2 if self.kind == "avenue" else 1

    @property
    def half_m(self) -> float:
        """From the middle to the kerb."""
        return self.lanes * self.lane_m + self.parking_m

    @property
    def back_m(self) -> float:
        """From the middle to the back of the pavement."""
        return self.half_m + KERB_M + self.pavement_m

    def lane_v(self, lane: int, side: int) -> float:
        """The middle of a lane: 0 is the one at the middle of the road; `side` 1 left, -1 right."""
        return side * (lane + 0.5) * self.lane_m

    def place(self, s: ArrayLike, v: ArrayLike) -> Array:
        """World points (..., 3) of road coordinates, on the surface."""
        s, v = np.asarray(s, float), np.asarray(v, float)
        turn, k = self.curvature * s, self.curvature
        x = (np.sin(turn) / k if k else s) - v * np.sin(turn)
        y = ((1 - np.cos(turn)) / k if k else 0 * s) + v * np.cos(turn)
        return np.stack(np.broadcast_arrays(x, y, self.height(s, v)), axis=-1)

    def height(self, s: ArrayLike, v: ArrayLike) -> Array:
        """Height of the surface in road coordinates."""
        s, out = np.broadcast_arrays(np.asarray(s, float), np.abs(np.asarray(v, float)))
        edge = -CAMBER * self.half_m
        beyond = np.clip(out - self.half_m - KERB_M, 0, self.pavement_m)
        raised = edge + KERB_HEIGHT_M * (self.pavement_m > 0) + CAMBER * beyond
        level = np.where(out <= self.half_m, -CAMBER * out, raised)
        for junction in self.junctions():
            mouth = (np.abs(s - junction.s) <= junction.half_m) & (out > self.half_m)
            level = np.where(mouth, edge, level)
        return np.asarray(level + self.grade(s), float)

    def grade(self, s: ArrayLike) -> Array:
        """Height of the road's middle."""
        length, high, phase = _rise(self.seed)
        s = np.asarray(s, float)
        return np.asarray(high * (np.sin(2 * np.pi * s / length + phase) - np.sin(phase)), float)

    def heading_deg(self, s: float) -> float:
        """Where +s points, counter-clockwise from +x."""
        return float(np.degrees(self.curvature * s))

    def junctions(self) -> tuple[Junction, ...]:
        """Where side streets meet it, along s: none on a third of the roads."""
        return _junctions(self.kind, self.seed)

    def crossings(self) -> tuple[float, ...]:
        """Where zebra crossings are, along s: before and behind junctions, and elsewhere."""
        return _crossings(self)

    def clear_of_junctions(self, s: float, margin_m: float = 0.0) -> bool:
        """Whether no side street lies within the margin of this place."""
        return all(abs(s - j.s) >= j.half_m + margin_m for j in self.junctions())


@lru_cache(maxsize=256)
def _junctions(kind: str, seed: int) -> tuple[Junction, ...]:
    rng = np.random.Generator(np.random.Philox(key=[seed, 4]))
    if rng.uniform() < 0.33:
        return ()
    first, step, half = rng.uniform(17, 52), rng.uniform(70, 120), rng.uniform(2.9, 4.2)
    half = half if kind != "country" else half - 0.9
    return tuple(Junction(s=float(first + k * step), half_m=float(half)) for k in range(2))


@lru_cache(maxsize=256)
def _rise(seed: int) -> tuple[float, float, float]:
    """Length, height and phase of a road's rise and fall."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 1]))
    length, high = rng.uniform(140, 320), rng.uniform(0, 1.6)
    return float(length), float(high), float(rng.uniform(0, 2 * np.pi))


@lru_cache(maxsize=256)
def _crossings(road: Road) -> tuple[float, ...]:
    rng = np.random.Generator(np.random.Philox(key=[road.seed, 2]))
    first, step = rng.uniform(14, 60), rng.uniform(60, 120)
    if road.pavement_m == 0:
        return ()
    beside = [float(j.s + side * (j.half_m + 3.4)) for j in road.junctions() for side in (-1, 1)]
    other = [float(first + k * step) for k in range(3)]
    return tuple(sorted([*beside, *(s for s in other if road.clear_of_junctions(s, 16.0))]))
