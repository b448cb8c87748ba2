"""Objects put together from quads, boxes, bars and grids, one part per surface, written as USD.

Frame: z up, metres. Nothing is moved: an object stands on z = 0 where its maker puts it there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets_manifest.meshes.parts import MeshPart, Surface, face_normals, triangle_areas
from assets_manifest.meshes.triples import lengths

Array = NDArray[np.float64]
Corner = tuple[float, float, float]
Sheet = tuple[Array, Array, NDArray[np.intp], Array | None]  # points, normals, triangles, texture coordinates
FACES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))  # of a box
SPLIT = [0, 1, 2, 0, 2, 3]  # a quad as two triangles
FILE = "object.usdc"


class Solids:
    """Triangles by surface, in the order in which the surfaces first came."""

    def __init__(self) -> None:
        self._flat: dict[Surface, list[tuple[Array, Array | None]]] = {}
        self._quads: dict[Surface, list[tuple[Corner, ...]]] = {}
        self._boxes: dict[Surface, list[tuple[Corner, Corner]]] = {}
        self._printed: dict[Surface, list[tuple[Array, Array]]] = {}
        self._smooth: dict[Surface, list[Sheet]] = {}

    def triangles(self, surface: Surface, points_f33: Array, normals_f33: Array | None = None) -> None:
        """Triangles, counter-clockwise from outside; flat unless they have normals."""
        self._flat.setdefault(surface, []).append((points_f33, normals_f33))

    def quad(self, surface: Surface, *corners: Corner) -> None:
        """A rectangle, counter-clockwise from outside."""
        self._quads.setdefault(surface, []).append(corners)

    def quads(self, surface: Surface, points_q43: Array, normals_q43: Array | None = None) -> None:
        """Many quads."""
        normals = None if normals_q43 is None else normals_q43[:, SPLIT].reshape(-1, 3, 3)
        self.triangles(surface, points_q43[:, SPLIT].reshape(-1, 3, 3), normals)

    def box(self, surface: Surface, low: Sequence[float], high: Sequence[float]) -> None:
        """A box between two corners."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        self._boxes.setdefault(surface, []).append(((x0, y0, z0), (x1, y1, z1)))

    def bar(
        self,
        surface: Surface,
        start: ArrayLike,
        end: ArrayLike,
        radii: tuple[float, float],
        sides: int = 6,
        *,
        closed: bool = True,
    ) -> None:
        """A round bar, or a cone, from one point to another; its ends are closed unless nobody sees them."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        low, high, ring = _rings(a, b, radii, sides)
        then = _circle(sides).following
        round_k3 = np.stack([ring, ring[then], ring[then], ring], axis=1)
        self.quads(surface, np.stack([low, low[then], high[then], high], axis=1), round_k3)
        if not closed:
            return
        caps = np.empty((2 * sides, 3, 3))
        caps[:sides, 0], caps[:sides, 1], caps[:sides, 2] = b, high, high[then]
        caps[sides:, 0], caps[sides:, 1], caps[sides:, 2] = a, low[then], low
        self.triangles(surface, caps)

    def turned(
        self, surface: Surface, profile: Sequence[tuple[float, float]], at: Corner, sides: int = 16
    ) -> None:
        """A profile of (radius, height) turned about the vertical through `at`; from bottom to top."""
        rz = np.array(profile, float)
        turn = np.arange(sides + 1) / sides * 2 * np.pi
        points = np.empty((sides + 1, len(rz), 3))
        points[..., 0] = np.cos(turn)[:, None] * rz[:, 0] + at[0]
        points[..., 1] = np.sin(turn)[:, None] * rz[:, 0] + at[1]
        points[..., 2] = rz[:, 1] + at[2]
        a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
        self.quads(surface, np.stack([a, b, c, d], axis=2).reshape(-1, 4, 3))

    def print(self, surface: Surface, *corners: Corner) -> None:
        """A rectangle with the whole of the surface's picture: lower left, then counter-clockwise."""
        points = np.array(corners, float)[SPLIT].reshape(2, 3, 3)
        uv = np.array([(0, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 1)], float)
        self.printed(surface, points, uv.reshape(2, 3, 2))

    def printed(self, surface: Surface, points_f33: Array, uv_f32: Array) -> None:
        """Triangles with places in the surface's picture."""
        self._printed.setdefault(surface, []).append((points_f33, uv_f32))

    def grid(
        self, surface: Surface, points_ij3: Array, normals_ij3: Array, uv_ij2: Array | None = None
    ) -> None:
        """A smooth sheet; j grows to the left of i seen from outside. All or none of a surface have `uv`."""
        rows, columns = points_ij3.shape[:2]
        index = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
        faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
        uv = None if uv_ij2 is None else uv_ij2.reshape(-1, 2)
        sheet = points_ij3.reshape(-1, 3), normals_ij3.reshape(-1, 3), faces, uv
        self._smooth.setdefault(surface, []).append(sheet)

    def parts(self) -> list[MeshPart]:
        """One part per surface and grid; degenerate triangles are left out."""
        for surface, quads in self._quads.items():
            self.quads(surface, np.array(quads, float))
        for surface, boxes in self._boxes.items():
            self.quads(surface, _box_faces(np.array(boxes, float)))
        self._quads, self._boxes = {}, {}
        flat = [
            _part(surface, np.concatenate([f for f, _ in each]), _normals(each), None)
            for surface, each in self._flat.items()
        ]
        printed = [_printed_part(surface, each) for surface, each in self._printed.items()]
        smooth = [_smooth_part(surface, sheets) for surface, sheets in self._smooth.items()]
        return [*flat, *smooth, *printed]

    def write(self, folder: Path) -> Path:
        """The object's USD file in `folder`."""
        from assets_manifest.meshes.usd import write_object_usd  # here: scenes are composed without USD

        write_object_usd(folder / FILE, self.parts(), numbered=False)
        return folder / FILE


