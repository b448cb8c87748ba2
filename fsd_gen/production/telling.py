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
from jobs.task import Event, EventKind, Task

EVERY_S_IN_STORE = 30.0  # each put costs


@dataclass(frozen=True, slots=True)
class Telling:
    """The farm's ends of it."""

    on_event: Callable[[Event], None]
    halt: Callable[[], str]


class Troubles:
    """What keeps others from seeing how far a run is, told once: it stops nothing."""

    def __init__(self, writer: StatusWriter, on_event: Callable[[Event], None]) -> None:
        self._writer, self._on_event = writer, on_event
        self._told = False

    def tell(self) -> None:
        """Warn, where the status could not be written and nobody heard of it."""
        if self._writer.problem and not self._told:
            self._told = True
            message = f"`fsd-gen status` will not know how far this is: {self._writer.problem}"
            self._on_event(Event(kind=EventKind.WARNING, message=message))


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

    troubles = Troubles(writer, on_event)

    def take(event: Event) -> None:
        writer(event)
        on_event(event)
        troubles.tell()

    try:
        with writer:
            yield Telling(take, lambda: budget.reached(writer.cost, datetime.now().astimezone()))
    finally:
        troubles.tell()


def _claims(farm: FarmConfig) -> dict[str, Claim]:
    """What a worker claims, by pool; one in this process has all that the process may use."""
    if farm.workers == 0:
        return {"": Claim(cpus=len(os.sched_getaffinity(0)))}
    return {pool.name: Claim(pool.needs.cpus, pool.needs.gpus or 0.0) for pool in farm.all_pools()}
