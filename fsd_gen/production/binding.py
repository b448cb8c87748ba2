"""When a folder belongs to a configuration: from its first stored sample on, and not before.

A command that was mistaken makes no sample, or none that passes; the corrected one then runs in the same
folder. What the first left is no dataset: its frozen texts are written anew, and shards and parts in which
every slot was given up are set aside.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fsd_gen.production.assets import ASSETS_NAME
from fsd_gen.production.unfinished import PART, WANTED_NAME, parts_in
from fsd_gen.shards.entry import described_near, description_name
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import INDEX_NAME
from fsd_gen.shards.reader import ShardReader
from jobs.files import remove_stale_parts, sync_folder
from jobs.rundir import CONFIG_NAME, DIGEST_NAME
from jobs.status.model import FOLDER as STATUS
from jobs.store.mirror import Mirror

ASIDE = "set_aside"  # folder of a run: what was in the way, kept
SHARDS = "shards"
WORLDS_NAME = "worlds.yaml"
RESOLVED_NAME = "config.resolved.yaml"
OWN_FILES = (CONFIG_NAME, DIGEST_NAME, RESOLVED_NAME, ASSETS_NAME, WORLDS_NAME, WANTED_NAME)


def holds_samples(folder: Path) -> bool:
    """Whether any sample is stored in the run at `folder`; what cannot be read counts as one."""
    if (folder / "rounds").is_dir() or any(part.samples for part in parts_in(folder / SHARDS)):
        return True
    return any(_has_rows(path) for path in sorted((folder / SHARDS).glob("*.h5")))


def _has_rows(path: Path) -> bool:
    if known := described_near(path):
        return bool(known[1])
    try:
        with ShardReader(path, ranged=True) as reader:
            return len(reader) > 0
    except (ShardError, FileNotFoundError):
        return True


def sweep(folder: Path) -> None:
    """Remove what killed commands were still writing of the run's own files. Hold its lock.

    Pages and pictures that somebody else may be writing there now stay. Shards that are being filled are
    swept by whoever goes on with them; of a finished one the part goes, where its emptying was interrupted.
    """
    for part in parts_in(folder / SHARDS):
        if part.shard.is_file():
            shutil.rmtree(part.path, ignore_errors=True)  # a worker of before may still be at it
    remove_stale_parts(folder, OWN_FILES)
    for inside in (SHARDS, str(Path(INDEX_NAME).parent), STATUS):
        remove_stale_parts(folder / inside)


def unbind(folder: Path) -> None:
    """Make a run without any sample a free folder again. Hold its lock."""
    unbind_assets(folder)
    for name in (DIGEST_NAME, CONFIG_NAME, RESOLVED_NAME):
        (folder / name).unlink(missing_ok=True)


def unbind_assets(folder: Path) -> None:
    """Forget packs and stages of a run without any sample, and what was given up with them. Hold its lock."""
    for path in sorted((folder / SHARDS).glob("*.h5")) + sorted((folder / SHARDS).glob(f"*{PART}")):
        set_aside(folder, path)
    for name in (ASSETS_NAME, WORLDS_NAME):
        (folder / name).unlink(missing_ok=True)


def set_aside(run_dir: Path, path: Path) -> Path:
    """Move a shard or a part out of the way, into the run's folder for such; returns where it is now.

    Hold the run's lock. In a store the description of the shard goes.
    """
    mirror = Mirror.around(run_dir)
    if mirror is not None:
        moved = mirror.set_aside(path, ASIDE)
        mirror.remove(run_dir / description_name(mirror.name_of(path)))
        return moved
    aside = run_dir / ASIDE
    aside.mkdir(exist_ok=True)
    target, number = aside / path.name, 1
    while os.path.lexists(target):
        target, number = aside / f"{path.name}.{number}", number + 1
    os.rename(path, target)
    sync_folder(path.parent)
    sync_folder(aside)
    return target
