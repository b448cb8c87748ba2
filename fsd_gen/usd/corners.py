"""Polygons cut into triangles: fans where they cover the polygon, ears clipped where it is concave.

Triangles that all wind the way their polygon winds cover it exactly: their windings add up to the
polygon's own, so none can overlap another or reach outside. This is what tells a good fan from a bad one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.triples import cross, lengths

log = logging.getLogger(__name__)

Ints = NDArray[np.integer]
Triple = tuple[int, int, int]
SLIVER = 1e-6  # share of a polygon's area by which a triangle may wind the wrong way
MAX_CONCAVE = 10_000  # corners of a concave polygon; clipping takes their square


class PolygonError(ValueError):
    """Counts, indices and attributes of a mesh contradict each other."""


def check_topology(
    points_p3: NDArray[np.float32], counts_f: Ints, indices_c: Ints, holes: Ints | None = None
) -> None:
    """Raises PolygonError where counts, indices and points cannot belong together."""
    if len(counts_f) and counts_f.min() < 0:
        raise PolygonError(f"face vertex counts must not be negative, got {counts_f.min()}")
    if int(counts_f.sum(dtype=np.int64)) != len(indices_c):
        raise PolygonError(
            f"face vertex counts add up to {counts_f.sum(dtype=np.int64)}, got {len(indices_c)} indices"
        )
    if len(indices_c) and (indices_c.min() < 0 or indices_c.max() >= len(points_p3)):
        raise PolygonError(
            f"face vertex indices reach from {indices_c.min()} to {indices_c.max()}, "
            f"but there are {len(points_p3)} points"
        )
    if holes is not None and len(holes) and (holes.min() < 0 or holes.max() >= len(counts_f)):
        raise PolygonError(
            f"hole indices reach from {holes.min()} to {holes.max()}, but there are {len(counts_f)} faces"
        )
    if not np.isfinite(points_p3).all():
        raise PolygonError("some points are not finite")


def triangle_corners(
    points_p3: NDArray[np.float32], counts_f: Ints, indices_c: Ints, holes: Ints | None
) -> tuple[Ints, NDArray[np.int32]]:
    """Corners (T, 3) of the triangles, and the polygon (T,) each came from; n - 2 of an n-gon."""
    corner_t3, polygon_t = _fans(counts_f, holes)
    if not (counts_f > 3).any():
        return corner_t3, polygon_t
    unsure_n = np.flatnonzero(counts_f[polygon_t] > 3)
    cross_n3 = _crosses(points_p3.astype(np.float64), indices_c[corner_t3[unsure_n]])
    normal_f3 = _sums(cross_n3, polygon_t[unsure_n], len(counts_f))
    length_f = lengths(normal_f3)
    along_n = np.einsum("ij,ij->i", cross_n3, normal_f3[polygon_t[unsure_n]])
    wrong_n = along_n < -SLIVER * length_f[polygon_t[unsure_n]] ** 2
    broken = 0
    for face in np.unique(polygon_t[unsure_n[wrong_n]]):
        rows_t = np.flatnonzero(polygon_t == face)
        first = int(corner_t3[rows_t[0], 0])
        ring = indices_c[first : first + int(counts_f[face])]
        ears = clip_ears(_flattened(points_p3[ring].astype(np.float64), normal_f3[face]))
        if ears is None:
            broken += 1
        else:
            corner_t3[rows_t] = np.array(ears) + first
    if broken:
        log.warning("polygons whose edges cross are drawn as fans: faces=%d", broken)
    return corner_t3, polygon_t


def clip_ears(corners_n2: NDArray[np.float64]) -> list[Triple] | None:
    """n - 2 triangles, counter-clockwise or without area, that cover a counter-clockwise polygon exactly.

    Corners may repeat (a hole is joined to the outline by an edge walked twice) and lie on one line.
    None where there are none such: the edges cross.
    """
    if len(corners_n2) > MAX_CONCAVE:
        raise PolygonError(
            f"a concave polygon has {len(corners_n2)} corners, expected at most {MAX_CONCAVE}; triangulate it"
        )
    span = float(np.ptp(corners_n2, axis=0).max()) or 1.0
    points_n2 = (corners_n2 - corners_n2.min(axis=0)) / span
    ring, ears = list(range(len(points_n2))), []
    while len(ring) > 3:
        place = _next_ear(points_n2, ring)
        if place is None:
            return None
        ears.append((ring[place - 1], ring[place], ring[(place + 1) % len(ring)]))
        del ring[place]
    last = (ring[0], ring[1], ring[2])
    return None if _twice_area(points_n2, last) < -SLIVER else [*ears, last]


def _next_ear(points_n2: NDArray[np.float64], ring: list[int]) -> int | None:
    """Where in the ring to cut: the best-shaped ear, else a corner that takes no area away."""
    around_r = np.array(ring)
    a_r2, b_r2, c_r2 = (points_n2[np.roll(around_r, shift)] for shift in (1, 0, -1))
    area_r = _cross2(b_r2 - a_r2, c_r2 - a_r2)
    for place in _by_shape(area_r, a_r2, b_r2, c_r2):
        if not _blocked(points_n2[around_r], a_r2[place], b_r2[place], c_r2[place], area_r <= 0):
            return place
    flat = np.flatnonzero(np.abs(area_r) <= 1e-12)
    return int(flat[0]) if len(flat) else None


def _by_shape(area_r: NDArray[np.float64], *corners_r2: NDArray[np.float64]) -> Iterator[int]:
    """Convex corners, those first whose ears are least like slivers."""
    a_r2, b_r2, c_r2 = corners_r2
    sides_r = sum(np.square(p - q).sum(axis=1) for p, q in ((a_r2, b_r2), (b_r2, c_r2), (c_r2, a_r2)))
    quality_r = area_r / np.maximum(sides_r, 1e-300)
    for place in np.argsort(-quality_r, kind="stable"):
        if area_r[place] > 1e-12:
            yield int(place)


def _blocked(
    points_r2: NDArray[np.float64],
    a_2: NDArray[np.float64],
    b_2: NDArray[np.float64],
    c_2: NDArray[np.float64],
    reflex_r: NDArray[np.bool_],
) -> bool:
    """Whether a corner of the ring that is not convex lies in the triangle, and not at its own corners."""
    others_n2 = points_r2[reflex_r]
    inside_n = np.ones(len(others_n2), bool)
    for p_2, q_2 in ((a_2, b_2), (b_2, c_2), (c_2, a_2)):
        inside_n &= _cross2(q_2 - p_2, others_n2 - p_2) >= 0
        inside_n &= (others_n2 != p_2).any(axis=1)
    return bool(inside_n.any())


def _cross2(u_n2: NDArray[np.float64], v_n2: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = u_n2[..., 0] * v_n2[..., 1] - u_n2[..., 1] * v_n2[..., 0]
    return product


def _twice_area(points_n2: NDArray[np.float64], triple: Triple) -> float:
    a_2, b_2, c_2 = points_n2[list(triple)]
    return float(_cross2(b_2 - a_2, c_2 - a_2))


def _flattened(points_n3: NDArray[np.float64], normal_3: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polygon seen against its normal, so that it winds counter-clockwise."""
    length = np.linalg.norm(normal_3)
    up_3 = normal_3 / length if length > 0 else np.array([0.0, 0.0, 1.0])
    right_3 = np.cross(np.eye(3)[np.abs(up_3).argmin()], up_3)
    right_3 /= np.linalg.norm(right_3)
    flat_n2: NDArray[np.float64] = points_n3 @ np.stack([right_3, np.cross(up_3, right_3)], axis=1)
    return flat_n2


