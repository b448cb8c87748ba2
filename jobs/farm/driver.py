"""The loop that hands tasks to workers and hears what becomes of them.

Each slot of the farm holds one long-lived actor, which holds one warm worker and runs one task at a time in
the main thread of its process. Around the actors stand one driver loop and one mailbox:

    driver  --run-->  actor  --put(event)-->  mailbox  --take()-->  driver

Before the driver settles a task it empties the mailbox, so a task's last events precede its end; those that
its worker had kept come with the end itself.

A slot goes   empty -> starting -> idle <-> busy -> closing -> empty.   An actor that dies, raises or wears
out is replaced; whatever a task did to its process (a poisoned GPU context, a leak) ends with that process.

Slots belong to pools. Actors that no node has room for wait inside Ray, which is what an autoscaler goes by.
A worker on a node that is taken away stops at its next report, and is replaced elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from jobs.config import FarmConfig
from jobs.farm.actor import Birth
from jobs.farm.answers import birth_of, ending_of, gist
from jobs.farm.cluster import Call, Cluster
from jobs.farm.departures import Departures
from jobs.farm.mailbox import DriverSide
from jobs.farm.ray_cluster import RayCluster
from jobs.farm.roster import Roster
from jobs.farm.session import session
from jobs.farm.slot import Slot
from jobs.farm.words import gist_of
from jobs.host import STOPPED
from jobs.ledger import Ending, Ledger, started
from jobs.signals import StopRequest, stop_requested
from jobs.task import (
    Event,
    EventKind,
    FarmHalted,
    FarmInterrupted,
    FarmReport,
    MakeWorkers,
    Task,
    WorkerStartError,
)

DRAINED = "its node is being drained"
MADE_ROOM = "nothing waits for it, and workers of another pool wait for its room"
GATHER_S = 0.1  # how long events without the end of a run wait for more: each look costs, however many come
TICK_S = 0.5  # the longest the driver goes without looking at signals and deadlines
START_TRIES = 3  # starts that may fail in a row before a slot is given up


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
        self._roster = Roster(makers, ledger, config, cluster)
        self._departures = Departures(cluster, joined=config.address is not None)
        self._mailbox = DriverSide(cluster)
        self._deaf = False  # the mailbox did not answer

    def run(self) -> FarmReport:
        begun = self._cluster.now()
        for message in self._roster.too_few():
            self._on_event(Event(kind=EventKind.WAITING, message=message))
        try:
            while self._ledger.outstanding and not self._request:
                self._roster.recount()
                self._vacate()
                self._hand_out()
                self._make_room()
                self._step(TICK_S)
                self._pass_on()
                if self._config.address is None:  # a joined cluster's own may go, with nodes that are drained
                    self._cluster.check()
                self._enforce_deadlines()
            if self._request:
                self._stop_workers()
            self._close_idle()
            self._pass_on()
        finally:
            for slot in self._roster:
                slot.kill()
            self._mailbox.close()
        report = self._ledger.report(self._cluster.now() - begun)
        if self._request.signum is not None and report.unfinished:
            raise FarmInterrupted(self._request.signum, report)
        if self._request.why and report.unfinished:
            raise FarmHalted(self._request.why, report)
        return report

    # -- giving work -------------------------------------------------------------------------------------

    def _vacate(self) -> None:
        """Have nobody work on nodes that are being drained."""
        draining = self._departures.draining()
        leaving = [slot for slot in self._roster if slot.node in draining]
        self._mailbox.stop({slot.worker: DRAINED for slot in leaving if slot.phase == "busy"})
        for slot in leaving:
            if slot.phase == "idle":
                self._dismiss(slot, DRAINED)

    def _hand_out(self) -> None:
        for crew in self._roster.crews:
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
        for slot in self._roster.superfluous():
            self._dismiss(slot, MADE_ROOM)

    # -- hearing back ------------------------------------------------------------------------------------

    def _step(self, timeout_s: float) -> None:
        """Wait for something to happen, at most `timeout_s`, and deal with it."""
        calls = self._roster.calls()
        if not self._cluster.wait([self._mailbox.arrival, *calls], timeout_s=timeout_s):
            return
        ended = self._ended(list(calls), min(GATHER_S, timeout_s))
        if not self._empty_mailbox():
            return  # what has ended is looked at again, after its events
        for call in ended:
            self._answer(calls[call], call)

    def _ended(self, calls: list[Call], timeout_s: float) -> list[Call]:
        """All calls that have been answered; where there is none, the first one in so much time."""
        if not calls:
            return []
        found = self._cluster.wait(calls, count=len(calls), timeout_s=0)
        return found or self._cluster.wait(calls, timeout_s=timeout_s)

    def _empty_mailbox(self) -> bool:
        """Pass on every event that has arrived; False while the mailbox cannot be asked."""
        events = self._mailbox.take()
        if events is None:
            self._deaf = True
            return False
        if self._deaf:
            self._deaf = False
            for slot in self._roster:
                slot.forgive()
        by_name = self._roster.by_name()
        for event in events:
            self._hear(event, by_name.get(event.worker))
        return True

    def _pass_on(self) -> None:
        """What the cluster itself says, for the log."""
        for message in self._cluster.said():
            self._on_event(Event(kind=EventKind.CLUSTER, message=message))

    def _hear(self, event: Event, slot: Slot | None) -> None:
        """A worker's event, and where the worker is, if it is still there."""
        if slot is not None:
            slot.hear(event)
        self._on_event(event)

    def _answer(self, slot: Slot, call: Call) -> None:
        """The call that `slot` was making has ended."""
        if slot.phase == "starting":
            self._after_start(slot, birth_of(slot, call, self._cluster))
        elif slot.phase == "busy":
            self._after_run(slot, ending_of(slot, call, self._cluster, self._departures))
        else:
            slot.clear()

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
        if self._roster.gone():
            raise WorkerStartError(f"no worker started in {START_TRIES} tries each; the last one:\n{failure}")
        if self._roster.gone(kind):
            reason = f"no worker of {kind} started, and it began this task, which stays its own:\n{failure}"
            for event in self._ledger.abandon(kind, reason):
                self._on_event(event)

    def _after_run(self, slot: Slot, ending: Ending) -> None:
        for event in ending.told:
            self._hear(event, slot)
        run = slot.finished()
        if ending.end == "died":
            self._tell_lost(slot, run.task.id, gist(ending.reason))
        self._tell(self._ledger.settle(run, ending), slot)
        worn = ending.worn_out or (ending.reason if ending.end == "recycle" else "")
        if worn:
            self._ledger.count_recycled()
        if ending.end == "done" and not worn:
            slot.enter("idle")
            return
        if ending.end == "stopped":
            self._departures.note(slot.node)
        if ending.end == "died":
            slot.clear()
        else:
            self._dismiss(slot, worn or gist(ending.reason))

    def _tell_lost(self, slot: Slot, task_id: str, why: str) -> None:
        pool = slot.pool.name
        who = f"{slot.worker} of pool {pool}" if pool else slot.worker
        words = self._cluster.last_words(slot.worker)
        said = f"; it last said: {gist_of(words)}" if words else ""
        message = "\n".join((f"{who}: {why}{said}; what it had stored is kept", *words))
        self._tell(Event(kind=EventKind.WORKER_LOST, task_id=task_id, pool=pool, message=message), slot)

    def _dismiss(self, slot: Slot, why: str) -> None:
        self._tell(Event(kind=EventKind.WORKER_STOPPED, message=why), slot)
        slot.enter("closing", slot.taken().close())

    def _tell(self, event: Event, slot: Slot) -> None:
        self._on_event(replace(event, worker=slot.worker))

    # -- time --------------------------------------------------------------------------------------------

    def _enforce_deadlines(self) -> None:
        self._end_silent()
        self._roster.end_overdue()
        for message in self._roster.missing():
            self._on_event(Event(kind=EventKind.WAITING, message=message))

    def _end_silent(self) -> None:
        """Kill the workers that report nothing; not those that only the mailbox keeps from being heard."""
        stall = self._config.stall_timeout_s
        if stall is not None and self._roster.silent(stall) and self._empty_mailbox():
            for slot in self._roster.silent(stall):
                slot.kill(f"the worker reported nothing for {stall:g} s and was killed")

    def _stop_workers(self) -> None:
        """Ask the busy workers to stop at their next report; after the grace period their tasks are put back
        all the same.
        """
        self._mailbox.stop_workers(STOPPED)
        deadline = self._cluster.now() + self._config.stop_grace_s
        while self._roster.in_phase("busy") and self._cluster.now() < deadline:
            self._step(min(TICK_S, max(0.0, deadline - self._cluster.now())))
        self._empty_mailbox()
        for slot in self._roster.in_phase("busy"):
            ending = Ending(end="stopped", reason="killed: it did not stop within the grace period")
            self._tell(self._ledger.settle(slot.finished(), ending), slot)

    def _close_idle(self) -> None:
        """Let workers free what they hold, within the grace period."""
        closing = [slot.call for slot in self._roster.in_phase("closing") if slot.call is not None]
        for slot in self._roster.in_phase("idle"):
            self._tell(Event(kind=EventKind.WORKER_STOPPED), slot)
            closing.append(slot.taken().close())
        if closing:
            self._cluster.wait(closing, count=len(closing), timeout_s=self._config.stop_grace_s)
