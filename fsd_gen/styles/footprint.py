"""Furniture seen from above: turned rectangles that must not overlap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.spec import Degrees, Value, rounded

Spot = Annotated[float, rounded(4)]  # metres


class Footprint(Value):
    """A rectangle on the floor, turned about the vertical, with a height range. Metres."""

    x: Spot
    y: Spot
    width: float  # along its own x
    depth: float  # along its own y
    heading_deg: Degrees
    bottom: float = 0.0
    top: float = 0.0

    def corners(self) -> NDArray[np.float64]:
        """(4, 2) corners."""
        angle = np.deg2rad(self.heading_deg)
        axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [self.width / 2, self.depth / 2]
        corners_42: NDArray[np.float64] = half @ axes + [self.x, self.y]
        return corners_42

    def overlaps(self, other: Footprint) -> bool:
        """Whether the two share ground (separating axis test)."""
        a, b = self.corners(), other.corners()
        for points in (a, b):
            for k in range(2):
                axis = points[k + 1] - points[k]
                pa, pb = a @ axis, b @ axis
                if pa.max() <= pb.min() or pb.max() <= pa.min():
                    return False
        return True

    def distance_to(self, x: float, y: float) -> float:
        """Distance on the ground from a point to the rectangle, 0 inside."""
        angle = np.deg2rad(self.heading_deg)
        dx, dy = x - self.x, y - self.y
        along = abs(dx * np.cos(angle) + dy * np.sin(angle)) - self.width / 2
        across = abs(-dx * np.sin(angle) + dy * np.cos(angle)) - self.depth / 2
        return float(np.hypot(max(along, 0.0), max(across, 0.0)))

    def within(self, width_m: float, depth_m: float) -> bool:
        """Whether it stays inside a room centred over the origin."""
        corners = np.abs(self.corners())
        return bool((corners[:, 0] <= width_m / 2).all() and (corners[:, 1] <= depth_m / 2).all())


def is_free(candidate: Footprint, taken: Iterable[Footprint]) -> bool:
    """Whether `candidate` overlaps none of `taken`."""
    return not any(candidate.overlaps(other) for other in taken)
