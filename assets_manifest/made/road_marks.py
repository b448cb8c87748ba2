"""What is painted on a road: lines, bays, crossings, stop and give-way lines, arrows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assets_manifest.made import road_pictures
from assets_manifest.made.roadway import END_M, START_M, Array, Junction, Road
from assets_manifest.made.solids import Solids
from assets_manifest.meshes.parts import Surface

MARK_M = 0.004  # over the asphalt
NEAR_CROSSING_M, NEAR_JUNCTION_M = 3.6, 1.2  # where lines along the road stop


SPLIT = [0, 1, 2, 0, 2, 3]  # a quad as two triangles


def strip(
    solids: Solids,
    surface: Surface,
    road: Road,
    s_kn: Array,
    v_k2: Array,
    lift: float,
    uv_2: Array | None = None,
) -> None:
    """Bands (K; or one) in road coordinates that lie `lift` over the road; a picture of asphalt begins at
    `uv_2`, one of paint is laid at its size.
    """
    s, v = np.atleast_2d(s_kn), np.atleast_2d(v_k2)
    right = road.place(s, v[:, :1]) + [0, 0, lift]
    left = road.place(s, v[:, 1:]) + [0, 0, lift]
    quads = np.stack([right[:, :-1], right[:, 1:], left[:, 1:], left[:, :-1]], axis=2).reshape(-1, 4, 3)
    if surface.color_texture is None:
        solids.quads(surface, quads)
        return
    across_m = road_pictures.MARK_M if uv_2 is None else road.half_m
    along_m = road_pictures.MARK_M if uv_2 is None else road_pictures.ALONG_M
    start = np.zeros(2) if uv_2 is None else uv_2
    along = (s - s[:, :1]) / along_m + start[1] + 0.618 * np.arange(len(s))[:, None]
    low, high = start[0] + 0 * along, start[0] + (v[:, 1:] - v[:, :1]) / across_m + 0 * along
    a, b = np.stack([low, along], axis=2), np.stack([high, along], axis=2)
    uv = np.stack([a[:, :-1], a[:, 1:], b[:, 1:], b[:, :-1]], axis=2).reshape(-1, 4, 2)
    solids.printed(surface, quads[:, SPLIT].reshape(-1, 3, 3), uv[:, SPLIT].reshape(-1, 3, 2))


@dataclass(frozen=True, slots=True)
class Marks:
    """Paints one road."""

    solids: Solids
    road: Road
    rng: np.random.Generator
    white: Surface = field(default=Surface(name="marking", color_texture="marking.png", roughness=0.6))
    worn: Surface = field(default=Surface(name="marking_worn", color_texture="worn.png", roughness=0.75))

    def draw(self, folder: Path) -> None:
        """Lines along the road, crossings with stop lines before them, what stops side streets."""
        road, half = self.road, self.road.half_m - self.road.parking_m
        wear = float(self.rng.uniform(0.1, 0.5))
        road_pictures.paint(folder / "marking.png", self.rng, wear)
        road_pictures.paint(folder / "worn.png", self.rng, wear + 0.4)
        self._middle()
        for side in (-1, 1):
            for lane in range(1, road.lanes):
                self._stripe(side * lane * road.lane_m, 0.12, 2.0, 6.0)
            if road.parking_m:
                self._bays(side, half)
            elif self.rng.uniform() < 0.6 or road.kind == "country":
                self._stripe(side * (half - 0.25), 0.1, 0.0, 1.0)
        for s in road.crossings():
            self._crossing(s)
        for junction in road.junctions():
            self._mouths(junction)

    def _middle(self) -> None:
        if self.road.kind == "avenue" or self.rng.uniform() < 0.25:
            for v in (-0.14, 0.14):
                self._stripe(v, 0.1, 0.0, 1.0)
        else:
            self._stripe(0.0, 0.12, float(self.rng.uniform(1.5, 3)), float(self.rng.uniform(4.5, 9)))

    def _lay(
        self, surface: Surface, s0: float, s1: float, v0: float, v1: float, lift: float = MARK_M
    ) -> None:
        s = np.linspace(s0, s1, max(2, int(np.ceil((s1 - s0) / 1.5)) + 1))
        strip(self.solids, surface, self.road, s, np.array([v0, v1]), lift)

    def _free(self, s0: float, s1: float) -> bool:
        road = self.road
        crossed = any(s0 <= s + NEAR_CROSSING_M and s1 >= s - NEAR_CROSSING_M for s in road.crossings())
        return not crossed and all(
            s1 < j.s - j.half_m - NEAR_JUNCTION_M or s0 > j.s + j.half_m + NEAR_JUNCTION_M
            for j in road.junctions()
        )

    def _either(self, good: float) -> Surface:
        return self.white if self.rng.uniform() < good else self.worn

    def _stripe(self, v: float, wide: float, dash: float, period: float) -> None:
        """A line; `dash` 0 is an unbroken one."""
        long = dash or 3.0
        starts = np.arange(START_M, END_M - period, period if dash else 3.0)
        self._bands(self._either(0.7), starts, long, (v - wide / 2, v + wide / 2))

    def _bands(
        self, surface: Surface, starts: Array, long: float, v: tuple[float, float], lift: float = MARK_M
    ) -> None:
        """Equal marks along the road, where nothing else is."""
        starts = starts[[self._free(s, s + long) for s in starts.tolist()]]
        s = starts[:, None] + np.linspace(0, long, max(2, int(np.ceil(long / 1.5)) + 1))
        if len(s):
            strip(self.solids, surface, self.road, s, np.repeat([v], len(s), axis=0), lift)

    def _bays(self, side: int, half: float) -> None:
        """Where cars park along the kerb."""
        starts = np.arange(START_M, END_M - 6, 5.8)
        low, high = sorted((side * half, side * (half + self.road.parking_m - 0.2)))
        self._bands(self.white, starts, 0.1, (low, high))
        middle = side * (half + 0.06)
        self._bands(self.white, starts - 0.5, 1.1, (middle - 0.05, middle + 0.05), MARK_M + 0.001)

    def _crossing(self, s: float) -> None:
        edge = self.road.half_m - 0.3
        v = np.arange(-edge, edge - 0.5, 1.0)
        v = v[v * (v + 0.5) > 0]
        along = np.repeat([[s - 1.6, s, s + 1.6]], len(v), axis=0)
        strip(self.solids, self._either(0.6), self.road, along, np.stack([v, v + 0.5], axis=1), MARK_M)
        lanes = self.road.lanes * self.road.lane_m
        for side in (-1, 1):
            ends = sorted((side * 0.2, side * (lanes - 0.1)))
            self._lay(self.white, s + side * 2.9 - 0.2, s + side * 2.9 + 0.2, ends[0], ends[1])

    def _mouths(self, junction: Junction) -> None:
        """A stop or give-way line, a line along the middle, and perhaps a crossing in each side street."""
        road, half = self.road, junction.half_m
        stop, zebra = self.rng.uniform() < 0.5, self.rng.uniform() < 0.6 and road.pavement_m > 0
        start = road.back_m + 0.3 if road.pavement_m else road.half_m + 0.6
        for side in (-1, 1):
            outward = start
            if zebra:
                for s in np.arange(-half + 0.35, half - 0.6, 1.0):
                    at = sorted((side * outward, side * (outward + 2.6)))
                    self._lay(self.white, junction.s + s, junction.s + s + 0.5, at[0], at[1])
                outward += 3.3
            at = sorted((side * outward, side * (outward + (0.35 if stop else 0.25))))
            leaving = sorted((side * 0.15, side * (half - 0.25)))  # the half that comes towards the road
            pieces = (
                [tuple(leaving)] if stop else [(a, a + 0.4) for a in np.arange(leaving[0], leaving[1], 0.8)]
            )
            for a, b in pieces:
                self._lay(self.white, junction.s + a, junction.s + b, at[0], at[1])
            for v in np.arange(outward + 1.0, road.back_m + 36, 6.0):
                ends = sorted((side * v, side * (v + 2.5)))
                self._lay(self.worn, junction.s - 0.06, junction.s + 0.06, ends[0], ends[1])
