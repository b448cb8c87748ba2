"""Read what each mesh of an object's USD file looks like: names, colours, textures, its area."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.box_map import sides
from assets_manifest.meshes.errors import MeshError
from assets_manifest.meshes.triples import cross, lengths
from assets_manifest.meshes.usd_quiet import quiet
from jobs.extras import extra

with extra("render"):
    from pxr import Tf, Usd, UsdGeom, UsdShade

Face = tuple[float, float, float, float]  # `st_box` at the lower left and the upper right, seen from outside
GREY = (0.18, 0.18, 0.18)  # diffuseColor where a UsdPreviewSurface gives none


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshSurface:
    """One mesh and the UsdPreviewSurface it wears."""

    name: str  # path below the default prim
    material: str  # the material's own name; empty without one
    texture: Path | None  # of the diffuse colour
    colour: tuple[float, float, float]  # linear, where there is no texture
    opacity: float
    cutout: bool  # holes where the texture says so
    roughness: float
    metallic: float
    area_m2: float
    mapped: bool = True  # it has `st_box`, texture coordinates in metres
    face: Face | None = None  # of the side that most of it faces, where it is mapped


def read_surfaces(path: Path) -> tuple[MeshSurface, ...]:
    """Every mesh below the default prim, in the file's order; copies of instances are left out.

    Raises MeshError where the file cannot be opened or has no default prim.
    """
    try:
        with quiet():
            stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise MeshError(f"{path} cannot be opened as USD: {' '.join(str(error).split())[:200]}") from error
    root = stage.GetDefaultPrim()
    if not root:
        raise MeshError(f"{path} has no default prim; expected one that holds the object")
    places = UsdGeom.XformCache()
    unit_m = UsdGeom.GetStageMetersPerUnit(stage)
    return tuple(
        _surface(prim, root, places, unit_m) for prim in Usd.PrimRange(root) if prim.IsA(UsdGeom.Mesh)
    )


def _surface(prim: Usd.Prim, root: Usd.Prim, places: UsdGeom.XformCache, unit_m: float) -> MeshSurface:
    material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
    shader = material.ComputeSurfaceSource()[0] if material else UsdShade.Shader()
    colour, opacity = _value(shader, "diffuseColor", GREY), _value(shader, "opacity", 1.0)
    red, green, blue = GREY if isinstance(colour, Path) else (float(c) for c in colour)
    return MeshSurface(
        name=str(prim.GetPath().MakeRelativePath(root.GetPath())),
        material=material.GetPrim().GetName() if material else "",
        texture=colour if isinstance(colour, Path) else None,
        colour=(red, green, blue),
        opacity=1.0 if isinstance(opacity, Path) else float(opacity),
        cutout=isinstance(opacity, Path),
        roughness=_number(shader, "roughness", 0.5),
        metallic=_number(shader, "metallic", 0.0),
        mapped=UsdGeom.PrimvarsAPI(prim).HasPrimvar("st_box"),
        face=_face(prim),
        area_m2=_area(prim, np.asarray(places.GetLocalToWorldTransform(prim))) * unit_m**2,
    )


def _value(shader: UsdShade.Shader, name: str, default: Any) -> Any:
    """The constant, or the path of the texture that feeds the input."""
    given = shader.GetInput(name) if shader else None
    if not given:
        return default
    attributes = given.GetValueProducingAttributes()
    if not attributes:
        return default
    if UsdShade.Utils.GetType(attributes[0].GetName()) == UsdShade.AttributeType.Output:
        file = UsdShade.Shader(attributes[0].GetPrim()).GetInput("file")
        asset = file.Get() if file else None
        return Path(asset.resolvedPath or asset.path) if asset else default
    found = attributes[0].Get()
    return default if found is None else found


def _number(shader: UsdShade.Shader, name: str, default: float) -> float:
    value = _value(shader, name, default)
    return default if isinstance(value, Path) else float(value)


def _face(prim: Usd.Prim) -> Face | None:
    """The rectangle in `st_box` of the largest of the six sides, of triangles as the packs write them."""
    mesh, primvar = UsdGeom.Mesh(prim), UsdGeom.PrimvarsAPI(prim).GetPrimvar("st_box")
    points_n3 = np.asarray(mesh.GetPointsAttr().Get() or [], np.float64).reshape(-1, 3)
    corners = np.asarray(mesh.GetFaceVertexIndicesAttr().Get() or [], np.int64)
    st_c2 = np.asarray((primvar.Get() if primvar else None) or [], np.float64).reshape(-1, 2)
    if not len(corners) or len(st_c2) != len(corners) or len(corners) % 3 or corners.max() >= len(points_n3):
        return None
    points_f33 = points_n3[corners.reshape(-1, 3)]
    side_f, area_f = sides(points_f33), _areas(points_f33)
    areas_6 = np.bincount(side_f, area_f, minlength=6) * [1, 1, 1, 1.01, 1, 1]  # of two alike the front
    side = int(areas_6.argmax())
    st_k2 = st_c2.reshape(-1, 3, 2)[side_f == side].reshape(-1, 2)
    (s0, t0), (s1, t1) = st_k2.min(axis=0).tolist(), st_k2.max(axis=0).tolist()
    if s1 - s0 < 1e-6 or t1 - t0 < 1e-6:
        return None
    return s0, t0, s1, t1


def _areas(points_f33: NDArray[np.float64]) -> NDArray[np.float64]:
    edges_f23 = points_f33[:, 1:] - points_f33[:, :1]
    return lengths(cross(edges_f23[:, 0], edges_f23[:, 1])) / 2


def _area(prim: Usd.Prim, matrix_44: NDArray[np.float64]) -> float:
    """Area of the mesh's polygons where it stands, in squared units of the stage."""
    mesh = UsdGeom.Mesh(prim)
    points_n3 = np.asarray(mesh.GetPointsAttr().Get() or [], np.float64).reshape(-1, 3)
    counts_f = np.asarray(mesh.GetFaceVertexCountsAttr().Get() or [], np.int64)
    corners = np.asarray(mesh.GetFaceVertexIndicesAttr().Get() or [], np.int64)
    counts_f = counts_f[counts_f > 0]
    if not len(corners) or counts_f.sum() != len(corners) or corners.max() >= len(points_n3):
        return 0.0
    placed_c3 = (points_n3 @ matrix_44[:3, :3] + matrix_44[3, :3])[corners]
    ends_f = np.cumsum(counts_f)
    following = np.arange(1, len(corners) + 1)
    following[ends_f - 1] = ends_f - counts_f
    crosses_f3 = np.add.reduceat(np.cross(placed_c3, placed_c3[following]), ends_f - counts_f, axis=0)
    return float(np.linalg.norm(crosses_f3, axis=1).sum() / 2)
