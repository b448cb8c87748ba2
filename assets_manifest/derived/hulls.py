"""An asset as a few convex pieces, for physics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.shapes import Hull
from assets_manifest.derived.store import derived
from assets_manifest.records import Asset

__all__ = ["Hull", "hulls"]

VERSION = 4


def hulls(asset: Asset, path: Path, root: Path) -> tuple[Hull, ...]:
    """Convex pieces of the asset, whose file is `path`; remembered below `root`.

    Raises MeshError where the file holds no triangle.
    """
    kept = derived(asset, root, "hulls", VERSION, lambda: _found(path))
    ends = np.cumsum(kept["counts"].astype(int))
    points = np.split(kept["points"].astype(float), ends[:-1])
    solids = zip(points, kept["volumes"].astype(float), kept["centres"].astype(float), strict=True)
    return tuple(Hull(points_n3=p, volume_m3=float(volume), centre_3=c) for p, volume, c in solids)


def _found(path: Path) -> dict[str, NDArray[np.generic]]:
    from assets_manifest.derived.decompose import decompose  # needs an extra, which reading configs does not
    from assets_manifest.meshes.usd_triangles import read_triangles

    pieces = decompose(read_triangles(path))
    return {
        "points": np.concatenate([piece.points_n3 for piece in pieces]),
        "counts": np.array([len(piece.points_n3) for piece in pieces]),
        "volumes": np.array([piece.volume_m3 for piece in pieces]),
        "centres": np.array([piece.centre_3 for piece in pieces]),
    }
