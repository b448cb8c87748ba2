"""What a reader makes of one file, in the file's own axes and unit, before anything is judged.

Shape suffixes: _f33 three corners of each triangle, _f32 the texture coordinates of those corners.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

POINTS_OF_A_TRIANGLE = 6  # at most: its own three, and as many that nothing uses
Up = Literal["x", "y", "z"]
UNITS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0, "in": 0.0254, "ft": 0.3048}


class RejectedFileError(ValueError):
    """A file that cannot become an asset; the message is the reason that the report gives."""


class MissingFileError(RejectedFileError):
    """Another file that it needs is not there."""


class ImportRefusedError(ValueError):
    """An import that cannot be done at all; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a file is read; more is refused before it is loaded."""

    triangles: int = 500_000
    file_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image file as it was found, still encoded."""

    name: str  # for messages, and for the name of the copy
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMaterial:
    """Metallic-roughness inputs. A number beside a map multiplies it. Colours are linear."""

    name: str
    color: tuple[float, float, float] = (0.5, 0.5, 0.5)
    color_map: Picture | None = None  # sRGB
    normal_map: Picture | None = None  # tangent space, y upwards
    metal_rough_map: Picture | None = None  # roughness in green, metallic in blue
    roughness: float = 0.5
    metallic: float = 0.0
    opacity: float = 1.0
    alpha: Literal["opaque", "mask", "blend"] = "opaque"  # what the alpha of `color_map` means
    cutoff: float = 0.5  # of a mask


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMesh:
    """Triangles of one material."""

    name: str
    material: RawMaterial
    points_f33: NDArray[np.float64]
    normals_f33: NDArray[np.float64] | None = None
    uv_f32: NDArray[np.float64] | None = None  # v grows upwards


@dataclass(frozen=True, slots=True, kw_only=True)
class RawObject:
    """One file, and all that was read for it."""

    meshes: tuple[RawMesh, ...]
    unit_m: float = 1.0
    up: Up = "z"
    files: tuple[Path, ...] = ()  # every file read, the named one first
    notes: tuple[str, ...] = ()  # what was left out or changed


def confined(root: Path, folder: Path, written: str) -> Path:
    """The file that a name in another file means. Raises RejectedFileError."""
    if "://" in written or written.startswith("file:"):
        raise RejectedFileError(f"it refers to {written!r:.120}, expected a file beside it")
    if "\0" in written:
        raise RejectedFileError(f"it refers to {written!r:.120}, expected a name without a NUL byte")
    path = (folder / written.replace("\\", "/")).resolve()
    if not path.is_relative_to(root.resolve()):
        raise RejectedFileError(f"it refers to {written!r:.120}, which leads out of {root}")
    if not path.is_file():
        raise MissingFileError(f"it refers to {written!r:.120}, which is not there")
    return path


def found_nearby(root: Path, folder: Path, written: str) -> Path:
    """As `confined`; failing that, the one file of that name below the folder, or below the one above it.

    Exports name pictures by paths of other machines, or by a name alone while they lie in a folder of theirs.
    """
    try:
        return confined(root, folder, written)
    except MissingFileError:
        name = written.replace("\\", "/").rsplit("/", 1)[-1].lower()
        above = [folder] if folder.resolve() == root.resolve() else [folder, folder.parent]
        for place in above:
            found = [
                path for path in sorted(place.rglob("*")) if path.name.lower() == name and path.is_file()
            ]
            if len(found) == 1:
                return confined(root, folder, os.path.relpath(found[0], folder))
        raise


def check_points(found: int, limits: Limits) -> None:
    """Refuse far more points than the triangles that are allowed could use. Raises RejectedFileError."""
    if found > POINTS_OF_A_TRIANGLE * limits.triangles:
        raise RejectedFileError(
            f"{found:,} points, more than {POINTS_OF_A_TRIANGLE * limits.triangles:,}; decimate it, or raise "
            "--max-triangles"
        )


def check_count(found: int, limits: Limits, what: str = "triangles") -> None:
    """Refuse a mesh of too many triangles. Raises RejectedFileError with the remedy."""
    if found > limits.triangles:
        raise RejectedFileError(
            f"{found:,} {what}, more than {limits.triangles:,}; decimate it (Blender: Modifiers > Decimate), "
            "or raise --max-triangles"
        )
