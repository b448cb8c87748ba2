"""Triangles as points on a grid seen from above, and cells of a grid as outlines.

Suffixes: _p one entry per sampled point, _xy one per cell, first index along x. Metres throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Square cells over the ground; cell (i, j) begins at `low` + (i, j) * `cell_m`."""

    low_2: Floats
    cell_m: float
    shape: tuple[int, int]

    @classmethod
    def over(cls, points_n3: Floats, cell_m: float) -> Grid:
        """A grid that holds the points with one empty cell around them."""
        low, high = points_n3[:, :2].min(axis=0) - cell_m, points_n3[:, :2].max(axis=0) + cell_m
        nx, ny = np.maximum(np.ceil((high - low) / cell_m).astype(int), 3).tolist()
        return cls(low_2=low, cell_m=cell_m, shape=(nx, ny))

    def cells(self, points_p3: Floats) -> NDArray[np.int64]:
        """The flat number of each point's cell."""
        ij_p2 = ((points_p3[:, :2] - self.low_2) / self.cell_m).astype(np.int64)
        return ij_p2[:, 0] * self.shape[1] + ij_p2[:, 1]

    def centres(self, mask_xy: Mask) -> Floats:
        """(N, 2) middles of the cells of a mask."""
        return (np.argwhere(mask_xy) + 0.5) * self.cell_m + self.low_2


def surface_points(triangles_f33: Floats, spacing_m: float) -> tuple[Floats, NDArray[np.int64]]:
    """Points (P, 3) no further apart than `spacing_m` on every triangle, and the triangle of each (P,)."""
    edges_f3 = np.linalg.norm(triangles_f33 - np.roll(triangles_f33, -1, axis=1), axis=2)
    turn_f3 = (edges_f3.argmax(axis=1)[:, None] + np.arange(3)) % 3  # the longest edge first
    a_f3, b_f3, tip_f3 = (np.take_along_axis(triangles_f33, turn_f3[:, [k], None], 1)[:, 0] for k in range(3))
    longest_f = edges_f3.max(axis=1)
    twice_area_f = np.linalg.norm(np.cross(b_f3 - a_f3, tip_f3 - a_f3), axis=1)
    along_f = np.ceil(longest_f / spacing_m).astype(np.int64) + 1
    rise_f = np.divide(twice_area_f, longest_f, out=np.zeros_like(longest_f), where=longest_f > 0)
    up_f = np.ceil(rise_f / spacing_m).astype(np.int64) + 1
    owner_p = np.repeat(np.arange(len(triangles_f33)), along_f * up_f)
    step_p = np.arange(len(owner_p)) - np.repeat(np.cumsum(along_f * up_f) - along_f * up_f, along_f * up_f)
    s_p = (step_p % along_f[owner_p]) / np.maximum(along_f[owner_p] - 1, 1)
    t_p = (step_p // along_f[owner_p]) / np.maximum(up_f[owner_p] - 1, 1)
    base_p3 = a_f3[owner_p] + s_p[:, None] * (b_f3 - a_f3)[owner_p]
    return base_p3 + t_p[:, None] * (tip_f3[owner_p] - base_p3), owner_p


def opened_to(mask_xy: Mask, hole_xy: Mask) -> Mask:
    """The mask with a straight cut, one cell wide, from a hole (`hole_xy`) to the nearest outside."""
    cut_xy = mask_xy.copy()
    i, j = (int(value) for value in np.argwhere(hole_xy).mean(axis=0).round())
    rays: list[tuple[slice | int, slice | int]] = [
        (slice(i, None), j),
        (slice(None, i + 1), j),
        (i, slice(j, None)),
        (i, slice(None, j + 1)),
    ]
    shortest = min(rays, key=lambda ray: int(mask_xy[ray].sum()))
    cut_xy[shortest] = False
    return cut_xy


def outline(mask_xy: Mask, grid: Grid) -> Floats:
    """The border (N, 2) of one connected set of cells without holes, counter-clockwise, in metres."""
    corners = _walk(np.pad(mask_xy, 1)) - 1
    points_n2 = corners * grid.cell_m + grid.low_2
    return simplified(points_n2, grid.cell_m * 0.75)


def _walk(mask_xy: Mask) -> NDArray[np.int64]:
    """Corners of cells in order around the set, which stays on the left, also at a pinch."""
    i, j = (int(value) for value in np.argwhere(mask_xy)[0])  # lowest i, then lowest j
    start, heading = (i, j), (1, 0)  # along the lower side of that cell, cells on the left (+j)
    corners, (x, y) = [start], (i + 1, j)
    while (x, y) != start:
        corners.append((x, y))
        heading = _turned(mask_xy, x, y, heading)
        x, y = x + heading[0], y + heading[1]
    return np.array(corners)


def _turned(mask_xy: Mask, x: int, y: int, heading: tuple[int, int]) -> tuple[int, int]:
    """Where to go on from corner (x, y): to the right where the set does, else straight, else left."""
    dx, dy = heading
    left = mask_xy[x + (dx - dy - 1) // 2, y + (dy + dx - 1) // 2]  # the cell ahead on the left
    right = mask_xy[x + (dx + dy - 1) // 2, y + (dy - dx - 1) // 2]
    if not left:
        return (-dy, dx)
    return (dy, -dx) if right else heading


def simplified(points_n2: Floats, tolerance_m: float) -> Floats:
    """A closed outline with fewer corners, each left-out one within the tolerance (Douglas and Peucker)."""
    far = int(np.linalg.norm(points_n2 - points_n2[0], axis=1).argmax())
    closed_n2 = np.concatenate([points_n2, points_n2[:1]])
    keep_n = np.zeros(len(closed_n2), bool)
    keep_n[[0, far, -1]] = True
    spans = [(0, far), (far, len(closed_n2) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = _distances(closed_n2[first + 1 : last], closed_n2[first], closed_n2[last])
        if away.max() > tolerance_m:
            middle = first + 1 + int(away.argmax())
            keep_n[middle] = True
            spans += [(first, middle), (middle, last)]
    return closed_n2[:-1][keep_n[:-1]]


def _distances(points_n2: Floats, a_2: Floats, b_2: Floats) -> Floats:
    """Distance of each point from the segment a-b."""
    along_2 = b_2 - a_2
    share_n = np.clip((points_n2 - a_2) @ along_2 / max(float(along_2 @ along_2), 1e-18), 0, 1)
    distances: Floats = np.linalg.norm(points_n2 - a_2 - share_n[:, None] * along_2, axis=1)
    return distances
