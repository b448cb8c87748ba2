"""Fetch packs: build each in a hidden folder, publish it by one rename.

    ROOT/PACK/                 a published pack; whatever stands here is complete
    ROOT/.building/PACK-KEY/   pack/ in the making, and what a restart can use again
    ROOT/.PACK.lock            held while a pack is fetched

KEY names the pack's version, so a newer converter never mixes with what an older one left.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from assets_manifest.library import MissingAssetError, PackError, assets_root, load_pack, save_pack
from assets_manifest.progress import Progress, silent
from assets_manifest.registry import PackRecipe, recipe_of
from jobs.files import publish_folder


class FetchError(RuntimeError):
    """A pack cannot be fetched now."""


def fetch(
    pack_name: str,
    root: Path | None = None,
    on_progress: Progress = silent,
    *,
    allow_partial: bool = False,
    force: bool = False,
) -> Path:
    """Folder of the pack, made if it is not there in the current version.

    `allow_partial` builds a pack without the sources that cannot be reached, which it says, and is content
    with such a one; otherwise a partial pack is built again. Raises UnknownPackError, FetchError while
    another process fetches the pack, DownloadError where a source fails, MissingExtraError without the
    libraries that packs are made with.
    """
    recipe, folder = recipe_of(pack_name, root), assets_root(root)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{pack_name}.lock", timeout=0):
            if force or not _is_current(folder / pack_name, recipe, allow_partial):
                _build_and_publish(recipe, folder, on_progress, allow_partial)
    except Timeout as error:
        raise FetchError(
            f"another process is fetching {pack_name} into {folder}; wait for it to end"
        ) from error
    return folder / pack_name


def _is_current(folder: Path, recipe: PackRecipe, allow_partial: bool) -> bool:
    try:
        pack = load_pack(folder)
    except (MissingAssetError, PackError):
        return False
    whole_enough = not pack.partial or allow_partial or not recipe.can_complete(pack)
    return pack.version == recipe.version and whole_enough


def _build_and_publish(recipe: PackRecipe, root: Path, on_progress: Progress, allow_partial: bool) -> None:
    scratch = root / ".building" / f"{recipe.name}-{recipe.version}"
    building = scratch / "pack"
    building.mkdir(parents=True, exist_ok=True)
    pack = recipe.build(building, scratch, on_progress, allow_partial=allow_partial)
    save_pack(pack, building)
    on_progress("publishing", 0, 1)
    publish_folder(building, root / recipe.name)
    shutil.rmtree(scratch)
    on_progress("published", 1, 1)
