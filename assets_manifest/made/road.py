"""A road through a town: carriageway, kerbs, pavements, markings at real scale, covers, patches, crossings.

The road's own frame: `s` metres along its middle, `v` metres to the left of it. It starts in the origin
towards +x at s = 0, bends evenly, rises and falls gently. `Road.place` and `Road.height` are exact to a
millimetre or two.
Parts: carriageway, kerb, pavement, verge, marking, marking_worn, patch, seam, cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.words import understood
from assets_manifest.meshes.parts import Surface

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
MARK_M, SEAM_M, PATCH_M = 0.004, 0.003, 0.002  # what lies on the asphalt, over it
Array = NDArray[np.float64]


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
        out = np.abs(np.asarray(v, float))
        edge = -CAMBER * self.half_m
        level = np.where(out <= self.half_m, -CAMBER * out, edge + KERB_HEIGHT_M * (self.pavement_m > 0))
        beyond = np.clip(out - self.half_m - KERB_M, 0, self.pavement_m)
        return np.asarray(level + CAMBER * beyond + self.grade(s), float)

    def grade(self, s: ArrayLike) -> Array:
        """Height of the road's middle."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, 1]))
        length, high = rng.uniform(140, 320), rng.uniform(0, 1.6)
        phase = rng.uniform(0, 2 * np.pi)
        s = np.asarray(s, float)
        return np.asarray(high * (np.sin(2 * np.pi * s / length + phase) - np.sin(phase)), float)

    def heading_deg(self, s: float) -> float:
        """Where +s points, counter-clockwise from +x."""
        return float(np.degrees(self.curvature * s))

    def crossings(self) -> tuple[float, ...]:
        """Where zebra crossings are, along s."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, 2]))
        first, step = rng.uniform(14, 60), rng.uniform(60, 120)
        if self.pavement_m == 0:
            return ()
        return tuple(float(first + k * step) for k in range(3))


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The road's USD file."""
    road = Road.of(words)
    rng = np.random.Generator(np.random.Philox(key=[road.seed, 3]))
    build = _Build(road, Solids(), rng)
    build.surface()
    build.repairs()
    build.markings()
    build.covers()
    return build.solids.write(folder)


MAKER = Maker(name="road", version=1, kind="object", make=make)


