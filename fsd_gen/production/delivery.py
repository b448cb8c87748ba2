"""Where workers get a run's packs: on this machine from its assets folder, on others from the driver.

FSD_ASSETS_FROM names a shared folder or the URL of a store instead, with packs as in an assets folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assets_manifest.delivery import PackSource, delivered, files_of
from assets_manifest.library import AssetLibrary, load_pack, open_library
from fsd_gen.production.assets import frozen_digests
from jobs.config import FarmConfig
from jobs.store import open_store

SOURCE_VARIABLE = "FSD_ASSETS_FROM"


@dataclass(frozen=True, slots=True)
class StorePacks:
    """Packs in a store or a folder."""

    url: str

    def copy(self, name: str, into: Path) -> None:
        """See `PackSource`."""
        open_store(self.url).get(name, into)


@dataclass(frozen=True, slots=True)
class ComeAlready:
    """Packs that another process of this machine has brought."""

    def copy(self, name: str, into: Path) -> None:
        """See `PackSource`."""
        raise FileNotFoundError(f"{into}: was there a moment ago")


def pack_source(farm: FarmConfig, library: AssetLibrary) -> PackSource | None:
    """Where workers get what they lack; None where they share this machine. Inside a Ray session."""
    if url := os.environ.get(SOURCE_VARIABLE):
        return StorePacks(url)
    if farm.workers == 0 or farm.address is None:
        return None
    from jobs.farm.courier import send_files

    return send_files(files_of(library))


def open_packs(run_dir: Path, names: Iterable[str], source: PackSource | None) -> AssetLibrary:
    """The packs of a run, as they are frozen there; those that this machine lacks come from `source`.

    Raises:
        MissingAssetError, PackError: one is not here, or did not come.
    """
    if source is None:
        return open_library(names)
    digests = frozen_digests(run_dir)
    places = [delivered(name, digests[name], source) for name in names]
    return AssetLibrary((load_pack(place), place) for place in places)
