"""Drawing slots again on the render farm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from fsd_gen.production.requests import RenderReport, ShardRequest
from jobs.config import FarmConfig
from jobs.status.budget import Budget
from jobs.task import Event, EventKind

log = logging.getLogger(__name__)


class RenderError(RuntimeError):
    """Some shards could not be rendered; the message ends with the first failure."""


def render(
    run_dir: Path,
    requests: Sequence[ShardRequest],
    farm: FarmConfig,
    on_done: Callable[[int], None],
    budget: Budget,
) -> None:
    """Render on `farm`. Raises RenderError with the first failure, once all others are done; FarmHalted."""
    from fsd_gen.production.render import render_shards  # loads a renderer; only needed here

    finished: dict[str, int] = {}  # samples by task

    def on_event(event: Event) -> None:
        if event.kind in (EventKind.ITEM, EventKind.RESUMED) and event.done is not None:
            finished[event.task_id] = event.done
            on_done(sum(finished.values()))
        elif event.message:
            log.info("render event=%s task=%s message=%s", event.kind, event.task_id, event.message)

    _check(render_shards(run_dir, requests, farm=farm, on_event=on_event, budget=budget))


def _check(report: RenderReport) -> None:
    if report.farm.failed:
        name, failure = next(iter(report.farm.failed.items()))
        last = failure.traceback.strip().splitlines()[-1]
        count = len(report.farm.failed)
        raise RenderError(f"{count} shards failed; {name} after {failure.attempts} tries: {last}")
