"""Whether a finished shard is of the run in whose folder it lies: files are copied, and folders reused."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from fsd_gen.production.assets import ASSETS_NAME, assets_json
from fsd_gen.production.run import Run
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import Index


class ForeignShardError(ShardError):
    """A shard of another run lies among those of this one."""


class MadeWith(Protocol):
    """What a shard says of its run: its `ShardMeta`, or its entry in the index."""

    @property
    def config_digest(self) -> str:
        """Of the configuration, its seed included."""

    @property
    def assets_json(self) -> str:
        """Its packs; empty where it does not say."""


def refuse_foreign(run: Run, index: Index) -> None:
    """Raises ForeignShardError when a shard of `index` is not of `run`; names every such shard."""
    problems = [
        f"{index.root / entry.path} {problem}" for entry in index.shards if (problem := foreign(run, entry))
    ]
    if problems:
        raise ForeignShardError("; ".join(problems))


def foreign(run: Run, shard: MadeWith) -> str | None:
    """Why a shard is not of `run`, with the remedy; None if it is. A run without packs compares none."""
    if shard.config_digest != run.known_as.digest:
        return (
            f"belongs to config {shard.config_digest[:12]}, the run is {run.known_as.digest[:12]}; "
            "move it away and render again"
        )
    if not (shard.assets_json and run.known_as.names_assets and (run.folder / ASSETS_NAME).is_file()):
        return None
    differing = _differing(json.loads(shard.assets_json), json.loads(assets_json(run.folder)))
    if not differing:
        return None
    names = ", ".join(differing)
    return f"was made from other asset packs ({names}) than the run; move it away and render again"


def run_of(path: Path) -> Run | None:
    """The run that `path` is the folder of, None if it is something else."""
    return Run.open(path) if Run.is_at(path) else None


def _differing(one: dict[str, object], other: dict[str, object]) -> Iterable[str]:
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
