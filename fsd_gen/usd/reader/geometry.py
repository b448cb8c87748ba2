"""Meshes and simple solids of a stage as triangles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.triples import cross, lengths
from fsd_gen.usd import polygons
from fsd_gen.usd.corners import PolygonError, check_topology
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Mesh
from fsd_gen.usd.openusd import Usd, UsdGeom, UsdShade
from fsd_gen.usd.polygons import Attribute, Triangles
from fsd_gen.usd.reader.primvars import Coordinates, interpolation_of, primvar_attribute
from fsd_gen.usd.reader.skeletons import Skin
from fsd_gen.usd.reader.stage import Matrix
from fsd_gen.usd.reader.values import floats_of, ints_of, number_of, token_of, where

AXIS_FROM_Z = {  # cyclic shifts: they keep solids right-handed
    "X": np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]]),
    "Y": np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]),
    "Z": np.eye(3),
}
ORIENTATIONS = ("rightHanded", "leftHanded")
SCHEMES = ("catmullClark", "loop", "bilinear", "none")
FARTHEST_M = 1e18  # float32 holds its square
FULL = UsdShade.Tokens.full  # what a final rendering shows; falls back to the binding for all purposes


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the world, and what follows from that for all that stands there."""

    to_world: Matrix
    finite: bool
    mirrored: bool
    turn_normals_33: NDArray[np.float64]  # row vectors times this are normals in the world, not yet unit

    @classmethod
    def at(cls, to_world: Matrix) -> Self:
        """The place that a transform leads to."""
        if not np.isfinite(to_world).all():
            return cls(to_world, False, False, np.eye(3))
        linear_33 = to_world[:3, :3]
        mirrored = bool(np.linalg.det(linear_33) < 0)
        cofactors_33 = cross(
            linear_33[[1, 2, 0]], linear_33[[2, 0, 1]]
        )  # inverse transpose times determinant
        return cls(to_world, True, mirrored, cofactors_33.T * (-1.0 if mirrored else 1.0))


def place(local: Triangles, where: Place, name: str, surface: int) -> Mesh:
    """The triangles in the world, still wound counter-clockwise seen from outside.

    Raises:
        StageError: the place is no place in a world.
    """
    if not where.finite:
        raise StageError(f"<{name}>: its transform is not finite")
    linear, shift = where.to_world[:3, :3], where.to_world[:3, 3]
    vertices_v3 = local.vertices_v3.astype(np.float64) @ linear.T + shift
    reach_m = float(np.abs(vertices_v3).max(initial=0.0))
    if reach_m > FARTHEST_M:
        raise StageError(
            f"<{name}>: expected points within {FARTHEST_M:g} m of the origin, got {reach_m:g} m"
        )
    return Mesh(
        name=name,
        vertices_v3=vertices_v3,
        faces_f3=np.ascontiguousarray(local.faces_t3[:, ::-1] if where.mirrored else local.faces_t3),
        uv_v2=local.uv_v2,
        normals_v3=_placed_normals(local.normals_v3, where.turn_normals_33),
        surface=surface,
    )


def _placed_normals(
    normals_v3: NDArray[np.float32] | None, turn_33: NDArray[np.float64]
) -> NDArray[np.float32] | None:
    """Unit normals in the world; None where the transform flattens one of them away."""
    if normals_v3 is None:
        return None
    long_v3 = normals_v3.astype(np.float64) @ turn_33
    length_v1 = lengths(long_v3)[:, None]
    if not (length_v1 > 0).all():
        return None
    unit_v3: NDArray[np.float32] = (long_v3 / length_v1).astype(np.float32)
    return unit_v3


def shape_parts(
    prim: Usd.Prim, time: Usd.TimeCode
) -> Iterator[tuple[str, NDArray[np.int32] | None, UsdShade.Material]]:
    """Name suffix, polygons (None: all) and material of each part of a shape. Raises StageError."""
    own = bound_material(prim)
    subsets = UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets() if prim.IsA(UsdGeom.Mesh) else []
    if not subsets:
        yield "", None, own
        return
    rest = np.ones(len(ints_of(UsdGeom.Mesh(prim).GetFaceVertexCountsAttr(), time)), bool)
    for subset in subsets:
        faces = _subset_faces(subset, len(rest), time)
        if not rest[faces].all():
            raise StageError(f"<{subset.GetPath()}>: some of its faces are in another subset too")
        rest[faces] = False
        yield f"/{subset.GetPrim().GetName()}", faces, bound_material(subset.GetPrim())
    if rest.any():
        yield "", np.flatnonzero(rest).astype(np.int32), own


def _subset_faces(subset: UsdGeom.Subset, faces: int, time: Usd.TimeCode) -> NDArray[np.int32]:
    kind = subset.GetElementTypeAttr().Get(time)
    if kind != UsdGeom.Tokens.face:
        raise StageError(f"<{subset.GetPath()}>: expected a subset of faces, got elementType {kind!r}")
    chosen = ints_of(subset.GetIndicesAttr(), time)
    if len(chosen) and (chosen.min() < 0 or chosen.max() >= faces):
        bad = chosen.min() if chosen.min() < 0 else chosen.max()
        raise StageError(f"<{subset.GetPath()}>: face {bad} of a mesh with {faces} faces")
    return chosen


