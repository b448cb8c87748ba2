"""Read Wavefront OBJ and MTL files into arrays.

Only what furniture catalogues use: positions, texture coordinates, normals, polygons, materials. Lines,
points, groups and smoothing groups are passed over. Numbers are parsed by numpy in bulk.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float64, np.int64)


class ObjError(ValueError):
    """An OBJ file that cannot be read as triangles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjTriangles:
    """Corners of every triangle, in file units and the file's own axes."""

    points_f33: NDArray[np.float64]
    normals_f33: NDArray[np.float64] | None  # None unless every face carries normals
    uv_f32: NDArray[np.float64]  # zero where `has_uv_f` is False
    has_uv_f: NDArray[np.bool_]
    material_f: NDArray[np.int64]  # index into `materials`
    materials: tuple[str, ...]
    libraries: tuple[str, ...]  # names of MTL files


@dataclass(slots=True, kw_only=True)
class MtlMaterial:
    """One `newmtl` block; colours as written in the file."""

    name: str
    diffuse: tuple[float, float, float] = (0.8, 0.8, 0.8)
    specular: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shininess: float = 0.0  # Ns
    opacity: float = 1.0
    diffuse_map: str | None = None
    alpha_map: str | None = None
    normal_map: str | None = None  # `norm`: tangent space; heights (`map_Bump`) are passed over
    roughness: float | None = None  # Pr
    metallic: float = 0.0  # Pm


@dataclass(slots=True)
class _Lines:
    points: list[bytes] = field(default_factory=list)
    uvs: list[bytes] = field(default_factory=list)
    normals: list[bytes] = field(default_factory=list)
    faces: list[bytes] = field(default_factory=list)
    materials: list[str] = field(default_factory=list)
    switches: list[tuple[int, int]] = field(default_factory=list)  # (first face, material)
    libraries: list[str] = field(default_factory=list)


def parse_obj(data: bytes) -> ObjTriangles:
    """Triangles of an OBJ file. Raises ObjError naming what is wrong."""
    lines = _sort_lines(data)
    if not lines.points or not lines.faces:
        raise ObjError(f"no surface: {len(lines.points)} points and {len(lines.faces)} faces")
    points_n3 = _numbers(lines.points, 3)
    material_of_face = _materials_of_faces(lines)
    corners, material_f = _triangulate(lines, points_n3, material_of_face)
    point_f3, uv_f3, normal_f3 = corners[:, :, 0], corners[:, :, 1], corners[:, :, 2]
    _check_range(point_f3, len(points_n3), "point")
    has_uv_f = np.asarray((uv_f3 >= 0).all(axis=1))
    uv_f32 = np.zeros((len(corners), 3, 2))
    if has_uv_f.any():
        uv_n2 = _numbers(lines.uvs, 2)
        _check_range(uv_f3[has_uv_f], len(uv_n2), "texture coordinate")
        uv_f32[has_uv_f] = uv_n2[uv_f3[has_uv_f]]
    normals_f33 = None
    if lines.normals and (normal_f3 >= 0).all():
        normals_n3 = _numbers(lines.normals, 3)
        _check_range(normal_f3, len(normals_n3), "normal")
        normals_f33 = normals_n3[normal_f3]
    return ObjTriangles(
        points_f33=points_n3[point_f3],
        normals_f33=normals_f33,
        uv_f32=uv_f32,
        has_uv_f=has_uv_f,
        material_f=material_f,
        materials=tuple(lines.materials),
        libraries=tuple(lines.libraries),
    )


def parse_mtl(text: str) -> dict[str, MtlMaterial]:
    """Materials of an MTL file by name."""
    materials: dict[str, MtlMaterial] = {}
    current: MtlMaterial | None = None
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if key == "newmtl":
            current = materials[rest] = MtlMaterial(name=rest)
        elif current is not None and rest:
            _read_mtl_value(current, key, rest)
    return materials


def phong_roughness(exponent: float) -> float:
    """Roughness, whose square is the width of a GGX lobe, that looks like a Phong exponent (Ns).

    Walter et al., "Microfacet models for refraction through rough surfaces" (2007): alpha^2 = 2 / (Ns + 2).
    """
    return float((2.0 / (max(exponent, 0.0) + 2.0)) ** 0.25)


