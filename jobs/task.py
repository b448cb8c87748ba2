"""The words of the farm: a task, the events about it, the worker that does it, what came of it all.

A worker is warm state (a renderer, a model on a GPU) that does one task at a time. It tells what it does
through `report`, and may be interrupted there and only there: by `Stop` when the farm shuts down or its
machine is taken away, and by `Recycle` when the worker is worn out and the task can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class EventKind(StrEnum):
    """What an event says. The first four come from workers, the others from the farm."""

    ITEM = "item"  # items of the task are finished and safe; `done` is how many of them in all
    RESUMED = "resumed"  # `done` items were found finished by an earlier run
    NOTE = "note"
    WARNING = "warning"
    WORKER_STARTED = "worker_started"
    WORKER_STOPPED = "worker_stopped"  # `message` says why; "" at the end of the work
    WORKER_LOST = "worker_lost"  # its process died at `task_id`; `message` says what is known of it
    CLUSTER = "cluster"  # `message` is what the cluster itself says, in its own words
    WAITING = "waiting"  # `message` says which workers are missing, and what they would need
    TASK_STARTED = "task_started"
    TASK_DONE = "task_done"  # `data` is the result
    TASK_RETRIED = "task_retried"  # `message` is the traceback or the cause of death
    TASK_PUT_BACK = "task_put_back"  # interrupted by recycling, shutdown or a death after new items
    TASK_FAILED = "task_failed"  # `message` is the last traceback


WORKER_KINDS = frozenset({EventKind.ITEM, EventKind.RESUMED, EventKind.NOTE, EventKind.WARNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened. A worker fills the first four fields and `counts`, the farm the rest."""

    kind: EventKind
    done: int | None = None  # items of this task finished so far, earlier runs included; ITEM and RESUMED
    message: str = ""
    data: Any = None  # picklable; of a WARNING or NOTE the traceback behind it, if there is one
    task_id: str = ""
    attempt: int = 0  # 1 is the first
    worker: str = ""  # "host:pid"
    pool: str = ""  # of the worker that started, where pools have names
    resident_mb: int | None = None  # with the worker's children; of an ITEM, where the farm limits it
    counts: Mapping[tuple[str, str], float] = field(default_factory=dict)  # (counter, label) -> how many more


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work: small enough to lose, large enough to be worth a message."""

    id: str
    payload: Any = None  # plain picklable values
    size: int = 1  # items in it, for totals
    resumable: bool = False  # run again, it continues after the items already reported
    kind: str = ""  # of the pools that may do it; "": any
    tolerates: int = 0  # deaths of workers in a row, without a new item, that spend no attempt
    deaths: int = 0  # set by the farm: workers that died at it in a row since its last new item


Report = Callable[[Event], None]


class Worker(Protocol):
    """Warm state that does tasks, one at a time, always in the main thread of its process."""

    def run(self, task: Task, report: Report) -> Any:
        """Do `task` and return its result (picklable, small), or raise, or raise or return `Recycle`.

        Report each item once it is safe on disk. Once `report` returned, a NOTE, a WARNING and an ITEM that a
        retry hangs on survive the worker's death; other items may be told a little later, so that a worker
        that dies takes the latest with it, and the next run finds them on disk (`jobs.farm.post`). Let the
        `Stop` and `Recycle` that it may raise pass through.
        SystemExit counts as the worker's death.
        """

    def close(self) -> None:
        """Free what the worker holds. May end the process."""


@runtime_checkable
class Labelled(Protocol):
    """A worker that says what its metrics are told apart by, such as its renderer."""

    labels: Mapping[str, str]


MakeWorker = Callable[[], Worker]
MakeWorkers = MakeWorker | Mapping[str, MakeWorker]  # by the name of the pool, where there are several


# Not Exceptions: a worker's own `except Exception` around one item must not swallow them.
class Stop(BaseException):
    """The farm shuts down, or this machine is taken away: leave files as they are and return."""


class Recycle(BaseException):
    """This worker should be replaced by a fresh one, which continues the task."""


class WorkerStartError(RuntimeError):
    """No worker could be started; the message ends with the traceback of the last try."""


class ClusterUnreachableError(ConnectionError):
    """There is no Ray cluster to join at the given address."""


class FarmCapacityError(ValueError):
    """Not even one worker fits on this machine."""


class FarmError(RuntimeError):
    """The farm itself broke, not a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailure:
    """A task given up."""

    task_id: str
    attempts: int
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmReport:
    """What came of the tasks."""

    done: Mapping[str, Any]  # task id -> result, in the order of completion
    failed: Mapping[str, TaskFailure]
    unfinished: tuple[str, ...]  # neither: only after an interruption
    retried: int  # attempts beyond the first
    recycled: int  # workers replaced because they were worn out or asked for it
    seconds: float


class FarmHalted(RuntimeError):
    """A limit was reached, and the farm ended once its workers had stopped; `report` says how far it came."""

    def __init__(self, why: str, report: FarmReport) -> None:
        super().__init__(f"{why}; {len(report.unfinished)} tasks unfinished")
        self.report = report


class FarmInterrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM ended the farm after its workers were stopped; `report` says how far it came."""

    def __init__(self, signum: int, report: FarmReport) -> None:
        super().__init__(f"interrupted by signal {signum}; {len(report.unfinished)} tasks unfinished")
        self.signum = signum
        self.report = report
