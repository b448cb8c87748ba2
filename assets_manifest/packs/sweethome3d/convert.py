"""Turn one catalogue model (OBJ and MTL, y up, any unit) into a USD object (z up, metres, standing on z =
0).

Each axis is scaled on its own so that the object is exactly as large as its catalogue says: the files are
written in several units, the catalogue is in centimetres. The front faces -y. Surfaces keep the file's
texture coordinates; triangles without any, in a surface that has some, get box-projected ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.box_map import box_map
from assets_manifest.meshes.load import MtlMaterial, ObjError, ObjTriangles, parse_mtl, parse_obj
from assets_manifest.meshes.parts import (
    DroppedFaces,
    MeshPart,
    Surface,
    crease_normals,
    distinct_faces,
    face_normals,
    indexed_part,
    place_numbers,
    triangle_areas,
)
from assets_manifest.meshes.textures import ObjectTexture, store_texture
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.packs.sweethome3d.catalogue import CatalogueModel
from assets_manifest.packs.sweethome3d.looks import surface_of

Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # y up, front +z -> z up, front -y
MIN_EXTENT_M = 0.002  # thinner is paper: both sides would fight for the same pixels
MIN_AREA_M2 = 1e-12
MAX_TRIANGLES = 300_000
MAX_UNTEXTURED_SHARE = 0.2  # of the area, for want of a texture file
INVISIBLE_OPACITY = 0.02

Corners = tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64]]  # points, normals, uv


class UnusableModelError(ValueError):
    """A model that would do harm in a scene; the message is the reason recorded in the pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedModel:
    """What conversion left in the object's folder."""

    usd: Path
    textures: tuple[Path, ...]
    parts: list[MeshPart]
    dropped: DroppedFaces


def convert_model(model: CatalogueModel, library_folder: Path, folder: Path) -> ConvertedModel:
    """Write `folder/KEY.usdc` and the textures it needs. Raises UnusableModelError with the reason."""
    obj_path = library_folder / model.model
    triangles = _read_triangles(obj_path)
    points, normals, uv = place(triangles, model)
    keep = np.isfinite(points).all(axis=(1, 2)) & (triangle_areas(points) > MIN_AREA_M2)
    if not keep.any():
        raise UnusableModelError("no triangle with an area")
    materials = _read_materials(obj_path, triangles.libraries)
    textures = _store_textures(obj_path.parent, materials, folder)
    _check_missing_textures(triangles, materials, textures, points[keep], keep)
    surfaces = [
        surface_of(material, textures.get(material.diffuse_map or ""), vehicle=model.category == "Vehicles")
        for material in (materials.get(name, MtlMaterial(name=name)) for name in triangles.materials)
    ]
    seen_m = np.array([surface.opacity >= INVISIBLE_OPACITY for surface in surfaces])
    keep &= seen_m[triangles.material_f]
    opacity_m = np.array([surface.opacity for surface in surfaces])
    dropped = _drop_indistinct(keep, points, opacity_m[triangles.material_f])
    parts = _parts(triangles, surfaces, (points, normals, uv), keep)
    if not parts:
        raise UnusableModelError("every surface is fully transparent")
    usd = folder / f"{model.key}.usdc"
    write_object_usd(usd, parts)
    used = sorted({part.surface.color_texture for part in parts if part.surface.color_texture})
    textures_used = tuple(folder / name for name in used)
    return ConvertedModel(usd=usd, textures=textures_used, parts=parts, dropped=dropped)


def _drop_indistinct(
    keep: NDArray[np.bool_], points: NDArray[np.float64], opacity_f: NDArray[np.float64]
) -> DroppedFaces:
    """Clear `keep` for faces without area, and of several in one place for all but the most opaque one."""
    candidates = np.flatnonzero(keep)
    candidates = candidates[np.argsort(-opacity_f[candidates], kind="stable")]
    distinct, dropped = distinct_faces(points[candidates])
    keep[candidates[~distinct]] = False
    return dropped


def _parts(
    triangles: ObjTriangles,
    surfaces: list[Surface],
    placed: Corners,
    keep: NDArray[np.bool_],
) -> list[MeshPart]:
    """One part for each surface that the kept triangles wear."""
    if not keep.any():
        return []
    points, given, given_uv = placed
    points, normals, kept_uv = corner_frames(
        points[keep], None if given is None else given[keep], given_uv[keep]
    )
    uv = np.where(triangles.has_uv_f[keep][:, None, None], kept_uv, box_map(points))
    parts = []
    for number, (name, surface) in enumerate(zip(triangles.materials, surfaces, strict=True)):
        chosen = triangles.material_f[keep] == number
        if chosen.any():
            own_uv = uv[chosen] if triangles.has_uv_f[keep][chosen].any() else None
            parts.append(indexed_part(name, surface, points[chosen], normals[chosen], own_uv))
    return parts


def _read_triangles(obj_path: Path) -> ObjTriangles:
    if not obj_path.is_file():
        raise UnusableModelError(f"the catalogue names {obj_path.name}, which is not there")
    try:
        triangles = parse_obj(obj_path.read_bytes())
    except ObjError as error:
        raise UnusableModelError(f"unreadable OBJ: {error}") from error
    if len(triangles.points_f33) > MAX_TRIANGLES:
        raise UnusableModelError(f"{len(triangles.points_f33)} triangles, more than {MAX_TRIANGLES}")
    return triangles


