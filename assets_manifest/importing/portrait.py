"""The thumbnail of an object's USD file, from the file itself."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets_manifest.importing.raw import Limits, Picture, RawMesh
from assets_manifest.importing.usd_file import read_usd
from assets_manifest.meshes.thumbnail import Patch, shrunk, thumbnail

ANY = Limits(triangles=50_000_000, file_bytes=1 << 33)


def portrait(path: Path, root: Path | None = None) -> bytes:
    """A small PNG. `root` holds all that the file refers to, by default its folder.

    Raises RejectedFileError where the file cannot be read as an object.
    """
    textures: dict[Picture, NDArray[np.float64]] = {}
    return thumbnail([_patch(mesh, textures) for mesh in read_usd(path, root or path.parent, ANY).meshes])


def _patch(mesh: RawMesh, textures: dict[Picture, NDArray[np.float64]]) -> Patch:
    material = mesh.material
    texture = material.color_map
    if texture is not None and texture not in textures:
        with Image.open(io.BytesIO(texture.data)) as image:
            textures[texture] = shrunk(image)
    return Patch(
        points_f33=mesh.points_f33,
        color=material.color,
        texture_hw3=textures[texture] if texture else None,
        uv_f32=mesh.uv_f32,
        opacity=material.opacity,
    )
