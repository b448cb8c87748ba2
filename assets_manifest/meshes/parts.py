"""Triangle meshes as the packs make them: arrays with one surface per part.

Frame: z up, metres, front towards -y. A part is one surface with one set of vertices; corners that differ in
normal or texture coordinate are different vertices, so every attribute is per vertex.
Shape suffixes: _n3 and _n2 one row per vertex, _f3 one row per triangle, _f33 three corners of three numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.triples import cross, lengths
from jobs.extras import extra

CREASE_DEGREES = 40.0  # neighbouring faces that meet at less than this are shaded as one smooth surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """Inputs of one UsdPreviewSurface. Colours are linear; texture names are relative to the USD file."""

    name: str
    color: tuple[float, float, float] = (0.5, 0.5, 0.5)
    color_texture: str | None = None  # sRGB image; replaces `color`
    color_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)  # multiplies `color_texture`, linear
    normal_texture: str | None = None
    metal_rough_texture: str | None = None  # roughness in green, metallic in blue; the numbers multiply it
    roughness: float = 0.5
    metallic: float = 0.0
    opacity: float = 1.0
    cutout: bool = False  # opacity from the alpha of `color_texture`, all or nothing at `cutoff`
    cutoff: float = 0.5  # alpha below this is a hole
    ior: float = 1.5
    clearcoat: float = 0.0  # share of a second, clear layer over all
    clearcoat_roughness: float = 0.03

    @property
    def textures(self) -> tuple[str, ...]:
        """Every image it names."""
        named = (self.color_texture, self.normal_texture, self.metal_rough_texture)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshPart:
    """Triangles of one surface. Counter-clockwise from outside; every array finite."""

    name: str
    surface: Surface
    points_n3: NDArray[np.float32]  # metres
    normals_n3: NDArray[np.float32]  # unit length
    uv_n2: NDArray[np.float32] | None  # v grows upwards
    triangles_f3: NDArray[np.int32]

    @property
    def triangle_count(self) -> int:
        return len(self.triangles_f3)


def triangle_areas(points_f33: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area of each triangle, in squared units of the points. (F, 3, 3) -> (F,)"""
    areas: NDArray[np.float64] = 0.5 * lengths(_cross(points_f33))
    return areas


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFaces:
    """How many triangles of a model were left out, because they would show nothing or fight for pixels."""

    repeated_corners: int = 0  # two corners in one place: no area
    duplicates: int = 0  # in the place of another triangle, whichever side that one shows


def distinct_faces(points_f33: NDArray[np.float64]) -> tuple[NDArray[np.bool_], DroppedFaces]:
    """Which triangles to keep: those with three different corners, and one of those in the same place.

    Corners are compared as they will be stored, in single precision.
    """
    _, places = np.unique(_rows(points_f33.reshape(-1, 3)), return_inverse=True)
    corners_f3 = np.sort(places.reshape(-1, 3), axis=1)
    whole_f = (corners_f3[:, 0] != corners_f3[:, 1]) & (corners_f3[:, 1] != corners_f3[:, 2])
    keep_f = np.zeros(len(points_f33), bool)
    keep_f[np.flatnonzero(whole_f)[np.unique(corners_f3[whole_f], axis=0, return_index=True)[1]]] = True
    repeated = int((~whole_f).sum())
    return keep_f, DroppedFaces(
        repeated_corners=repeated, duplicates=len(keep_f) - int(keep_f.sum()) - repeated
    )


