"""Remembering what was computed from an asset, by the SHA-256 of its file, beside the packs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.records import Asset
from jobs.files import write_bytes_atomic

FOLDER = ".derived"
Arrays = Mapping[str, NDArray[np.generic]]


def derived(
    asset: Asset, root: Path, sort: str, version: int, compute: Callable[[], Arrays]
) -> dict[str, NDArray[np.generic]]:
    """What `compute()` gives for this asset, computed at most once for each content of its file.

    `root` is the folder of packs. `sort` names what it is, and another `version` of the code computes it
    anew. A remembered file that cannot be read is computed again; a folder that cannot be written is no
    hindrance.
    """
    return remembered(asset.sha256, root, sort, version, compute)


def remembered(
    sha256: str, root: Path, sort: str, version: int, compute: Callable[[], Arrays]
) -> dict[str, NDArray[np.generic]]:
    """As `derived`, of any content that has this digest."""
    place = root / FOLDER / f"{sort}.{version}" / sha256[:2] / f"{sha256}.npz"
    try:
        with np.load(place, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # never computed, or damaged
    arrays = {name: np.asarray(values) for name, values in compute().items()}
    _keep(place, arrays)
    return arrays


def _keep(place: Path, arrays: Arrays) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # its stub knows no names but its own
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomic(place, buffer.getvalue())
    except OSError:
        pass  # a read-only or full disk: computed again next time
