"""Open ground as users have it: one mesh, uneven and sloping, wound either way, with a kerb across it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt

Array = NDArray[np.float64]
SIDE_M, CELL_M = 12.0, 0.3
KERB_M = 0.08


class Hills:
    """Square cells of two triangles each; `height` is exact everywhere, and vectorised."""

    def __init__(self, cell_m: float = CELL_M) -> None:
        self.cell_m = cell_m
        self.axis_n = np.arange(round(SIDE_M / cell_m) + 1) * cell_m - SIDE_M / 2
        x, y = np.meshgrid(self.axis_n, self.axis_n, indexing="ij")
        self.z = 0.15 * np.sin(0.9 * x) * np.cos(0.7 * y) + 0.03 * np.sin(5 * x + 1) * np.sin(4 * y)
        self.z += np.where(x > 1.0, KERB_M, 0.0)

    def height(self, points_n3: Array) -> Array:
        """Of the ground under each point (N, 3)."""
        at_n2 = (points_n3[:, :2] + SIDE_M / 2) / self.cell_m
        cell_n2 = np.clip(np.floor(at_n2).astype(int), 0, len(self.axis_n) - 2)
        (u, v), (i, j) = (at_n2 - cell_n2).T, cell_n2.T
        a, b, c, d = self.z[i, j], self.z[i + 1, j], self.z[i + 1, j + 1], self.z[i, j + 1]
        height_n: Array = np.where(u >= v, a + (b - a) * u + (c - b) * v, a + (d - a) * v + (c - d) * u)
        return height_n

    def write(self, folder: Path, *, downwards: bool = False) -> Path:
        """The stage, with a wall at the horizon, so that there is something to look at."""
        path = folder / "hills.usdc"
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageMetersPerUnit(stage, 1)
        UsdGeom.SetStageUpAxis(stage, "Z")
        stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Hills").GetPrim())
        mesh = UsdGeom.Mesh.Define(stage, "/Hills/Ground")
        count = len(self.axis_n)
        x, y = np.meshgrid(self.axis_n, self.axis_n, indexing="ij")
        mesh.CreatePointsAttr(
            Vt.Vec3fArray.FromNumpy(np.stack([x, y, self.z], -1).reshape(-1, 3).astype("f4"))
        )
        first = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).ravel()
        corners = [(first, first + count, first + count + 1), (first, first + count + 1, first + 1)]
        order = np.array(corners).transpose(2, 0, 1).reshape(-1, 3).astype("i4")
        wound = np.ascontiguousarray(order[:, ::-1] if downwards else order)
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(wound.ravel()))
        mesh.CreateFaceVertexCountsAttr([3] * len(order))
        mesh.CreateSubdivisionSchemeAttr("none")
        wall = UsdGeom.Cube.Define(stage, "/Hills/Wall")
        wall.CreateSizeAttr(1)
        wall.AddTranslateOp().Set((0, SIDE_M / 2 + 0.5, 1))
        wall.AddScaleOp().Set((SIDE_M, 0.2, 4))
        material = UsdShade.Material.Define(stage, "/Hills/Look")
        shader = UsdShade.Shader.Define(stage, "/Hills/Look/Surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set((0.4, 0.5, 0.3))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        for prim in (mesh.GetPrim(), wall.GetPrim()):
            UsdShade.MaterialBindingAPI.Apply(prim).Bind(material)
        UsdLux.DomeLight.Define(stage, "/Hills/Sky")
        stage.GetRootLayer().Save()
        return path
