"""An object as a few convex pieces, for physics.

Points on the surface are cut by planes: each time the part whose hull stands furthest off the surface, by the
plane that leaves the least volume in the hulls of both sides. Every point stays in the hull of its part, so
the pieces hold the whole surface, and what they hold beside it is thin. (CoACD finds finer pieces, but takes
6 to 50 CPU seconds for a mug or a teapot and moves the surface by a voxel; this takes less than one, and the
surface stays.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.grids import surface_points
from assets_manifest.derived.shapes import Hull
from jobs.extras import extra

with extra("render"):
    from scipy.spatial import ConvexHull, QhullError, cKDTree

MOST_HULLS = 14
JOINED = 0.005  # of the whole hull's volume: two pieces are one where that fills no more than this
HOLLOW = 0.06  # of the longest side: how far a hull may stand off the surface
SPACINGS = 30  # sampled points along the longest side
THIN_CELLS = 24  # along the longest side, for the search
LEAST_CELLS = 4  # that a part must be long to be cut
FEW_CORNERS = 160  # of one hull: no more, unless it would not be exact
EXACT_M = 0.0005  # how far what is left out may stand off the hull
AT_ONCE = 4096  # points compared with all faces of a hull
LEAST_THICKNESS_M = 0.001
SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)  # of a part's width: where planes are tried
_SQUARE = np.sqrt(0.5)
AXES = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (_SQUARE, _SQUARE, 0), (_SQUARE, -_SQUARE, 0)])

Floats = NDArray[np.float64]


def decompose(triangles_f33: Floats, most: int = MOST_HULLS) -> tuple[Hull, ...]:
    """At most `most` convex pieces that together hold the triangles."""
    corners_n3 = triangles_f33.reshape(-1, 3)
    longest_m = max(float(np.ptp(corners_n3, axis=0).max()), LEAST_THICKNESS_M)
    spacing_m = longest_m / SPACINGS
    sampled_p3 = surface_points(triangles_f33, spacing_m)[0]
    points_n3 = _thinned(np.concatenate([corners_n3, sampled_p3]), longest_m / 400)
    parts = [_Part.of(points_n3, longest_m / THIN_CELLS)]
    while len(parts) < most:
        worst = max(parts, key=lambda part: part.hollow_m)
        if worst.hollow_m < HOLLOW * longest_m:
            break
        parts = [part for part in parts if part is not worst] + worst.halves(spacing_m)
    pieces = _merged([_hull(part.points_n3) for part in parts], JOINED * _hull(points_n3).volume_m3)
    return _holding(pieces, np.unique(corners_n3, axis=0))


def _holding(pieces: tuple[Hull, ...], corners_n3: Floats) -> tuple[Hull, ...]:
    """The pieces, widened where a corner of the shape stands off all of them: by what is nearest to each."""
    outside_pn = np.array([_outside(ConvexHull(piece.points_n3), corners_n3)[0] for piece in pieces])
    nearest_n, apart_n = outside_pn.argmin(axis=0), outside_pn.min(axis=0) > EXACT_M
    missing = [corners_n3[apart_n & (nearest_n == number)] for number in range(len(pieces))]
    return tuple(
        _hull(np.concatenate([piece.points_n3, missing_m3])) if len(missing_m3) else piece
        for piece, missing_m3 in zip(pieces, missing, strict=True)
    )


def _outside(hull: ConvexHull, points_n3: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """How far each point is beyond the face that it is furthest beyond (negative within), and which face."""
    distances, faces = [], []
    for k in range(0, len(points_n3), AT_ONCE):
        away_nf = points_n3[k : k + AT_ONCE] @ hull.equations[:, :3].T + hull.equations[:, 3]
        faces.append(away_nf.argmax(axis=1))
        distances.append(away_nf.max(axis=1))
    return np.concatenate(distances), np.concatenate(faces)


def _merged(pieces: list[Hull], most_m3: float) -> tuple[Hull, ...]:
    """The pieces, two of them joined as long as their common hull holds little more than they do."""
    waste = {(i, j): _waste(pieces[i], pieces[j]) for i, j in combinations(range(len(pieces)), 2)}
    alive = dict(enumerate(pieces))
    while waste and min(waste.values()) <= most_m3:
        i, j = min(waste, key=lambda pair: (waste[pair], pair))
        new = max(alive) + 1
        joined = _hull(np.concatenate([alive.pop(i).points_n3, alive.pop(j).points_n3]))
        waste = {pair: value for pair, value in waste.items() if not {i, j} & set(pair)}
        waste |= {(k, new): _waste(piece, joined) for k, piece in alive.items()}
        alive[new] = joined
    return tuple(alive.values())


def _waste(a: Hull, b: Hull) -> float:
    """What the hull of both holds beside them, cubic metres."""
    return _volume(np.concatenate([a.points_n3, b.points_n3])) - a.volume_m3 - b.volume_m3


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    points_n3: Floats
    cell_m: float
    hollow_m: float  # how far the hull's surface is from any point, at most

    @classmethod
    def of(cls, points_n3: Floats, cell_m: float) -> _Part:
        divisible = bool((np.ptp(points_n3 @ AXES.T, axis=0) > LEAST_CELLS * cell_m).any())
        return cls(points_n3, cell_m, _hollow(points_n3, cell_m) if divisible else 0.0)

    def halves(self, overlap_m: float) -> list[_Part]:
        """Both sides of the cut that leaves least volume; points near it are in both: nothing gapes."""
        cuts = _tried(_thinned(self.points_n3, self.cell_m), self.cell_m)
        axis, at, _ = min(cuts, key=lambda cut: cut[2])
        height_n = self.points_n3 @ AXES[axis] - at
        sides = (height_n <= overlap_m / 2, height_n >= -overlap_m / 2)
        return [_Part.of(self.points_n3[side_n], self.cell_m) for side_n in sides if side_n.any()]


def _hollow(points_n3: Floats, cell_m: float) -> float:
    """The largest distance from a place on the convex hull to the points; 0 of what is flat."""
    try:
        hull = ConvexHull(points_n3)
    except (QhullError, ValueError):
        return 0.0
    outside_p3 = surface_points(points_n3[hull.simplices], cell_m)[0]
    distances_p, _ = cKDTree(points_n3).query(outside_p3)
    return float(distances_p.max())


def _tried(points_n3: Floats, overlap_m: float) -> Iterator[tuple[int, float, float]]:
    """Axis, place and the volume that is left of every cut worth trying."""
    for axis in range(len(AXES)):
        height_n = points_n3 @ AXES[axis]
        low, high = float(height_n.min()), float(height_n.max())
        for at in low + np.array(SHARES) * (high - low) if high - low > 2 * overlap_m else ():
            halves = (height_n <= at + overlap_m / 2, height_n >= at - overlap_m / 2)
            yield axis, float(at), sum(_volume(points_n3[half_n]) for half_n in halves)


def _volume(points_n3: Floats) -> float:
    """Of the convex hull; 0 of what is flat."""
    if len(points_n3) < 4:
        return 0.0
    try:
        return float(ConvexHull(points_n3).volume)
    except QhullError:  # all in one plane
        return 0.0


def _thinned(points_n3: Floats, cell_m: float) -> Floats:
    """One point of each cell of that size: its first."""
    cells_n3 = np.round((points_n3 - points_n3.min(axis=0)) / cell_m).astype(np.int64)
    span = cells_n3.max(axis=0) + 1
    keys_n = (cells_n3[:, 0] * span[1] + cells_n3[:, 1]) * span[2] + cells_n3[:, 2]
    kept: Floats = points_n3[np.sort(np.unique(keys_n, return_index=True)[1])]
    return kept


def _hull(points_n3: Floats) -> Hull:
    """The convex hull of the points with few corners, no thinner than a millimetre."""
    solid_n3 = _solid(points_n3)
    corners_n3 = _thinned_out(solid_n3[ConvexHull(solid_n3).vertices])
    volume, centre_3 = _mass(ConvexHull(corners_n3))
    return Hull(points_n3=corners_n3, volume_m3=volume, centre_3=centre_3)


def _thinned_out(corners_n3: Floats) -> Floats:
    """Few corners of a hull: those furthest out, and more as long as any other stands off by much."""
    kept_n3: Floats
    if len(corners_n3) <= FEW_CORNERS:
        return corners_n3
    furthest = np.unique((corners_n3 @ _directions(FEW_CORNERS).T).argmax(axis=0))
    kept_n3, others_n3 = corners_n3[furthest], np.delete(corners_n3, furthest, axis=0)
    while True:
        outside_n, face_n = _outside(ConvexHull(kept_n3), others_n3)
        order = np.argsort(-outside_n, kind="stable")
        further = order[: int((outside_n > EXACT_M).sum())]
        if not len(further):
            return kept_n3
        first_of_face = further[np.unique(face_n[further], return_index=True)[1]]
        kept_n3 = np.concatenate([kept_n3, others_n3[first_of_face]])
        others_n3 = others_n3[further]  # the hull only grows: what is within stays there


def _solid(points_n3: Floats) -> Floats:
    """The points; of a flat or straight set, two copies apart along each direction in which it is thin."""
    middle_3 = points_n3.mean(axis=0)
    _, axes_33 = np.linalg.eigh(np.cov((points_n3 - middle_3).T) if len(points_n3) > 1 else np.eye(3))
    for axis_3 in axes_33.T:
        if np.ptp(points_n3 @ axis_3) < LEAST_THICKNESS_M:
            shift_3 = axis_3 * LEAST_THICKNESS_M / 2
            points_n3 = np.concatenate([points_n3 - shift_3, points_n3 + shift_3])
    return points_n3


def _mass(hull: ConvexHull) -> tuple[float, Floats]:
    """Volume and centre of mass, from the tetrahedra between its faces and its middle."""
    middle_3 = hull.points.mean(axis=0)
    faces_f33 = hull.points[hull.simplices] - middle_3
    volumes_f = np.abs(np.linalg.det(faces_f33)) / 6
    centre_3 = middle_3 + volumes_f @ faces_f33.sum(axis=1) / 4 / volumes_f.sum()
    return float(volumes_f.sum()), centre_3


def _directions(count: int) -> Floats:
    """(K, 3) directions spread evenly over the sphere, and the six along the axes."""
    k = np.arange(count - 6)
    z = 1 - (2 * k + 1) / len(k)
    turn = k * np.pi * (3 - np.sqrt(5))
    around = np.sqrt(1 - z * z)
    spread = np.column_stack([around * np.cos(turn), around * np.sin(turn), z])
    return np.concatenate([spread, np.eye(3), -np.eye(3)])
