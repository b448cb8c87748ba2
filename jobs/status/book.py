"""The sum of a farm's events, as a status file tells it. Pure: times are given by the caller."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobs.progress import Tally
from jobs.status.model import Failure, Incident, Progress, Used, WorkerState
from jobs.status.spread import Spread, eta
from jobs.task import Event, EventKind, Task

LATEST_FAILURES = 20
LONGEST_LINE = 500  # characters
RELEASED = frozenset(
    {EventKind.TASK_DONE, EventKind.TASK_RETRIED, EventKind.TASK_PUT_BACK, EventKind.TASK_FAILED}
)
GONE = frozenset({EventKind.WORKER_STOPPED, EventKind.WORKER_LOST})
INCIDENTS = frozenset({EventKind.WARNING, EventKind.WORKER_LOST})
FAILED = frozenset({EventKind.TASK_RETRIED, EventKind.TASK_FAILED})


@dataclass(frozen=True, slots=True)
class Claim:
    """What each worker of a pool claims."""

    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(slots=True)
class _Hand:
    """A worker that is there. Times are the clock's."""

    pool: str
    hired: float
    since: float
    heard: float  # any sign of life
    made: float  # the item before the one at work
    task: str = ""
    done: int = 0
    resident_mb: int | None = None


@dataclass(frozen=True, slots=True)
class _Fault:
    event: Event
    at: float


class Book:
    """What a session has done so far. `claims` are by the name of the pool."""

    def __init__(self, tasks: Iterable[Task], now: float, claims: Mapping[str, Claim]) -> None:
        listed = list(tasks)
        self._sizes = {task.id: task.size for task in listed}
        self._left = dict(self._sizes)
        self._tally = Tally(listed, now)
        self._claims = claims
        self._hands: dict[str, _Hand] = {}
        self._gone_s: dict[str, float] = defaultdict(float)  # worker seconds of those that went, by pool
        self._faults: deque[_Fault] = deque(maxlen=LATEST_FAILURES)
        self._incidents: deque[_Fault] = deque(maxlen=LATEST_FAILURES)
        self._counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._spread = Spread()
        self._made = 0

    def add(self, event: Event, now: float) -> None:
        """Count one event."""
        self._tally.add(event, now)
        self._staff(event, now)
        if event.task_id in self._sizes:
            self._advance(event, now)
        for (counter, label), amount in event.counts.items():
            self._counts[counter][label] += amount
        if event.kind in FAILED:
            self._faults.append(_Fault(event, now))
        if event.kind in INCIDENTS:
            self._incidents.append(_Fault(event, now))

    def used(self, now: float) -> tuple[Used, ...]:
        """What the workers claimed so far."""
        seconds = defaultdict(float, self._gone_s)
        for hand in self._hands.values():
            seconds[hand.pool] += now - hand.hired
        return tuple(self._use(pool, seconds[pool]) for pool in sorted(seconds))

    def progress(self, now: float) -> Progress:
        """Everything, as it is now."""
        tally, elapsed = self._tally, now - self._tally.started
        left = max(0, tally.total_items - tally.done_items)
        recent, overall = tally.rate(now), self._made / elapsed if self._made and elapsed > 0 else None
        return Progress(
            elapsed_s=elapsed,
            items_done=tally.done_items,
            items_total=tally.total_items,
            items_made=self._made,
            tasks_done=tally.done_tasks,
            tasks_total=tally.total_tasks,
            tasks_failed=tally.failed_tasks,
            retried=tally.retries,
            warnings=tally.warnings,
            rate_recent=recent,
            rate_overall=overall,
            eta=eta(left, max(self._left.values(), default=0), recent or overall, self._spread),
            workers=tuple(self._state(name, now) for name in sorted(self._hands)),
            failures=tuple(_failure(fault, now) for fault in self._faults),
            used=self.used(now),
            workers_lost=tally.lost_workers,
            incidents=tuple(_incident(fault, now) for fault in self._incidents),
            counts={counter: dict(labels) for counter, labels in sorted(self._counts.items())},
        )

    def _staff(self, event: Event, now: float) -> None:
        if event.kind is EventKind.WORKER_STARTED:
            self._hands[event.worker] = _Hand(event.pool, now, now, now, now)
        elif event.kind in GONE and event.worker in self._hands:
            hand = self._hands.pop(event.worker)
            self._gone_s[hand.pool] += now - hand.hired

    def _advance(self, event: Event, now: float) -> None:
        hand = self._hands.get(event.worker, _Hand("", now, now, now, now))
        if event.kind is EventKind.TASK_STARTED:
            hand.task, hand.done, hand.since = event.task_id, 0, now
        elif event.kind in RELEASED:
            hand.task, hand.done, hand.since = "", 0, now
        elif event.done is not None:
            if event.kind is EventKind.ITEM:
                self._make(event.done - hand.done, now - hand.made)
            hand.done, hand.resident_mb = event.done, event.resident_mb or hand.resident_mb
            self._left[event.task_id] = max(0, self._sizes[event.task_id] - event.done)
        if event.kind in (EventKind.TASK_DONE, EventKind.TASK_FAILED):
            self._left[event.task_id] = 0
        hand.heard = now
        if event.kind not in (EventKind.NOTE, EventKind.WARNING):  # they come within an item
            hand.made = now

    def _make(self, items: int, seconds: float) -> None:
        self._made += max(0, items)
        for _ in range(items):
            self._spread.add(seconds / items)

    def _use(self, pool: str, worker_s: float) -> Used:
        claim = self._claims.get(pool, Claim())
        return Used(pool=pool, cpus=claim.cpus, gpus=claim.gpus, worker_s=worker_s)

    def _state(self, name: str, now: float) -> WorkerState:
        hand = self._hands[name]
        return WorkerState(
            name=name,
            pool=hand.pool,
            task=hand.task,
            done=hand.done,
            size=self._sizes.get(hand.task, 0),
            for_s=now - hand.since,
            silent_s=now - hand.heard,
            resident_mb=hand.resident_mb,
        )


def _failure(fault: _Fault, now: float) -> Failure:
    event = fault.event
    return Failure(
        task=event.task_id,
        attempt=event.attempt,
        last=last_line(event.message),
        ago_s=now - fault.at,
        final=event.kind is EventKind.TASK_FAILED,
    )


def _incident(fault: _Fault, now: float) -> Incident:
    event = fault.event
    return Incident(
        kind=event.kind.replace("_", " "),
        worker=event.worker,
        task=event.task_id,
        last=last_line(event.message),
        ago_s=now - fault.at,
    )


def last_line(text: str) -> str:
    """What a traceback comes to; other texts begin with what matters."""
    lines = text.strip().splitlines() or [""]
    return (lines[-1] if lines[0].startswith("Traceback") else lines[0])[:LONGEST_LINE]
