"""Rendering shards on the farm: one shard per worker, sample by sample, resumable at any moment.

A worker keeps its renderer warm and reports every finished sample. What it cannot make after
`max_attempts` draws is quarantined in the shard with its reasons, and reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from assets_manifest.attribution import attribution_text
from assets_manifest.library import AssetLibrary, MissingAssetError, PackError, open_library
from fsd_gen.backends.base import BackendError
from fsd_gen.backends.registry import create_backend
from fsd_gen.config import ConfigError
from fsd_gen.production.attempt import Attempt, attempts
from fsd_gen.production.run import Run
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.writer import ShardError, ShardMeta, ShardWriter
from fsd_gen.usd.author import StageWriteError
from fsd_gen.usd.reader import StageError
from jobs.farm.driver import run_tasks
from jobs.task import Event, EventKind, FarmConfig, FarmReport, Report, Task

RENDER_ERRORS = (  # what the user can put right; each message says how
    BackendError,
    ConfigError,
    MissingAssetError,
    PackError,
    ShardError,
    StageError,
    StageWriteError,
)


@dataclass(frozen=True, slots=True)
class ShardRequest:
    """A shard to make: its file, and for each of its slots the first attempt to draw."""

    path: Path
    draws: tuple[SlotKey, ...]


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


def render_shards(
    run_dir: Path,
    requests: Sequence[ShardRequest],
    *,
    farm: FarmConfig,
    on_event: Callable[[Event], None],
) -> RenderReport:
    """Make every requested shard that is not there yet, with the run's own config. Hold the run's lock.

    Raises:
        ConfigError, MissingAssetError, BackendUnavailableError: nothing could be rendered.
        FarmInterrupted: stopped; what was finished is kept, and the same call continues.
    """
    run = Run.open(run_dir)
    run.bind_assets(open_library(run.config.assets.packs))  # a missing or other pack is said here, once
    tasks = shard_tasks(requests)
    make_worker = partial(ShardWorker, str(run_dir.resolve()), _threads(farm))
    report = run_tasks(make_worker, tasks, farm, on_event)
    wanted = [request.path for request in requests]
    new = {Path(task.payload["path"]) for task in tasks}
    return RenderReport(
        written=tuple(path for path in wanted if path in new and path.exists()),
        existing=tuple(path for path in wanted if path not in new),
        farm=report,
    )


def shard_tasks(requests: Sequence[ShardRequest]) -> list[Task]:
    """One farm task for each shard that does not exist yet."""
    return [
        Task(
            id=f"{request.path.parent.name}/{request.path.stem}",
            payload={"path": str(request.path), "draws": [(k.slot, k.attempt) for k in request.draws]},
            size=len(request.draws),
            resumable=True,
        )
        for request in requests
        if not request.path.exists()
    ]


class ShardWorker:
    """One warm renderer that fills one shard at a time."""

    def __init__(self, run_dir: str, threads: int) -> None:
        self._run = Run.open(Path(run_dir))
        self._library: AssetLibrary = open_library(self._run.config.assets.packs)
        self._backend = create_backend(self._run.config.render.backend, threads=threads)
        self._meta = replace(
            self._run.shard_meta(self._library),
            renderer=self._backend.name,
            renderer_version=self._backend.version,
        )

    def run(self, task: Task, report: Report) -> dict[str, Any]:
        """Fill the shard of `task`; reports each sample once it is on disk."""
        draws = [SlotKey(slot=slot, attempt=attempt) for slot, attempt in task.payload["draws"]]
        writer = ShardWriter(task.payload["path"], [key.slot for key in draws], self._meta)
        if writer.done:
            report(Event(kind=EventKind.RESUMED, done=len(writer.done)))
        for key in draws:
            if key.slot in writer.done:
                continue
            self._fill(writer, key, report)
            report(Event(kind=EventKind.ITEM, done=len(writer.done)))
        writer.finish()
        return {"path": task.payload["path"], "samples": len(draws)}

    def _fill(self, writer: ShardWriter, key: SlotKey, report: Report) -> None:
        tried: list[Attempt] = []
        for attempt in attempts(key, self._run.config, self._library, self._backend):
            if attempt.sample is not None:
                writer.add(attempt.sample, meta=self._meta_with_attribution(attempt.sample))
                return
            tried.append(attempt)
            reasons = "; ".join(f"{defect.code} ({defect.detail})" for defect in attempt.defects)
            report(Event(kind=EventKind.NOTE, message=f"{attempt.key.sample_id} drawn again: {reasons}"))
        writer.quarantine(key.slot, [[defect.code for defect in attempt.defects] for attempt in tried])
        message = f"slot {key.slot} quarantined after {len(tried)} attempts"
        report(Event(kind=EventKind.WARNING, message=message))

    def _meta_with_attribution(self, sample: StereoSample) -> ShardMeta:
        assets = [self._library.get(asset_id) for asset_id in sample.spec.asset_ids()]
        return replace(self._meta, attribution=attribution_text(assets))

    def close(self) -> None:
        """Give the renderer's memory back."""
        self._backend.close()


def _threads(farm: FarmConfig) -> int:
    """Threads of one worker: what it was granted, so that images do not depend on the machine."""
    return max(1, int(farm.cpus_per_worker)) if farm.workers != 0 else len(os.sched_getaffinity(0))
