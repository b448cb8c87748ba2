"""A part of a stage as what things fall on: each triangle near a place, cut to a box, as a thin convex prism.

The side of a prism that faces the falling thing is the triangle itself, so that what rests touches the very
surface that is seen. The prism lies behind it, seen from where the thing starts, whatever the winding says.
Cut-outs, such as leaves and grass on cards, give way.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fsd_gen.physics.bodies import Block
from fsd_gen.worlds.space import Space

THICK_M = 0.02
MOST_PIECES = 1500  # of one patch, for which a fall takes half a second
LEAST_AREA_M2 = 1e-8  # slivers carry nothing

Array = NDArray[np.float64]


def ground_near(space: Space, low_3: Array, high_3: Array, start_3: Array) -> tuple[Block, ...] | None:
    """The solid surfaces within a box (metres, world), for a thing that starts at `start_3` in it.

    None where they have too many triangles for physics.
    """
    triangles_t33 = space.solid_triangles(low_3, high_3)
    if len(triangles_t33) > MOST_PIECES:
        return None
    whole_t = ((triangles_t33 >= low_3) & (triangles_t33 <= high_3)).all(axis=(1, 2))
    cut = (_cut(triangle_33, low_3, high_3) for triangle_33 in triangles_t33[~whole_t])
    polygons = (*triangles_t33[whole_t], *cut)
    return tuple(block for polygon_n3 in polygons for block in _prism(polygon_n3, start_3))


def _cut(polygon_n3: Array, low_3: Array, high_3: Array) -> Array:
    """The part of a convex polygon within a box (Sutherland and Hodgman); perhaps empty."""
    for axis in range(3):
        for sign, limit in ((1.0, high_3[axis]), (-1.0, -low_3[axis])):
            polygon_n3 = _on_this_side(polygon_n3, limit - sign * polygon_n3[:, axis])
    return polygon_n3


def _on_this_side(polygon_n3: Array, inside_n: Array) -> Array:
    """What of a convex polygon has `inside_n`, given at its corners and linear between them, not below 0."""
    if (inside_n >= 0).all():
        return polygon_n3
    kept: list[Array] = []
    following = np.roll(np.arange(len(polygon_n3)), -1)
    for k, j in enumerate(following):
        if inside_n[k] >= 0:
            kept.append(polygon_n3[k])
        if (inside_n[k] >= 0) != (inside_n[j] >= 0):
            share = inside_n[k] / (inside_n[k] - inside_n[j])
            kept.append(polygon_n3[k] + share * (polygon_n3[j] - polygon_n3[k]))
    return np.array(kept).reshape(-1, 3)


def _prism(polygon_n3: Array, start_3: Array) -> Iterator[Block]:
    """The polygon as the lid of a block that lies away from the start; nothing for a sliver."""
    if len(polygon_n3) < 3:
        return
    arms_n3 = polygon_n3[1:] - polygon_n3[0]
    twice_3 = np.cross(arms_n3[:-1], arms_n3[1:]).sum(axis=0)
    twice = float(np.linalg.norm(twice_3))
    if twice < 2 * LEAST_AREA_M2:
        return
    normal_3 = twice_3 / twice
    behind = -1.0 if (start_3 - polygon_n3[0]) @ normal_3 >= 0 else 1.0
    yield Block(points_n3=np.concatenate([polygon_n3, polygon_n3 + behind * THICK_M * normal_3]))
