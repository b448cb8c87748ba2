"""Whether a finished shard is of the run in whose folder it lies: files are copied, and folders reused."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fsd_gen.production.assets import ASSETS_NAME, assets_json
from fsd_gen.production.run import Run
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import Index
from jobs.store.bases import FILE
from jobs.store.cache import is_unput


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the shards of a run say of where they come from; None where the run cannot tell."""

    config_digest: str | None
    packs: dict[str, Any] | None

    @classmethod
    def of(cls, run: Run) -> Origin:
        """Where the shards of `run` come from. A run without packs, or of version 1, compares none."""
        named = run.known_as.names_assets and (run.folder / ASSETS_NAME).is_file()
        packs = json.loads(assets_json(run.folder)) if named else None
        return cls(config_digest=run.known_as.digest, packs=packs)

    def foreign(self, shard: MadeWith) -> str | None:
        """Why a shard is not from there, with the remedy; None if it is."""
        if self.config_digest is not None and shard.config_digest != self.config_digest:
            return (
                f"belongs to config {shard.config_digest[:12]}, the run is {self.config_digest[:12]}; "
                "move it away and render again"
            )
        if not shard.assets_json or self.packs is None:
            return None
        if not (differing := _differing(json.loads(shard.assets_json), self.packs)):
            return None
        names = ", ".join(differing)
        return f"was made from other asset packs ({names}) than the run; move it away and render again"


def refuse_foreign(run: Run, index: Index) -> None:
    """Raises ForeignShardError when a shard of `index` is not of `run`; names every such shard."""
    origin = Origin.of(run)
    problems = [
        f"{_place(index.root / entry.path)} {problem}"
        for entry in index.shards
        if (problem := origin.foreign(entry))
    ]
    if problems:
        raise ForeignShardError("; ".join(problems))


def _place(shard: Path) -> str:
    """A shard; of one that a worker of this machine finished and that is not in the store, its file too."""
    return f"{shard} (not there yet, but {FILE}{shard})" if is_unput(shard) else str(shard)


def _differing(one: dict[str, Any], other: dict[str, Any]) -> Iterable[str]:
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
