"""What a session of rendering tells others while it works, and when it is to stop by itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fsd_gen.production.places import Place
from jobs.config import FarmConfig
from jobs.status.book import Claim
from jobs.status.budget import Budget
from jobs.status.writer import EVERY_S, StatusWriter
from jobs.task import Event, Task

EVERY_S_IN_STORE = 30.0  # each put costs


@dataclass(frozen=True, slots=True)
class Telling:
    """The farm's ends of it."""

    on_event: Callable[[Event], None]
    halt: Callable[[], str]


@contextmanager
def telling(
    place: Place,
    tasks: Sequence[Task],
    farm: FarmConfig,
    budget: Budget,
    on_event: Callable[[Event], None],
) -> Iterator[Telling]:
    """Keep a status of this session in the run's folder; without tasks there is none."""
    if not tasks:
        yield Telling(on_event, str)
        return
    where = Path(tasks[0].payload["path"]).parent
    writer = StatusWriter(
        place.folder,
        tasks,
        what=os.path.relpath(where, place.folder),
        claims=_claims(farm),
        prices=budget.prices,
        every_s=EVERY_S if place.is_folder else EVERY_S_IN_STORE,
        publish=place.show,
    )

    def take(event: Event) -> None:
        writer(event)
        on_event(event)

    with writer:
        yield Telling(take, lambda: budget.reached(writer.cost, datetime.now().astimezone()))


def _claims(farm: FarmConfig) -> dict[str, Claim]:
    """What a worker claims, by pool; one in this process has all that the process may use."""
    if farm.workers == 0:
        return {"": Claim(cpus=len(os.sched_getaffinity(0)))}
    return {pool.name: Claim(pool.needs.cpus, pool.needs.gpus or 0.0) for pool in farm.all_pools()}
