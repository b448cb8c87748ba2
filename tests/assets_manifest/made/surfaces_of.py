"""How high the surface of a made object is, straight from its triangles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom


def triangles(path: Path, *parts: str) -> NDArray[np.float64]:
    """(F, 3, 3) corners of these parts of an object."""
    stage, found = Usd.Stage.Open(str(path)), []
    for part in parts:
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Object/{part}"))
        points = np.asarray(mesh.GetPointsAttr().Get(), float)
        found.append(points[np.asarray(mesh.GetFaceVertexIndicesAttr().Get())].reshape(-1, 3, 3))
    return np.concatenate(found)


def height(triangles_f33: NDArray[np.float64], x: float, y: float) -> float:
    """The highest point of the triangles above or below a place."""
    a, b, c = (triangles_f33[:, k] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        u = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
        v = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])) / area
        hit = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1 + 1e-6) & (np.abs(area) > 1e-9)
    z = a[hit, 2] + u[hit] * (b[hit, 2] - a[hit, 2]) + v[hit] * (c[hit, 2] - a[hit, 2])
    return float(z.max())
