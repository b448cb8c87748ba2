"""The process that holds one worker: runs tasks on it, stamps its events, notices wear. The same code serves
a Ray actor and the in-process run.
"""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jobs.ledger import End, Ending, Reach, Run
from jobs.task import WORKER_KINDS, Event, EventKind, Labelled, MakeWorker, Recycle, Stop

Send = Callable[[Event], str]  # delivers an event; says why the worker must stop, "" if it need not
STOPPED = "the farm was stopped"


def process_name() -> str:
    """`host:pid` of this process, the name of its worker."""
    return f"{socket.gethostname()}:{os.getpid()}"


class WorkerHost:
    """One worker, its item count and its limits. What `make_worker` raises passes through."""

    def __init__(
        self, make_worker: MakeWorker, send: Send, *, recycle_after: int | None, recycle_rss_mb: int | None
    ) -> None:
        self._send = send
        self._recycle_after = recycle_after
        self._recycle_rss_mb = recycle_rss_mb
        self._items = 0
        self._resident_mb: int | None = None  # at the last item of this run
        self._worker = make_worker()

    def run(self, run: Run) -> Ending:
        """Do one run of a task; every way it can end is a value, never an exception."""
        self._resident_mb = None
        listener = _Listener(self, run)
        try:
            result = self._worker.run(run.task, listener.report)
        except Recycle as wish:
            result = wish
        except Stop as stop:
            return listener.ending("stopped", reason=str(stop))
        except SystemExit:  # elsewhere it would end the process; here the worker alone is lost
            return listener.ending("died", reason=traceback.format_exc())
        except Exception:  # the one place that turns whatever a task raises into a record of it
            return listener.ending("failed", reason=traceback.format_exc())
        if isinstance(result, Recycle):
            return listener.ending("recycle", reason=str(result))
        return listener.ending("done", result=result, worn_out=self.worn_out())

    @property
    def labels(self) -> Mapping[str, str]:
        """What the worker's metrics are told apart by."""
        return self._worker.labels if isinstance(self._worker, Labelled) else {}

    def close(self) -> None:
        """Close the worker."""
        self._worker.close()

    def count(self, items: int) -> None:
        """The worker finished `items` more."""
        self._items += items

    def send(self, event: Event) -> str:
        """Deliver `event`; why the worker must stop, "" if it need not."""
        if event.kind is EventKind.ITEM and self._recycle_rss_mb is not None:
            self._resident_mb = _resident_mb()
        return self._send(replace(event, worker=process_name(), resident_mb=self._resident_mb))

    def worn_out(self) -> str:
        """Why the worker should be replaced, "" if it need not."""
        if self._recycle_after is not None and self._items >= self._recycle_after:
            return f"finished {self._items} items, the limit is {self._recycle_after}"
        limit = self._recycle_rss_mb
        if limit is not None and (resident := self._resident_mb or _resident_mb()) > limit:
            return f"holds {resident} MiB, the limit is {limit} MiB"
        return ""


class _Listener:
    """Receives the reports of one run of a task."""

    def __init__(self, host: WorkerHost, run: Run) -> None:
        self._host = host
        self._run = run
        self.reach = Reach()

    def report(self, event: Event) -> None:
        """Pass a worker's event on; raises Stop or Recycle when the task must end here."""
        task = self._run.task
        if event.kind not in WORKER_KINDS:
            raise ValueError(f"a worker reports {sorted(WORKER_KINDS)}, got {event.kind!r}")
        self._count(event)
        if why := self._host.send(replace(event, task_id=task.id, attempt=self._run.attempt)):
            raise Stop(why)
        unfinished = event.kind is EventKind.ITEM and self.reach.done < task.size
        if task.resumable and unfinished and (wear := self._host.worn_out()):
            raise Recycle(wear)

    def ending(self, end: End, *, result: Any = None, reason: str = "", worn_out: str = "") -> Ending:
        """The run has ended, here and now."""
        reach = self.reach
        return Ending(
            end=end, result=result, reason=reason, done=reach.done, found=reach.found, worn_out=worn_out
        )

    def _count(self, event: Event) -> None:
        if event.kind not in (EventKind.ITEM, EventKind.RESUMED):
            return
        before = self.reach.done
        if event.done is None or event.done < before:
            raise ValueError(f"{event.kind} needs a `done` of at least {before}, got {event.done}")
        if event.kind is EventKind.ITEM:
            self._host.count(event.done - before)
        self.reach.note(event)


def _resident_mb() -> int:
    from jobs.memory import resident_mb  # the library behind it comes with the farm; workers=0 does without

    return resident_mb()
