"""Find the level surfaces of a shape that things can stand on.

Points sampled on them fall into the cells of a grid; a cell belongs to a level where a level surface covers
it and the next surface above leaves room. Outlines lie inside the true surface by up to two cells (a cell is
1/160 of the longer side, 3 to 15 mm). What nothing can be seen of from the side or from above is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.grids import Floats, Grid, Mask, opened_to, outline, surface_points
from assets_manifest.derived.shapes import OPEN_M, Support
from jobs.extras import extra

with extra("render"):
    from scipy import ndimage

CELLS = 160  # along the longer side
CELL_M = (0.003, 0.015)
LEVEL_COSINE = np.cos(np.deg2rad(1.0))
SAME_LEVEL_M = 0.003
LEAST_AREA_M2 = 0.005
LEAST_FREE_M = 0.06  # above a surface, for it to be of use
ENOUGH_FREE_M = 0.4  # more height than this makes a place no better
GAP_M = 0.012  # slits this narrow, as between slats, are stood over
MOST_LEVELS = 40
DIRECTIONS = 24
SEEN = 0.08  # share of the rays along the surface that must leave the object


def find_supports(triangles_f33: Floats) -> tuple[Support, ...]:
    """The supports of a shape given as triangles, largest first."""
    shape = _Shape.of(triangles_f33)
    found = [support for height in shape.levels() for support in shape.at(height)]
    return tuple(sorted(found, key=lambda s: (-round(s.area_m2, 6), s.height_m)))


@dataclass(frozen=True, slots=True)
class _Shape:
    """Triangles, points on them, and the grid that these fall into."""

    triangles_f33: Floats
    grid: Grid
    cell_p: NDArray[np.int64]
    z_p: Floats
    level_p: Mask  # the point lies on a level triangle
    area_p: Floats  # that it stands for

    @classmethod
    def of(cls, triangles_f33: Floats) -> _Shape:
        sides = np.ptp(triangles_f33.reshape(-1, 3), axis=0)
        grid = Grid.over(triangles_f33.reshape(-1, 3), float(np.clip(sides[:2].max() / CELLS, *CELL_M)))
        points_p3, owner_p = surface_points(triangles_f33, grid.cell_m * 0.7)
        cross_f3 = np.cross(
            triangles_f33[:, 1] - triangles_f33[:, 0], triangles_f33[:, 2] - triangles_f33[:, 0]
        )
        twice_f = np.linalg.norm(cross_f3, axis=1)
        level_f = np.abs(cross_f3[:, 2]) > LEVEL_COSINE * np.maximum(twice_f, 1e-12)
        share_f = twice_f / 2 / np.bincount(owner_p, minlength=len(twice_f))
        return cls(
            triangles_f33,
            grid,
            grid.cells(points_p3),
            points_p3[:, 2],
            level_f[owner_p],
            share_f[owner_p],
        )

    def levels(self) -> list[float]:
        """Heights that enough level surface shares, the larger first, no two within `SAME_LEVEL_M`."""
        z, area = self.z_p[self.level_p], self.area_p[self.level_p]
        bins = np.round(z / (SAME_LEVEL_M / 2)).astype(np.int64)
        values, where = np.unique(bins, return_inverse=True)
        areas = np.bincount(where, area, minlength=len(values))
        heights: list[float] = []
        for k in np.argsort(-areas, kind="stable"):
            height = float(np.median(z[where == k]))
            if areas[k] < LEAST_AREA_M2 / 4 or len(heights) == MOST_LEVELS:
                break
            if all(abs(height - other) > SAME_LEVEL_M for other in heights):
                heights.append(height)
        return heights

    def at(self, height: float) -> list[Support]:
        """The supports at one height."""
        covered_xy = self._mask(self.level_p & (np.abs(self.z_p - height) <= SAME_LEVEL_M))
        reach = max(1, round(GAP_M / 2 / self.grid.cell_m))
        covered_xy = np.asarray(ndimage.binary_closing(covered_xy, np.ones((2 * reach + 1,) * 2)))
        if covered_xy.sum() * self.grid.cell_m**2 < LEAST_AREA_M2:
            return []
        free_xy = self._free(height)
        open_xy = covered_xy & (free_xy >= OPEN_M)
        under_xy = covered_xy & (free_xy < OPEN_M) & (free_xy >= LEAST_FREE_M)
        found = [self._support(height, OPEN_M, part) for part in self._pieces(open_xy)]
        for part in self._pieces(under_xy):
            limit = _useful_height(free_xy[part])
            roomy = self._pieces(part & (free_xy >= limit))
            found += [self._support(height, float(free_xy[piece].min()), piece) for piece in roomy]
        return [support for support in found if support.area_m2 >= LEAST_AREA_M2 and self._is_seen(support)]

    def _mask(self, chosen_p: Mask) -> Mask:
        cells = np.bincount(self.cell_p[chosen_p], minlength=self.grid.shape[0] * self.grid.shape[1])
        return (cells > 0).reshape(self.grid.shape)

    def _free(self, height: float) -> Floats:
        """Height above the surface in each cell until something is in the way."""
        above_p = self.z_p > height + SAME_LEVEL_M
        lowest = np.full(self.grid.shape[0] * self.grid.shape[1], np.inf)
        np.minimum.at(lowest, self.cell_p[above_p], self.z_p[above_p] - height)
        free_xy: Floats = np.minimum(lowest, OPEN_M).reshape(self.grid.shape)
        return free_xy

    def _pieces(self, mask_xy: Mask) -> list[Mask]:
        """Connected parts without holes, each a cell narrower all around than the mask."""
        core_xy = ndimage.binary_opening(ndimage.binary_erosion(mask_xy, np.ones((3, 3))), np.ones((3, 3)))
        pieces = []
        for part_xy in _parts(core_xy):
            holes, count = ndimage.label(ndimage.binary_fill_holes(part_xy) & ~part_xy)
            for number in range(1, count + 1):
                part_xy = opened_to(part_xy, holes == number)
            pieces += [piece for piece in _parts(part_xy) if self._is_large(piece)]
        return pieces

    def _is_large(self, mask_xy: Mask) -> bool:
        return int(mask_xy.sum()) * self.grid.cell_m**2 >= LEAST_AREA_M2

    def _support(self, height: float, free: float, piece_xy: Mask) -> Support:
        on_p = self.level_p & (np.abs(self.z_p - height) <= SAME_LEVEL_M)
        on_p &= piece_xy.ravel()[self.cell_p]
        top = float(self.z_p[on_p].max()) if on_p.any() else height
        border = outline(piece_xy, self.grid).round(5)
        return Support(
            height_m=round(top, 5), free_above_m=round(free, 4), inside=free < OPEN_M, outline=border
        )

    def _is_seen(self, support: Support) -> bool:
        """Whether rays from places on it get out: closed cupboards hold nothing that anybody sees."""
        if not support.inside:
            return True
        z = support.height_m + 0.45 * min(support.free_above_m, ENOUGH_FREE_M)
        walls_s22 = _slice(self.triangles_f33, z)
        eyes_e2 = np.concatenate([(support.outline + support.outline.mean(axis=0)) / 2, support.outline])[:40]
        return _share_out(eyes_e2, walls_s22) >= SEEN


def _parts(mask_xy: Mask) -> list[Mask]:
    labels, count = ndimage.label(mask_xy)
    return [labels == number for number in range(1, count + 1)]


def _useful_height(free_n: Floats) -> float:
    """The height that makes most of the place: ground times height is largest."""
    limits = np.quantile(free_n, np.linspace(0, 0.9, 10))
    room = [min(float(limit), ENOUGH_FREE_M) * float((free_n >= limit).mean()) for limit in limits]
    return float(limits[int(np.argmax(room))])


def _slice(triangles_f33: Floats, z: float) -> Floats:
    """Segments (S, 2, 2) in which triangles cross the height z."""
    below_f3 = triangles_f33[:, :, 2] < z
    crossing_f33 = triangles_f33[below_f3.any(axis=1) & ~below_f3.all(axis=1)]
    ends = []
    for k in range(3):
        a, b = crossing_f33[:, k], crossing_f33[:, (k + 1) % 3]
        rise = b[:, 2] - a[:, 2]
        share = np.divide(z - a[:, 2], rise, out=np.zeros(len(a)), where=rise != 0)
        crosses = (a[:, 2] < z) != (b[:, 2] < z)
        ends.append(np.where(crosses[:, None], (a + share[:, None] * (b - a))[:, :2], np.nan))
    points_f32 = np.stack(ends, axis=1)
    order = np.argsort(np.isnan(points_f32[:, :, 0]), axis=1, kind="stable")[:, :2]
    return np.take_along_axis(points_f32, order[:, :, None], axis=1)


def _share_out(eyes_e2: Floats, walls_s22: Floats) -> float:
    """Share of the rays in all directions from the eyes that meet no wall."""
    a_s2, b_s2 = walls_s22[:, 0], walls_s22[:, 1]
    free = 0
    for angle in np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS + 0.1:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        a_es2, b_es2 = ((ends_s2 - eyes_e2[:, None]) @ turn for ends_s2 in (a_s2, b_s2))
        (ax, ay), (bx, by) = np.moveaxis(a_es2, -1, 0), np.moveaxis(b_es2, -1, 0)
        across = (ay < 0) != (by < 0)
        at = np.where(across, ax - ay * (bx - ax) / np.where(by == ay, 1, by - ay), -1)
        free += int((~(across & (at > 1e-6)).any(axis=1)).sum())
    return free / (DIRECTIONS * len(eyes_e2))
