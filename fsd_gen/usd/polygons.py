"""Polygons to triangles: corner attributes, welding, and the simple solids.

A *corner* is one entry of a mesh's face-vertex list. Attributes may be given per point, per corner,
per face or once; a renderer wants them per vertex, so points are split where their corners disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.triples import cross, lengths
from fsd_gen.usd.corners import Ints, PolygonError, check_topology, polygon_normals, triangle_corners

Interpolation = Literal["constant", "uniform", "vertex", "faceVarying"]
MIX = np.uint64(0x9E3779B97F4A7C15)
AROUND, ALONG = 64, 32  # segments of a tessellated sphere


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """Values over a polygon mesh, optionally shared through `indices_n`."""

    values_nk: NDArray[np.float32]
    interpolation: Interpolation
    indices_n: NDArray[np.int32] | None = None

    def floats(self) -> NDArray[np.float32]:
        """The values, one after the other in memory."""
        return np.ascontiguousarray(self.values_nk, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triangles:
    """One vertex per distinct (point, texture coordinate, normal)."""

    vertices_v3: NDArray[np.float32]
    faces_t3: NDArray[np.int32]
    uv_v2: NDArray[np.float32] | None
    normals_v3: NDArray[np.float32] | None
    polygon_t: NDArray[np.int32]  # which polygon each triangle came from


def triangulate(
    points_p3: NDArray[np.float32],
    counts_f: Ints,
    indices_c: Ints,
    *,
    uv: Attribute | None = None,
    normals: Attribute | None = None,
    left_handed: bool = False,
    holes: Ints | None = None,
) -> Triangles:
    """The polygons cut up, wound counter-clockwise seen from outside. Raises PolygonError."""
    check_topology(points_p3, counts_f, indices_c, holes)
    corner_t3, polygon_t = triangle_corners(points_p3, counts_f, indices_c, holes)
    if left_handed:
        corner_t3 = corner_t3[:, ::-1]
    point_t3 = indices_c[corner_t3]
    places = _Places(
        corner_t3=corner_t3,
        point_t3=point_t3,
        polygon_t=polygon_t,
        counts={"uniform": len(counts_f), "vertex": len(points_p3), "faceVarying": len(indices_c)},
    )
    given = {what: attribute for what, attribute in (("uv", uv), ("normals", normals)) if attribute}
    value_ids = {what: places.value_ids(what, attribute) for what, attribute in given.items()}
    if all(attribute.interpolation in ("vertex", "constant") for attribute in given.values()):
        faces_t3: Ints = point_t3
        first_v: Ints = np.arange(len(points_p3))
        per_vertex = {what: _per_point(attribute, len(points_p3)) for what, attribute in given.items()}
    else:
        corners = {what: given[what].floats()[ids_t3.reshape(-1)] for what, ids_t3 in value_ids.items()}
        kept_v, vertex_c = weld_corners(point_t3.reshape(-1), list(corners.values()))
        faces_t3, first_v = vertex_c.reshape(-1, 3), point_t3.reshape(-1)[kept_v]
        per_vertex = {what: values_ck[kept_v] for what, values_ck in corners.items()}
    return Triangles(
        vertices_v3=points_p3[first_v],
        faces_t3=np.ascontiguousarray(faces_t3, np.int32),
        uv_v2=per_vertex.get("uv"),
        normals_v3=per_vertex.get("normals"),
        polygon_t=polygon_t,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where each corner of each triangle lies in a mesh."""

    corner_t3: Ints  # in the face-vertex list
    point_t3: Ints
    polygon_t: Ints
    counts: Mapping[str, int]  # how many values each interpolation takes

    def value_ids(self, what: str, attribute: Attribute) -> Ints:
        """Row of the attribute's values at each corner of each triangle."""
        ids_t3, indices_n = self._rows(attribute.interpolation), attribute.indices_n
        expected = self.counts.get(attribute.interpolation, 1)
        got = len(attribute.values_nk if indices_n is None else indices_n)
        if got != expected:
            raise PolygonError(f"{what}: {attribute.interpolation} values: expected {expected}, got {got}")
        if indices_n is None:
            return ids_t3
        if len(indices_n) and (indices_n.min() < 0 or indices_n.max() >= len(attribute.values_nk)):
            raise PolygonError(
                f"{what}: indices reach from {indices_n.min()} to {indices_n.max()}, "
                f"but there are {len(attribute.values_nk)} values"
            )
        return indices_n[ids_t3]

    def _rows(self, interpolation: Interpolation) -> Ints:
        if interpolation == "constant":
            return np.zeros_like(self.corner_t3)
        if interpolation == "uniform":
            return np.broadcast_to(self.polygon_t[:, None], self.corner_t3.shape)
        return self.point_t3 if interpolation == "vertex" else self.corner_t3


