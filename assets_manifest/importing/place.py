"""From a RawObject to the parts of an asset: metres, z up, front -y, on the floor, over the origin.

Nothing is guessed about a file's unit: what would be absurdly large or small is refused, with the unit that
was probably meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assets_manifest.importing.pictures import PictureStore
from assets_manifest.importing.raw import UNITS_M, RawMaterial, RawMesh, RawObject, RejectedFileError, Up
from assets_manifest.meshes.parts import MeshPart, Surface, distinct_faces, indexed_part, triangle_areas
from assets_manifest.packs.sweethome3d.convert import corner_frames

SMALLEST_M, LARGEST_M = 0.005, 60.0  # of the longest side
LIKELY_M = (0.03, 8.0)
LIKELY_UNITS = ("cm", "mm", "m", "in", "ft")
MIN_AREA_M2 = 1e-12
MIN_ROUGHNESS = 0.08
INVISIBLE_OPACITY = 0.02
TURNS: dict[Up, NDArray[np.float64]] = {  # the file's axes -> z up, front -y
    "z": np.eye(3),
    "y": np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]),
    "x": np.array([[0, -1.0, 0], [0, 0, -1.0], [1.0, 0, 0]]),
}


def to_parts(
    raw: RawObject, store: PictureStore, *, unit: str | None, up: Up | None, any_size: bool
) -> list[MeshPart]:
    """`unit` and `up` replace what the file says. Raises RejectedFileError."""
    meshes = [mesh for mesh in raw.meshes if len(mesh.points_f33)]
    if not meshes:
        raise RejectedFileError("no surface: it holds no triangles")
    _check_finite(meshes)
    turn, unit_m = TURNS[up or raw.up], raw.unit_m if unit is None else UNITS_M[unit]
    turned = [_turned(mesh, turn, unit_m) for mesh in meshes]
    _check_size(turned, unit_m, any_size)
    visible = [mesh for mesh in _grounded(turned) if mesh.material.opacity >= INVISIBLE_OPACITY]
    kept = _distinct(visible)
    if not kept:
        raise RejectedFileError("no surface: no triangle that can be seen has an area")
    surfaces = {mesh.material: _surface(mesh.material, store) for mesh in kept}
    return _parts(kept, surfaces)


def _check_finite(meshes: Sequence[RawMesh]) -> None:
    for material in dict.fromkeys(mesh.material for mesh in meshes):
        numbers = (*material.color, material.roughness, material.metallic, material.opacity, material.cutoff)
        if not np.isfinite(numbers).all():
            raise RejectedFileError(f"material {material.name!r:.60} has a number that is not finite (NaN)")
    odd = sum(int((~np.isfinite(mesh.points_f33).all(axis=2)).sum()) for mesh in meshes)
    total = sum(3 * len(mesh.points_f33) for mesh in meshes)
    if odd:
        raise RejectedFileError(f"{odd} of {total} corners are not finite numbers (NaN); repair the mesh")
    if any(mesh.uv_f32 is not None and not np.isfinite(mesh.uv_f32).all() for mesh in meshes):
        raise RejectedFileError("texture coordinates that are not finite numbers (NaN); repair the mesh")


def _turned(mesh: RawMesh, turn: NDArray[np.float64], unit_m: float) -> RawMesh:
    normals = None if mesh.normals_f33 is None else _unit(mesh.normals_f33 @ turn.T)
    return replace(mesh, points_f33=mesh.points_f33 @ turn.T * unit_m, normals_f33=normals)


def _unit(normals_f33: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Unit normals; None where some are none, so that all are made anew."""
    length = np.linalg.norm(normals_f33, axis=2, keepdims=True)
    sound = np.isfinite(length).all() and float(length.min()) > 1e-9
    return normals_f33 / length if sound else None