@dataclass(frozen=True, slots=True)
class _Circle:
    """Corners of a regular polygon."""

    cosines: Array
    sines: Array
    following: NDArray[np.intp]  # the corner after each


@lru_cache(maxsize=64)
def _circle(sides: int) -> _Circle:
    turn = np.arange(sides) / sides * 2 * np.pi
    return _Circle(np.cos(turn), np.sin(turn), np.roll(np.arange(sides), -1))


def _rings(a: Array, b: Array, radii: tuple[float, float], sides: int) -> tuple[Array, Array, Array]:
    """Corners (N, 3) of a bar round both of its ends, and which way each looks; small sums, so plain."""
    along = b - a
    ahead = tuple((along / math.sqrt(along.dot(along))).tolist())
    sideways = np.array(_crossed(ahead, (1.0, 0.0, 0.0) if abs(ahead[0]) < 0.8 else (0.0, 1.0, 0.0)))
    sideways /= math.sqrt(sideways.dot(sideways))
    upwards = np.array(_crossed(ahead, sideways.tolist()))
    circle = _circle(sides)
    ring = circle.cosines[:, None] * sideways + circle.sines[:, None] * upwards
    return a + ring * radii[0], b + ring * radii[1], ring


def _crossed(one: Sequence[float], other: Sequence[float]) -> Corner:
    (a, b, c), (x, y, z) = one, other
    return (b * z - c * y, c * x - a * z, a * y - b * x)


def _normals(faces: list[tuple[Array, Array | None]]) -> Array:
    """The normals (F, 3, 3) that came with triangles, or their own; worked out for all at once."""
    own = np.repeat(face_normals(np.concatenate([points for points, _ in faces]))[:, None], 3, axis=1)
    start = 0
    for points_f33, normals_f33 in faces:
        if normals_f33 is not None:
            own[start : start + len(points_f33)] = normals_f33
        start += len(points_f33)
    return own


def _box_faces(ends_b23: Array) -> Array:
    """The six outer faces (6B, 4, 3) of boxes between lower and upper corners."""
    bits = np.array([[k >> axis & 1 for axis in range(3)] for k in range(8)])
    corners = ends_b23[:, bits, np.arange(3)]
    return np.asarray(corners[:, np.array(FACES)].reshape(-1, 4, 3))


def _printed_part(surface: Surface, faces: list[tuple[Array, Array]]) -> MeshPart:
    points = np.concatenate([points for points, _ in faces])
    normals = np.repeat(face_normals(points)[:, None], 3, axis=1)
    return _part(surface, points, normals, np.concatenate([uv for _, uv in faces]))


def _part(surface: Surface, points_f33: Array, normals_f33: Array, uv_f32: Array | None) -> MeshPart:
    keep_f = triangle_areas(points_f33) > 1e-10
    kept = points_f33[keep_f]
    return MeshPart(
        name=surface.name,
        surface=surface,
        points_n3=kept.reshape(-1, 3).astype(np.float32),
        normals_n3=_unit(normals_f33[keep_f].reshape(-1, 3)).astype(np.float32),
        uv_n2=None if uv_f32 is None else uv_f32[keep_f].reshape(-1, 2).astype(np.float32),
        triangles_f3=np.arange(3 * len(kept), dtype=np.int32).reshape(-1, 3),
    )


def _unit(vectors_n3: Array) -> Array:
    return np.asarray(vectors_n3 / np.maximum(lengths(vectors_n3)[:, None], 1e-12))


def _smooth_part(surface: Surface, sheets: list[Sheet]) -> MeshPart:
    starts = np.cumsum([0, *(len(points) for points, *_ in sheets[:-1])])
    uv = [uv for *_, uv in sheets if uv is not None]
    return MeshPart(
        name=surface.name,
        surface=surface,
        points_n3=np.concatenate([points for points, *_ in sheets]).astype(np.float32),
        normals_n3=np.concatenate([normals for _, normals, *_ in sheets]).astype(np.float32),
        uv_n2=np.concatenate(uv).astype(np.float32) if uv else None,
        triangles_f3=np.concatenate(
            [faces + start for (_, _, faces, _), start in zip(sheets, starts, strict=True)]
        ).astype(np.int32),
    )


def paint(
    name: str, colour: tuple[float, float, float], roughness: float = 0.6, *, metallic: float = 0.0
) -> Surface:
    """A plain surface; linear colour."""
    return Surface(name=name, color=colour, roughness=roughness, metallic=metallic)
