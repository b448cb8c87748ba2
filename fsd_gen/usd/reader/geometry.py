"""Meshes and simple solids of a stage as triangles."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd import polygons
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Mesh
from fsd_gen.usd.openusd import Usd, UsdGeom, UsdShade
from fsd_gen.usd.polygons import Attribute, Triangles
from fsd_gen.usd.reader.stage import TIME, Matrix

log = logging.getLogger(__name__)

AXIS_FROM_Z = {  # cyclic shifts: they keep solids right-handed
    "X": np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]]),
    "Y": np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]),
    "Z": np.eye(3),
}


def place(local: Triangles, to_world: Matrix, name: str, surface: int) -> Mesh:
    """The triangles in the world, still wound counter-clockwise seen from outside."""
    linear, shift = to_world[:3, :3], to_world[:3, 3]
    mirrored = np.linalg.det(linear) < 0
    normals_v3 = None
    if local.normals_v3 is not None:
        cofactors = np.cross(linear[[1, 2, 0]], linear[[2, 0, 1]])  # inverse transpose times determinant
        long_v3 = local.normals_v3 @ (cofactors.T * (-1.0 if mirrored else 1.0))
        length_v1 = np.linalg.norm(long_v3, axis=1, keepdims=True)
        normals_v3 = (long_v3 / np.where(length_v1 > 0, length_v1, 1.0)).astype(np.float32)
    return Mesh(
        name=name,
        vertices_v3=local.vertices_v3.astype(np.float64) @ linear.T + shift,
        faces_f3=np.ascontiguousarray(local.faces_t3[:, ::-1] if mirrored else local.faces_t3),
        uv_v2=local.uv_v2,
        normals_v3=normals_v3,
        surface=surface,
    )


def shape_parts(prim: Usd.Prim) -> Iterator[tuple[str, NDArray[np.int32] | None, UsdShade.Material]]:
    """Name suffix, polygons (None: all) and material of each part of a shape."""
    binding = UsdShade.MaterialBindingAPI(prim)
    own = binding.ComputeBoundMaterial()[0]
    subsets = binding.GetMaterialBindSubsets() if prim.IsA(UsdGeom.Mesh) else []
    if not subsets:
        yield "", None, own
        return
    rest = np.ones(len(UsdGeom.Mesh(prim).GetFaceVertexCountsAttr().Get(TIME) or ()), bool)
    for subset in subsets:
        faces = np.asarray(subset.GetIndicesAttr().Get(TIME) or (), np.int32)
        if len(faces) and (faces.min() < 0 or faces.max() >= len(rest)):
            raise StageError(f"<{subset.GetPath()}>: face {faces.max()} of a mesh with {len(rest)} faces")
        rest[faces] = False
        material = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()[0]
        yield f"/{subset.GetPrim().GetName()}", faces, material
    if rest.any():
        yield "", np.flatnonzero(rest).astype(np.int32), own


def local_triangles(prim: Usd.Prim, st: str | None) -> Triangles:
    """Triangles of a mesh or a solid in its own space, with the texture coordinates `st`.

    Raises:
        PolygonError: what the mesh says of itself contradicts itself.
        StageError: a shape that cannot be rendered.
    """
    if prim.IsA(UsdGeom.Mesh):
        return _mesh_triangles(UsdGeom.Mesh(prim), st)
    for schema, make in SOLIDS.items():
        if prim.IsA(schema):
            return make(schema(prim))
    raise StageError(f"<{prim.GetPath()}>: {prim.GetTypeName()} cannot be rendered; convert it to a Mesh")


def _mesh_triangles(mesh: UsdGeom.Mesh, st: str | None) -> Triangles:
    points = _array(mesh.GetPointsAttr(), np.float32, 3)
    counts = _array(mesh.GetFaceVertexCountsAttr(), np.int32)
    indices = _array(mesh.GetFaceVertexIndicesAttr(), np.int32)
    left_handed = mesh.GetOrientationAttr().Get(TIME) == UsdGeom.Tokens.leftHanded
    normals = _normals(mesh)
    if normals is None and mesh.GetSubdivisionSchemeAttr().Get(TIME) != UsdGeom.Tokens.none:
        normals = polygons.point_normals(points, counts, indices, left_handed=left_handed)
    return polygons.triangulate(
        points,
        counts,
        indices,
        uv=None if st is None else _texture_coordinates(mesh.GetPrim(), st),
        normals=normals,
        left_handed=left_handed,
        holes=_array(mesh.GetHoleIndicesAttr(), np.int32),
    )


def _array(attribute: Usd.Attribute, dtype: type, width: int | None = None) -> NDArray[Any]:
    value = attribute.Get(TIME)
    array: NDArray[Any] = np.asarray(() if value is None else value, dtype)
    return array if width is None else array.reshape(-1, width)


def _texture_coordinates(prim: Usd.Prim, name: str) -> Attribute:
    primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance(name)
    if primvar and primvar.HasValue():
        return _attribute(primvar, 2)
    log.warning("texture coordinates missing: prim=%s primvar=%s; USD reads (0, 0)", prim.GetPath(), name)
    return Attribute(values_nk=np.zeros((1, 2), np.float32), interpolation="constant")


def _normals(mesh: UsdGeom.Mesh) -> Attribute | None:
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("normals")
    if primvar and primvar.HasValue():
        return _attribute(primvar, 3)
    values = _array(mesh.GetNormalsAttr(), np.float32, 3)
    if not len(values):
        return None
    return Attribute(values_nk=values, interpolation=_interpolation(str(mesh.GetNormalsInterpolation())))


def _attribute(primvar: UsdGeom.Primvar, width: int) -> Attribute:
    values = np.asarray(primvar.Get(TIME), np.float32)
    if values.ndim != 2 or values.shape[1] != width:
        raise StageError(f"<{primvar.GetAttr().GetPath()}>: expected shape (N, {width}), got {values.shape}")
    return Attribute(
        values_nk=values,
        interpolation=_interpolation(str(primvar.GetInterpolation())),
        indices_n=np.asarray(primvar.GetIndices(TIME), np.int32) if primvar.IsIndexed() else None,
    )


def _interpolation(token: str) -> polygons.Interpolation:
    return "vertex" if token == "varying" else token  # type: ignore[return-value]


def _on_axis(triangles: Triangles, axis: str) -> Triangles:
    turn = AXIS_FROM_Z[axis].astype(np.float32)
    normals_v3 = None if triangles.normals_v3 is None else triangles.normals_v3 @ turn.T
    return replace(triangles, vertices_v3=triangles.vertices_v3 @ turn.T, normals_v3=normals_v3)


def _plane(plane: UsdGeom.Plane) -> Triangles:
    axis = plane.GetAxisAttr().Get(TIME)
    width, length = plane.GetWidthAttr().Get(TIME), plane.GetLengthAttr().Get(TIME)
    if axis == "Z":
        return polygons.rectangle(width, length)
    # width runs along x, or z where the plane faces x; length along y, or z where it faces y
    return _on_axis(polygons.rectangle(length, width), axis)


SOLIDS: dict[type[UsdGeom.Gprim], Callable[[Any], Triangles]] = {
    UsdGeom.Cube: lambda cube: polygons.box(cube.GetSizeAttr().Get(TIME)),
    UsdGeom.Sphere: lambda sphere: polygons.ball(sphere.GetRadiusAttr().Get(TIME)),
    UsdGeom.Plane: _plane,
    UsdGeom.Cylinder: lambda solid: _on_axis(
        polygons.cylinder(solid.GetRadiusAttr().Get(TIME), solid.GetHeightAttr().Get(TIME)),
        solid.GetAxisAttr().Get(TIME),
    ),
    UsdGeom.Cone: lambda solid: _on_axis(
        polygons.cone(solid.GetRadiusAttr().Get(TIME), solid.GetHeightAttr().Get(TIME)),
        solid.GetAxisAttr().Get(TIME),
    ),
}