def _bounds(meshes: Sequence[RawMesh]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low = np.min([mesh.points_f33.min(axis=(0, 1)) for mesh in meshes], axis=0)
    high = np.max([mesh.points_f33.max(axis=(0, 1)) for mesh in meshes], axis=0)
    return low, high


def _check_size(meshes: Sequence[RawMesh], unit_m: float, any_size: bool) -> None:
    low, high = _bounds(meshes)
    longest = float((high - low).max())
    if any_size or SMALLEST_M <= longest <= LARGEST_M:
        return
    others = {unit: longest / unit_m * UNITS_M[unit] for unit in LIKELY_UNITS}
    fitting = [unit for unit, size in others.items() if LIKELY_M[0] <= size <= LIKELY_M[1]]
    hint = f" with --unit {fitting[0]} it would be {_metres(others[fitting[0]])};" if fitting else ""
    raise RejectedFileError(
        f"its longest side is {_metres(longest)}, expected {_metres(SMALLEST_M)} to {_metres(LARGEST_M)}: "
        f"wrong unit?{hint} --any-size takes it as it is"
    )


def _metres(size: float) -> str:
    return f"{size * 1000:.3g} mm" if size < 0.1 else f"{size:,.4g} m"


def _grounded(meshes: Sequence[RawMesh]) -> list[RawMesh]:
    low, high = _bounds(meshes)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return [replace(mesh, points_f33=mesh.points_f33 - origin) for mesh in meshes]


def _distinct(meshes: Sequence[RawMesh]) -> list[RawMesh]:
    """Without triangles of no area, and with one of several in the same place: the most opaque one."""
    if not meshes:
        return []
    ordered = sorted(meshes, key=lambda mesh: -mesh.material.opacity)
    points = np.concatenate([mesh.points_f33 for mesh in ordered])
    keep = triangle_areas(points) > MIN_AREA_M2
    places = np.flatnonzero(keep)
    keep[places[~distinct_faces(points[places])[0]]] = False
    ends = np.cumsum([len(mesh.points_f33) for mesh in ordered])
    kept = [_chosen(mesh, rows) for mesh, rows in zip(ordered, np.split(keep, ends[:-1]), strict=True)]
    return [mesh for mesh in kept if len(mesh.points_f33)]


def _chosen(mesh: RawMesh, rows: NDArray[np.bool_]) -> RawMesh:
    return replace(
        mesh,
        points_f33=mesh.points_f33[rows],
        normals_f33=None if mesh.normals_f33 is None else mesh.normals_f33[rows],
        uv_f32=None if mesh.uv_f32 is None else mesh.uv_f32[rows],
    )


def _surface(material: RawMaterial, store: PictureStore) -> Surface:
    color, normal, metal_rough = (
        None if picture is None else store.store(picture)
        for picture in (material.color_map, material.normal_map, material.metal_rough_map)
    )
    opacity, cutout = material.opacity, material.alpha == "mask" and color is not None
    if color is not None and material.alpha == "blend":
        mean, veil = store.alpha(color)
        opacity, cutout = (opacity * mean, False) if veil else (opacity, mean < 1)
    rough_floor = 0.0 if metal_rough else MIN_ROUGHNESS
    return Surface(
        name=material.name or "default",
        color=material.color,
        color_texture=color,
        color_gain=material.color if color else (1.0, 1.0, 1.0),
        normal_texture=normal,
        metal_rough_texture=metal_rough,
        roughness=float(np.clip(material.roughness, rough_floor, 1.0)),
        metallic=float(np.clip(material.metallic, 0, 1)),
        opacity=float(np.clip(opacity, 0, 1)),
        cutout=cutout,
        cutoff=float(np.clip(material.cutoff, 0.01, 0.99)),
    )


def _parts(meshes: Sequence[RawMesh], surfaces: Mapping[RawMaterial, Surface]) -> list[MeshPart]:
    """One part for each surface, and for what of it has no coordinates another."""
    groups: dict[tuple[Surface, bool], list[RawMesh]] = {}
    for mesh in meshes:
        groups.setdefault((surfaces[mesh.material], mesh.uv_f32 is not None), []).append(mesh)
    return [_part(surface, with_uv, group) for (surface, with_uv), group in groups.items()]


def _part(surface: Surface, with_uv: bool, group: Sequence[RawMesh]) -> MeshPart:
    points, normals, uv = (
        np.concatenate(arrays) for arrays in zip(*(_framed(mesh) for mesh in group), strict=True)
    )
    name = surface.name if surface.name != "default" else group[0].name
    return indexed_part(name, surface, points, normals, uv if with_uv else None)


def _framed(mesh: RawMesh) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points, normals and coordinates (zero where there are none), with one order of the corners."""
    uv = np.zeros((len(mesh.points_f33), 3, 2)) if mesh.uv_f32 is None else mesh.uv_f32
    return corner_frames(mesh.points_f33, mesh.normals_f33, uv)
