"""Glowing balls, found among a scene's meshes and sampled as balls.

A ball is seen as its mesh, which truth knows too. Sampling its light by its triangles would waste half of the
samples on the far side; a sphere just around it, as bright in all and without a body, aims at what faces the
point that is lit. Only the straight look of the camera meets the mesh's own glow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fsd_gen.backends.mitsuba.runtime import PluginDict, rgb_plugin
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Surface

ROUND = 1e-4  # relative deviation of a ball's corners from its radius
AROUND = 1.001  # radius of the sphere, in radii of the mesh
STEP = 4e-4  # of its place and more: a ray that goes on behind the sphere starts so far on, before the mesh
MIN_CORNERS = 100  # coarser ones are polyhedra


@dataclass(frozen=True, slots=True)
class Ball:
    """Where a round mesh is, in metres, and the area of its triangles."""

    centre: tuple[float, float, float]
    radius: float
    area: float

    @classmethod
    def of(cls, mesh: Mesh) -> Ball | None:
        """The ball that a mesh is, if it is one."""
        low_3, high_3 = mesh.vertices_v3.min(axis=0), mesh.vertices_v3.max(axis=0)
        x, y, z = ((low_3 + high_3) / 2).tolist()
        distance_v = np.linalg.norm(mesh.vertices_v3 - (x, y, z), axis=1)
        radius = float(distance_v.max())
        if len(distance_v) < MIN_CORNERS or float(np.ptp(distance_v)) > ROUND * radius:
            return None
        a_t3, b_t3, c_t3 = (mesh.vertices_v3[mesh.faces_f3[:, k]] for k in range(3))
        area = 0.5 * float(np.linalg.norm(np.cross(b_t3 - a_t3, c_t3 - a_t3), axis=1).sum())
        whole = area > 0.98 * 4 * np.pi * radius**2
        return cls((x, y, z), radius, area) if whole else None


def find_bulbs(scene: FlatScene) -> dict[int, list[Ball]]:
    """The balls by the index of their surface, for surfaces that glow evenly and are worn by balls alone."""
    bulbs: dict[int, list[Ball]] = {}
    for index, surface in enumerate(scene.surfaces):
        if isinstance(surface.emissive, tuple) and max(surface.emissive) > 0:
            balls = [Ball.of(mesh) for mesh in scene.meshes if mesh.surface == index and len(mesh.faces_f3)]
            if balls and all(balls):
                bulbs[index] = [ball for ball in balls if ball]
    return bulbs


def bulb_plugins(surface: Surface, balls: list[Ball]) -> Iterator[PluginDict]:
    """A sphere without a body around each ball, which gives as much light."""
    assert isinstance(surface.emissive, tuple)
    for ball in balls:
        radius = ball.radius * AROUND + STEP * (1 + max(map(abs, ball.centre)))
        fainter = ball.area / (4 * np.pi * radius**2)
        red, green, blue = (channel * fainter for channel in surface.emissive)
        yield {
            "type": "sphere",
            "center": list(ball.centre),
            "radius": radius,
            "bsdf": {"type": "null"},
            "emitter": {"type": "area", "radiance": rgb_plugin((red, green, blue))},
        }
