"""Closed-form triangle soups for the builtin pack: boxes, surfaces of revolution, tubes, extrusions, spheres.

A soup is separate triangles with texture coordinates in metres. Frame: z up, metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.box_map import box_map
from assets_manifest.meshes.load import ear_clip
from assets_manifest.meshes.parts import triangle_areas


@dataclass(frozen=True, slots=True)
class Soup:
    """Triangles without shared vertices, counter-clockwise from outside."""

    points_f33: NDArray[np.float64]
    uv_f32: NDArray[np.float64]  # metres along the surface

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Soup:
        """The soup shifted by metres."""
        return Soup(self.points_f33 + (x, y, z), self.uv_f32)

    def turned(self, axis: str, degrees: float) -> Soup:
        """The soup rotated about a coordinate axis through the origin."""
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        points = self.points_f33.copy()
        points[..., first] = c * self.points_f33[..., first] - s * self.points_f33[..., second]
        points[..., second] = s * self.points_f33[..., first] + c * self.points_f33[..., second]
        return Soup(points, self.uv_f32)

    def scaled(self, x: float, y: float, z: float) -> Soup:
        """The soup stretched by positive factors; unevenly, it gets box-projected texture coordinates."""
        points = self.points_f33 * (x, y, z)
        return Soup(points, self.uv_f32 * x) if x == y == z else with_box_uv(points)


def joined(soups: Sequence[Soup]) -> Soup:
    """Several soups as one."""
    return Soup(
        np.concatenate([soup.points_f33 for soup in soups]), np.concatenate([soup.uv_f32 for soup in soups])
    )


def grid(points_ij3: NDArray[np.float64], uv_ij2: NDArray[np.float64]) -> Soup:
    """Triangles of a grid of points; u to the right of v seen from outside. Drops those without area."""

    def corners(values: NDArray[np.float64]) -> NDArray[np.float64]:
        a, b = values[:-1, :-1], values[1:, :-1]
        c, d = values[1:, 1:], values[:-1, 1:]
        return np.stack([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)], axis=2).reshape(
            -1, 3, values.shape[2]
        )

    points, uv = corners(points_ij3), corners(uv_ij2)
    keep = triangle_areas(points) > 1e-14
    return Soup(points[keep], uv[keep])


def box(width: float, depth: float, height: float) -> Soup:
    """A box standing on z = 0, centred over the origin; each face carries its own texture origin."""
    return extruded([(-width / 2, -depth / 2), (width / 2, -depth / 2), (width / 2, depth / 2),
                     (-width / 2, depth / 2)], height)  # fmt: skip


def extruded(outline: Sequence[tuple[float, float]], height: float) -> Soup:
    """A prism on z = 0 over a simple polygon given counter-clockwise in metres."""
    ring = np.array(outline, dtype=float)
    ears = ear_clip(np.column_stack([ring, np.zeros(len(ring))]))
    flat = ring[ears]
    level = np.zeros((*flat.shape[:2], 1))
    bottom = Soup(np.concatenate([flat, level], axis=2)[:, ::-1], flat[:, ::-1])
    top = Soup(np.concatenate([flat, level + height], axis=2), flat)
    closed = np.vstack([ring, ring[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    heights = np.array([0.0, height])
    points = np.stack([np.column_stack([closed, np.full(len(closed), z)]) for z in heights], axis=1)
    uv = np.stack([np.column_stack([along, np.full(len(along), z)]) for z in heights], axis=1)
    return joined([bottom, top, grid(points, uv)])


def revolved(profile: Sequence[tuple[float, float]], segments: int = 48) -> Soup:
    """A profile of (radius, z) points turned about the z axis; list the outside from bottom to top."""
    rz = np.array(profile, dtype=float)
    angles = np.linspace(0, 2 * np.pi, segments + 1)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.empty((segments + 1, len(rz), 3))
    points[:, :, :2] = around[:, None, :] * rz[None, :, :1]
    points[:, :, 2] = rz[None, :, 1]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(rz, axis=0), axis=1))])
    uv = np.empty((segments + 1, len(rz), 2))
    uv[:, :, 0] = angles[:, None] * rz[:, 0].max()
    uv[:, :, 1] = along[None, :]
    return grid(points, uv)


def cylinder(radius: float, height: float, segments: int = 48) -> Soup:
    """A closed cylinder on z = 0."""
    return revolved([(0, 0), (radius, 0), (radius, height), (0, height)], segments)


def cone(radius: float, height: float, segments: int = 48) -> Soup:
    """A closed cone on z = 0."""
    return revolved([(0, 0), (radius, 0), (0, height)], segments)


def tube(path_n3: NDArray[np.float64], radius: float, *, closed: bool, sides: int = 20) -> Soup:
    """A round tube about a smooth curve; frames are carried along so that it does not twist much."""
    tangents = np.gradient(path_n3, axis=0)
    if closed:
        tangents = np.roll(path_n3, -1, axis=0) - np.roll(path_n3, 1, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normal = np.cross(tangents[0], [0.3, 0.5, 0.8])
    rows, angles = [], np.linspace(0, 2 * np.pi, sides + 1)
    for center, tangent in zip(path_n3, tangents, strict=True):
        normal = normal - tangent * (normal @ tangent)
        normal /= np.linalg.norm(normal)
        side = np.cross(tangent, normal)
        rows.append(center + radius * (np.outer(np.cos(angles), normal) + np.outer(np.sin(angles), side)))
    points = np.array(rows + rows[:1]) if closed else np.array(rows)
    if closed:
        points[-1] = _aligned(points[-1], points[-2])
    steps = np.linalg.norm(np.diff(points.mean(axis=1), axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    uv = np.stack(np.meshgrid(along, angles * radius, indexing="ij"), axis=2)
    return Soup(*_outside_in(grid(points, uv)))


def _aligned(ring: NDArray[np.float64], neighbour: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed ring started at the point that lies nearest to the neighbour's first."""
    shift = int(np.argmin(np.linalg.norm(ring[:-1] - neighbour[0], axis=1)))
    turned = np.roll(ring[:-1], -shift, axis=0)
    return np.vstack([turned, turned[:1]])


