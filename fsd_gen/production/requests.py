"""Which shards are wanted, as values: for a first draw, for a redraw, and as tasks of the farm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsd_gen.scene.slots import SlotKey
from jobs.task import FarmReport, Task

if TYPE_CHECKING:
    from fsd_gen.production.run import Run


@dataclass(frozen=True, slots=True)
class ShardRequest:
    """A shard to make: its file, and for each of its slots the first attempt to draw."""

    path: Path
    keys: tuple[SlotKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderReport:
    """What came of the requests."""

    written: tuple[Path, ...]
    existing: tuple[Path, ...]  # finished by an earlier run
    farm: FarmReport

    @property
    def complete(self) -> bool:
        """Whether every requested shard is there."""
        return not self.farm.failed and not self.farm.unfinished


def requests_for(run: Run, shards: int) -> tuple[ShardRequest, ...]:
    """The first draw of shards 0 to `shards` - 1."""
    return tuple(
        ShardRequest(run.shard_path(index), tuple(SlotKey(slot=slot) for slot in run.slots_of_shard(index)))
        for index in range(shards)
    )


def shard_tasks(requests: Sequence[ShardRequest]) -> list[Task]:
    """One farm task for each shard that does not exist yet."""
    return [
        Task(
            id=f"{request.path.parent.name}/{request.path.stem}",
            payload={"path": str(request.path), "keys": [(k.slot, k.attempt) for k in request.keys]},
            size=len(request.keys),
            resumable=True,
        )
        for request in requests
        if not request.path.exists()
    ]
