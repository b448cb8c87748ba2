"""Objects put together from quads, boxes, bars and grids, one part per surface, written as USD.

Frame: z up, metres. Nothing is moved: an object stands on z = 0 where its maker puts it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets_manifest.meshes.parts import MeshPart, Surface, face_normals
from assets_manifest.meshes.usd import write_object_usd

Array = NDArray[np.float64]
Corner = tuple[float, float, float]
FACES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))  # of a box
FILE = "object.usdc"


class Solids:
    """Triangles by surface, in the order in which the surfaces first came."""

    def __init__(self) -> None:
        self._flat: dict[Surface, list[Array]] = {}
        self._printed: dict[Surface, list[tuple[Array, Array]]] = {}
        self._smooth: dict[Surface, list[tuple[Array, Array, NDArray[np.intp]]]] = {}

    def triangles(self, surface: Surface, points_f33: Array) -> None:
        """Flat triangles, counter-clockwise from outside."""
        self._flat.setdefault(surface, []).append(points_f33)

    def quad(self, surface: Surface, *corners: Corner) -> None:
        """A rectangle, counter-clockwise from outside."""
        self.quads(surface, np.array([corners], float))

    def quads(self, surface: Surface, points_q43: Array) -> None:
        """Many quads."""
        self.triangles(surface, points_q43[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3))

    def box(self, surface: Surface, low: ArrayLike, high: ArrayLike) -> None:
        """A box between two corners."""
        ends = np.array([low, high], float)
        corners = np.array([[ends[k >> axis & 1, axis] for axis in range(3)] for k in range(8)])
        self.quads(surface, corners[np.array(FACES)])

    def bar(
        self, surface: Surface, start: ArrayLike, end: ArrayLike, radii: tuple[float, float], sides: int = 6, *,
        closed: bool = True,
    ) -> None:  # fmt: skip
        """A round bar, or a cone, from one point to another; its ends are closed unless nobody sees them."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        ahead = (b - a) / np.linalg.norm(b - a)
        across = np.cross(ahead, [1.0, 0, 0] if abs(ahead[0]) < 0.8 else [0, 1.0, 0])
        across /= np.linalg.norm(across)
        turn = np.arange(sides) / sides * 2 * np.pi
        ring = np.outer(np.cos(turn), across) + np.outer(np.sin(turn), np.cross(ahead, across))
        low, high = a + ring * radii[0], b + ring * radii[1]
        then = np.roll(np.arange(sides), -1)
        self.quads(surface, np.stack([low, low[then], high[then], high], axis=1))
        if not closed:
            return
        caps = [np.stack([np.broadcast_to(b, low.shape), high, high[then]], axis=1),
                np.stack([np.broadcast_to(a, low.shape), low[then], low], axis=1)]  # fmt: skip
        self.triangles(surface, np.concatenate(caps))

    def turned(self, surface: Surface, profile: Sequence[tuple[float, float]], at: Corner, sides: int = 16) -> None:
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
        points = np.array(corners, float)[[0, 1, 2, 0, 2, 3]].reshape(2, 3, 3)
        uv = np.array([(0, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 1)], float)
        self.printed(surface, points, uv.reshape(2, 3, 2))

    def printed(self, surface: Surface, points_f33: Array, uv_f32: Array) -> None:
        """Triangles with places in the surface's picture."""
        self._printed.setdefault(surface, []).append((points_f33, uv_f32))

    def grid(self, surface: Surface, points_ij3: Array, normals_ij3: Array) -> None:
        """A smooth sheet; j grows to the left of i seen from outside."""
        rows, columns = points_ij3.shape[:2]
        index = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
        faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
        sheet = points_ij3.reshape(-1, 3), normals_ij3.reshape(-1, 3), faces
        self._smooth.setdefault(surface, []).append(sheet)

    def parts(self) -> list[MeshPart]:
        """One part per surface and grid; degenerate triangles are left out."""
        flat = [_part(surface, np.concatenate(faces), None) for surface, faces in self._flat.items()]
        printed = [
            _part(surface, np.concatenate([f for f, _ in each]), np.concatenate([uv for _, uv in each]))
            for surface, each in self._printed.items()
        ]
        smooth = [_smooth_part(surface, sheets) for surface, sheets in self._smooth.items()]
        return [*flat, *smooth, *printed]

    def write(self, folder: Path) -> Path:
        """The object's USD file in `folder`."""
        write_object_usd(folder / FILE, self.parts(), numbered=False)
        return folder / FILE


def _part(surface: Surface, points_f33: Array, uv_f32: Array | None) -> MeshPart:
    normals_f3 = face_normals(points_f33)
    keep_f = np.linalg.norm(normals_f3, axis=1) > 0.5
    kept = points_f33[keep_f]
    return MeshPart(
        name=surface.name,
        surface=surface,
        points_n3=kept.reshape(-1, 3).astype(np.float32),
        normals_n3=np.repeat(normals_f3[keep_f], 3, axis=0).astype(np.float32),
        uv_n2=None if uv_f32 is None else uv_f32[keep_f].reshape(-1, 2).astype(np.float32),
        triangles_f3=np.arange(3 * len(kept), dtype=np.int32).reshape(-1, 3),
    )


def _smooth_part(surface: Surface, sheets: list[tuple[Array, Array, NDArray[np.intp]]]) -> MeshPart:
    starts = np.cumsum([0, *(len(points) for points, _, _ in sheets[:-1])])
    return MeshPart(
        name=surface.name,
        surface=surface,
        points_n3=np.concatenate([points for points, _, _ in sheets]).astype(np.float32),
        normals_n3=np.concatenate([normals for _, normals, _ in sheets]).astype(np.float32),
        uv_n2=None,
        triangles_f3=np.concatenate(
            [faces + start for (_, _, faces), start in zip(sheets, starts, strict=True)]
        ).astype(np.int32),
    )


def paint(
    name: str, colour: tuple[float, float, float], roughness: float = 0.6, *, metallic: float = 0.0
) -> Surface:
    """A plain surface; linear colour."""
    return Surface(name=name, color=colour, roughness=roughness, metallic=metallic)
