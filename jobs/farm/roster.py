"""The workers of all pools, as the driver sees them, and how many of each there are to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from jobs.config import FarmConfig, Pool
from jobs.farm.cluster import Call, Cluster
from jobs.farm.crew import Crew
from jobs.farm.slot import Phase, Slot
from jobs.ledger import Ledger
from jobs.task import MakeWorker, MakeWorkers

RECOUNT_S = 30.0  # how often a joined cluster is looked at for nodes that came late
START_LIMIT_S = 600.0  # on this machine, where there is room; on a cluster a worker may wait for it


class Roster:
    """The crews; those with GPUs first, so that others leave them their CPUs."""

    def __init__(self, makers: MakeWorkers, ledger: Ledger, config: FarmConfig, cluster: Cluster) -> None:
        """Raises ValueError where tasks wait for workers that no pool has; FarmCapacityError."""
        self._ledger, self._config, self._cluster = ledger, config, cluster
        self._joined = config.address is not None
        self._counted = cluster.now()
        self.crews = self._first_crews(makers)

    def __iter__(self) -> Iterator[Slot]:
        return chain.from_iterable(crew.slots for crew in self.crews)

    def calls(self) -> dict[Call, Slot]:
        """What is asked of workers, and of which."""
        return {slot.call: slot for slot in self if slot.call is not None}

    def by_name(self) -> dict[str, Slot]:
        """The workers that have a name."""
        return {slot.worker: slot for slot in self}

    def in_phase(self, phase: Phase) -> list[Slot]:
        """The slots that are just there."""
        return [slot for slot in self if slot.phase == phase]

    def gone(self, kind: str | None = None) -> bool:
        """Whether no worker, of this kind or of any, will ever be there."""
        return all(crew.gone for crew in self.crews if kind in (None, crew.pool.kind))

    def too_few(self) -> Iterator[str]:
        """On this machine, where fewer workers fit than were asked for."""
        for crew in self.crews:
            pool, fit = crew.pool, len(crew.slots)
            if not self._joined and fit < min(pool.workers or 0, self._ledger.waiting(pool.kind)):
                which = f" of pool {pool.name}" if pool.name else ""
                yield f"{fit} workers{which} fit here, not {pool.workers}: each needs {pool.needs}"

    def recount(self) -> None:
        """Have more slots where a joined cluster has more room than before, and nobody said how many."""
        pools = [crew.pool for crew in self.crews]
        due = self._joined and None in [pool.workers for pool in pools]
        if not due or self._cluster.now() - self._counted < RECOUNT_S:
            return
        self._counted = self._cluster.now()
        for crew, count in zip(self.crews, self._cluster.worker_counts(pools, joined=True), strict=True):
            crew.grow(min(count, len(crew.slots) + self._ledger.waiting(crew.pool.kind)))

    def superfluous(self) -> list[Slot]:
        """On a full cluster, the idle workers for whose room tasks of another pool have waited long."""
        if not self._joined:
            return []
        now = self._cluster.now()
        waiting = {crew: self._ledger.waiting(crew.pool.kind) for crew in self.crews}
        if not any(waiting[crew] and crew.late(now) for crew in self.crews):
            return []
        return list(chain.from_iterable(crew.idle() for crew in self.crews if not waiting[crew]))

    def end_overdue(self) -> None:
        """Kill the workers that take too long to start or to close."""
        now = self._cluster.now()
        for slot in self:
            if slot.phase == "closing" and now - slot.since > self._config.stop_grace_s:
                slot.kill()
            elif slot.phase == "starting" and not self._joined and now - slot.hired > START_LIMIT_S:
                slot.kill(f"the worker did not start within {START_LIMIT_S:g} s and was killed")

    def silent(self, stall_s: float) -> list[Slot]:
        """The workers that have been silent at work for so long."""
        since = self._cluster.now() - stall_s
        return [slot for slot in self.in_phase("busy") if not slot.killed_for and slot.since < since]

    def missing(self) -> Iterator[str]:
        """Once a minute, which workers are still not there."""
        now = self._cluster.now()
        for crew in self.crews:
            late = crew.unsaid(now)
            placed = self._cluster.placed([slot.taken() for slot in late]) if late else 0
            if late:
                full = placed < len(late)
                yield crew.missing(len(late), placed) + (f"; {self._cluster.room_left()}" if full else "")

    def _first_crews(self, makers: MakeWorkers) -> list[Crew]:
        pools = sorted(self._config.all_pools(), key=lambda pool: -(pool.needs.gpus or 0))
        if nobodys := self._ledger.kinds() - {pool.kind for pool in pools}:
            raise ValueError(f"tasks wait for workers of {', '.join(sorted(nobodys))}, and no pool has any")
        counts = self._cluster.worker_counts(pools, joined=self._joined)
        sizes = [min(n, self._ledger.waiting(pool.kind)) for pool, n in zip(pools, counts, strict=True)]
        now = self._cluster.now
        return [Crew(pool, _maker(makers, pool), n, now) for pool, n in zip(pools, sizes, strict=True)]


def _maker(makers: MakeWorkers, pool: Pool) -> MakeWorker:
    return makers[pool.name] if isinstance(makers, Mapping) else makers
