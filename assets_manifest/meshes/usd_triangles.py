"""Read the triangles of an object's USD file: its shape without its looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.errors import MeshError
from assets_manifest.meshes.usd_quiet import quiet
from jobs.extras import extra

with extra("render"):
    from pxr import Tf, Usd, UsdGeom


def read_triangles(path: Path) -> NDArray[np.float64]:
    """Corners of every triangle of every mesh, in the file's own units and axes. (F, 3, 3)

    Polygons are cut into fans. Raises MeshError where the file cannot be opened or has no triangle.
    """
    try:
        with quiet():
            stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise MeshError(f"{path} cannot be opened as USD: {' '.join(str(error).split())[:200]}") from error
    places = UsdGeom.XformCache()
    prims = Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies())
    soups = [_soup(prim, places) for prim in prims if prim.IsA(UsdGeom.Mesh)]
    triangles_f33 = np.concatenate(soups) if soups else np.empty((0, 3, 3))
    triangles_f33 = triangles_f33[np.isfinite(triangles_f33).all(axis=(1, 2))]
    if not len(triangles_f33):
        raise MeshError(f"{path} holds no triangle; expected at least one mesh with faces")
    return triangles_f33


def _soup(prim: Usd.Prim, places: UsdGeom.XformCache) -> NDArray[np.float64]:
    mesh = UsdGeom.Mesh(prim)
    points_n3 = np.asarray(mesh.GetPointsAttr().Get() or [], np.float64).reshape(-1, 3)
    counts_f = np.asarray(mesh.GetFaceVertexCountsAttr().Get() or [], np.int64)
    corners = np.asarray(mesh.GetFaceVertexIndicesAttr().Get() or [], np.int64)
    if counts_f.sum() != len(corners) or (
        len(corners) and not 0 <= corners.min() <= corners.max() < len(points_n3)
    ):
        raise MeshError(f"{prim.GetPath()}: its faces do not fit its {len(points_n3)} points")
    matrix_44 = np.asarray(places.GetLocalToWorldTransform(prim))  # acts on rows
    placed_n3 = points_n3 @ matrix_44[:3, :3] + matrix_44[3, :3]
    triangles_f33: NDArray[np.float64] = placed_n3[corners[_fans(counts_f)]]
    return triangles_f33


def _fans(counts_f: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions in the list of corners that each triangle takes, its polygon's first corner first. (T, 3)"""
    fans_f = np.maximum(counts_f - 2, 0)
    first_t = np.repeat(np.cumsum(counts_f) - counts_f, fans_f)
    step_t = np.arange(fans_f.sum()) - np.repeat(np.cumsum(fans_f) - fans_f, fans_f)
    return np.stack([first_t, first_t + step_t + 1, first_t + step_t + 2], axis=1)
