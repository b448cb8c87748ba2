"""Which task is waiting, running, done or given up. Pure bookkeeping: no processes, no clock.

Every task ends in exactly one of `done` and `failed`, after at most 1 + max_retries attempts. An attempt is
one run or several: a task is put back without spending one when its worker was recycled, or died while doing
a task that can be resumed, provided that the run came further than ever before, or that no more workers died
there in a row than the task tolerates. So nothing can loop. A worker that was told to stop spends none.

A task that a worker of one kind began is handed to that kind alone, until `abandon` says that it is gone.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from jobs.task import Event, EventKind, FarmReport, Task, TaskFailure

End = Literal["done", "failed", "died", "recycle", "stopped"]


@dataclass(frozen=True, slots=True)
class Run:
    """A task handed out, in its attempt number 1, 2 ..."""

    task: Task
    attempt: int
    kind: str = ""  # of the workers that may do it; "": any


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
    told: tuple[Event, ...] = ()  # the run's last events, which come with its end


class Ledger:
    """The state of a set of tasks with unique ids (ValueError otherwise)."""

    def __init__(self, tasks: Iterable[Task], max_retries: int) -> None:
        self._waiting = deque(Run(task, 1, task.kind) for task in tasks)
        self._waiting_of = Counter(run.kind for run in self._waiting)
        self._running: dict[str, Run] = {}
        self._furthest: dict[str, int] = {}  # task id -> most items finished by any run
        self._deaths: Counter[str] = Counter()  # task id -> workers that died at it since its last new item
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
    def outstanding(self) -> bool:
        """Whether any task is neither done nor given up."""
        return bool(self._waiting or self._running)

    def waiting(self, kind: str = "") -> int:
        """How many tasks could be handed now to a worker of this kind."""
        return self._waiting_of[""] + (self._waiting_of[kind] if kind else 0)

    def kinds(self) -> frozenset[str]:
        """The kinds that tasks wait for."""
        return frozenset(kind for kind, count in self._waiting_of.items() if kind and count)

    def take(self, kind: str = "") -> Run:
        """Hand the next task to a worker of this kind; IndexError if none waits for it."""
        place = next((place for place, run in enumerate(self._waiting) if run.kind in ("", kind)), None)
        if place is None:
            raise IndexError(f"no task waits for a worker of the kind {kind!r}")
        waiting = self._waiting[place]
        del self._waiting[place]
        self._waiting_of[waiting.kind] -= 1
        task = replace(waiting.task, deaths=self._deaths[waiting.task.id])
        run = Run(task, waiting.attempt, kind)
        self._running[task.id] = run
        return run

    def settle(self, run: Run, ending: Ending) -> Event:
        """Record how a run ended; returns the event that tells it."""
        del self._running[run.task.id]
        advanced = self._advance(run.task, ending)
        if ending.end == "done":
            self._done[run.task.id] = ending.result
            return _event(EventKind.TASK_DONE, run, data=ending.result)
        if ending.end == "stopped" or self._goes_on(run.task, ending, advanced):
            self._wait(run, first=True)
            return _event(EventKind.TASK_PUT_BACK, run, message=ending.reason)
        if ending.end == "recycle":
            return self._retry_or_give_up(run, f"recycled without coming further: {ending.reason}")
        return self._retry_or_give_up(run, ending.reason)

    def abandon(self, kind: str, reason: str) -> list[Event]:
        """No worker of this kind is left: its tasks are anybody's, or given up for `reason` where they are
        that kind's from the outset, or came some way. Returns the events that tell of these.
        """
        own = [run for run in self._waiting if run.kind == kind]
        self._waiting = deque(run for run in self._waiting if run.kind != kind)
        self._waiting_of[kind] = 0
        begun = [run for run in own if run.task.kind or self._furthest.get(run.task.id)]
        for run in own:
            if run not in begun:
                self._wait(replace(run, kind=""), first=True)
        return [self._give_up(run, reason) for run in begun]

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

    def _advance(self, task: Task, ending: Ending) -> bool:
        """Note how far a run came; whether it finished an item that no run had finished before.

        What it found beyond all that was told were items of workers that died before they told of them.
        """
        told = self._furthest.get(task.id, 0)
        if ending.found > told:
            self._deaths[task.id] = 0
        before = max(ending.found, told)
        self._furthest[task.id] = max(ending.done, before)
        advanced = ending.done > before
        if advanced:
            self._deaths[task.id] = 0
        self._deaths[task.id] += ending.end == "died"
        return advanced

    def _goes_on(self, task: Task, ending: Ending, advanced: bool) -> bool:
        """Whether the next run can build on this one; an error of the task itself would only come again."""
        if ending.end == "recycle":
            return advanced
        tolerated = self._deaths[task.id] <= task.tolerates
        return ending.end == "died" and task.resumable and (advanced or tolerated)

    def _wait(self, run: Run, *, first: bool) -> None:
        (self._waiting.appendleft if first else self._waiting.append)(run)
        self._waiting_of[run.kind] += 1

    def _retry_or_give_up(self, run: Run, reason: str) -> Event:
        if run.attempt > self._max_retries:
            return self._give_up(run, reason)
        self._retried += 1
        self._wait(replace(run, attempt=run.attempt + 1), first=False)
        return _event(EventKind.TASK_RETRIED, run, message=reason)

    def _give_up(self, run: Run, reason: str) -> Event:
        failure = TaskFailure(task_id=run.task.id, attempts=run.attempt, traceback=reason)
        self._failed[run.task.id] = failure
        return _event(EventKind.TASK_FAILED, run, message=reason)


def started(run: Run) -> Event:
    """The event that tells that `run` begins."""
    return _event(EventKind.TASK_STARTED, run)


def _event(kind: EventKind, run: Run, *, message: str = "", data: Any = None) -> Event:
    return Event(kind=kind, message=message, data=data, task_id=run.task.id, attempt=run.attempt)