def _outside_in(soup: Soup) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return soup.points_f33[:, ::-1], soup.uv_f32[:, ::-1]


def torus(radius: float, thickness: float) -> Soup:
    """A ring lying flat, centred on the origin; `thickness` is the tube's radius."""
    angles = np.linspace(0, 2 * np.pi, 65)[:-1]
    path = np.column_stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(64)])
    return tube(path, thickness, closed=True, sides=28)


def torus_knot(p: int, q: int, radius: float, thickness: float) -> Soup:
    """A (p, q) knot on a torus, centred on the origin."""
    t = np.linspace(0, 2 * np.pi, 321)[:-1]
    ring = radius * (1 + 0.42 * np.cos(q * t))
    path = np.column_stack([ring * np.cos(p * t), ring * np.sin(p * t), radius * 0.55 * np.sin(q * t)])
    return tube(path, thickness, closed=True)


def spring(turns: int, radius: float, height: float, thickness: float) -> Soup:
    """A helix from z = 0 to `height`."""
    t = np.linspace(0, 1, 40 * turns)
    angle = 2 * np.pi * turns * t
    path = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height * t])
    return tube(path, thickness, closed=False, sides=16)


def superquadric(size: float, vertical: float, horizontal: float) -> Soup:
    """A superellipsoid of half-width `size`; exponents 1, 1 give a sphere, near 0 a box, 2 an octahedron."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 41)
    longitude = np.linspace(-np.pi, np.pi, 73)

    def power(values: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
        return np.sign(values) * np.abs(values) ** exponent

    ring, height = power(np.cos(latitude).round(12), vertical), power(np.sin(latitude), vertical)
    points = np.empty((len(longitude), len(latitude), 3))
    points[:, :, 0] = np.outer(power(np.cos(longitude).round(12), horizontal), ring)
    points[:, :, 1] = np.outer(power(np.sin(longitude).round(12), horizontal), ring)
    points[:, :, 2] = height[None, :]
    uv = np.stack(np.meshgrid(longitude, latitude, indexing="ij"), axis=2) * size
    soup = grid(points * size, uv)
    return with_box_uv(soup.points_f33) if min(vertical, horizontal) < 0.7 else soup


def sphere(radius: float) -> Soup:
    """A sphere about the origin."""
    return superquadric(radius, 1.0, 1.0)


def icosphere(radius: float, subdivisions: int) -> Soup:
    """A sphere of nearly equal triangles; texture coordinates come from the axis each one faces."""
    g = (1 + 5**0.5) / 2
    corners = np.array([(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g), (0, -1, -g),
                        (0, 1, -g), (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)])  # fmt: skip
    faces = np.array([(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4),
                      (11, 10, 2), (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8),
                      (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)])  # fmt: skip
    points = corners[faces].astype(float)
    for _ in range(subdivisions):
        a, b, c = points[:, 0], points[:, 1], points[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        points = np.concatenate(
            [np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        )
    points *= radius / np.linalg.norm(points, axis=2, keepdims=True)
    return with_box_uv(points)


def with_box_uv(points_f33: NDArray[np.float64]) -> Soup:
    """Triangles with texture coordinates in metres, seen along the axis each one faces most."""
    return Soup(points_f33, box_map(points_f33))


def rock(radius: float, seed: int, subdivisions: int = 4) -> Soup:
    """A lumpy boulder: a sphere whose radius follows a few random waves."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    points = icosphere(1.0, subdivisions).points_f33
    lumps = np.ones(points.shape[:2])
    for octave in range(5):
        for direction in rng.normal(size=(4, 3)):
            wave = points @ (direction * 1.4 * 1.9**octave) + rng.uniform(0, 2 * np.pi)
            lumps += 0.11 / 1.75**octave * np.sin(wave)
    return with_box_uv(points * lumps[:, :, None] * radius)


def star_outline(points: int, outer: float, inner: float) -> list[tuple[float, float]]:
    """Counter-clockwise corners of a star about the origin."""
    angles = np.arange(2 * points) * np.pi / points + np.pi / 2
    radii = np.where(np.arange(2 * points) % 2 == 0, outer, inner)
    return [(float(r * np.cos(a)), float(r * np.sin(a))) for a, r in zip(angles, radii, strict=True)]


def gear_outline(teeth: int, outer: float, inner: float) -> list[tuple[float, float]]:
    """Counter-clockwise outline of a cog wheel."""
    corners = []
    for tooth in range(teeth):
        for offset, radius in ((0.0, inner), (0.2, outer), (0.5, outer), (0.7, inner)):
            angle = 2 * np.pi * (tooth + offset) / teeth
            corners.append((float(radius * np.cos(angle)), float(radius * np.sin(angle))))
    return corners


def heart_outline(size: float) -> list[tuple[float, float]]:
    """Counter-clockwise outline of a heart about `size` metres wide."""
    t = np.linspace(0, 2 * np.pi, 61)[:-1]
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(float(a), float(b)) for a, b in np.column_stack([x, y])[::-1] * size / 32]
