"""Rendering shards on the farm: one shard per worker, resumable at any moment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from fsd_gen.config import Config
from fsd_gen.production.assets import open_chosen
from fsd_gen.production.delivery import pack_source
from fsd_gen.production.farm import attempt_limit_s, fitted, hands_of, patient, refuse_orphans, renderers
from fsd_gen.production.places import work_place
from fsd_gen.production.requests import RenderReport, ShardRequest, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.telling import telling
from fsd_gen.production.unfinished import parts_in
from fsd_gen.production.worker import ShardWorker
from fsd_gen.production.worlds import bind_worlds
from jobs.config import FarmConfig
from jobs.farm import ray_session, run_tasks
from jobs.scratch import sweep_again
from jobs.status.budget import Budget
from jobs.task import Event, MakeWorkers, Task

UNLIMITED = Budget()


def render_shards(
    run_dir: Path,
    requests: Sequence[ShardRequest],
    *,
    farm: FarmConfig,
    on_event: Callable[[Event], None],
    budget: Budget = UNLIMITED,
) -> RenderReport:
    """Make every requested shard that is not there yet, with the run's own config. Hold the run's lock.

    Raises:
        ConfigError, MissingAssetError, BackendUnavailableError: nothing could be rendered.
        FarmInterrupted: stopped; what was finished is kept, and the same call continues.
        FarmHalted: the same, where the budget is used up.
    """
    run, place = Run.open(run_dir), work_place(run_dir)
    library = open_chosen(run.config, renderers(farm, run.config))
    run.bind_assets(library)  # a missing or other pack is said here, once
    bind_worlds(run_dir, run.config)
    place.before_work()
    tasks = _each_by_its_renderer(shard_tasks(requests), farm, run.config)
    farm, limit_s = fitted(farm, run.config), attempt_limit_s(farm, run.config)
    with (
        telling(place, tasks, farm, budget, on_event) as tell,
        ray_session(farm) if tasks else nullcontext(),
    ):
        make = partial(ShardWorker, place.name, limit_s=limit_s)
        makers = _makers(partial(make, packs=pack_source(farm, library)) if tasks else make, farm)
        report = run_tasks(makers, tasks, patient(farm, limit_s), tell.on_event, tell.halt)
    place.after_work()
    sweep_again(tempfile.gettempdir())  # a run that is complete starts no worker, who else would do it
    wanted = [request.path for request in requests]
    new = {Path(task.payload["path"]) for task in tasks}
    return RenderReport(
        written=tuple(path for path in wanted if path in new and path.exists()),
        existing=tuple(path for path in wanted if path not in new),
        farm=report,
    )


def _each_by_its_renderer(tasks: list[Task], farm: FarmConfig, config: Config) -> list[Task]:
    """A shard that one renderer began is left to its pools. Raises ConfigError where there is none."""
    folders = {Path(task.payload["path"]).parent for task in tasks}
    parts = [part for folder in sorted(folders) for part in parts_in(folder)]
    wanted = {task.payload["path"] for task in tasks}
    begun = {str(part.shard): part.renderer for part in parts if part.renderer and str(part.shard) in wanted}
    refuse_orphans(begun, renderers(farm, config))
    if not farm.pools:
        return tasks
    return [replace(task, kind=begun.get(task.payload["path"], "")) for task in tasks]


def _makers(make: Callable[..., ShardWorker], farm: FarmConfig) -> MakeWorkers:
    """What makes the workers, of each pool by its name where there are several."""
    if not farm.pools:
        (pool,) = farm.all_pools()
        return partial(make, threads=_threads(farm), hands=hands_of(pool.needs) if farm.workers != 0 else 0)
    return {
        pool.name: partial(
            make, threads=max(1, int(pool.needs.cpus)), backend=pool.kind, hands=hands_of(pool.needs)
        )
        for pool in farm.pools
    }


def _threads(farm: FarmConfig) -> int:
    """Threads of one worker: what it was granted, so that images do not depend on the machine."""
    return max(1, int(farm.cpus_per_worker)) if farm.workers != 0 else len(os.sched_getaffinity(0))
