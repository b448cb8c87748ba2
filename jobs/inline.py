"""The farm without a farm: tasks one after the other in this process. For debugging, and the reference that
the Ray farm is tested against. Recycling means closing the worker and making a new one; a worker that dies by
SystemExit is replaced, one that dies by a signal takes this process with it.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace

from jobs.config import FarmConfig
from jobs.host import STOPPED, Send, WorkerHost, process_name
from jobs.ledger import Ending, Ledger, started
from jobs.signals import stop_requested
from jobs.task import (
    Event,
    EventKind,
    FarmHalted,
    FarmInterrupted,
    FarmReport,
    MakeWorker,
    Task,
    WorkerStartError,
)


def run_inline(
    make_worker: MakeWorker,
    tasks: Iterable[Task],
    config: FarmConfig,
    on_event: Callable[[Event], None],
    halt: Callable[[], str] = str,
) -> FarmReport:
    """Run `tasks` in order in this process. Same contract as `jobs.farm.run_tasks`."""
    begun = time.monotonic()
    ledger = Ledger(tasks, config.max_retries)
    with stop_requested() as request:
        request.halt = halt

        def send(event: Event) -> str:
            on_event(event)
            return STOPPED if request else ""

        bench = _Bench(make_worker, config, send)
        try:
            while ledger.outstanding and not request:
                bench.run_next(ledger)
        finally:
            bench.clear("")
    report = ledger.report(time.monotonic() - begun)
    if request.signum is not None and report.unfinished:
        raise FarmInterrupted(request.signum, report)
    if request.why and report.unfinished:
        raise FarmHalted(request.why, report)
    return report


class _Bench:
    """Place for one worker."""

    def __init__(self, make_worker: MakeWorker, config: FarmConfig, send: Send) -> None:
        self._make_worker = make_worker
        self._config = config
        self._send = send
        self._host: WorkerHost | None = None

    def run_next(self, ledger: Ledger) -> None:
        host = self._host or self._start()
        run = ledger.take()
        self._tell(started(run))
        ending = host.run(run)
        self._tell(ledger.settle(run, ending))
        if ending.end == "recycle" or ending.worn_out:
            ledger.count_recycled()
        if ending.end != "done" or ending.worn_out:
            self.clear(ending.worn_out or _last_line(ending))

    def clear(self, why: str) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.close()
            self._tell(Event(kind=EventKind.WORKER_STOPPED, message=why))

    def _start(self) -> WorkerHost:
        try:
            self._host = WorkerHost(
                self._make_worker, self._send, recycle_after=self._config.recycle_after, recycle_rss_mb=None
            )
        except Exception as error:
            raise WorkerStartError(f"the worker did not start:\n{traceback.format_exc()}") from error
        self._tell(Event(kind=EventKind.WORKER_STARTED))
        return self._host

    def _tell(self, event: Event) -> None:
        self._send(replace(event, worker=process_name()))


def _last_line(ending: Ending) -> str:
    lines = ending.reason.strip().splitlines()
    return lines[-1] if lines else ending.end
