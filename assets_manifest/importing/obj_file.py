"""Wavefront OBJ with its MTL files as a RawObject."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from assets_manifest.importing.damage import BAD_PICTURE, of_file, of_picture, reading
from assets_manifest.importing.raw import (
    Limits,
    MissingFileError,
    Picture,
    RawMaterial,
    RawMesh,
    RawObject,
    RejectedFileError,
    check_count,
    check_points,
    confined,
    found_nearby,
)
from assets_manifest.meshes.load import (
    MtlMaterial,
    ObjError,
    ObjTriangles,
    parse_mtl,
    parse_obj,
    phong_roughness,
)
from assets_manifest.srgb import srgb_to_linear

MOST_SIDES = 256  # of one polygon
LONGEST_LINE = 64 * 1024
OPTION_VALUES = {"-bm": 1, "-blendu": 1, "-blendv": 1, "-boost": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1}
OPTION_VALUES |= {"-mm": 2, "-texres": 1, "-type": 1}
VECTOR_OPTIONS = ("-o", "-s", "-t")  # one to three numbers


def read_obj(path: Path, root: Path, limits: Limits) -> RawObject:
    """Raises RejectedFileError."""
    _check_faces(path, limits)
    with reading("OBJ"):
        try:
            triangles = parse_obj(path.read_bytes())
        except ObjError as error:
            raise RejectedFileError(f"unreadable OBJ: {error}") from error
    check_count(len(triangles.points_f33), limits)
    reader = _Materials(path.parent, root)
    for library in triangles.libraries:
        reader.add(library)
    meshes = tuple(_meshes(triangles, reader))
    return RawObject(
        meshes=meshes, up="y", files=(path, *sorted(set(reader.files))), notes=tuple(reader.notes)
    )


def _check_faces(path: Path, limits: Limits) -> None:
    """Count triangles line by line, so that a file too large is never held in memory."""
    found, points = 0, 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise RejectedFileError(f"unreadable OBJ: a line of more than {LONGEST_LINE} characters")
            if line.startswith((b"f ", b"f\t")):
                sides = len(line.split()) - 1
                if sides > MOST_SIDES:
                    raise RejectedFileError(
                        f"a face of {sides} corners, more than {MOST_SIDES}; triangulate it"
                    )
                found += max(0, sides - 2)
            points += line.startswith((b"v ", b"v\t"))
    check_count(found, limits)
    check_points(points, limits)


def _meshes(triangles: ObjTriangles, reader: _Materials) -> list[RawMesh]:
    found = []
    for number, name in enumerate(triangles.materials):
        for with_uv in (True, False):
            chosen = (triangles.material_f == number) & (triangles.has_uv_f == with_uv)
            if chosen.any():
                normals = triangles.normals_f33
                found.append(
                    RawMesh(
                        name=name or "default",
                        material=reader.material(name),
                        points_f33=triangles.points_f33[chosen],
                        normals_f33=None if normals is None else normals[chosen],
                        uv_f32=triangles.uv_f32[chosen] if with_uv else None,
                    )
                )
    return found


class _Materials:
    """The materials of one OBJ, with the files they are read from."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._written: dict[str, MtlMaterial] = {}
        self._made: dict[str, RawMaterial] = {}
        self.files: list[Path] = []
        self.notes: list[str] = []

    def add(self, library: str) -> None:
        """Read an MTL file."""
        try:
            path = confined(self._root, self._folder, library)
        except MissingFileError:
            self.notes.append(f"its material file {library!r:.80} is not there: grey")
            return
        self.files.append(path)
        try:
            self._written |= parse_mtl(path.read_text(encoding="latin-1"))
        except (ValueError, IndexError) as error:
            raise RejectedFileError(f"unreadable MTL {path.name}: {of_file(error)}") from error

    def material(self, name: str) -> RawMaterial:
        """The material that faces name; grey where there is none."""
        if name not in self._made:
            if name and name not in self._written:
                self.notes.append(f"no MTL file has the material {name!r:.60}: grey")
            self._made[name] = self._convert(self._written.get(name, MtlMaterial(name=name or "default")))
        return self._made[name]

    def _convert(self, written: MtlMaterial) -> RawMaterial:
        glossy = max(written.specular) >= 0.02
        roughness = phong_roughness(written.shininess) if glossy else 0.9
        red, green, blue = srgb_to_linear(np.clip(written.diffuse, 0.0, 1.0)).tolist()
        color_map = self._picture(written.diffuse_map)
        if color_map is not None and written.alpha_map is not None:
            color_map = self._with_alpha(color_map, written.alpha_map)
        return RawMaterial(
            name=written.name,
            color=(1.0, 1.0, 1.0) if color_map else (red, green, blue),
            color_map=color_map,
            normal_map=self._picture(written.normal_map),
            roughness=roughness if written.roughness is None else float(np.clip(written.roughness, 0, 1)),
            metallic=float(np.clip(written.metallic, 0, 1)),
            opacity=float(np.clip(written.opacity, 0, 1)),
            alpha="blend" if color_map else "opaque",
        )

    def _picture(self, written: str | None) -> Picture | None:
        if written is None:
            return None
        path = found_nearby(self._root, self._folder, _file_of(written))
        self.files.append(path)
        return Picture(name=path.name, data=path.read_bytes())

    def _with_alpha(self, color: Picture, written: str) -> Picture:
        mask = self._picture(written)
        assert mask is not None
        if mask.data == color.data:
            return color  # its own alpha is meant
        try:
            with Image.open(io.BytesIO(color.data)) as image, Image.open(io.BytesIO(mask.data)) as alpha:
                joined = image.convert("RGB")
                joined.putalpha(alpha.convert("L").resize(joined.size))
        except BAD_PICTURE as error:
            raise RejectedFileError(
                f"texture {mask.name} with {color.name} is not readable: {of_picture(error)}"
            ) from error
        buffer = io.BytesIO()
        joined.save(buffer, "PNG")
        return Picture(name=f"{Path(color.name).stem}_alpha.png", data=buffer.getvalue())


def _file_of(written: str) -> str:
    """The file's name in a map statement, behind its options. It may hold blanks."""
    words = written.split()
    while len(words) > 1 and words[0].startswith("-"):
        option = words.pop(0)
        if option in VECTOR_OPTIONS:
            taken = 0
            while len(words) > 1 and taken < 3 and _is_number(words[0]):
                words.pop(0)
                taken += 1
        else:
            del words[: min(OPTION_VALUES.get(option, 1), len(words) - 1)]
    return " ".join(words)


def _is_number(word: str) -> bool:
    return word.lstrip("+-").replace(".", "", 1).isdigit()
