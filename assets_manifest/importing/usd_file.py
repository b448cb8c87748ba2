"""USD stages (.usd, .usda, .usdc, .usdz) as a RawObject: meshes with UsdPreviewSurface materials.

Poses are those at the stage's start. What cannot be read as it is meant is refused by name: shapes that are
no meshes, materials of other renderers, files outside the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.importing.damage import reading
from assets_manifest.importing.raw import (
    Limits,
    Picture,
    RawMaterial,
    RawMesh,
    RawObject,
    RejectedFileError,
    check_count,
)
from assets_manifest.importing.usd_surface import PreviewSurface
from assets_manifest.importing.usdz_check import check_package
from assets_manifest.meshes.usd_quiet import quiet
from jobs.extras import extra

with extra("render"):
    from pxr import Ar, Sdf, Tf, Usd, UsdGeom, UsdShade

VISIBLE = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
GREY = RawMaterial(name="default", color=(0.18, 0.18, 0.18))
COORDINATES = ("st", "UVMap", "st0", "st_0", "uv", "map1")


def read_usd(path: Path, root: Path, limits: Limits) -> RawObject:
    """Raises RejectedFileError."""
    if path.suffix.lower() == ".usdz":
        check_package(path)
    with reading("USD"), quiet():
        try:
            return _Reader(path, root, limits).read()
        except Tf.ErrorException as error:
            raise RejectedFileError(f"unreadable USD: {_reason(error)}") from error


def _reason(error: object) -> str:
    """The first complaint of OpenUSD, without the places in its own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = (lines or [type(error).__name__])[0].rpartition(" : '")[2].rstrip("'")
    if lost := re.match(r"Could not open asset @([^@]*)@", said):
        return f"it refers to {lost[1]!r:.120}, which is not there or no USD"
    if place := re.search(r":(\d+):(\d+): ", said):
        return f"its text is damaged in line {place[1]}, column {place[2]}"
    if said.startswith("Failed to open layer"):
        return "it holds no layer of USD that can be opened"
    return said[:200]


