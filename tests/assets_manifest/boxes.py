"""Furniture made of boxes."""

from __future__ import annotations

from assets_manifest.meshes.parts import MeshPart, Surface, crease_normals, indexed_part, place_numbers
from assets_manifest.packs.builtin.shapes import box


def part_of(*boxes: tuple[tuple[float, float, float], tuple[float, float, float]]) -> list[MeshPart]:
    parts = []
    for size, at in boxes:
        soup = box(*size).moved(*at)
        places = place_numbers(soup.points_f33.reshape(-1, 3), 1e-6).reshape(-1, 3)
        normals = crease_normals(soup.points_f33, places)
        parts.append(indexed_part("p", Surface(name="p"), soup.points_f33, normals, soup.uv_f32))
    return parts
