"""Where something can stand on an asset: every level, free surface of it with its true outline.

Tops of tables whatever their shape, boards of shelves, floors of open cupboards.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.shapes import OPEN_M, Support, fits, rectangle, spots
from assets_manifest.derived.store import derived
from assets_manifest.records import Asset

__all__ = ["OPEN_M", "Support", "fits", "rectangle", "spots", "supports"]

VERSION = 1


def supports(asset: Asset, path: Path, root: Path) -> tuple[Support, ...]:
    """Surfaces of the asset (its file is `path`) to put things on, largest first; remembered below `root`.

    Raises MeshError where the file holds no triangle.
    """
    kept = derived(asset, root, "supports", VERSION, lambda: _found(path))
    ends = np.cumsum(kept["corners"].astype(int))
    outlines = np.split(kept["outlines"].astype(float), ends[:-1]) if len(ends) else []
    levels = kept["levels"].astype(float)
    return tuple(
        Support(height_m=float(height), free_above_m=float(free), inside=free < OPEN_M, outline=border)
        for (height, free), border in zip(levels, outlines, strict=True)
    )


def _found(path: Path) -> dict[str, NDArray[np.generic]]:
    from assets_manifest.derived.levels import find_supports  # needs an extra, which reading configs does not
    from assets_manifest.meshes.usd_triangles import read_triangles

    found = find_supports(read_triangles(path))
    return {
        "levels": np.array([(s.height_m, s.free_above_m) for s in found]).reshape(-1, 2),
        "corners": np.array([len(s.outline) for s in found], int),
        "outlines": np.concatenate([np.empty((0, 2)), *(s.outline for s in found)]),
    }
