"""Whether a finished shard is of the run in whose folder it lies: files are copied, and folders reused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fsd_gen.production.assets import ASSETS_NAME, assets_json
from fsd_gen.production.run import Run
from fsd_gen.sections import ConfigError
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import Index
from jobs.rundir import DIGEST_NAME
from jobs.store.bases import FILE
from jobs.store.cache import is_unput


class ForeignShardError(ShardError):
    """A shard of another run lies among those of this one."""


class DisownedError(ConfigError):
    """No shard of a run is of the configuration, or of the packs, that its folder names."""


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

    folder: Path  # of the run
    config_digest: str | None
    packs: dict[str, Any] | None
    vouched: bool = False  # whether config.yaml and config.sha256 agree, so that no damage of one is at play

    @classmethod
    def of(cls, run: Run) -> Origin:
        """Where the shards of `run` come from. A run without packs, or of version 1, compares none."""
        named = run.known_as.names_assets and (run.folder / ASSETS_NAME).is_file()
        packs = json.loads(assets_json(run.folder)) if named else None
        return cls(folder=run.folder, config_digest=run.known_as.digest, packs=packs, vouched=True)

    def foreign(self, shard: MadeWith) -> str | None:
        """Why a shard is not from there, with the remedy; None if it is."""
        if self._is_of_another_config(shard):
            return (
                f"belongs to config {shard.config_digest[:12]}, the run is {self.config_digest or '':.12}; "
                "move it away and render again"
            )
        if not (differing := self._other_packs(shard)):
            return None
        names = ", ".join(differing)
        return f"was made from other asset packs ({names}) than the run; move it away and render again"

    def disowns(self, shards: Sequence[MadeWith]) -> str | None:
        """What is wrong where no shard of the run is from there: then it is a document that is not of it."""
        if not shards:
            return None
        if not self.vouched and all(map(self._is_of_another_config, shards)):
            return self._disowned(DIGEST_NAME, len(shards), "belong to other configurations than")
        if all(map(self._other_packs, shards)):
            return self._disowned(ASSETS_NAME, len(shards), "were made from other asset packs than")
        return None

    def _disowned(self, document: str, shards: int, verb: str) -> str:
        return (
            f"{self.folder / document}: all {shards} shards of the run {verb} it says: damaged, or of "
            "another run; put the right one back from a copy, or, if the shards are wrong, move them away"
        )

    def _is_of_another_config(self, shard: MadeWith) -> bool:
        return self.config_digest is not None and shard.config_digest != self.config_digest

    def _other_packs(self, shard: MadeWith) -> list[str]:
        """Names of the packs that differ."""
        if not shard.assets_json or self.packs is None:
            return []
        own, other = self.packs, json.loads(shard.assets_json)
        return [name for name in sorted(own.keys() | other.keys()) if own.get(name) != other.get(name)]


def refuse_foreign(run: Run, index: Index) -> None:
    """Refuse to go on where a shard of `index` is not of `run`.

    Raises:
        ForeignShardError: names every such shard.
        DisownedError: none is of it.
    """
    origin = Origin.of(run)
    if what := origin.disowns(index.shards):
        raise DisownedError(what)
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
