"""Values that describe an asset's shape: convex pieces, and surfaces to stand on with what fits there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPEN_M = 99.0  # `free_above_m` under the open sky

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hull:
    """A convex piece in the asset's own frame, before any scale."""

    points_n3: Floats  # its corners, metres
    volume_m3: float
    centre_3: Floats  # of mass


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """A level surface that things can stand on, in the asset's own frame, before any scale."""

    height_m: float
    free_above_m: float  # to what is above; OPEN_M where nothing is
    outline: Floats  # (N, 2) simple polygon, counter-clockwise, x and y
    inside: bool  # something of the asset is above it

    @property
    def area_m2(self) -> float:
        """Area within the outline."""
        x, y = self.outline.T
        return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def fits(support: Support, footprint_polygon: Floats) -> bool:
    """Whether a polygon (N, 2) in the support's frame lies wholly within its outline."""
    border = support.outline
    if not all(_contains(border, point) for point in footprint_polygon):
        return False
    a, b = footprint_polygon, np.roll(footprint_polygon, -1, axis=0)
    c, d = border, np.roll(border, -1, axis=0)
    turn = _turns(a[:, None], b[:, None], c[None]) * _turns(a[:, None], b[:, None], d[None]) < 0
    other = _turns(c[None], d[None], a[:, None]) * _turns(c[None], d[None], b[:, None]) < 0
    return not bool((turn & other).any())


def spots(
    rng: np.random.Generator, support: Support, size: tuple[float, float], n: int, tries: int = 20
) -> Floats:
    """Up to `n` places (K, 3) for rectangles of `size`: x, y, heading in degrees, apart from each other.

    The rectangle turned by the heading and moved to x, y lies within the outline.
    """
    low, high = support.outline.min(axis=0), support.outline.max(axis=0)
    taken: list[Floats] = []
    places: list[tuple[float, float, float]] = []
    for _ in range(n * tries):
        if len(places) == n:
            break
        x, y = (float(value) for value in rng.uniform(low, high))
        heading = float(rng.uniform(0, 360))
        corners = rectangle(size, (x, y, heading))
        if fits(support, corners) and not any(_overlap(corners, other) for other in taken):
            taken.append(corners)
            places.append((x, y, heading))
    return np.array(places).reshape(-1, 3)


def rectangle(size: tuple[float, float], place: tuple[float, float, float]) -> Floats:
    """Corners (4, 2) of a rectangle at x, y, heading in degrees; counter-clockwise."""
    x, y, heading = place
    cos, sin = np.cos(np.deg2rad(heading)), np.sin(np.deg2rad(heading))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (np.array(size) / 2)
    turned: Floats = corners @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
    return turned


def _overlap(a_n2: Floats, b_n2: Floats) -> bool:
    """Whether two convex polygons share ground (separating axes)."""
    for points in (a_n2, b_n2):
        for edge in np.roll(points, -1, axis=0) - points:
            normal = np.array([edge[1], -edge[0]])
            if (a_n2 @ normal).max() <= (b_n2 @ normal).min() or (b_n2 @ normal).max() <= (
                a_n2 @ normal
            ).min():
                return False
    return True


def _turns(a: Floats, b: Floats, c: Floats) -> Floats:
    """Twice the signed area of the triangles a, b, c."""
    areas: Floats = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (
        c[..., 0] - a[..., 0]
    )
    return areas


def _contains(border_n2: Floats, point_2: Floats) -> bool:
    """Whether a point lies inside a polygon: a ray from it crosses the border an odd number of times."""
    a, b = border_n2, np.roll(border_n2, -1, axis=0)
    across = (a[:, 1] > point_2[1]) != (b[:, 1] > point_2[1])
    rise = np.where(across, b[:, 1] - a[:, 1], 1.0)
    x = a[:, 0] + (point_2[1] - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return bool((across & (x > point_2[0])).sum() % 2)
