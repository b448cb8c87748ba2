"""A stage to hand on: it stands alone, with every asset beside it or inside it, and opens anywhere.

A layer that exists is complete: its assets are in place before it gets its name.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from fsd_gen.scene.spec import SceneSpec
from fsd_gen.usd.author import LAYER_SUFFIXES, SUFFIXES, PathOf, write_stage
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.gather import gather
from jobs.contents import EMPTY, USD_STAGE, ZIP_ARCHIVE, contents
from jobs.files import DiskFullError, part_file, publish_folder, sync_file, sync_folder

NAME_IN_FOLDER = "stage.usda"


def export_stage(spec: SceneSpec, out: str | Path, path_of: PathOf, *, force: bool = False) -> Path:
    """Write the stage of `spec` with all its assets; returns the file to open.

    `out` is a .usdz file, which holds everything; a .usda, .usdc or .usd file, whose assets go into a folder
    beside it; or a folder, which gets `stage.usda` and its assets. What is there already is replaced only
    with `force`.

    Raises:
        StageWriteError: there is something already, or the stage cannot be written.
        MissingAssetError: an asset is not here.
        DiskFullError: there is no room.
    """
    target = _target(out)
    assets = target.with_name(f"{target.stem}_assets")
    layer = target.suffix in LAYER_SUFFIXES  # else a package, to which no folder beside it belongs
    existing = [path for path in ((target, assets) if layer else (target,)) if path.exists()]
    if existing and not force:
        raise StageWriteError(
            f"{existing[0]} is there already; `--force` replaces it, another `--out` leaves it"
        )
    if target.exists() and contents(target) not in (USD_STAGE, ZIP_ARCHIVE, EMPTY):
        raise StageWriteError(
            f"{target}: is {contents(target)}, which no stage replaces; name another, or move it away"
        )
    try:
        if not layer:
            with part_file(target, replace=force) as part, TemporaryDirectory(prefix="fsd-usdz-") as scratch:
                packed = write_stage(spec, Path(scratch) / target.name, path_of)
                shutil.copyfile(packed, part)
        else:
            _publish_beside(spec, target, assets, path_of)
    except (DiskFullError, FileNotFoundError):  # with their own words, MissingAssetError among them
        raise
    except OSError as error:
        raise StageWriteError(f"{target}: could not write the stage: {error.strerror}") from None
    return target


def _publish_beside(spec: SceneSpec, target: Path, assets: Path, path_of: PathOf) -> None:
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=".part") as folder:
        made = Path(folder) / "made"
        authored = write_stage(spec, Path(folder) / target.with_suffix(".usdc").name, path_of)
        gather(authored, made / target.name, assets.name)
        target.unlink(missing_ok=True)  # from here on until its assets are new, there is no stage
        if (made / assets.name).exists():
            publish_folder(made / assets.name, assets)
        elif assets.exists():
            shutil.rmtree(assets)
        sync_file(made / target.name)
        os.replace(made / target.name, target)
        sync_folder(target.parent)


def _target(out: str | Path) -> Path:
    """The file that `out` means; a folder that it names is made."""
    path = Path(out)
    if path.suffix in SUFFIXES and not path.is_dir() and not str(out).endswith("/"):
        if not path.parent.is_dir():
            raise StageWriteError(f"{path}: could not write the stage; there is no folder {path.parent}")
        return path
    if path.suffix and not path.is_dir() and not str(out).endswith("/"):
        raise StageWriteError(
            f"{path}: could not write the stage; expected a name ending in {', '.join(SUFFIXES)}, or a folder"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StageWriteError(f"{path}: could not make the folder: {error.strerror}") from None
    return path / NAME_IN_FOLDER
