"""Scenes with closed forms: planes, squares and balls before a camera at the origin, looking along +z."""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.rig import StereoRig
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Surface

RIG = StereoRig.centred(width=160, height=96, focal_px=140.0, baseline_m=0.2)


def quad(corners: list, surface: int = 0, name: str = "quad") -> Mesh:
    return Mesh(
        name=name,
        vertices_v3=np.array(corners, float),
        faces_f3=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        uv_v2=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32),
        normals_v3=None,
        surface=surface,
    )


def wall(z: float, *, x: tuple[float, float] = (-50, 50), y: tuple = (-50, 50), surface: int = 0) -> Mesh:
    return quad([(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], surface)


def scene(
    *meshes: Mesh, surfaces: tuple[Surface, ...] = (Surface(name="s"),), lights: tuple = ()
) -> FlatScene:
    return FlatScene(
        meshes=meshes,
        surfaces=surfaces,
        area_lights=lights,
        parallel_lights=(),
        dome=None,
        left_to_world=np.eye(4),
    )


def sphere_mesh(centre: tuple, radius: float, rings: int) -> Mesh:
    polar, azimuth = np.meshgrid(
        np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, 2 * rings), indexing="ij"
    )
    points = np.stack(
        [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1
    )
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(2 * rings - 1), indexing="ij")
    corner = (i * 2 * rings + j).ravel()
    a, b, c, d = corner, corner + 1, corner + 2 * rings, corner + 2 * rings + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)
    vertices = points.reshape(-1, 3) * radius + np.array(centre)
    return Mesh(name="ball", vertices_v3=vertices, faces_f3=faces, uv_v2=None, normals_v3=None, surface=0)
