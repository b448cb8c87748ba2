"""Rendering shards on the farm: one shard per worker, resumable at any moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from fsd_gen.production.assets import open_chosen
from fsd_gen.production.farm import attempt_limit_s, patient
from fsd_gen.production.places import work_place
from fsd_gen.production.requests import RenderReport, ShardRequest, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.worker import ShardWorker
from fsd_gen.production.worlds import bind_worlds
from jobs.config import FarmConfig
from jobs.farm import run_tasks
from jobs.task import Event


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
    run, place = Run.open(run_dir), work_place(run_dir)
    run.bind_assets(open_chosen(run.config))  # a missing or other pack is said here, once
    bind_worlds(run_dir, run.config)
    place.before_work()
    tasks = shard_tasks(requests)
    limit_s = attempt_limit_s(farm, run.config)
    make_worker = partial(ShardWorker, place.name, _threads(farm), limit_s)
    report = run_tasks(make_worker, tasks, patient(farm, limit_s), on_event)
    place.after_work()
    wanted = [request.path for request in requests]
    new = {Path(task.payload["path"]) for task in tasks}
    return RenderReport(
        written=tuple(path for path in wanted if path in new and path.exists()),
        existing=tuple(path for path in wanted if path not in new),
        farm=report,
    )


def _threads(farm: FarmConfig) -> int:
    """Threads of one worker: what it was granted, so that images do not depend on the machine."""
    return max(1, int(farm.cpus_per_worker)) if farm.workers != 0 else len(os.sched_getaffinity(0))
