"""What the makers of interiors share: words, blocks with textures, the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.registry import MadeAssetError, Maker
from assets_manifest.meshes.parts import MeshPart, Surface, crease_normals, indexed_part, place_numbers
from assets_manifest.meshes.usd import write_object_usd
from assets_manifest.packs.builtin.shapes import Soup, joined

Rect = tuple[float, float, float, float]  # u0, v0, u1, v1 of a texture
Rgb = tuple[float, float, float]
Array = NDArray[np.float64]
WHOLE: Rect = (0.0, 0.0, 1.0, 1.0)
MOST = 10_000  # of any word but the seed: 100 m

# Corners of a box's faces as (x, y, z) bits, counter-clockwise from outside, lower left first.
FACES = {
    "front": ((0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)),
    "right": ((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)),
    "back": ((1, 1, 0), (0, 1, 0), (0, 1, 1), (1, 1, 1)),
    "left": ((0, 1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 1)),
    "top": ((0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)),
    "bottom": ((0, 1, 0), (1, 1, 0), (1, 0, 0), (0, 0, 0)),
}


@dataclass(slots=True)
class Body:
    """An object as it grows: soups by surface."""

    soups: dict[Surface, list[Soup]] = field(default_factory=dict)

    def add(self, surface: Surface, *soups: Soup) -> None:
        """More of this surface."""
        self.soups.setdefault(surface, []).extend(soups)

    def parts(self) -> list[MeshPart]:
        """One part per surface."""
        return [_part(surface, joined(soups)) for surface, soups in self.soups.items()]


def _part(surface: Surface, soup: Soup) -> MeshPart:
    places = place_numbers(soup.points_f33.reshape(-1, 3), 1e-6).reshape(-1, 3)
    normals = crease_normals(soup.points_f33, places)
    return indexed_part(surface.name, surface, soup.points_f33, normals, soup.uv_f32)


def block(low: Sequence[float], high: Sequence[float], **faces: Rect) -> Soup:
    """A box between two corners; `faces` says which part of a texture a face shows, `rest` of all others.

    Without it a face has texture coordinates in metres, u along its longer side, as boards are cut.
    """
    corners_23 = np.array([low, high], float)
    points, uvs = [], []
    for name, bits in FACES.items():
        quad_43 = np.array([[corners_23[b, k] for k, b in enumerate(corner)] for corner in bits])
        rect = faces.get(name, faces.get("rest"))
        uv_42 = _rect_corners(rect) if rect else _metres(quad_43)
        points += [quad_43[[0, 1, 2]], quad_43[[0, 2, 3]]]
        uvs += [uv_42[[0, 1, 2]], uv_42[[0, 2, 3]]]
    return Soup(np.array(points), np.array(uvs))


def _rect_corners(rect: Rect) -> Array:
    u0, v0, u1, v1 = rect
    return np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]])


def _metres(quad_43: Array) -> Array:
    width = float(np.linalg.norm(quad_43[1] - quad_43[0]))
    height = float(np.linalg.norm(quad_43[3] - quad_43[0]))
    if width >= height:
        return _rect_corners((0.0, 0.0, width, height))
    return np.array([[0.0, 0.0], [0.0, -width], [height, -width], [height, 0.0]])


def plain(name: str, colour: Rgb, roughness: float = 0.5, metallic: float = 0.0) -> Surface:
    """A surface of one colour, linear."""
    return Surface(name=name, color=colour, roughness=roughness, metallic=metallic)


def paint(rng: np.random.Generator, colours: Sequence[Rgb]) -> Rgb:
    """One of the colours, a little lighter or darker."""
    r, g, b = (np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.8, 1.1)).tolist()
    return (min(r, 0.9), min(g, 0.9), min(b, 0.9))


def linear(colour: NDArray[np.floating[Any]]) -> Rgb:
    """A display colour as linear RGB."""
    r, g, b = (float(c) ** 2.2 for c in np.clip(colour, 0, 1))
    return (r, g, b)


def numbers(words: tuple[str, ...], names: str) -> list[int]:
    """The words as whole numbers. Raises MadeAssetError where there are others than `names` says."""
    expected = names.split()
    right = all(word.isdecimal() for word in words) and len(words) == len(expected)
    if not right or not all(0 < int(word) <= MOST for word in words[1:]):
        raise MadeAssetError(f"expected {'/'.join(expected)} as whole numbers, got {'/'.join(words)!r:.80}")
    return [int(word) for word in words]


def object_maker(
    name: str, version: int, names: str, build: Callable[[Path, np.random.Generator, list[float]], Body]
) -> Maker:
    """A maker of objects: `build(folder, rng, metres)` gets the words behind the seed as metres."""

    def make(folder: Path, words: tuple[str, ...]) -> Path:
        seed, *centimetres = numbers(words, names)
        body = build(folder, np.random.default_rng(seed), [number / 100 for number in centimetres])
        write_object_usd(folder / f"{name}.usdc", body.parts())
        return folder / f"{name}.usdc"

    return Maker(name=name, version=version, kind="object", make=make)
