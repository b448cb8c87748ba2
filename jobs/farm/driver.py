"""The loop that hands tasks to workers and hears what becomes of them.

Each slot of the farm holds one long-lived actor, which holds one warm worker and runs one task at a time in
the main thread of its process. Around the actors stand one driver loop and one mailbox:

    driver  --run-->  actor  --put(event)-->  mailbox  --take()-->  driver

Before the driver settles a task it empties the mailbox, so a task's last events precede its end.

A slot goes   empty -> starting -> idle <-> busy -> closing -> empty.   An actor that dies, raises or wears
out is replaced; whatever a task did to its process (a poisoned GPU context, a leak) ends with that process.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from jobs.config import FarmConfig
from jobs.extras import extra
from jobs.farm.actor import Birth, Seat
from jobs.farm.mailbox import DriverSide
from jobs.farm.services import OwnServices
from jobs.farm.session import room_left, session, worker_count
from jobs.farm.slot import Slot
from jobs.ledger import Ending, Ledger, started
from jobs.signals import StopRequest, stop_requested
from jobs.task import Event, EventKind, FarmInterrupted, FarmReport, MakeWorker, Task, WorkerStartError

with extra("farm"):
    import ray
    from ray.exceptions import RayActorError, RayError, RayTaskError

TICK_S = 0.5  # the longest the driver goes without looking at signals and deadlines
START_TRIES = 3  # starts that may fail in a row before a slot is given up
SLOW_START_S = 60.0  # after so long without a worker, and each time again, the driver says so
START_LIMIT_S = 600.0  # on this machine, where there is room; on a cluster a worker may wait for it


def run_on_ray(
    make_worker: MakeWorker,
    tasks: Iterable[Task],
    config: FarmConfig,
    on_event: Callable[[Event], None],
) -> FarmReport:
    """`jobs.farm.run_tasks` with at least one worker process."""
    ledger = Ledger(tasks, config.max_retries)
    if not ledger.outstanding:
        return ledger.report(0.0)
    with session(config), stop_requested() as request:
        return _Driver(make_worker, ledger, config, on_event, request).run()


class _Driver:
    """The loop of one `run_tasks`."""

    def __init__(
        self,
        make_worker: MakeWorker,
        ledger: Ledger,
        config: FarmConfig,
        on_event: Callable[[Event], None],
        request: StopRequest,
    ) -> None:
        self._make_worker = make_worker
        self._ledger = ledger
        self._config = config
        self._on_event = on_event
        self._request = request
        self._slots = [Slot() for _ in range(min(worker_count(config), ledger.waiting))]
        self._services = OwnServices()
        self._mailbox = DriverSide()

    def run(self) -> FarmReport:
        begun = time.monotonic()
        try:
            while self._ledger.outstanding and not self._request:
                self._hand_out()
                self._step(TICK_S)
                self._services.check()
                self._enforce_deadlines()
            if self._request:
                self._stop_workers()
            self._close_idle()
        finally:
            for slot in self._slots:
                slot.kill()
            self._mailbox.close()
        report = self._ledger.report(time.monotonic() - begun)
        if self._request.signum is not None and report.unfinished:
            raise FarmInterrupted(self._request.signum, report)
        return report

    # -- giving work -------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for slot in self._slots:
            if slot.phase == "idle" and self._ledger.waiting:
                run = self._ledger.take()
                self._tell(started(run), slot)
                slot.give(run)
        starting = sum(slot.phase == "starting" for slot in self._slots)
        empty = [slot for slot in self._slots if slot.phase == "empty"]
        for slot in empty[: max(0, self._ledger.waiting - starting)]:
            slot.hire(Seat(self._mailbox.worker_side, self._config), self._make_worker)

    # -- hearing back ------------------------------------------------------------------------------------

    def _step(self, timeout_s: float) -> None:
        """Wait for something to happen, at most `timeout_s`, and deal with it."""
        calls = {slot.call: slot for slot in self._slots if slot.call is not None}
        ready, _ = ray.wait([self._mailbox.arrival, *calls], num_returns=1, timeout=timeout_s)
        if not ready or not self._empty_mailbox():
            return  # what has ended is looked at again, after its events
        for call in ready:
            if call in calls:
                self._answer(calls[call], call)

    def _empty_mailbox(self) -> bool:
        """Pass on every event that has arrived; False while the mailbox cannot be asked."""
        events = self._mailbox.take()
        if events is None:
            return False
        by_name = {slot.worker: slot for slot in self._slots}
        for event in events:
            if event.worker in by_name:
                by_name[event.worker].hear(event)
            self._on_event(event)
        return True

    def _answer(self, slot: Slot, call: ray.ObjectRef[Any]) -> None:
        """The call that `slot` was making has ended."""
        if slot.phase == "starting":
            self._after_start(slot, _birth(slot, call))
        elif slot.phase == "busy":
            self._after_run(slot, _ending(slot, call))
        else:
            slot.clear()

    def _after_start(self, slot: Slot, birth: Birth) -> None:
        if not birth.failure:
            slot.worker, slot.failed_starts = birth.worker, 0
            slot.enter("idle")
            self._tell(Event(kind=EventKind.WORKER_STARTED), slot)
            return
        slot.failed_starts += 1
        warning = f"a worker did not start:\n{birth.failure}"
        self._tell(Event(kind=EventKind.WARNING, message=warning), slot)
        slot.clear()
        if slot.failed_starts >= START_TRIES:
            slot.phase = "given_up"
        if all(other.phase == "given_up" for other in self._slots):
            raise WorkerStartError(
                f"no worker started in {START_TRIES} tries each; the last one:\n{birth.failure}"
            )

    def _after_run(self, slot: Slot, ending: Ending) -> None:
        self._tell(self._ledger.settle(slot.finished(), ending), slot)
        worn = ending.worn_out or (ending.reason if ending.end == "recycle" else "")
        if worn:
            self._ledger.count_recycled()
        if ending.end == "done" and not worn:
            slot.enter("idle")
            return
        self._tell(Event(kind=EventKind.WORKER_STOPPED, message=worn or _gist(ending.reason)), slot)
        if ending.end == "died":
            slot.clear()
        else:
            slot.enter("closing", slot.taken().close())

    def _tell(self, event: Event, slot: Slot) -> None:
        self._on_event(replace(event, worker=slot.worker))

    # -- time --------------------------------------------------------------------------------------------

    def _enforce_deadlines(self) -> None:
        now, stall = time.monotonic(), self._config.stall_timeout_s
        for slot in self._slots:
            silent = now - slot.since
            if slot.phase == "busy" and stall is not None and silent > stall and not slot.killed_for:
                slot.kill(f"the worker reported nothing for {stall:g} s and was killed")
            elif slot.phase == "closing" and silent > self._config.stop_grace_s:
                slot.kill()
            elif slot.phase == "starting":
                self._enforce_start(slot, now)

    def _enforce_start(self, slot: Slot, now: float) -> None:
        if self._config.address is None and now - slot.hired > START_LIMIT_S and not slot.killed_for:
            slot.kill(f"the worker did not start within {START_LIMIT_S:g} s and was killed")
        elif now - slot.since > SLOW_START_S:
            slot.since = now
            waiting = f"still waiting for a worker to start: {room_left(self._config)}"
            self._tell(Event(kind=EventKind.NOTE, message=waiting), slot)

    def _stop_workers(self) -> None:
        """Ask the busy workers to stop at their next report; after the grace period their tasks are put back
        all the same.
        """
        self._mailbox.stop_workers()
        deadline = time.monotonic() + self._config.stop_grace_s
        while any(slot.phase == "busy" for slot in self._slots) and time.monotonic() < deadline:
            self._step(min(TICK_S, max(0.0, deadline - time.monotonic())))
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
            ray.wait(closing, num_returns=len(closing), timeout=self._config.stop_grace_s)


def _birth(slot: Slot, call: ray.ObjectRef[Birth]) -> Birth:
    try:
        return ray.get(call)
    except RayError as error:  # the process died, or the worker's maker could not travel
        return Birth(failure=slot.killed_for or _cause(error))


def _ending(slot: Slot, call: ray.ObjectRef[Ending]) -> Ending:
    reach = slot.reach
    try:
        return ray.get(call)
    except RayTaskError as error:  # the process lives, but its answer could not travel
        return Ending(end="failed", reason=str(error), done=reach.done, found=reach.found)
    except RayError as error:
        reason = slot.killed_for or _cause(error)
        return Ending(end="died", reason=reason, done=reach.done, found=reach.found)


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