class _Build:
    def __init__(self, road: Road, solids: Solids, rng: np.random.Generator) -> None:
        self.road, self.solids, self.rng = road, solids, rng
        self.white = paint("marking", (0.62, 0.61, 0.57), 0.6)
        self.worn = paint("marking_worn", (0.36, 0.355, 0.335), 0.75)

    def surface(self) -> None:
        """The sheets from verge to verge, and the kerbs between them."""
        road, edge = self.road, self.road.half_m
        self._sheet(paint("carriageway", (0.085, 0.084, 0.083), 0.85), np.linspace(-edge, edge, 9))
        for side in (1, -1):
            kerb = paint("kerb", (0.36, 0.35, 0.33), 0.8)
            if road.pavement_m:
                self._sheet(kerb, np.array([edge + 1e-6, edge + KERB_M]), side)
                self._kerb_face(paint("kerb_face", (0.33, 0.32, 0.3), 0.8), side)
                self._sheet(
                    paint("pavement", (0.3, 0.29, 0.28), 0.85), np.array([edge + KERB_M, road.back_m]), side
                )
            self._sheet(
                paint("verge", (0.1, 0.12, 0.04), 0.95), road.back_m + np.array([0, 6, 20, VERGE_M]), side
            )

    def _along(self) -> Array:
        return np.arange(START_M, END_M + 1, 2.5)

    def _sheet(self, surface: Surface, across: Array, side: int = 1) -> None:
        across = np.sort(across * side)
        s, v = np.meshgrid(self._along(), across, indexing="ij")
        normals = np.zeros((*s.shape, 3))
        normals[..., 2] = 1
        self.solids.grid(surface, self.road.place(s, v), normals)

    def _kerb_face(self, surface: Surface, side: int) -> None:
        s = self._along()
        top = self.road.place(s, side * (self.road.half_m + 1e-6))
        low = top - [0, 0, KERB_HEIGHT_M + 0.05]
        face = np.stack([low[:-1], low[1:], top[1:], top[:-1]], axis=1)
        self.solids.quads(surface, face if side > 0 else face[:, ::-1])

    def lay(self, surface: Surface, s0: float, s1: float, v0: float, v1: float, lift: float) -> None:
        """A rectangle in road coordinates that lies on the carriageway."""
        s = np.linspace(s0, s1, max(2, int(np.ceil((s1 - s0) / 1.5)) + 1))
        right, left = self.road.place(s, v0) + [0, 0, lift], self.road.place(s, v1) + [0, 0, lift]
        self.solids.quads(surface, np.stack([right[:-1], right[1:], left[1:], left[:-1]], axis=1))

    def repairs(self) -> None:
        """Patches of other asphalt, and cracks that were sealed with tar."""
        tone = self.rng.uniform(0.035, 0.13)
        patch, seam = (
            paint("patch", (tone, tone, tone * 0.98), 0.9),
            paint("seam", (0.018, 0.018, 0.018), 0.6),
        )
        for _ in range(int(self.rng.integers(8, 28))):
            s, wide, long = self.rng.uniform(-10, 160), self.rng.uniform(0.4, 2.4), self.rng.uniform(0.6, 9)
            v = self.rng.uniform(-self.road.half_m + 0.1, self.road.half_m - 0.1 - wide)
            if v * (v + wide) > 0:  # the crown of the road is no place for a flat patch
                self.lay(patch, s, s + long, v, v + wide, PATCH_M)
        for _ in range(int(self.rng.integers(6, 30))):
            self._crack(seam)

    def _crack(self, seam: Surface) -> None:
        s, v = self.rng.uniform(2, 110), self.rng.uniform(-0.9, 0.9) * self.road.half_m
        along = self.rng.uniform() < 0.5
        for _ in range(int(self.rng.integers(6, 26))):
            ds, dv = self.rng.uniform(0.2, 0.5), self.rng.normal(0, 0.07)
            a, b = (s, v), (s + (ds if along else dv), v + (dv if along else ds))
            if abs(b[1]) < self.road.half_m - 0.1 and a[1] * b[1] > 0:
                self._line(seam, a, b, float(self.rng.uniform(0.015, 0.03)))
            s, v = b

    def _line(self, surface: Surface, a: tuple[float, float], b: tuple[float, float], half: float) -> None:
        ends = np.array([a, b])
        ahead = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        side = np.array([-ahead[1], ahead[0]]) * half
        corners = np.array([ends[0] - side, ends[1] - side, ends[1] + side, ends[0] + side])
        points = self.road.place(corners[:, 0], corners[:, 1]) + [0, 0, SEAM_M]
        self.solids.quads(surface, points[None])

    def markings(self) -> None:
        """Lines along the road, crossings with stop lines before them."""
        road, half = self.road, self.road.half_m - self.road.parking_m
        if road.kind == "avenue" or self.rng.uniform() < 0.25:
            for v in (-0.14, 0.14):
                self._stripe(v, 0.1, 0.0, 1.0)
        else:
            self._stripe(0.0, 0.12, float(self.rng.uniform(1.5, 3)), float(self.rng.uniform(4.5, 9)))
        for side in (-1, 1):
            for lane in range(1, road.lanes):
                self._stripe(side * lane * road.lane_m, 0.12, 2.0, 6.0)
            if road.parking_m:
                self._bays(side, half)
            elif self.rng.uniform() < 0.6 or road.kind == "country":
                self._stripe(side * (half - 0.25), 0.1, 0.0, 1.0)
        for s in road.crossings():
            self._crossing(s)

    def _free(self, s0: float, s1: float) -> bool:
        return all(s1 < s - 3.6 or s0 > s + 3.6 for s in self.road.crossings())

    def _stripe(self, v: float, wide: float, dash: float, period: float) -> None:
        """A line; `dash` 0 is an unbroken one."""
        for s in np.arange(START_M, END_M - period, period if dash else 3.0):
            if self._free(s, s + (dash or 3.0)):
                surface = self.white if self.rng.uniform() < 0.75 else self.worn
                self.lay(surface, s, s + (dash or 3.0), v - wide / 2, v + wide / 2, MARK_M)

    def _bays(self, side: int, half: float) -> None:
        """Where cars park along the kerb."""
        for s in np.arange(START_M, END_M - 6, 5.8):
            if self._free(s - 1, s + 1):
                ends = sorted((side * half, side * (half + self.road.parking_m - 0.2)))
                self.lay(self.white, s, s + 0.1, ends[0], ends[1], MARK_M)
                middle = side * (half + 0.06)
                self.lay(self.white, s - 0.5, s + 0.6, middle - 0.05, middle + 0.05, MARK_M + 0.001)

    def _crossing(self, s: float) -> None:
        edge = self.road.half_m - 0.3
        for v in np.arange(-edge, edge - 0.5, 1.0):
            if v * (v + 0.5) > 0:
                surface = self.white if self.rng.uniform() < 0.8 else self.worn
                self.lay(surface, s - 1.6, s + 1.6, v, v + 0.5, MARK_M)
        lanes = self.road.lanes * self.road.lane_m
        for side in (-1, 1):
            ends = sorted((side * 0.2, side * (lanes - 0.1)))
            self.lay(self.white, s + side * 2.9 - 0.2, s + side * 2.9 + 0.2, ends[0], ends[1], MARK_M)

    def covers(self) -> None:
        """Manhole covers in the lanes, gratings in the gutters."""
        iron, dark = (
            paint("cover", (0.13, 0.125, 0.12), 0.5, metallic=0.6),
            paint("grating", (0.02, 0.02, 0.02), 0.8),
        )
        for _ in range(int(self.rng.integers(3, 12))):
            s, v = (
                self.rng.uniform(3, 130),
                self.rng.uniform(0.15, 0.85) * self.road.half_m * self.rng.choice([-1, 1]),
            )
            for surface, radius, lift in ((dark, 0.36, MARK_M + 0.002), (iron, 0.33, MARK_M + 0.004)):
                turn = np.arange(20) / 20 * 2 * np.pi
                rim = self.road.place(s + radius * np.cos(turn), v + radius * np.sin(turn)) + [0, 0, lift]
                middle = np.broadcast_to(self.road.place(s, v) + [0, 0, lift], rim.shape)
                self.solids.triangles(surface, np.stack([middle, rim, np.roll(rim, -1, axis=0)], axis=1))
        for s in np.arange(START_M + self.rng.uniform(0, 20), END_M, 22.0):
            for side in (-1, 1):
                ends = sorted((side * (self.road.half_m - 0.42), side * (self.road.half_m - 0.04)))
                self.lay(iron, s, s + 0.5, ends[0], ends[1], MARK_M)
                for k in range(6):
                    self.lay(
                        dark,
                        s + 0.04 + 0.075 * k,
                        s + 0.08 + 0.075 * k,
                        ends[0] + 0.03,
                        ends[1] - 0.03,
                        MARK_M + 0.002,
                    )