def _read_mtl_value(material: MtlMaterial, key: str, rest: str) -> None:
    if key == "map_Kd":
        material.diffuse_map = rest
    elif key == "map_d":
        material.alpha_map = rest
    elif key == "norm":
        material.normal_map = rest
    elif key in ("Pr", "Pm"):
        setattr(material, {"Pr": "roughness", "Pm": "metallic"}[key], float(rest.split()[0]))
    elif key in ("Kd", "Ks"):
        values = tuple(float(value) for value in rest.split()[:3])
        color = values if len(values) == 3 else (values[0],) * 3
        setattr(material, {"Kd": "diffuse", "Ks": "specular"}[key], color)
    elif key == "Ns":
        material.shininess = float(rest.split()[0])
    elif key == "d":
        material.opacity = float(rest.split()[-1])
    elif key == "Tr":
        material.opacity = 1.0 - float(rest.split()[0])


def _sort_lines(data: bytes) -> _Lines:
    lines = _Lines()
    numbers: dict[str, int] = {}
    by_head = {b"v ": lines.points, b"vt": lines.uvs, b"vn": lines.normals, b"f ": lines.faces}
    for line in data.replace(b"\t", b" ").replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").split(b"\n"):
        target = by_head.get(line[:2])
        if target is not None:
            target.append(line[2:].strip())
        elif line.startswith(b"usemtl"):
            name = line[6:].strip().decode("latin-1")
            if name not in numbers:
                numbers[name] = len(numbers)
                lines.materials.append(name)
            lines.switches.append((len(lines.faces), numbers[name]))
        elif line.startswith(b"mtllib"):
            lines.libraries.append(line[6:].strip().decode("latin-1"))
    return lines


def _numbers(lines: list[bytes], width: int) -> NDArray[np.float64]:
    """The first `width` numbers of every line, as float64."""
    columns = len(lines[0].split()) if lines else width
    values = _bulk(b" ".join(lines), np.float64)
    if columns >= width and values.size == len(lines) * columns:
        return values.reshape(-1, columns)[:, :width]
    rows = [line.split()[:width] for line in lines]
    if any(len(row) < width for row in rows):
        raise ObjError(f"a line with fewer than {width} numbers")
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise ObjError("a line that is not numbers") from error


def _bulk(text: bytes, dtype: type[Number]) -> NDArray[Number]:
    """Numbers separated by white space; none at all where something else stands among them."""
    try:
        return np.fromstring(text, dtype=dtype, sep=" ")
    except ValueError:
        return np.empty(0, dtype)


def _materials_of_faces(lines: _Lines) -> NDArray[np.int64]:
    material_of_face = np.full(len(lines.faces), -1, np.int64)
    for first, material in lines.switches:
        material_of_face[first:] = material
    if (material_of_face < 0).any():
        material_of_face[material_of_face < 0] = len(lines.materials)
        lines.materials.append("")
    return material_of_face


