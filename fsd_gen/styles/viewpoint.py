"""Where a camera may stand in a furnished room, and how good the view is from there."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.spec import Value, rounded
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.rooms.room import Room

Eye = Annotated[float, rounded(4)]  # metres
Array = NDArray[np.float64]
NOWHERE = float("-inf")


class Viewpoint(Value):
    """A place for the left camera and what it looks at, metres."""

    x: Eye
    y: Eye
    z: Eye
    target: tuple[Eye, Eye, Eye]

    def score(
        self, room: Room, spots: tuple[Footprint, ...], baseline_m: float, half_view: float, nearest_m: float
    ) -> float:
        """Higher is better: both eyes stand free, nothing too near or in the way, much to see far ahead."""
        ahead_2 = np.array([self.target[0] - self.x, self.target[1] - self.y])
        distance = float(np.hypot(*ahead_2))
        if distance < 0.8:
            return NOWHERE
        ahead_2 /= distance
        right_2 = self._here() + baseline_m * np.array([ahead_2[1], -ahead_2[0]])
        walls_2 = np.array([room.width_m, room.depth_m]) / 2
        if (np.abs(right_2) > walls_2 - 0.25).any():
            return NOWHERE
        pitch = float(np.arctan2(abs(self.z - self.target[2]), distance))
        score = 0.4 * min(5.0, _to_wall(self._here(), ahead_2, walls_2)) - 8.0 * max(0.0, pitch - 0.3)
        depth_m = min(_seen_walls(eye_2, ahead_2, walls_2, half_view) for eye_2 in (self._here(), right_2))
        score -= 4.0 * max(0.0, 1 - depth_m / nearest_m)
        for spot in spots:
            score = self._with(spot, score, ahead_2, right_2, half_view, nearest_m)
        return score

    def _with(
        self,
        spot: Footprint,
        score: float,
        ahead_2: Array,
        right_2: Array,
        half_view: float,
        nearest_m: float,
    ) -> float:
        """The score so far, with one more piece of furniture in the room."""
        tall = spot.top > self.z - 0.25
        near = min(spot.distance_to(self.x, self.y), spot.distance_to(*right_2.tolist()))
        if tall and near < 0.3:
            return NOWHERE
        towards = np.array([spot.x - self.x, spot.y - self.y])
        angle = abs(np.arctan2(ahead_2[0] * towards[1] - ahead_2[1] * towards[0], ahead_2 @ towards))
        if angle < half_view + 0.2:
            depth = max(near, abs(self.z - spot.top) if not tall else 0.0)
            score -= 4.0 * max(0.0, 1 - depth / nearest_m)
            score -= 2.5 * max(0.0, 2.2 - near) * tall
            score += 0.3 * (1.0 < near < 6.0)
        return score

    def _here(self) -> Array:
        return np.array([self.x, self.y])


def _seen_walls(eye_2: Array, ahead_2: Array, walls_2: Array, half_view: float) -> float:
    """Depth, in metres along the axis, at which the first wall comes into view at either side."""
    left_2 = np.array([-ahead_2[1], ahead_2[0]])
    edges = (np.cos(half_view) * ahead_2 + side * np.sin(half_view) * left_2 for side in (-1, 1))
    return min(_to_wall(eye_2, edge_2, walls_2) for edge_2 in edges) * float(np.cos(half_view))


def _to_wall(position_2: Array, ahead_2: Array, walls_2: Array) -> float:
    """Distance to the wall straight ahead."""
    moving_2 = np.abs(ahead_2) > 1e-12
    return float(np.min(((np.sign(ahead_2) * walls_2 - position_2)[moving_2]) / ahead_2[moving_2]))
