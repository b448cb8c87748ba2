"""What the physics engine is given: bodies that move and blocks that do not. World axes: z up, metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.grids import simplified
from assets_manifest.derived.shapes import Hull
from assets_manifest.meshes.load import ear_clip
from fsd_gen.scene.rotations import rotation_matrix
from fsd_gen.scene.spec import NO_ROTATION, Quaternion, Vec3
from jobs.extras import extra

Floats = NDArray[np.float64]
OUTLINE_M = 0.01  # how exactly a slab follows its outline
CONVEX = 0.97  # share of its hull from which on an outline counts as convex


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Something that falls: an object's convex pieces and how it starts."""

    hulls: tuple[Hull, ...]  # in the asset's frame, before the scale
    position: Vec3  # of the asset's origin
    rotation: Quaternion = NO_ROTATION
    scale: Vec3 = (1.0, 1.0, 1.0)
    density: float = 400.0  # kg/m3, hollows included
    friction: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A convex thing that stays where it is."""

    points_n3: Floats  # world
    friction: float = 0.8


def box(centre: Vec3, size: Vec3, heading_deg: float = 0.0) -> Block:
    """A box with its middle at `centre`, turned about the vertical."""
    cos, sin = np.cos(np.deg2rad(heading_deg)), np.sin(np.deg2rad(heading_deg))
    corners_83 = np.array(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5])).reshape(3, 8).T * size
    turned_83 = corners_83 @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return Block(points_n3=turned_83 + np.asarray(centre))


def slab(outline_n2: Floats, top_m: float, thickness_m: float = 0.05) -> tuple[Block, ...]:
    """A level board with this outline (world, counter-clockwise), as convex pieces."""
    with extra("render"):  # here, so that a configuration is read without it
        from scipy.spatial import ConvexHull

    border_n2 = simplified(outline_n2, OUTLINE_M)
    x, y = border_n2.T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    hull = ConvexHull(border_n2)
    if area >= CONVEX * float(hull.volume):  # `volume` of a flat hull is its area
        return (_prism(border_n2[hull.vertices], top_m, thickness_m),)
    triangles = ear_clip(np.column_stack([border_n2, np.zeros(len(border_n2))]))
    return tuple(_prism(border_n2[corners], top_m, thickness_m) for corners in triangles)


def _prism(outline_n2: Floats, top_m: float, thickness_m: float) -> Block:
    ends = [np.column_stack([outline_n2, np.full(len(outline_n2), z)]) for z in (top_m, top_m - thickness_m)]
    return Block(points_n3=np.concatenate(ends))


def standing(hulls: tuple[Hull, ...], position: Vec3, rotation: Quaternion, scale: Vec3) -> tuple[Block, ...]:
    """An object that is placed already, as blocks."""
    turn_33 = rotation_matrix(rotation)
    return tuple(
        Block(points_n3=(hull.points_n3 * scale) @ turn_33.T + np.asarray(position)) for hull in hulls
    )