def weld_corners(
    point_c: Ints, attributes: list[NDArray[np.float32]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Corners with the same point and the same values become one vertex.

    Returns the first corner of every vertex, and every corner's vertex.
    """
    key_c = point_c.astype(np.uint64)
    for values_ck in attributes:
        for bits_c in np.ascontiguousarray(values_ck.T).view(np.uint32):
            key_c = (key_c ^ bits_c) * MIX
            key_c ^= key_c >> np.uint64(29)
    _, first, vertex_c = np.unique(key_c, return_index=True, return_inverse=True)
    twin_c = first[vertex_c]
    same = np.array_equal(point_c[twin_c], point_c) and all(
        np.array_equal(values_ck[twin_c], values_ck) for values_ck in attributes
    )
    if not same:  # two keys collided: leave every corner its own vertex
        return np.arange(len(point_c)), np.arange(len(point_c))
    return first, vertex_c


def select(triangles: Triangles, keep_t: NDArray[np.bool_]) -> Triangles:
    """Some of the triangles, without the vertices that no triangle uses any more."""
    faces_t3 = triangles.faces_t3[keep_t]
    used_v = np.zeros(len(triangles.vertices_v3), bool)
    used_v[faces_t3] = True
    new_v = np.cumsum(used_v, dtype=np.int32) - 1
    return Triangles(
        vertices_v3=triangles.vertices_v3[used_v],
        faces_t3=new_v[faces_t3],
        uv_v2=None if triangles.uv_v2 is None else triangles.uv_v2[used_v],
        normals_v3=None if triangles.normals_v3 is None else triangles.normals_v3[used_v],
        polygon_t=triangles.polygon_t[keep_t],
    )


def point_normals(
    points_p3: NDArray[np.float32],
    counts_f: Ints,
    indices_c: Ints,
    *,
    left_handed: bool,
) -> Attribute:
    """Unit normals per point: the mean of the faces around it, larger faces counting more."""
    check_topology(points_p3, counts_f, indices_c)
    corner_t3, _ = triangle_corners(points_p3, counts_f, indices_c, None)
    faces_t3 = indices_c[corner_t3[:, ::-1] if left_handed else corner_t3]
    a_t3, b_t3, c_t3 = (points_p3[faces_t3[:, k]].astype(np.float64) for k in range(3))
    normal_t3 = cross(b_t3 - a_t3, c_t3 - a_t3)
    summed_p3 = np.stack(
        [
            np.bincount(faces_t3.reshape(-1), np.repeat(normal_t3[:, axis], 3), minlength=len(points_p3))
            for axis in range(3)
        ],
        axis=1,
        dtype=np.float64,
    )
    length_p1 = lengths(summed_p3)[:, None]
    summed_p3[length_p1[:, 0] == 0] = (0.0, 0.0, 1.0)
    length_p1[length_p1 == 0] = 1.0
    return Attribute(values_nk=(summed_p3 / length_p1).astype(np.float32), interpolation="vertex")


def usable_normals(
    points_p3: NDArray[np.float32],
    counts_f: Ints,
    indices_c: Ints,
    normals: Attribute,
    *,
    left_handed: bool,
) -> Attribute | None:
    """`normals`, with those of the faces where they are zero or no numbers; None where all are.

    Raises:
        PolygonError: there are too few or too many of them.
    """
    values_n3 = normals.floats().astype(np.float64)
    length_n = lengths(values_n3)
    bad_n = ~(np.isfinite(length_n) & (length_n > 0))
    if not bad_n.any():
        return normals
    row_c = _corner_rows(normals, points_p3, counts_f, indices_c)
    bad_c = bad_n[row_c]
    if bad_c.all():
        return None
    flip = -1.0 if left_handed else 1.0
    face_c3 = np.repeat(flip * polygon_normals(points_p3, counts_f, indices_c), counts_f, axis=0)
    values_c3 = np.where(bad_c[:, None], face_c3, values_n3[row_c]).astype(np.float32)
    return Attribute(values_nk=values_c3, interpolation="faceVarying")


def _corner_rows(
    attribute: Attribute, points_p3: NDArray[np.float32], counts_f: Ints, indices_c: Ints
) -> Ints:
    """Row of the attribute's values at each corner of the polygons. Raises PolygonError."""
    polygon_c = np.repeat(np.arange(len(counts_f)), counts_f)
    corner_c = np.arange(len(indices_c))
    places = _Places(
        corner_t3=corner_c[:, None],
        point_t3=indices_c[:, None],
        polygon_t=polygon_c,
        counts={"uniform": len(counts_f), "vertex": len(points_p3), "faceVarying": len(indices_c)},
    )
    return places.value_ids("normals", attribute)[:, 0]


def _per_point(attribute: Attribute, points: int) -> NDArray[np.float32]:
    values_nk = attribute.floats()
    if attribute.indices_n is not None:
        values_nk = values_nk[attribute.indices_n]
    return values_nk if attribute.interpolation == "vertex" else np.repeat(values_nk, points, axis=0)


def rectangle(width: float, length: float) -> Triangles:
    """In x-y, normal +z, centred."""
    x, y = width / 2, length / 2
    points = np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]], np.float32)
    st = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return _flat(points, np.array([4]), np.array([0, 1, 2, 3]), st)


