"""Meshes that share a surface, joined: a renderer wants few big meshes, not many small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.parts import is_closed
from fsd_gen.usd.flat_scene import FlatScene, Mesh, Texture


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshBatch:
    """Triangles with one surface; texture coordinates have v = 0 at the image's top."""

    surface: int  # index into FlatScene.surfaces
    solid: bool  # see-through and closed: light is refracted going in and coming out
    vertices_v3: NDArray[np.float32]
    faces_f3: NDArray[np.uint32]
    uv_v2: NDArray[np.float32] | None
    normals_v3: NDArray[np.float32] | None


LAST_TILE = 2.0**16


def uv_matrix(texture: Texture) -> NDArray[np.float64]:
    """(3, 3) taking st to where 0..1 is the whole image: scale, then rotate, then translate."""
    angle = np.radians(texture.rotation_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin, texture.translation[0]], [sin, cos, texture.translation[1]], [0, 0, 1.0]])
    placed: NDArray[np.float64] = matrix @ np.diag([*texture.scale, 1.0])
    if not texture.tiles:
        return placed
    low_s, low_t, columns, rows = texture.window
    fit = np.array([[1 / columns, 0, -low_s / columns], [0, 1 / rows, -low_t / rows], [0, 0, 1.0]])
    fitted: NDArray[np.float64] = fit @ placed
    return fitted


FLIP_V = np.array([[1.0, 0, 0], [0, -1.0, 1.0], [0, 0, 1.0]])


def batch_meshes(scene: FlatScene, base_uv: Sequence[NDArray[np.float64]]) -> list[MeshBatch]:
    """All triangles of the scene, one batch per (surface, kind of shading).

    `base_uv` (3, 3) per surface is baked into the texture coordinates, and v is flipped.
    """
    keyed = [(_batch_key(scene, mesh), mesh) for mesh in scene.meshes if len(mesh.faces_f3)]
    keyed.sort(key=lambda pair: pair[0])
    return [
        _join([mesh for _, mesh in group], key, FLIP_V @ base_uv[key[0]])
        for key, group in groupby(keyed, key=lambda pair: pair[0])
    ]


def _batch_key(scene: FlatScene, mesh: Mesh) -> tuple[int, bool, bool, bool]:
    solid = scene.surfaces[mesh.surface].transparent and is_closed(mesh.vertices_v3, mesh.faces_f3)
    return (mesh.surface, solid, mesh.uv_v2 is not None, mesh.normals_v3 is not None)


def _join(meshes: list[Mesh], key: tuple[int, bool, bool, bool], uv_m33: NDArray[np.float64]) -> MeshBatch:
    surface, solid, has_uv, has_normals = key
    starts = np.cumsum([0] + [len(mesh.vertices_v3) for mesh in meshes[:-1]])
    faces = [mesh.faces_f3 + start for mesh, start in zip(meshes, starts, strict=True)]
    uv_v2 = None
    if has_uv:
        st_v2 = np.concatenate([mesh.uv_v2 for mesh in meshes])
        uv_v2 = _exact(st_v2 @ uv_m33[:2, :2].T + uv_m33[:2, 2]).astype(np.float32)
    return MeshBatch(
        surface=surface,
        solid=solid,
        vertices_v3=np.concatenate([mesh.vertices_v3 for mesh in meshes]).astype(np.float32),
        faces_f3=np.concatenate(faces).astype(np.uint32),
        uv_v2=uv_v2,
        normals_v3=np.concatenate([mesh.normals_v3 for mesh in meshes]) if has_normals else None,
    )


def _exact(uv_v2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Texture coordinates so far out that float32 has no fraction of them left, moved to the first tile.

    A renderer's filter would weigh texels there by more than one, and light would grow at every bounce.
    """
    return np.where(np.abs(uv_v2) > LAST_TILE, uv_v2 % 1.0, uv_v2)
