"""The loop that hands tasks to workers and hears what becomes of them.

Each slot of the farm holds one long-lived actor, which holds one warm worker and runs one task at a time in
the main thread of its process. Around the actors stand one driver loop and one mailbox:

    driver  --run-->  actor  --put(event)-->  mailbox  --take()-->  driver

Before the driver settles a task it empties the mailbox, so a task's last events precede its end.

A slot goes   empty -> starting -> idle <-> busy -> closing -> empty.   An actor that dies, raises or wears
out is replaced; whatever a task did to its process (a poisoned GPU context, a leak) ends with that process.

Slots belong to pools. Actors that no node has room for wait inside Ray, which is what an autoscaler goes by.
A worker on a node that is taken away stops at its next report, and is replaced elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain

from jobs.config import FarmConfig, Pool
from jobs.extras import extra
from jobs.farm.actor import Birth
from jobs.farm.cluster import Call, Cluster
from jobs.farm.crew import Crew
from jobs.farm.departures import Departures
from jobs.farm.mailbox import DriverSide
from jobs.farm.ray_cluster import RayCluster
from jobs.farm.session import session
from jobs.farm.slot import Slot
from jobs.host import STOPPED
from jobs.ledger import End, Ending, Ledger, started
from jobs.signals import StopRequest, stop_requested
from jobs.task import (
    Event,
    EventKind,
    FarmHalted,
    FarmInterrupted,
    FarmReport,
    MakeWorker,
    MakeWorkers,
    Task,
    WorkerStartError,
)

with extra("farm"):
    from ray.exceptions import RayActorError, RayError, RayTaskError

DRAINED = "its node is being drained"
MADE_ROOM = "nothing waits for it, and workers of another pool wait for its room"
TICK_S = 0.5  # the longest the driver goes without looking at signals and deadlines
START_TRIES = 3  # starts that may fail in a row before a slot is given up
RECOUNT_S = 30.0  # how often a joined cluster is looked at for nodes that came late
START_LIMIT_S = 600.0  # on this machine, where there is room; on a cluster a worker may wait for it


def run_on_ray(
    makers: MakeWorkers,
    tasks: Iterable[Task],
    config: FarmConfig,
    on_event: Callable[[Event], None],
    halt: Callable[[], str] = str,
) -> FarmReport:
    """`jobs.farm.run_tasks` with at least one worker process."""
    ledger = Ledger(tasks, config.max_retries)
    if not ledger.outstanding:
        return ledger.report(0.0)
    with session(config), stop_requested() as request:
        request.halt = halt
        return Driver(makers, ledger, config, on_event, request, RayCluster()).run()


class Driver:
    """The loop of one `run_tasks`."""

    def __init__(
        self,
        makers: MakeWorkers,
        ledger: Ledger,
        config: FarmConfig,
        on_event: Callable[[Event], None],
        request: StopRequest,
        cluster: Cluster,
    ) -> None:
        self._ledger = ledger
        self._config = config
        self._on_event = on_event
        self._request = request
        self._cluster = cluster
        self._crews = _crews(makers, ledger, config, cluster)
        self._counted = cluster.now()
        self._departures = Departures(cluster, joined=config.address is not None)
        self._mailbox = DriverSide(cluster)
        self._deaf = False  # the mailbox did not answer

    @property
    def _slots(self) -> Iterable[Slot]:
        return chain.from_iterable(crew.slots for crew in self._crews)

    def run(self) -> FarmReport:
        begun = self._cluster.now()
        self._tell_smaller()
        try:
            while self._ledger.outstanding and not self._request:
                self._recount()
                self._vacate()
                self._hand_out()
                self._make_room()
                self._step(TICK_S)
                if self._config.address is None:  # a joined cluster's own may go, with nodes that are drained
                    self._cluster.check()
                self._enforce_deadlines()
            if self._request:
                self._stop_workers()
            self._close_idle()
        finally:
            for slot in self._slots:
                slot.kill()
            self._mailbox.close()
        report = self._ledger.report(self._cluster.now() - begun)
        if self._request.signum is not None and report.unfinished:
            raise FarmInterrupted(self._request.signum, report)
        if self._request.why and report.unfinished:
            raise FarmHalted(self._request.why, report)
        return report

    # -- giving work -------------------------------------------------------------------------------------

    def _tell_smaller(self) -> None:
        """On this machine, say where fewer workers fit than were asked for."""
        for crew in self._crews:
            pool, fit = crew.pool, len(crew.slots)
            if self._config.address is None and fit < min(pool.workers or 0, self._ledger.waiting(pool.kind)):
                which = f" of pool {pool.name}" if pool.name else ""
                message = f"{fit} workers{which} fit here, not {pool.workers}: each needs {pool.needs}"
                self._on_event(Event(kind=EventKind.WAITING, message=message))

    def _recount(self) -> None:
        """Have more slots where a joined cluster has more room than before, and nobody said how many."""
        pools = [crew.pool for crew in self._crews]
        due = self._config.address is not None and None in [pool.workers for pool in pools]
        if not due or self._cluster.now() - self._counted < RECOUNT_S:
            return
        self._counted = self._cluster.now()
        for crew, count in zip(self._crews, self._cluster.worker_counts(pools, joined=True), strict=True):
            crew.grow(min(count, len(crew.slots) + self._ledger.waiting(crew.pool.kind)))

    def _vacate(self) -> None:
        """Have nobody work on nodes that are being drained."""
        leaving = [slot for slot in self._slots if slot.node in self._departures.draining()]
        self._mailbox.stop({slot.worker: DRAINED for slot in leaving if slot.phase == "busy"})
        for slot in leaving:
            if slot.phase == "idle":
                self._dismiss(slot, DRAINED)

    def _hand_out(self) -> None:
        for crew in self._crews:
            kind = crew.pool.kind
            for slot in crew.slots:
                if slot.phase == "idle" and self._ledger.waiting(kind):
                    run = self._ledger.take(kind)
                    self._tell(started(run), slot)
                    slot.give(run)
            shunned = self._departures.shunned()
            for slot in crew.vacancies(self._ledger.waiting(kind)):
                side = self._mailbox.worker_side
                slot.hire(self._cluster.hire(side, self._config, crew.pool, shunned), crew.make_worker)

    def _make_room(self) -> None:
        """On a full cluster, end idle workers where tasks have waited long for one of another pool."""
        if self._config.address is None:
            return
        now, waiting = (
            self._cluster.now(),
            {crew: self._ledger.waiting(crew.pool.kind) for crew in self._crews},
        )
        if any(waiting[crew] and crew.late(now) for crew in self._crews):
            for slot in chain.from_iterable(crew.idle() for crew in self._crews if not waiting[crew]):
                self._dismiss(slot, MADE_ROOM)

    # -- hearing back ------------------------------------------------------------------------------------

    def _step(self, timeout_s: float) -> None:
        """Wait for something to happen, at most `timeout_s`, and deal with it."""
        calls = {slot.call: slot for slot in self._slots if slot.call is not None}
        ready = self._cluster.wait([self._mailbox.arrival, *calls], timeout_s=timeout_s)
        if not ready or not self._empty_mailbox():
            return  # what has ended is looked at again, after its events
        for call in ready:
            if call in calls:
                self._answer(calls[call], call)

    def _empty_mailbox(self) -> bool:
        """Pass on every event that has arrived; False while the mailbox cannot be asked."""
        events = self._mailbox.take()
        if events is None:
            self._deaf = True
            return False
        if self._deaf:
            self._deaf = False
            for slot in self._slots:
                slot.forgive()
        by_name = {slot.worker: slot for slot in self._slots}
        for event in events:
            if event.worker in by_name:
                by_name[event.worker].hear(event)
            self._on_event(event)
        return True

    def _answer(self, slot: Slot, call: Call) -> None:
        """The call that `slot` was making has ended."""
        if slot.phase == "starting":
            self._after_start(slot, self._birth(slot, call))
        elif slot.phase == "busy":
            self._after_run(slot, self._ending(slot, call))
        else:
            slot.clear()

    def _birth(self, slot: Slot, call: Call) -> Birth:
        try:
            birth: Birth = self._cluster.get(call)
        except RayError as error:  # the process died, or the worker's maker could not travel
            return Birth(failure=slot.killed_for or _cause(error))
        return birth

    def _ending(self, slot: Slot, call: Call) -> Ending:
        """How the run of `slot` ended; no death counts on a node that goes, or went as a spot instance."""
        reach = slot.reach
        try:
            ending: Ending = self._cluster.get(call)
        except RayTaskError as error:  # the process lives, but its answer could not travel
            return Ending(end="failed", reason=str(error), done=reach.done, found=reach.found)
        except RayError as error:
            going = slot.node in self._departures.shunned()
            taken_away = going or (isinstance(error, RayActorError) and error.preempted)
            end: End = "stopped" if taken_away else "died"
            reason = slot.killed_for or _cause(error)
            return Ending(end=end, reason=reason, done=reach.done, found=reach.found)
        return ending

    def _after_start(self, slot: Slot, birth: Birth) -> None:
        if not birth.failure:
            slot.worker, slot.node, slot.failed_starts = birth.worker, birth.node, 0
            slot.enter("idle")
            self._tell(Event(kind=EventKind.WORKER_STARTED, pool=slot.pool.name), slot)
            return
        slot.failed_starts += 1
        warning = f"a worker did not start:\n{birth.failure}"
        self._tell(Event(kind=EventKind.WARNING, message=warning), slot)
        slot.clear()
        if slot.failed_starts >= START_TRIES:
            slot.phase = "given_up"
            self._give_up_kind(slot.pool.kind, birth.failure)

    def _give_up_kind(self, kind: str, failure: str) -> None:
        """Where no worker of this kind will come any more, its tasks go to others, or are given up."""
        if all(crew.gone for crew in self._crews):
            raise WorkerStartError(f"no worker started in {START_TRIES} tries each; the last one:\n{failure}")
        if all(crew.gone for crew in self._crews if crew.pool.kind == kind):
            reason = f"no worker of {kind} started, and it began this task, which stays its own:\n{failure}"
            for event in self._ledger.abandon(kind, reason):
                self._on_event(event)

    def _after_run(self, slot: Slot, ending: Ending) -> None:
        self._tell(self._ledger.settle(slot.finished(), ending), slot)
        worn = ending.worn_out or (ending.reason if ending.end == "recycle" else "")
        if worn:
            self._ledger.count_recycled()
        if ending.end == "done" and not worn:
            slot.enter("idle")
            return
        if ending.end == "stopped":
            self._departures.note(slot.node)
        if ending.end == "died":
            self._tell(Event(kind=EventKind.WORKER_STOPPED, message=_gist(ending.reason)), slot)
            slot.clear()
        else:
            self._dismiss(slot, worn or _gist(ending.reason))

    def _dismiss(self, slot: Slot, why: str) -> None:
        self._tell(Event(kind=EventKind.WORKER_STOPPED, message=why), slot)
        slot.enter("closing", slot.taken().close())

    def _tell(self, event: Event, slot: Slot) -> None:
        self._on_event(replace(event, worker=slot.worker))

    # -- time --------------------------------------------------------------------------------------------

    def _enforce_deadlines(self) -> None:
        self._end_silent()
        now, own = self._cluster.now(), self._config.address is None
        for slot in self._slots:
            if slot.phase == "closing" and now - slot.since > self._config.stop_grace_s:
                slot.kill()
            elif slot.phase == "starting" and own and now - slot.hired > START_LIMIT_S:
                slot.kill(f"the worker did not start within {START_LIMIT_S:g} s and was killed")
        for crew in self._crews:
            if missing := crew.missing(now):
                self._on_event(
                    Event(kind=EventKind.WAITING, message=f"{missing}; {self._cluster.room_left()}")
                )

    def _end_silent(self) -> None:
        """Kill the workers that report nothing; not those that only the mailbox keeps from being heard."""
        stall = self._config.stall_timeout_s
        if stall is not None and self._silent(stall) and self._empty_mailbox():
            for slot in self._silent(stall):
                slot.kill(f"the worker reported nothing for {stall:g} s and was killed")

    def _silent(self, stall_s: float) -> list[Slot]:
        since = self._cluster.now() - stall_s
        return [
            slot
            for slot in self._slots
            if slot.phase == "busy" and not slot.killed_for and slot.since < since
        ]

    def _stop_workers(self) -> None:
        """Ask the busy workers to stop at their next report; after the grace period their tasks are put back
        all the same.
        """
        self._mailbox.stop_workers(STOPPED)
        deadline = self._cluster.now() + self._config.stop_grace_s
        while any(slot.phase == "busy" for slot in self._slots) and self._cluster.now() < deadline:
            self._step(min(TICK_S, max(0.0, deadline - self._cluster.now())))
        self._empty_mailbox()
        for slot in self._slots:
            if slot.phase == "busy":
                ending = Ending(end="stopped", reason="killed: it did not stop within the grace period")
                self._tell(self._ledger.settle(slot.finished(), ending), slot)

    def _close_idle(self) -> None:
        """Let workers free what they hold, within the grace period."""
        closing = [slot.call for slot in self._slots if slot.phase == "closing" and slot.call is not None]
        for slot in self._slots:
            if slot.phase == "idle":
                self._tell(Event(kind=EventKind.WORKER_STOPPED), slot)
                closing.append(slot.taken().close())
        if closing:
            self._cluster.wait(closing, count=len(closing), timeout_s=self._config.stop_grace_s)


def _crews(makers: MakeWorkers, ledger: Ledger, config: FarmConfig, cluster: Cluster) -> list[Crew]:
    """The pools with their slots; those with GPUs first, so that others leave them their CPUs."""
    pools = sorted(config.all_pools(), key=lambda pool: -(pool.needs.gpus or 0))
    if nobodys := ledger.kinds() - {pool.kind for pool in pools}:
        raise ValueError(f"tasks wait for workers of {', '.join(sorted(nobodys))}, and no pool has any")
    counts = cluster.worker_counts(pools, joined=config.address is not None)
    return [
        Crew(pool, _maker(makers, pool), min(count, ledger.waiting(pool.kind)), cluster.now)
        for pool, count in zip(pools, counts, strict=True)
    ]


def _maker(makers: MakeWorkers, pool: Pool) -> MakeWorker:
    return makers[pool.name] if isinstance(makers, Mapping) else makers


def _cause(error: RayError) -> str:
    """Ray's message; of the death of a process the facts alone, without its page of guesses."""
    if not isinstance(error, RayActorError):
        return str(error)
    pid = re.search(r"pid: (\d+)", str(error))
    which = f"pid {pid.group(1)}" if pid else "before it was up"
    return f"the worker's process died ({which}): it was killed, ran out of memory, or crashed"


def _gist(reason: str) -> str:
    """The last line of a traceback; Ray's own messages put theirs first."""
    lines = reason.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]