def box(size: float) -> Triangles:
    """Centred cube; every side carries the whole texture."""
    half = size / 2
    ends = (-half, half)
    points = np.array([[x, y, z] for z in ends for y in ends for x in ends], np.float32)
    sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    st = np.tile(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), (6, 1))
    return _flat(points, np.full(6, 4), np.ravel(sides), st)


def ball(radius: float) -> Triangles:
    """Poles on the z axis; s runs around, t from the south pole up."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, ALONG + 1)
    outward = np.stack([np.cos(latitude), np.sin(latitude)], axis=1)
    outward[[0, -1], 0] = 0.0  # the poles are points
    return _turned(outward * radius, outward)


def cylinder(radius: float, height: float) -> Triangles:
    """Axis z, centred, with caps."""
    h, r = height / 2, radius
    profile = np.array([[0, -h], [r, -h], [r, -h], [r, h], [r, h], [0, h]])
    normal = np.array([[0, -1], [0, -1], [1, 0], [1, 0], [0, 1], [0, 1.0]])
    return _turned(profile, normal)


def cone(radius: float, height: float) -> Triangles:
    """Axis z, tip up, centred, with its base."""
    h = height / 2
    slope = np.array([height, radius]) / np.hypot(height, radius)
    profile = np.array([[0, -h], [radius, -h], [radius, -h], [0, h]])
    return _turned(profile, np.array([[0, -1], [0, -1], slope, slope]))


def _flat(
    points_p3: NDArray[np.float32], counts_f: Ints, indices_c: Ints, st_c2: NDArray[np.float32]
) -> Triangles:
    st = Attribute(values_nk=st_c2, interpolation="faceVarying")
    return triangulate(points_p3, counts_f.astype(np.int32), indices_c.astype(np.int32), uv=st)


def _turned(profile_n2: NDArray[np.float64], normal_n2: NDArray[np.float64]) -> Triangles:
    """Surface of revolution about z of (radius, z) points, walked so that the outside is on the right."""
    angle_a = np.linspace(0, 2 * np.pi, AROUND + 1)
    cos_a, sin_a = np.cos(angle_a), np.sin(angle_a)
    cos_a[-1], sin_a[-1] = 1.0, 0.0  # the seam closes exactly

    def turn(rz_n2: NDArray[np.float64]) -> NDArray[np.float32]:
        radius_na = rz_n2[:, :1]
        height_na = np.broadcast_to(rz_n2[:, 1:], (len(rz_n2), len(angle_a)))
        turned = np.stack([radius_na * cos_a, radius_na * sin_a, height_na], axis=-1)
        return turned.reshape(-1, 3).astype(np.float32)

    rings, columns = len(profile_n2), len(angle_a)
    grid = np.arange(rings * columns).reshape(rings, columns)
    quads_q4 = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=-1).reshape(-1, 4)
    around, along = np.meshgrid(angle_a / (2 * np.pi), np.linspace(0, 1, rings))
    st = np.stack([around, along], axis=-1).reshape(-1, 2)
    triangles = triangulate(
        turn(profile_n2),
        np.full(len(quads_q4), 4, np.int32),
        quads_q4.reshape(-1).astype(np.int32),
        uv=Attribute(values_nk=st.astype(np.float32), interpolation="vertex"),
        normals=Attribute(values_nk=turn(normal_n2), interpolation="vertex"),
    )
    return select(triangles, _areas(triangles) > 0)


def _areas(triangles: Triangles) -> NDArray[np.float64]:
    a_t3, b_t3, c_t3 = (triangles.vertices_v3[triangles.faces_t3[:, k]].astype(np.float64) for k in range(3))
    areas_t: NDArray[np.float64] = lengths(cross(b_t3 - a_t3, c_t3 - a_t3))
    return areas_t