def is_closed(points_n3: NDArray[np.floating], triangles_f3: NDArray[np.integer]) -> bool:
    """Whether every edge, by position in single precision, belongs to exactly two triangles."""
    _, place_n = np.unique(_rows(points_n3), return_inverse=True)
    corners_f3 = place_n[triangles_f3].astype(np.int64)
    edges_e2 = np.sort(corners_f3[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges_e2 = edges_e2[edges_e2[:, 0] != edges_e2[:, 1]]
    _, counts = np.unique(edges_e2[:, 0] * len(points_n3) + edges_e2[:, 1], return_counts=True)
    return bool(len(counts)) and bool((counts == 2).all())


def _rows(values_nk: NDArray[np.floating]) -> NDArray[np.void]:
    """Each row, in single precision, as one value that can be compared."""
    rows_nk = np.ascontiguousarray(values_nk, np.float32) + np.float32(0)  # -0.0 becomes 0.0
    rows_n: NDArray[np.void] = rows_nk.view(np.dtype((np.void, rows_nk.shape[1] * 4))).ravel()
    return rows_n


def face_normals(points_f33: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normals, zero where a triangle has no area. (F, 3, 3) -> (F, 3)"""
    return _unit(_cross(points_f33))


def place_numbers(points_n3: NDArray[np.float64], tolerance: float) -> NDArray[np.intp]:
    """The number of each point's place; points in one cell of `tolerance` share it. (N, 3) -> (N,)"""
    cells = np.round((points_n3 - points_n3.min(axis=0)) / tolerance).astype(np.int64)
    span = cells.max(axis=0) + 1
    keys = (cells[:, 0] * span[1] + cells[:, 1]) * span[2] + cells[:, 2]
    return np.unique(keys, return_inverse=True)[1]


def crease_normals(
    points_f33: NDArray[np.float64], places_f3: NDArray[np.intp], crease_degrees: float = CREASE_DEGREES
) -> NDArray[np.float64]:
    """Corner normals, averaged over neighbours across edges flatter than the crease. (F, 3, 3) -> (F, 3, 3)

    Two triangles share a corner's normal when a chain of such edges around that corner joins them, so a
    cylinder's side turns smooth while its rim stays sharp. `places_f3` says which corners coincide: see
    `place_numbers`.
    """
    faces = len(points_f33)
    crosses = _cross(points_f33)
    first, second = _smooth_edges(places_f3, _unit(crosses), np.cos(np.radians(crease_degrees)))
    corners = 3 * faces
    with extra("render"):  # here and not above: surfaces and parts are also described where nothing is made
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(corners, corners))
    groups = connected_components(graph, directed=False)[1]
    weights = _corner_angles(points_f33)[:, :, None] * _unit(crosses)[:, None, :]
    sums = np.stack(
        [np.bincount(groups, weights[:, :, axis].ravel(), minlength=corners) for axis in range(3)], axis=1
    )
    return _unit(sums[groups]).reshape(faces, 3, 3)


def _smooth_edges(
    places_f3: NDArray[np.intp], normals_f3: NDArray[np.float64], min_cosine: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of corners joined by an edge flatter than the crease, as corner numbers 3 * face + corner."""
    faces = len(places_f3)
    start = np.arange(3 * faces)
    end = start.reshape(faces, 3)[:, [1, 2, 0]].ravel()
    places = places_f3.ravel()
    low_first = places[start] <= places[end]
    low, high = np.where(low_first, start, end), np.where(low_first, end, start)
    order = np.lexsort((places[high], places[low]))
    low, high = low[order], high[order]
    same = (places[low][1:] == places[low][:-1]) & (places[high][1:] == places[high][:-1])
    left, right = np.flatnonzero(same), np.flatnonzero(same) + 1
    cosine = np.einsum("ij,ij->i", normals_f3[low[left] // 3], normals_f3[low[right] // 3])
    left, right = left[cosine > min_cosine], right[cosine > min_cosine]
    return np.concatenate([low[left], high[left]]), np.concatenate([low[right], high[right]])


def indexed_part(
    name: str,
    surface: Surface,
    points_f33: NDArray[np.float64],
    normals_f33: NDArray[np.float64],
    uv_f32: NDArray[np.float64] | None,
) -> MeshPart:
    """Join equal corners (position, normal, uv) of separate triangles into shared vertices.

    A see-through surface that encloses nothing, such as a window pane, refracts nothing: its ior becomes 1.
    """
    columns = [points_f33.reshape(-1, 3), normals_f33.reshape(-1, 3)]
    if uv_f32 is not None:
        columns.append(uv_f32.reshape(-1, 2))
    corners = np.concatenate(columns, axis=1).astype(np.float32) + np.float32(0)  # -0.0 becomes 0.0
    _, first, inverse = np.unique(_rows(corners), return_index=True, return_inverse=True)
    order = np.argsort(first)  # vertices in order of first use
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    vertices = corners[first[order]]
    triangles_f3 = rank[inverse].reshape(-1, 3).astype(np.int32)
    if surface.opacity < 1 and not is_closed(vertices[:, :3], triangles_f3):
        surface = replace(surface, ior=1.0)
    return MeshPart(
        name=name,
        surface=surface,
        points_n3=vertices[:, :3].copy(),
        normals_n3=vertices[:, 3:6].copy(),
        uv_n2=vertices[:, 6:8].copy() if uv_f32 is not None else None,
        triangles_f3=triangles_f3,
    )


def extent(parts: list[MeshPart]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest corner of the parts' bounding box, in metres."""
    low = np.min([part.points_n3.min(axis=0) for part in parts], axis=0)
    high = np.max([part.points_n3.max(axis=0) for part in parts], axis=0)
    return low, high


def size_m(parts: list[MeshPart]) -> tuple[float, float, float]:
    """Extent of the parts in x, y and z, as records say it: to a tenth of a millimetre."""
    low, high = extent(parts)
    x, y, z = (round(float(side), 4) for side in high - low)
    return x, y, z


def _cross(points_f33: NDArray[np.float64]) -> NDArray[np.float64]:
    edges = points_f33[:, 1:] - points_f33[:, :1]
    return cross(edges[:, 0], edges[:, 1])


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = lengths(vectors)[..., None]
    units: NDArray[np.float64] = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-30)
    return units


def _corner_angles(points_f33: NDArray[np.float64]) -> NDArray[np.float64]:
    forward = _unit(points_f33[:, [1, 2, 0]] - points_f33)
    backward = _unit(points_f33[:, [2, 0, 1]] - points_f33)
    cosines: NDArray[np.float64] = np.einsum("fij,fij->fi", forward, backward)
    return np.arccos(np.clip(cosines, -1.0, 1.0))