def _triangulate(
    lines: _Lines, points_n3: NDArray[np.float64], material_of_face: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corner indices (F, 3, 3: point, uv, normal; -1 for none) and material per triangle, in file order."""
    shapes: dict[tuple[int, int, bool], list[int]] = defaultdict(list)
    for number, line in enumerate(lines.faces):
        shapes[(len(line.split()), line.count(b"/"), b"//" in line)].append(number)
    corner_blocks, face_blocks = [], []
    for (sides, slashes, skips_uv), members in shapes.items():
        if sides < 3:
            continue
        corners = _polygon_corners([lines.faces[n] for n in members], sides, slashes, skips_uv)
        corners = _absolute(corners, (len(lines.points), len(lines.uvs), len(lines.normals)))
        _check_range(corners[:, :, 0], len(points_n3), "point")
        triangles, owner = _split_polygons(corners, points_n3)
        corner_blocks.append(triangles)
        face_blocks.append(np.asarray(members)[owner])
    if not corner_blocks:
        raise ObjError("no face has three corners")
    faces = np.concatenate(face_blocks)
    order = np.argsort(faces, kind="stable")
    return np.concatenate(corner_blocks)[order], material_of_face[faces[order]]


def _polygon_corners(lines: list[bytes], sides: int, slashes: int, skips_uv: bool) -> NDArray[np.int64]:
    """(P, sides, 3) indices as written (1-based, 0 for none)."""
    columns = {0: [0], sides: [0, 1], 2 * sides: [0, 2] if skips_uv else [0, 1, 2]}.get(slashes)
    if columns is None:
        raise ObjError(f"a face whose corners differ in form: {lines[0].decode('latin-1')!r}")
    values = _bulk(b" ".join(lines).replace(b"/", b" "), np.int64)
    if values.size != len(lines) * sides * len(columns):
        raise ObjError(f"a face that is not whole numbers, near {lines[0].decode('latin-1')!r}")
    corners = np.zeros((len(lines), sides, 3), np.int64)
    corners[:, :, columns] = values.reshape(len(lines), sides, len(columns))
    return corners


def _absolute(corners: NDArray[np.int64], counts: tuple[int, int, int]) -> NDArray[np.int64]:
    """1-based to 0-based. Negative indices count from the end; exact where faces follow all the points."""
    return np.where(corners < 0, corners + np.array(counts), corners - 1)


def _split_polygons(
    corners: NDArray[np.int64], points_n3: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Triangles (T, 3, 3) of polygons (P, sides, 3), and for each triangle the polygon it came from."""
    sides = corners.shape[1]
    if sides == 3:
        return corners, np.arange(len(corners))
    convex = _fan_is_valid(points_n3[corners[:, :, 0]])
    blocks = [_fan(corners[convex])]
    owners = [np.repeat(np.flatnonzero(convex), sides - 2)]
    for number in np.flatnonzero(~convex):
        ears = ear_clip(points_n3[corners[number, :, 0]])
        blocks.append(corners[number][ears])
        owners.append(np.full(len(ears), number))
    return np.concatenate(blocks), np.concatenate(owners)


def _fan(corners: NDArray[np.int64]) -> NDArray[np.int64]:
    sides = corners.shape[1]
    fans = [corners[:, [0, k, k + 1]] for k in range(1, sides - 1)]
    return np.stack(fans, axis=1).reshape(-1, 3, corners.shape[2])


def _fan_is_valid(polygons_pk3: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True where all triangles fanned from the first corner face the same way."""
    edges = polygons_pk3[:, 1:] - polygons_pk3[:, :1]
    crosses = np.cross(edges[:, :-1], edges[:, 1:])
    total = crosses.sum(axis=1, keepdims=True)
    along: NDArray[np.float64] = np.einsum("pki,pki->pk", crosses, np.broadcast_to(total, crosses.shape))
    return np.asarray((along >= 0).all(axis=1))


def ear_clip(polygon_k3: NDArray[np.float64]) -> NDArray[np.intp]:
    """Triangles (k - 2, 3) of a simple planar polygon, as indices of its corners."""
    normal = np.cross(polygon_k3, np.roll(polygon_k3, -1, axis=0)).sum(axis=0)
    drop = int(np.argmax(np.abs(normal)))
    flat = np.delete(polygon_k3, drop, axis=1)
    if (normal[drop] < 0) != (drop == 1):
        flat = flat[:, ::-1]
    left: list[int] = list(range(len(flat)))
    ears: list[tuple[int, int, int]] = []
    while len(left) > 3:
        position = _find_ear(flat, left)
        ears.append((left[position - 1], left[position], left[(position + 1) % len(left)]))
        del left[position]
    ears.append((left[0], left[1], left[2]))
    return np.array(ears)


def _find_ear(flat_k2: NDArray[np.float64], left: list[int]) -> int:
    for position in range(len(left)):
        a, b, c = (flat_k2[left[(position + step) % len(left)]] for step in (-1, 0, 1))
        if _turn(a, b, c) <= 0:
            continue
        others = flat_k2[[n for n in left if n not in (left[position - 1], left[position])]]
        others = others[~(others == c).all(axis=1)]
        inside = (_turn(a, b, others) >= 0) & (_turn(b, c, others) >= 0) & (_turn(c, a, others) >= 0)
        if not inside.any():
            return position
    return 0  # no ear: the polygon crosses itself; any cut is as good as another


def _turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
    turn: NDArray[np.float64] = (b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0])
    return turn


def _check_range(indices: NDArray[np.int64], count: int, what: str) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        bad = indices.min() if indices.min() < 0 else indices.max()
        raise ObjError(f"a face names {what} {int(bad) + 1}, the file has {count}")
