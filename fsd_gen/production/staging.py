"""A scene's stage file, alive from authoring until the attempt at it is over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assets_manifest.library import AssetLibrary
from assets_manifest.made.registry import is_made, made_file
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.usd.author import PathOf, write_stage
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene
from jobs.files import MIB, DiskFullError
from jobs.scratch import scratch_folder

ROOM_BYTES = 64 * MIB  # a stage and what is made for it need less: with less free, the disk is to blame


@contextmanager
def staged_scene(spec: SceneSpec, library: AssetLibrary) -> Iterator[StagedScene]:
    """The scene as a stage, written once and read back once, so that what is rendered is what it says.

    The file is called after the sample, lies in a folder of its own with the assets that were made for it,
    and is gone after the block, however that ends.

    Raises:
        MissingAssetError, StageError, StageWriteError: this scene cannot be staged.
        DiskFullError: no scene can be.
    """
    with scratch_folder("stage") as folder:
        path = _write(spec, folder / f"{spec.key.sample_id}.usdc", library)
        yield StagedScene(path=path, flat=read_stage(path, spec.rig))


def asset_paths(library: AssetLibrary, folder: Path) -> PathOf:
    """Where assets lie: those of packs in their packs, those of makers in `folder`, made when asked for."""
    return lambda asset_id: made_file(asset_id, folder) if is_made(asset_id) else library.path(asset_id)


def _write(spec: SceneSpec, path: Path, library: AssetLibrary) -> Path:
    try:
        return write_stage(spec, path, asset_paths(library, path.parent))
    except StageWriteError as error:
        if shutil.disk_usage(path.parent).free < ROOM_BYTES:
            raise DiskFullError.at(path, ROOM_BYTES) from error
        raise