def polygon_normals(points_p3: NDArray[np.float32], counts_f: Ints, indices_c: Ints) -> NDArray[np.float64]:
    """(F, 3) unit normals of polygons, (0, 0, 1) for those without area."""
    corner_t3, polygon_t = _fans(counts_f, None)
    cross_t3 = _crosses(points_p3.astype(np.float64), indices_c[corner_t3])
    normal_f3 = _sums(cross_t3, polygon_t, len(counts_f))
    length_f1 = lengths(normal_f3)[:, None]
    normal_f3[length_f1[:, 0] == 0] = (0.0, 0.0, 1.0)
    unit_f3: NDArray[np.float64] = normal_f3 / np.where(length_f1 > 0, length_f1, 1.0)
    return unit_f3


def _crosses(points_p3: NDArray[np.float64], point_t3: Ints) -> NDArray[np.float64]:
    a_t3, b_t3, c_t3 = (points_p3[point_t3[:, k]] for k in range(3))
    return cross(b_t3 - a_t3, c_t3 - a_t3)


def _sums(values_t3: NDArray[np.float64], bin_t: Ints, bins: int) -> NDArray[np.float64]:
    columns = [np.bincount(bin_t, values_t3[:, axis], minlength=bins) for axis in range(3)]
    return np.stack(columns, axis=1)


def _fans(counts_f: Ints, holes: Ints | None) -> tuple[Ints, NDArray[np.int32]]:
    """Corners (T, 3) of the triangles, and the polygon (T,) each came from."""
    if (holes is None or not len(holes)) and (counts_f == 3).all():  # what the general way gives, at once
        return np.arange(3 * len(counts_f)).reshape(-1, 3), np.arange(len(counts_f), dtype=np.int32)
    fans_f = np.maximum(counts_f.astype(np.int64) - 2, 0)
    if holes is not None and len(holes):
        fans_f[holes] = 0
    start_f = np.cumsum(counts_f, dtype=np.int64) - counts_f
    polygon_t = np.repeat(np.arange(len(counts_f)), fans_f)
    step_t = np.arange(len(polygon_t)) - np.repeat(np.cumsum(fans_f) - fans_f, fans_f)
    corner_t3 = start_f[polygon_t][:, None] + np.array([0, 1, 2])
    corner_t3[:, 1:] += step_t[:, None]
    return corner_t3, polygon_t.astype(np.int32)
