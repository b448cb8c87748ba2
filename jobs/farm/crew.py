"""The workers of one pool, as the driver sees them: their slots, and which of them are missing."""

from __future__ import annotations

import time
from collections.abc import Callable

from jobs.config import Pool
from jobs.farm.slot import Phase, Slot
from jobs.task import MakeWorker

SLOW_START_S = 60.0  # after so long without a worker, and each time again, the driver says so


class Crew:
    """A pool with its slots."""

    def __init__(
        self,
        pool: Pool,
        make_worker: MakeWorker,
        size: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.make_worker = make_worker
        self.slots = [Slot(pool, now) for _ in range(size)]
        self._now = now
        self._told = 0.0  # monotonic seconds

    def grow(self, size: int) -> None:
        """Have at least so many slots."""
        self.slots += [Slot(self.pool, self._now) for _ in range(size - len(self.slots))]

    def vacancies(self, waiting: int) -> list[Slot]:
        """The slots to hire workers for, where so many tasks wait."""
        return self._in("empty")[: max(0, waiting - len(self._in("starting")))]

    @property
    def gone(self) -> bool:
        """Whether no worker of it will ever be there."""
        return len(self._in("given_up")) == len(self.slots)

    def late(self, now: float) -> list[Slot]:
        """The slots that have waited long for their worker."""
        return [slot for slot in self._in("starting") if now - slot.hired > SLOW_START_S]

    def idle(self) -> list[Slot]:
        """The slots whose worker has nothing to do."""
        return self._in("idle")

    def unsaid(self, now: float) -> list[Slot]:
        """Once a minute, the slots that have waited long for their worker; none at other times."""
        late = self.late(now)
        if not late or now - self._told < SLOW_START_S:
            return []
        self._told = now
        return late

    def missing(self, late: int, placed: int) -> str:
        """In words: so many are still not there, of which so many have a place and are starting."""
        which = f"pool {self.pool.name}: " if self.pool.name else ""
        there = len(self._in("idle")) + len(self._in("busy"))
        parts = [f"{which}{there} of {len(self.slots)} workers are there"]
        if placed:
            parts.append(f"{placed} have a place and are starting")
        if late > placed:
            parts.append(f"{late - placed} have no place yet: each needs {self.pool.needs}")
        return ", ".join(parts)

    def _in(self, phase: Phase) -> list[Slot]:
        return [slot for slot in self.slots if slot.phase == phase]
