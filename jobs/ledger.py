"""Which task is waiting, running, done or given up. Pure bookkeeping: no processes, no clock.

Every task ends in exactly one of `done` and `failed`, after at most 1 + max_retries attempts. Being put back
for a fresh worker is no attempt, provided the task came further than ever before: so nothing can loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from jobs.task import Event, EventKind, FarmReport, Task, TaskFailure


@dataclass(frozen=True, slots=True)
class Attempt:
    """A task handed out. `number` is 1 for the first attempt."""

    task: Task
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one run of a task ended."""

    end: Literal["done", "failed", "recycle", "stopped"]
    result: Any = None
    reason: str = ""  # traceback, cause of death, or why to recycle
    done: int = 0  # items of the task finished so far, earlier runs included
    worn_out: str = ""  # why the worker should not take another task


class Ledger:
    """The state of a set of tasks with unique ids (ValueError otherwise)."""

    def __init__(self, tasks: Iterable[Task], max_retries: int) -> None:
        self._waiting = deque(Attempt(task, 1) for task in tasks)
        self._running: dict[str, Attempt] = {}
        self._furthest: dict[str, int] = {}  # task id -> most items finished by any run
        self._done: dict[str, Any] = {}
        self._failed: dict[str, TaskFailure] = {}
        self._max_retries = max_retries
        self._retried = 0
        self._recycled = 0
        ids = [attempt.task.id for attempt in self._waiting]
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

    def take(self) -> Attempt:
        """Hand out the next task; IndexError if none waits."""
        attempt = self._waiting.popleft()
        self._running[attempt.task.id] = attempt
        return attempt

    def settle(self, attempt: Attempt, outcome: Outcome) -> Event:
        """Record how a run ended; returns the event that tells it."""
        task_id = attempt.task.id
        del self._running[task_id]
        advanced = outcome.done > self._furthest.get(task_id, 0)
        self._furthest[task_id] = max(outcome.done, self._furthest.get(task_id, 0))
        if outcome.end == "done":
            self._done[task_id] = outcome.result
            return self._event(EventKind.TASK_DONE, attempt, data=outcome.result)
        if outcome.end == "stopped" or (outcome.end == "recycle" and advanced):
            self._waiting.appendleft(attempt)
            return self._event(EventKind.TASK_PUT_BACK, attempt, message=outcome.reason)
        if outcome.end == "recycle":
            return self._retry_or_give_up(attempt, f"recycled without coming further: {outcome.reason}")
        return self._retry_or_give_up(attempt, outcome.reason)

    def count_recycled(self) -> None:
        """A worker was replaced for wear."""
        self._recycled += 1

    def report(self, seconds: float) -> FarmReport:
        """The state as it stands."""
        unfinished = [*self._running, *(attempt.task.id for attempt in self._waiting)]
        return FarmReport(
            done=dict(self._done),
            failed=dict(self._failed),
            unfinished=tuple(sorted(unfinished)),
            retried=self._retried,
            recycled=self._recycled,
            seconds=seconds,
        )

    def _retry_or_give_up(self, attempt: Attempt, reason: str) -> Event:
        if attempt.number <= self._max_retries:
            self._retried += 1
            self._waiting.append(Attempt(attempt.task, attempt.number + 1))
            return self._event(EventKind.TASK_RETRIED, attempt, message=reason)
        task_id = attempt.task.id
        self._failed[task_id] = TaskFailure(task_id=task_id, attempts=attempt.number, traceback=reason)
        return self._event(EventKind.TASK_FAILED, attempt, message=reason)

    @staticmethod
    def _event(kind: EventKind, attempt: Attempt, *, message: str = "", data: Any = None) -> Event:
        return Event(kind=kind, message=message, data=data, task_id=attempt.task.id, attempt=attempt.number)