def bound_material(prim: Usd.Prim) -> UsdShade.Material:
    """The material for final renderings; invalid where none is bound.

    Raises:
        StageError: what is bound directly is no material.
    """
    binding = UsdShade.MaterialBindingAPI(prim)
    for purpose in (FULL, UsdShade.Tokens.allPurpose):
        direct = binding.GetDirectBinding(purpose)
        if direct.GetMaterialPath() and not direct.GetMaterial():
            raise StageError(
                f"<{prim.GetPath()}>: bound to <{direct.GetMaterialPath()}>, which is no material"
            )
    return binding.ComputeBoundMaterial(FULL)[0]


def is_cage(prim: Usd.Prim, time: Usd.TimeCode) -> bool:
    """Whether a shape is the control cage of a subdivision surface. Raises StageError."""
    if not prim.IsA(UsdGeom.Mesh):
        return False
    scheme = token_of(UsdGeom.Mesh(prim).GetSubdivisionSchemeAttr(), time, SCHEMES)
    return bool(scheme != UsdGeom.Tokens.none)


def local_triangles(
    prim: Usd.Prim, st: Coordinates | None, time: Usd.TimeCode, skin: Skin | None = None
) -> Triangles:
    """Triangles of a mesh or a solid in its own space, or its skeleton's, with the texture coordinates `st`.

    Raises:
        StageError: what the mesh says of itself contradicts itself, or a shape that cannot be rendered.
    """
    try:
        if prim.IsA(UsdGeom.Mesh):
            return _mesh_triangles(UsdGeom.Mesh(prim), st, time, skin)
        for schema, make in SOLIDS.items():
            if prim.IsA(schema):
                return make(schema(prim), time)
    except PolygonError as error:
        raise StageError(f"<{prim.GetPath()}>: {error}") from error
    raise StageError(f"<{prim.GetPath()}>: {prim.GetTypeName()} cannot be rendered; convert it to a Mesh")


def _mesh_triangles(
    mesh: UsdGeom.Mesh, st: Coordinates | None, time: Usd.TimeCode, skin: Skin | None
) -> Triangles:
    points = floats_of(mesh.GetPointsAttr(), time, 3)
    counts = ints_of(mesh.GetFaceVertexCountsAttr(), time)
    indices = ints_of(mesh.GetFaceVertexIndicesAttr(), time)
    check_topology(points, counts, indices)
    if skin is not None:
        points = skin.posed(points, time)
    left_handed = token_of(mesh.GetOrientationAttr(), time, ORIENTATIONS) == UsdGeom.Tokens.leftHanded
    normals = _normals(mesh, time)
    smooth = is_cage(mesh.GetPrim(), time)
    if smooth if normals is None else skin is not None:  # a pose moves what the normals were authored for
        normals = polygons.point_normals(points, counts, indices, left_handed=left_handed)
    elif normals is not None:
        normals = polygons.usable_normals(points, counts, indices, normals, left_handed=left_handed)
    return polygons.triangulate(
        points,
        counts,
        indices,
        uv=None if st is None else st.over(mesh.GetPrim(), time),
        normals=normals,
        left_handed=left_handed,
        holes=ints_of(mesh.GetHoleIndicesAttr(), time),
    )


def _normals(mesh: UsdGeom.Mesh, time: Usd.TimeCode) -> Attribute | None:
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("normals")
    if primvar and primvar.HasValue():
        return primvar_attribute(primvar, time, 3)
    values = floats_of(mesh.GetNormalsAttr(), time, 3)
    if not len(values):
        return None
    interpolation = interpolation_of(str(mesh.GetNormalsInterpolation()), where(mesh.GetNormalsAttr()))
    return Attribute(values_nk=values, interpolation=interpolation)


def _on_axis(triangles: Triangles, axis: str) -> Triangles:
    turn = AXIS_FROM_Z[axis].astype(np.float32)
    normals_v3 = None if triangles.normals_v3 is None else triangles.normals_v3 @ turn.T
    return replace(triangles, vertices_v3=triangles.vertices_v3 @ turn.T, normals_v3=normals_v3)


def _axis(solid: Any, time: Usd.TimeCode) -> str:
    axis = str(solid.GetAxisAttr().Get(time))
    if axis not in AXIS_FROM_Z:
        raise StageError(f"<{solid.GetPath()}>: expected the axis X, Y or Z, got {axis!r}")
    return axis


def _size(attribute: Usd.Attribute, time: Usd.TimeCode) -> float:
    return number_of(attribute, time, least=0.0)


def _plane(plane: UsdGeom.Plane, time: Usd.TimeCode) -> Triangles:
    axis = _axis(plane, time)
    width, length = _size(plane.GetWidthAttr(), time), _size(plane.GetLengthAttr(), time)
    if axis == "Z":
        return polygons.rectangle(width, length)
    # width runs along x, or z where the plane faces x; length along y, or z where it faces y
    return _on_axis(polygons.rectangle(length, width), axis)


SOLIDS: dict[type[UsdGeom.Gprim], Callable[[Any, Usd.TimeCode], Triangles]] = {
    UsdGeom.Cube: lambda cube, time: polygons.box(_size(cube.GetSizeAttr(), time)),
    UsdGeom.Sphere: lambda sphere, time: polygons.ball(_size(sphere.GetRadiusAttr(), time)),
    UsdGeom.Plane: _plane,
    UsdGeom.Cylinder: lambda solid, time: _on_axis(
        polygons.cylinder(_size(solid.GetRadiusAttr(), time), _size(solid.GetHeightAttr(), time)),
        _axis(solid, time),
    ),
    UsdGeom.Cone: lambda solid, time: _on_axis(
        polygons.cone(_size(solid.GetRadiusAttr(), time), _size(solid.GetHeightAttr(), time)),
        _axis(solid, time),
    ),
}
