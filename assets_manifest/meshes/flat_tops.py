"""Find the flat, free top of a piece of furniture: where something can be put down.

The object is looked at from above on a grid. Its top is the height that most cells share; the free rectangle
is what is left of those cells' box when its empty sides are cut away. Whatever stands in the way (a rim, a
lamp, a back) is higher and so is not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.parts import MeshPart, extent, triangle_areas

CELLS = 40  # along each side of the bounding box
SAMPLES = 120_000  # over the area as seen from above: some 75 for a cell
SLACK_M = 0.012  # cells within this of the top are the top
FILLED = 0.97  # share of a free rectangle that must be top


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatTop:
    """A free, level rectangle."""

    height_m: float
    rect_m: tuple[float, float, float, float]  # x0, y0, x1, y1

    @property
    def area_m2(self) -> float:
        x0, y0, x1, y1 = self.rect_m
        return (x1 - x0) * (y1 - y0)


def find_flat_top(parts: list[MeshPart], hint_m: float | None = None) -> FlatTop | None:
    """The largest free rectangle at the commonest height seen from above, or at `hint_m`; else None."""
    low, high = extent(parts)
    heights_xy = height_map(parts, low, high)
    seen = heights_xy[np.isfinite(heights_xy)]
    if seen.size == 0:
        return None
    heights = [_commonest(seen)] if hint_m is None else [_commonest(seen), hint_m]
    tops = [top for height in heights if (top := _top_at(heights_xy, height, low, high)) is not None]
    return max(tops, key=lambda top: top.area_m2, default=None)


def height_map(
    parts: list[MeshPart], low: NDArray[np.float32], high: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Highest point in each cell seen from above, in metres; -inf where the object is not. (CELLS, CELLS)"""
    triangles = np.concatenate([part.points_n3[part.triangles_f3] for part in parts]).astype(np.float64)
    flattened = triangles * (1.0, 1.0, 0.0)
    areas = triangle_areas(flattened)
    heights = np.full((CELLS, CELLS), -np.inf)
    if areas.sum() <= 0:
        return heights
    rng = np.random.Generator(np.random.Philox(key=0))
    corner = triangles[rng.choice(len(triangles), SAMPLES, p=areas / areas.sum())]
    u, v = rng.random((2, SAMPLES, 1))
    fold = u + v > 1
    u, v = np.where(fold, 1 - u, u), np.where(fold, 1 - v, v)
    points = corner[:, 0] + u * (corner[:, 1] - corner[:, 0]) + v * (corner[:, 2] - corner[:, 0])
    cells = np.clip(((points - low) / (high - low) * CELLS)[:, :2].astype(int), 0, CELLS - 1)
    np.maximum.at(heights, (cells[:, 0], cells[:, 1]), points[:, 2])
    return heights


def _top_at(
    heights_xy: NDArray[np.float64], height: float, low: NDArray[np.float32], high: NDArray[np.float32]
) -> FlatTop | None:
    top_xy = np.abs(heights_xy - height) <= SLACK_M
    rect = _free_rectangle(top_xy)
    if rect is None:
        return None
    cell = (high - low)[:2] / CELLS
    i0, j0, i1, j1 = rect
    corners = (low[0] + i0 * cell[0], low[1] + j0 * cell[1], low[0] + i1 * cell[0], low[1] + j1 * cell[1])
    x0, y0, x1, y1 = (round(float(value), 4) for value in corners)
    return FlatTop(height_m=round(float(np.median(heights_xy[top_xy])), 4), rect_m=(x0, y0, x1, y1))


def _commonest(heights: NDArray[np.float64]) -> float:
    bins = np.round(heights / SLACK_M).astype(int)
    values, counts = np.unique(bins, return_counts=True)
    inside = np.abs(heights - values[counts.argmax()] * SLACK_M) <= SLACK_M
    return float(np.median(heights[inside]))


def _free_rectangle(top_xy: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Shrink the box of the top cells, always on its emptiest side, until it is filled."""
    i, j = np.nonzero(top_xy)
    if len(i) == 0:
        return None
    i0, i1, j0, j1 = i.min(), i.max() + 1, j.min(), j.max() + 1
    while i1 - i0 >= 3 and j1 - j0 >= 3:
        box = top_xy[i0:i1, j0:j1]
        if box.mean() >= FILLED:
            return int(i0), int(j0), int(i1), int(j1)
        emptiest = np.argmin((box[0].mean(), box[-1].mean(), box[:, 0].mean(), box[:, -1].mean()))
        i0, i1 = i0 + (emptiest == 0), i1 - (emptiest == 1)
        j0, j1 = j0 + (emptiest == 2), j1 - (emptiest == 3)
    return None
