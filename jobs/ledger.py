"""Which task is waiting, running, done or given up. Pure bookkeeping: no processes, no clock.

Every task ends in exactly one of `done` and `failed`, after at most 1 + max_retries attempts. An attempt is
one run or several: a task is put back without spending one when its worker was recycled, or died while doing
a task that can be resumed, provided that the run came further than ever before. So nothing can loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from jobs.task import Event, EventKind, FarmReport, Task, TaskFailure

End = Literal["done", "failed", "died", "recycle", "stopped"]


@dataclass(frozen=True, slots=True)
class Run:
    """A task handed out, in its attempt number 1, 2 ..."""

    task: Task
    attempt: int


@dataclass(slots=True, kw_only=True)
class Reach:
    """How far one run of a task has come, by its events."""

    done: int = 0  # items of the task finished so far, earlier runs included
    found: int = 0  # of them, those that the run found finished when it resumed the task

    def note(self, event: Event) -> None:
        """Take up what `event` says of finished items, if it does."""
        if event.done is None or event.kind not in (EventKind.ITEM, EventKind.RESUMED):
            return
        self.done = event.done
        if event.kind is EventKind.RESUMED:
            self.found = event.done


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one run of a task ended."""

    end: End
    result: Any = None
    reason: str = ""  # traceback, cause of death, or why to recycle
    done: int = 0  # as in Reach
    found: int = 0
    worn_out: str = ""  # why the worker should not take another task


class Ledger:
    """The state of a set of tasks with unique ids (ValueError otherwise)."""

    def __init__(self, tasks: Iterable[Task], max_retries: int) -> None:
        self._waiting = deque(Run(task, 1) for task in tasks)
        self._running: dict[str, Run] = {}
        self._furthest: dict[str, int] = {}  # task id -> most items finished by any run
        self._done: dict[str, Any] = {}
        self._failed: dict[str, TaskFailure] = {}
        self._max_retries = max_retries
        self._retried = 0
        self._recycled = 0
        ids = [run.task.id for run in self._waiting]
        if len(set(ids)) < len(ids):
            twice = sorted({task_id for task_id in ids if ids.count(task_id) > 1})
            raise ValueError(f"task ids must be unique, these are not: {', '.join(twice)}")

    @property
    def waiting(self) -> int:
        """How many tasks could be handed out now."""
        return len(self._waiting)

    @property
    def outstanding(self) -> bool:
        """Whether any task is neither done nor given up."""
        return bool(self._waiting or self._running)

    def take(self) -> Run:
        """Hand out the next task; IndexError if none waits."""
        run = self._waiting.popleft()
        self._running[run.task.id] = run
        return run

    def settle(self, run: Run, ending: Ending) -> Event:
        """Record how a run ended; returns the event that tells it."""
        del self._running[run.task.id]
        advanced = self._advance(run.task.id, ending)
        if ending.end == "done":
            self._done[run.task.id] = ending.result
            return _event(EventKind.TASK_DONE, run, data=ending.result)
        if ending.end == "stopped" or (advanced and _continues(run.task, ending)):
            self._waiting.appendleft(run)
            return _event(EventKind.TASK_PUT_BACK, run, message=ending.reason)
        if ending.end == "recycle":
            return self._retry_or_give_up(run, f"recycled without coming further: {ending.reason}")
        return self._retry_or_give_up(run, ending.reason)

    def count_recycled(self) -> None:
        """A worker was replaced for wear."""
        self._recycled += 1

    def report(self, seconds: float) -> FarmReport:
        """The state as it stands."""
        unfinished = [*self._running, *(run.task.id for run in self._waiting)]
        return FarmReport(
            done=dict(self._done),
            failed=dict(self._failed),
            unfinished=tuple(sorted(unfinished)),
            retried=self._retried,
            recycled=self._recycled,
            seconds=seconds,
        )

    def _advance(self, task_id: str, ending: Ending) -> bool:
        """Note how far a run came; whether it finished an item that no run had finished before."""
        before = max(ending.found, self._furthest.get(task_id, 0))
        self._furthest[task_id] = max(ending.done, before)
        return ending.done > before

    def _retry_or_give_up(self, run: Run, reason: str) -> Event:
        if run.attempt <= self._max_retries:
            self._retried += 1
            self._waiting.append(Run(run.task, run.attempt + 1))
            return _event(EventKind.TASK_RETRIED, run, message=reason)
        failure = TaskFailure(task_id=run.task.id, attempts=run.attempt, traceback=reason)
        self._failed[run.task.id] = failure
        return _event(EventKind.TASK_FAILED, run, message=reason)


def started(run: Run) -> Event:
    """The event that tells that `run` begins."""
    return _event(EventKind.TASK_STARTED, run)


def _continues(task: Task, ending: Ending) -> bool:
    """Whether the next run can build on this one; an error of the task itself would only come again."""
    return ending.end == "recycle" or (ending.end == "died" and task.resumable)


def _event(kind: EventKind, run: Run, *, message: str = "", data: Any = None) -> Event:
    return Event(kind=kind, message=message, data=data, task_id=run.task.id, attempt=run.attempt)