def place(triangles: ObjTriangles, model: CatalogueModel) -> Corners:
    """Points in metres (F, 3, 3) standing on z = 0 about the z axis, unit normals if the file has any, and
    texture coordinates: corner by corner.
    """
    turn = Z_UP @ np.array(model.rotation).reshape(3, 3)
    points = triangles.points_f33 @ turn.T
    normals = None if triangles.normals_f33 is None else triangles.normals_f33 @ turn.T
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    wanted = np.array([model.width_m, model.depth_m, model.height_m])
    if (high - low).min() <= 0 or wanted.min() < MIN_EXTENT_M:
        raise UnusableModelError(
            f"paper-thin: {1000 * wanted.min():.2g} mm in the catalogue, {(high - low).min():.2g} in the file"
        )
    scale = wanted / (high - low)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    points = (points - origin) * scale
    if normals is not None:
        normals = normals / scale
        length = np.linalg.norm(normals, axis=2, keepdims=True)
        normals = np.divide(normals, length, out=np.zeros_like(normals), where=length > 1e-12)
    uv = triangles.uv_f32
    if np.linalg.det(turn) < 0:
        points, uv = points[:, ::-1], uv[:, ::-1]
        normals = None if normals is None else normals[:, ::-1]
    return points, normals, uv


def corner_frames(
    points: NDArray[np.float64], normals: NDArray[np.float64] | None, uv: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Corner normals that agree with their triangle's winding: the file's own, else by crease angle.

    Returns points (F, 3, 3), unit normals (F, 3, 3) and texture coordinates (F, 3, 2). Where all three given
    normals look to the other side the winding is turned round, since normals are drawn with more care; a
    single dissenter is replaced.
    """
    if normals is None:
        span = float((points.max(axis=(0, 1)) - points.min(axis=(0, 1))).max())
        places = place_numbers(points.reshape(-1, 3), span * 1e-5).reshape(-1, 3)
        return points, crease_normals(points, places), uv
    faces = face_normals(points)
    backwards = (np.einsum("fij,fj->fi", normals, faces) < 0).all(axis=1)
    points, normals, uv = (
        np.where(backwards[:, None, None], corners[:, [0, 2, 1]], corners)
        for corners in (points, normals, uv)
    )
    faces = np.where(backwards[:, None], -faces, faces)
    agree = np.einsum("fij,fj->fi", normals, faces) > 0.05
    return points, np.where(agree[:, :, None], normals, faces[:, None, :]), uv


def source_files(model: CatalogueModel, library_folder: Path) -> list[Path]:
    """Every file that converting the model reads, as far as they are there; sorted."""
    obj_path = library_folder / model.model
    if not obj_path.is_file():
        return []
    libraries = re.findall(rb"^mtllib\s+(.*?)\s*$", obj_path.read_bytes(), re.MULTILINE)
    named = [name.decode("latin-1") for name in libraries]
    for material in _read_materials(obj_path, tuple(named)).values():
        named += [written for written in (material.diffuse_map, material.alpha_map) if written]
    beside = {find_beside(obj_path.parent, name) for name in named}
    return sorted({obj_path} | {path for path in beside if path})


def _read_materials(obj_path: Path, libraries: tuple[str, ...]) -> dict[str, MtlMaterial]:
    materials: dict[str, MtlMaterial] = {}
    for name in libraries:
        path = find_beside(obj_path.parent, name)
        if path is not None:
            materials |= parse_mtl(path.read_text(encoding="latin-1"))
    return materials


def find_beside(folder: Path, written: str) -> Path | None:
    """The file in `folder` that a name from another machine means, whatever its path or case."""
    wanted = written.replace("\\", "/").rsplit("/", 1)[-1].strip().lower()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.lower() == wanted:
            return path
    return None


def _store_textures(
    source: Path, materials: dict[str, MtlMaterial], folder: Path
) -> dict[str, ObjectTexture]:
    """Copy the colour maps in use to `folder`; keyed by the name the MTL uses. Missing files are left out."""
    stored: dict[str, ObjectTexture] = {}
    for material in materials.values():
        written = material.diffuse_map
        if written is None or written in stored:
            continue
        color = find_beside(source, written)
        alpha = find_beside(source, material.alpha_map) if material.alpha_map else None
        texture = store_texture(color, alpha, folder) if color else None
        if texture is not None:
            stored[written] = texture
    return stored


def _check_missing_textures(
    triangles: ObjTriangles,
    materials: dict[str, MtlMaterial],
    textures: dict[str, ObjectTexture],
    points: NDArray[np.float64],
    keep: NDArray[np.bool_],
) -> None:
    maps = [materials[name].diffuse_map if name in materials else None for name in triangles.materials]
    bare = np.array([written is not None and written not in textures for written in maps])
    areas = triangle_areas(points)
    share = float(areas[bare[triangles.material_f[keep]]].sum() / areas.sum())
    if share > MAX_UNTEXTURED_SHARE:
        lost = sorted({written for written, b in zip(maps, bare, strict=True) if b and written})
        raise UnusableModelError(f"{share:.0%} of its surface wants the missing texture {', '.join(lost)}")