class _Reader:
    """One stage, its materials read once each."""

    def __init__(self, path: Path, root: Path, limits: Limits) -> None:
        self._path, self._root, self._limits = path, root.resolve(), limits
        self._stage = Usd.Stage.Open(str(path))
        self._time = Usd.TimeCode(self._stage.GetStartTimeCode())
        self._xforms = UsdGeom.XformCache(self._time)
        self._materials: dict[str, tuple[RawMaterial, str]] = {}
        self._files: dict[Path, None] = {path: None}
        self._notes: set[str] = set()

    def read(self) -> RawObject:
        if problems := self._stage.GetCompositionErrors():
            raise RejectedFileError(f"it does not compose: {_reason(problems[0])}")
        for layer in self._stage.GetUsedLayers():
            if layer.realPath:
                self._inside(layer.realPath)
        prims = [UsdGeom.Mesh(prim) for prim in self._shown()]
        counts = [
            np.asarray(mesh.GetFaceVertexCountsAttr().Get(self._time) or (), np.int64) for mesh in prims
        ]
        check_count(int(sum(np.maximum(sides - 2, 0).sum() for sides in counts)), self._limits)
        meshes = tuple(
            part for mesh, sides in zip(prims, counts, strict=True) for part in self._parts(mesh, sides)
        )
        unit_m = self._unit_m()
        return RawObject(
            meshes=meshes,
            unit_m=unit_m,
            up="y" if UsdGeom.GetStageUpAxis(self._stage) == UsdGeom.Tokens.y else "z",
            files=tuple(self._files),
            notes=tuple(sorted(self._notes)),
        )

    def _unit_m(self) -> float:
        if not self._stage.HasAuthoredMetadata(UsdGeom.Tokens.metersPerUnit):
            self._notes.add(
                "says no metersPerUnit: taken for centimetres, as OpenUSD does, unless --unit is given"
            )
        unit_m = float(UsdGeom.GetStageMetersPerUnit(self._stage))
        if not (np.isfinite(unit_m) and unit_m > 0):
            raise RejectedFileError(f"its metersPerUnit must be a positive number, got {unit_m:g}")
        return unit_m

    def _shown(self) -> Iterator[Usd.Prim]:
        for prim in Usd.PrimRange(self._stage.GetPseudoRoot(), VISIBLE):
            imageable = UsdGeom.Imageable(prim)
            if not imageable or imageable.ComputeVisibility(self._time) == UsdGeom.Tokens.invisible:
                continue
            if imageable.ComputePurpose() not in (UsdGeom.Tokens.default_, UsdGeom.Tokens.render):
                continue
            if prim.IsA(UsdGeom.PointInstancer) or (prim.IsA(UsdGeom.Gprim) and not prim.IsA(UsdGeom.Mesh)):
                found = f"<{prim.GetPath()}> is a {prim.GetTypeName()}"
                raise RejectedFileError(f"{found}, expected meshes alone; turn it into a mesh")
            if prim.HasAPI("LightAPI") or prim.IsA(UsdGeom.Camera):
                self._notes.add("left out: lights and cameras")
            if prim.IsA(UsdGeom.Mesh):
                yield prim

    def _inside(self, real: str) -> None:
        outer = Path(Ar.SplitPackageRelativePathOuter(real)[0] if Ar.IsPackageRelativePath(real) else real)
        if not outer.resolve().is_relative_to(self._root):
            raise RejectedFileError(f"it refers to {outer}, which leads out of {self._root}")
        self._files[outer] = None

    # -- geometry

    def _parts(self, mesh: UsdGeom.Mesh, sides: NDArray[np.int64]) -> Iterator[RawMesh]:
        """The mesh's triangles, by material."""
        prim = mesh.GetPrim()
        if mesh.GetSubdivisionSchemeAttr().Get() != UsdGeom.Tokens.none:
            self._notes.add("subdivision surfaces became their control cages")
        corners_t3, face_t = self._triangles(mesh, sides)
        if not len(corners_t3):
            return
        indices = np.asarray(mesh.GetFaceVertexIndicesAttr().Get(self._time), np.int64)
        points = np.asarray(mesh.GetPointsAttr().Get(self._time) or (), np.float64).reshape(-1, 3)
        if indices.min() < 0 or indices.max() >= len(points):
            raise RejectedFileError(
                f"<{prim.GetPath()}>: a face names point {indices.max()} of {len(points)}"
            )
        matrix = np.array(self._xforms.GetLocalToWorldTransform(prim))
        points_f33 = (points @ matrix[:3, :3] + matrix[3, :3])[indices[corners_t3]]
        mirrored = (np.linalg.det(matrix[:3, :3]) < 0) != (
            mesh.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded
        )
        for material, coordinates, chosen in self._bound(prim, face_t):
            uv = self._coordinates(prim, coordinates, indices, corners_t3, face_t)
            rows, order = np.flatnonzero(chosen), [0, 2, 1] if mirrored else [0, 1, 2]
            yield RawMesh(
                name=prim.GetName(),
                material=material,
                points_f33=points_f33[rows][:, order],
                uv_f32=None if uv is None else uv[rows][:, order],
            )

    def _triangles(
        self, mesh: UsdGeom.Mesh, sides: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Fans: for each triangle its three places in the list of corners, and its face."""
        total = len(mesh.GetFaceVertexIndicesAttr().Get(self._time) or ())
        if (sides < 0).any() or sides.sum() != total:
            raise RejectedFileError(
                f"<{mesh.GetPath()}>: its faces have {sides.sum()} corners, of {total} listed"
            )
        holes = np.asarray(mesh.GetHoleIndicesAttr().Get(self._time) or (), np.int64)
        start = np.concatenate([[0], np.cumsum(sides)[:-1]]) if len(sides) else np.zeros(0, np.int64)
        of_face = np.maximum(sides - 2, 0)
        of_face[holes[(holes >= 0) & (holes < len(sides))]] = 0
        face_t = np.repeat(np.arange(len(sides)), of_face)
        step_t = np.arange(len(face_t)) - np.repeat(np.cumsum(of_face) - of_face, of_face)
        first = start[face_t]
        return np.stack([first, first + step_t + 1, first + step_t + 2], axis=-1).astype(np.int64), face_t

    def _coordinates(
        self,
        prim: Usd.Prim,
        wanted: str,
        indices: NDArray[np.int64],
        corners_t3: NDArray[np.int64],
        face_t: NDArray[np.int64],
    ) -> NDArray[np.float64] | None:
        primvars = UsdGeom.PrimvarsAPI(prim)
        for name in dict.fromkeys((wanted, *COORDINATES)):
            primvar = primvars.FindPrimvarWithInheritance(name) if name else None
            if primvar and primvar.HasValue():
                values = np.asarray(primvar.ComputeFlattened(self._time), np.float64)
                places = {
                    UsdGeom.Tokens.vertex: indices[corners_t3],
                    UsdGeom.Tokens.varying: indices[corners_t3],
                    UsdGeom.Tokens.faceVarying: corners_t3,
                    UsdGeom.Tokens.uniform: np.repeat(face_t[:, None], 3, axis=1),
                    UsdGeom.Tokens.constant: np.zeros_like(corners_t3),
                }[primvar.GetInterpolation()]
                if values.ndim != 2 or values.shape[1] != 2 or places.max() >= len(values):
                    raise RejectedFileError(f"<{prim.GetPath()}>: its primvar {name} does not fit its faces")
                rows: NDArray[np.float64] = values[places]
                return rows
        return None

    # -- materials

    def _bound(
        self, prim: Usd.Prim, face_t: NDArray[np.int64]
    ) -> Iterator[tuple[RawMaterial, str, NDArray[np.bool_]]]:
        """Each material of the mesh, the coordinates it wants, and which triangles wear it."""
        left = np.ones(len(face_t), bool)
        for subset in UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets():
            faces = np.asarray(subset.GetIndicesAttr().Get(self._time) or (), np.int64)
            chosen = np.isin(face_t, faces) & left
            left &= ~chosen
            if chosen.any():
                yield (*self._material(subset.GetPrim()), chosen)
        if left.any():
            yield (*self._material(prim), left)

    def _material(self, prim: Usd.Prim) -> tuple[RawMaterial, str]:
        material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
        if not material:
            return self._displayed(prim), ""
        path = str(material.GetPath())
        if path not in self._materials:
            self._materials[path] = self._read_material(material)
        return self._materials[path]

    def _displayed(self, prim: Usd.Prim) -> RawMaterial:
        primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor")
        colors = np.asarray(primvar.Get(self._time) if primvar and primvar.HasValue() else (), np.float64)
        if colors.ndim != 2 or not len(colors):
            return GREY
        red, green, blue = (round(float(value), 4) for value in np.clip(colors.mean(axis=0), 0, 1))
        return RawMaterial(name="display_color", color=(red, green, blue))

    def _read_material(self, material: UsdShade.Material) -> tuple[RawMaterial, str]:
        shader = material.ComputeSurfaceSource()[0]
        kind = shader.GetIdAttr().Get() if shader else None
        if kind != "UsdPreviewSurface":
            raise RejectedFileError(
                f"<{material.GetPath()}>: its surface is {kind or 'of another renderer (MDL?)'}, expected "
                "UsdPreviewSurface; bake it to that"
            )
        return PreviewSurface(shader, self._picture).material(material.GetPrim().GetName())

    def _picture(self, asset: Sdf.AssetPath, prim: Usd.Prim) -> Picture:
        """The image that a texture node names."""
        resolved = asset.resolvedPath
        if not resolved:
            raise RejectedFileError(f"<{prim.GetPath()}> refers to {asset.path!r:.120}, which is not there")
        self._inside(resolved)
        opened = Ar.GetResolver().OpenAsset(Ar.ResolvedPath(resolved))
        if opened is None or opened.GetSize() > self._limits.file_bytes:
            raise RejectedFileError(f"texture {asset.path!r:.120} cannot be read, or is too large")
        return Picture(name=Path(asset.path).name, data=bytes(opened.GetBuffer()))
