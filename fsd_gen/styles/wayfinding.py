"""Where a robot may stand and drive: free ground ahead as far as possible, and things to the sides of it.

All of it is plane geometry on footprints; heights come in through the ground below the wheels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import CameraPose
from fsd_gen.styles.footprint import Footprint

TRIES = 400
BODY_M = 0.35  # half the width of the robot
STEP_M = 0.25  # between the points of a path that are looked at
FURTHEST_M = 30.0
EVERY = 12  # headings of a place
BANDS_M = (0, 2, 4, 8, 16, 32)  # depths that a view should have something at

Array = NDArray[np.float64]
HeightOf = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Way:
    """A place of the robot, its heading, and how far it can go on."""

    x: float
    y: float
    heading_deg: float
    free_m: float

    @property
    def ahead(self) -> Array:
        """Level unit vector (2,)."""
        angle = np.deg2rad(self.heading_deg)
        return np.array([np.cos(angle), np.sin(angle)])

    def strip(self, length_m: float) -> Footprint:
        """The ground of the path, which is to stay free."""
        x, y = np.array([self.x, self.y]) + self.ahead * length_m / 2
        return Footprint(
            x=float(x), y=float(y), width=length_m, depth=2 * BODY_M, heading_deg=self.heading_deg
        )


def longest_way(
    rng: np.random.Generator, half_m: tuple[float, float], taken: Sequence[Footprint], rig: StereoRig
) -> Way:
    """Of many places and headings on the ground within `half_m` of the middle, one with a long free path.

    Of the best few, by free path and by what is seen beside it at how many depths, one is drawn.
    """
    table = Obstacles.of(taken)
    ways: list[tuple[float, Way]] = []
    reach = np.maximum(np.array(half_m) - 0.5, 0.05)
    for x, y in rng.uniform(-reach, reach, (TRIES // EVERY, 2)):
        for turn in rng.uniform(0, 360, EVERY):
            angle = np.deg2rad(turn)
            ahead = np.array([np.cos(angle), np.sin(angle)])
            free_m = _free(table, np.array([x, y]), ahead, np.array(half_m), rig.baseline_m)
            way = Way(float(x), float(y), float(turn), free_m)
            ways.append((_worth(table, way, rig), way))
    ways.sort(key=lambda each: -each[0])
    return ways[int(rng.integers(4))][1]


def pose(way: Way, rng: np.random.Generator, height_m: float, ground: HeightOf) -> CameraPose:
    """The camera of the robot: about level, over the ground where it stands."""
    pitch = np.deg2rad(np.clip(rng.normal(-2.0, 3.0), -10, 6))
    x, y = way.ahead.tolist()
    eye_z = ground(way.x, way.y) + height_m
    slope = ground(way.x + x, way.y + y) - ground(way.x, way.y)
    eye = (round(way.x, 4), round(way.y, 4), round(eye_z, 4))
    target = (eye[0] + 4 * x, eye[1] + 4 * y, eye[2] + 4 * (slope + float(np.tan(pitch))))
    return CameraPose(position=eye, target=target, roll_deg=float(np.clip(rng.normal(0, 0.8), -3, 3)))


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Footprints as columns: centre, axis along the width, half sizes."""

    centre_n2: Array
    axis_n2: Array
    half_n2: Array

    @classmethod
    def of(cls, taken: Sequence[Footprint]) -> Obstacles:
        """The footprints as one table."""
        angles = np.deg2rad([spot.heading_deg for spot in taken])
        return cls(
            np.array([(spot.x, spot.y) for spot in taken]).reshape(-1, 2),
            np.column_stack([np.cos(angles), np.sin(angles)]),
            np.array([(spot.width / 2, spot.depth / 2) for spot in taken]).reshape(-1, 2),
        )

    def distance(self, points_k2: Array) -> Array:
        """From each point to the nearest obstacle, 0 inside one: (K,)."""
        if not len(self.centre_n2):
            return np.full(len(points_k2), np.inf)
        x_kn, y_kn = (points_k2[:, axis, None] - self.centre_n2[:, axis] for axis in range(2))
        cos_n, sin_n = self.axis_n2.T
        along_kn = np.abs(x_kn * cos_n + y_kn * sin_n) - self.half_n2[:, 0]
        across_kn = np.abs(y_kn * cos_n - x_kn * sin_n) - self.half_n2[:, 1]
        gap_kn = np.hypot(np.maximum(along_kn, 0), np.maximum(across_kn, 0))
        nearest: Array = gap_kn.min(axis=1)
        return nearest


def _free(table: Obstacles, at_2: Array, ahead_2: Array, half_2: Array, baseline_m: float) -> float:
    """How far the robot comes before something, or the border; 0 where not even its eyes have room."""
    right_2 = at_2 + baseline_m * np.array([ahead_2[1], -ahead_2[0]])
    steps = np.arange(0, FURTHEST_M, STEP_M)
    points = np.concatenate([right_2[None], at_2 + steps[:, None] * ahead_2])
    inside = (np.abs(points) < half_2 - BODY_M).all(axis=1)
    if not (inside[0] and inside[1]):
        return 0.0
    reached = 1 + _first(~inside[1:])  # points up to the border
    near = table.distance(points[:reached]) <= BODY_M
    if near[0] or near[1]:
        return 0.0
    free = _first(near[1:])
    return float(steps[free]) if free < len(steps) else FURTHEST_M


def _first(blocked_k: NDArray[np.bool_]) -> int:
    """Number of the first that is blocked; their count where none is."""
    return int(blocked_k.argmax()) if blocked_k.any() else len(blocked_k)


def _worth(table: Obstacles, way: Way, rig: StereoRig) -> float:
    """Free metres ahead, and how many depths have something in view, up to three of each."""
    if not way.free_m:
        return 0.0
    away_n2 = table.centre_n2 - [way.x, way.y]
    ahead = way.ahead
    depth_n, across_n = away_n2 @ ahead, np.abs(away_n2 @ [ahead[1], -ahead[0]])
    seen_n = (depth_n > 0.3) & (across_n < depth_n * rig.width / 2 / rig.focal_px)
    band_n = np.searchsorted(BANDS_M, depth_n[seen_n], side="right") - 1
    counts = np.bincount(band_n, minlength=len(BANDS_M))[: len(BANDS_M) - 1]  # the last: beyond all bands
    return min(way.free_m, 12.0) + 0.8 * float(np.minimum(counts, 3).sum())
