"""Geometry of PLY, STL and glTF files. The only module that imports `trimesh`.

What a file says of its own size is read first: a mesh of too many triangles is refused before it is loaded.
Whatever a damaged file makes the library raise becomes one RejectedFileError.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.importing.damage import reading
from assets_manifest.importing.raw import (
    Limits,
    RawMaterial,
    RawMesh,
    RawObject,
    RejectedFileError,
    check_count,
    check_points,
)
from assets_manifest.srgb import srgb_to_linear
from jobs.extras import extra

with extra("render"):
    import trimesh

PLY_HEADER = 64 * 1024


def read_ply(path: Path, root: Path, limits: Limits) -> RawObject:
    """Raises RejectedFileError."""
    with path.open("rb") as file:
        head = file.read(PLY_HEADER)
    if not head.startswith(b"ply"):
        raise RejectedFileError("unreadable PLY: it does not begin with `ply`")
    counts = {
        bytes(name): int(number)
        for name, number in re.findall(rb"^element\s+(\w+)\s+(\d{1,18})\b", head, re.MULTILINE)
    }
    if b"f_dc_0" in head and b"rot_0" in head:
        raise RejectedFileError("no surface: it holds Gaussian splats; mesh it first")
    if not counts.get(b"face"):
        raise RejectedFileError("no surface: it has points but no faces (a point cloud?); mesh it first")
    check_count(counts[b"face"], limits)
    check_points(counts.get(b"vertex", 0), limits)
    return _plain(path, "ply", "PLY", limits)


def read_stl(path: Path, root: Path, limits: Limits) -> RawObject:
    """Raises RejectedFileError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(84)
        claimed = int.from_bytes(head[80:84], "little") if len(head) == 84 else 0
        if size == 84 + 50 * claimed:
            check_count(claimed, limits)
        elif head.lstrip().startswith(b"solid") and (facets := _facets(path)):
            check_count(facets, limits)
        else:
            raise RejectedFileError(f"unreadable STL: {size} bytes, expected {84 + 50 * claimed} or a text")
    return _plain(path, "stl", "STL", limits)


def _facets(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"endfacet") for piece in iter(lambda: file.read(1 << 20), b""))


def _plain(path: Path, file_type: str, kind: str, limits: Limits) -> RawObject:
    """A file of one mesh, with nothing to it but colours."""
    with reading(kind):
        mesh = trimesh.load_mesh(io.BytesIO(path.read_bytes()), file_type=file_type, process=False)
        check_count(len(mesh.faces), limits)
        color, note = _mean_color(mesh)
        material = RawMaterial(name="default", color=color, roughness=0.6)
        raw = _mesh(mesh, "mesh", material, np.eye(4), own_normals=file_type == "ply")
    return RawObject(meshes=(raw,), up="z", files=(path,), notes=note)


def _mean_color(mesh: trimesh.Trimesh) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    visual = mesh.visual
    colors = getattr(visual, "vertex_colors", None) if visual is not None and visual.defined else None
    if colors is None or len(colors) == 0:
        return (0.5, 0.5, 0.5), ()
    linear = srgb_to_linear(np.asarray(colors, np.float64)[:, :3] / 255).mean(axis=0)
    red, green, blue = (round(float(value), 4) for value in linear)
    return (red, green, blue), ("the colours of its vertices became one, their mean",)


def gltf_meshes(
    glb: bytes, buffers: Mapping[str, bytes], materials: Mapping[str, RawMaterial], limits: Limits
) -> tuple[RawMesh, ...]:
    """Every mesh that the scene of a GLB places, in its frame; `materials` by the name in the file."""
    plain = RawMaterial(name="default")
    with reading("glTF"), np.errstate(invalid="ignore"):  # what is no number is counted and refused later
        scene = trimesh.load_scene(
            io.BytesIO(glb), file_type="glb", resolver=dict(buffers), process=False, merge_primitives=False
        )
        found, total = [], 0
        for node in scene.graph.nodes_geometry:
            transform, name = scene.graph.get(node)
            mesh = scene.geometry[name]
            if not isinstance(mesh, trimesh.Trimesh) or not np.linalg.det(transform[:3, :3]):
                continue  # lines and points, and what is squeezed to nothing
            total += len(mesh.faces)
            check_count(total, limits)
            material = getattr(mesh.visual, "material", None)
            wears = materials.get(str(getattr(material, "name", "")), plain)
            found.append(
                _mesh(mesh, str(name), _tinted(wears, mesh), np.asarray(transform), own_normals=True)
            )
    return tuple(found)


def _tinted(material: RawMaterial, mesh: trimesh.Trimesh) -> RawMaterial:
    """The material times the mean of the colours of the mesh's vertices, which in glTF are linear."""
    visual = mesh.visual
    if visual is None:
        return material
    colors = getattr(visual, "vertex_attributes", {}).get("color")  # of a mesh that has a material, too
    if colors is None and visual.kind == "vertex":
        colors = getattr(visual, "vertex_colors", None)
    if colors is None or not len(colors):
        return material
    values = np.asarray(colors)[:, :3]
    whole = float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else 1.0
    red, green, blue = np.round(material.color * (values.astype(np.float64) / whole).mean(axis=0), 4).tolist()
    return replace(material, color=(red, green, blue))


def _mesh(
    mesh: trimesh.Trimesh,
    name: str,
    material: RawMaterial,
    transform: NDArray[np.float64],
    *,
    own_normals: bool,
) -> RawMesh:
    faces = np.asarray(mesh.faces)
    points = np.asarray(mesh.vertices, np.float64)
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(points):
        bad = faces.min() if faces.min() < 0 else faces.max()
        raise RejectedFileError(f"a face names point {bad}, of {len(points)} that there are")
    normals = None
    if own_normals and "vertex_normals" in mesh._cache:
        normals = np.asarray(mesh.vertex_normals, np.float64) @ np.linalg.inv(transform[:3, :3])
    uv = getattr(mesh.visual, "uv", None)
    points_f33 = (points @ transform[:3, :3].T + transform[:3, 3])[faces]
    normals_f33 = None if normals is None else normals[faces]
    uv_f32 = None if uv is None or len(uv) != len(points) else np.asarray(uv, np.float64)[faces]
    if np.linalg.det(transform[:3, :3]) < 0:  # mirrored: keep the outside outside
        points_f33, normals_f33, uv_f32 = (
            None if rows is None else rows[:, ::-1] for rows in (points_f33, normals_f33, uv_f32)
        )
        assert points_f33 is not None
    return RawMesh(
        name=name, material=material, points_f33=points_f33, normals_f33=normals_f33, uv_f32=uv_f32
    )
