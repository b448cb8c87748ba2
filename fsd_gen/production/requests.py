"""Which shards are wanted, as values: for a first draw, for a redraw, and as tasks of the farm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from fsd_gen.production.watch import MOST_DEATHS
from fsd_gen.scene.slots import SlotKey
from fsd_gen.sections import ConfigError
from jobs.locks import RunFolderError
from jobs.task import FarmReport, Task

if TYPE_CHECKING:
    from fsd_gen.production.run import Run


MOST_SLOTS = 10_000_000


@dataclass(frozen=True, slots=True)
class FirstDraw(Sequence[SlotKey]):
    """Attempt 0 of consecutive slots, made when asked for: a large run has millions of them."""

    of: range

    def __len__(self) -> int:
        return len(self.of)

    @overload
    def __getitem__(self, index: int) -> SlotKey: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SlotKey]: ...
    def __getitem__(self, index: int | slice) -> SlotKey | Sequence[SlotKey]:
        return FirstDraw(self.of[index]) if isinstance(index, slice) else SlotKey(slot=self.of[index])


@dataclass(frozen=True, slots=True)
class ShardRequest:
    """A shard to make: its file, and for each of its slots the first attempt to draw."""

    path: Path
    keys: Sequence[SlotKey]


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


def refuse_too_many(shards: int, samples_per_shard: int) -> None:
    """Refuse a dataset with more samples than their ids can name. Raises ConfigError."""
    if (slots := shards * samples_per_shard) > MOST_SLOTS:
        raise ConfigError(
            f"--shards: {shards} shards of {samples_per_shard} samples are {slots} slots; expected at most "
            f"{MOST_SLOTS}, which is what ids such as 0000012-a0 have room for"
        )


def requests_for(run: Run, shards: int) -> tuple[ShardRequest, ...]:
    """The first draw of shards 0 to `shards` - 1."""
    return tuple(
        ShardRequest(run.shard_path(index), FirstDraw(run.slots_of_shard(index))) for index in range(shards)
    )


def shard_tasks(requests: Sequence[ShardRequest]) -> list[Task]:
    """One farm task for each shard that does not exist yet.

    Raises:
        RunFolderError: something that is no file has the name of a shard.
    """
    for request in requests:
        if request.path.exists() and not request.path.is_file():
            raise RunFolderError(
                f"{request.path}: is a folder or device, expected a shard; move it away "
                f"(`fsd-gen verify --repair {request.path.parent.parent}` does)"
            )
    return [
        Task(
            id=f"{request.path.parent.name}/{request.path.stem}",
            payload={"path": str(request.path), "keys": request.keys},
            size=len(request.keys),
            resumable=True,
            tolerates=MOST_DEATHS,
        )
        for request in requests
        if not request.path.exists()
    ]
