"""The words of a status file. Durations are seconds before `written`, so that no two clocks are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VERSION = 1
FOLDER = "status"  # of a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The process that writes."""

    host: str
    boot: str  # id of the boot of its machine, "" where there is none
    pid: int
    started: str  # when the kernel says it did, in its own ticks; "" where it does not say
    user: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """A worker, and what it does."""

    name: str  # host:pid
    pool: str
    task: str  # "" while it has none
    done: int  # items of that task, earlier runs included
    size: int
    for_s: float  # since it took the task, or has none
    silent_s: float  # since its last sign of life
    resident_mb: int | None  # at its last item, with its children

    @property
    def host(self) -> str:
        """Its machine."""
        return self.name.rpartition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task given up, or a run of one that is tried again."""

    task: str
    attempt: int
    last: str  # line of what was said
    ago_s: float
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A warning, or a worker whose process died."""

    kind: str  # "warning", "worker lost"
    worker: str  # host:pid; "" of the driver's own
    task: str  # "" at none
    last: str  # line of what was said
    ago_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What the workers of a pool claimed, for how long."""

    pool: str
    cpus: float  # of each worker
    gpus: float
    worker_s: float  # of all of them together


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """Seconds to go; `low` to `high` holds nineteen times of twenty, if samples go on as they did."""

    seconds: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the events of one session add up to."""

    elapsed_s: float
    items_done: int  # earlier sessions included
    items_total: int
    items_made: int  # in this session
    tasks_done: int  # in this session, as the others
    tasks_total: int
    tasks_failed: int
    retried: int
    warnings: int
    rate_recent: float | None  # items per second
    rate_overall: float | None
    eta: Eta | None
    workers: tuple[WorkerState, ...] = ()
    failures: tuple[Failure, ...] = ()  # the latest ones
    used: tuple[Used, ...] = ()
    workers_lost: int = 0
    incidents: tuple[Incident, ...] = ()  # the latest ones
    counts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # counter -> label -> sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What an hour costs; units are the user's. Nothing given: nothing is told."""

    cpu_hour: float = 0.0
    gpu_hour: float = 0.0
    worker_hour: float = 0.0

    def __post_init__(self) -> None:
        if min(self.cpu_hour, self.gpu_hour, self.worker_hour) < 0:
            raise ValueError("a price is 0 or more")
        if self.worker_hour and (self.cpu_hour or self.gpu_hour):
            raise ValueError("a worker has its own price, or that of its CPUs and GPUs, not both")

    def __bool__(self) -> bool:
        return bool(self.cpu_hour or self.gpu_hour or self.worker_hour)

    def cost(self, used: tuple[Used, ...]) -> float:
        """What the use of workers costs."""
        return sum(
            each.worker_s / 3600 * (self.worker_hour + each.cpus * self.cpu_hour + each.gpus * self.gpu_hour)
            for each in used
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A whole status file."""

    version: int
    session: str
    what: str  # is made: folder of its tasks
    driver: Driver
    begun: str  # UTC by the driver's clock, ISO 8601
    written: str
    beat: int  # one more each time that it is written
    every_s: float  # between two of them
    ended: str  # "" while at work; else how it ended
    complete: bool  # it ended, and all was made
    prices: Prices
    progress: Progress
