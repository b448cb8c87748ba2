"""One place for a worker in the farm, as the driver sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from jobs.config import Pool
from jobs.farm.cluster import Call, Seat
from jobs.ledger import Reach, Run
from jobs.task import Event, MakeWorker

Phase = Literal["empty", "starting", "idle", "busy", "closing", "given_up"]


class Slot:
    """Place for one worker: what it does, since when, and for which run."""

    def __init__(self, pool: Pool, now: Callable[[], float] = time.monotonic) -> None:
        self.pool = pool
        self._now = now
        self.phase: Phase = "empty"
        self.seat: Seat | None = None
        self.call: Call | None = None  # what the actor is doing
        self.run: Run | None = None
        self.reach = Reach()  # of that run
        self.worker = ""
        self.node = ""  # that its worker is on
        self.since = 0.0  # monotonic seconds of the last sign of life
        self.hired = 0.0  # and of the order for this worker
        self.killed_for = ""
        self.failed_starts = 0

    def enter(self, phase: Phase, call: Call | None = None) -> None:
        """The worker is now in `phase`, where `call` is what it was asked for."""
        self.phase, self.call, self.since = phase, call, self._now()

    def hire(self, seat: Seat, make_worker: MakeWorker) -> None:
        """Have a worker started there."""
        self.seat, self.killed_for = seat, ""
        self.enter("starting", seat.start(make_worker))
        self.hired = self.since

    def give(self, run: Run) -> None:
        """Let the idle worker do `run`."""
        self.run, self.reach = run, Reach()
        self.enter("busy", self.taken().run(run))

    def finished(self) -> Run:
        """The run that has ended; the slot holds none any more."""
        run, self.run = self.run, None
        if run is None:
            raise RuntimeError(f"a slot that is {self.phase} holds no run")
        return run

    def hear(self, event: Event) -> None:
        """The worker gave a sign of life."""
        self.since = self._now()
        if self.run is not None and event.task_id == self.run.task.id:
            self.reach.note(event)

    def forgive(self) -> None:
        """Silence of a worker at work counts from now on: until now nobody could have heard it."""
        if self.phase == "busy":
            self.since = self._now()

    def taken(self) -> Seat:
        """The worker's handle; RuntimeError where there is none."""
        if self.seat is None:
            raise RuntimeError(f"a slot that is {self.phase} holds no worker")
        return self.seat

    def clear(self) -> None:
        """End the worker, if any; the place is empty."""
        self.kill()
        self.seat, self.worker, self.node = None, "", ""
        self.enter("empty")

    def kill(self, why: str = "") -> None:
        """End the worker's process, which its call will tell; `why` is remembered as the cause."""
        self.killed_for = why or self.killed_for
        if self.seat is not None:
            self.seat.kill()
