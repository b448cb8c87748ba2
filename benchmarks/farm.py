"""What the farm itself costs: workers that only sleep report an item each second, and no time should be lost.

    python -m benchmarks.farm --workers 1000 --hosts 4     # workers as coroutines of four processes
    python -m benchmarks.farm --workers 40                 # a process for each, as in a real run

Driver, ledger, mailbox, status file and Ray are the real ones; with `--hosts` only the workers are not, for
want of memory. An item takes 0.5 to 1.5 of `--item` seconds. Overhead is what a worker's life has beyond its
items, as a part of them: from the start of its first task to the end of its last one, so without the farm's
start and without the last tasks, which cannot be shared. Where all cores are busy it says little, and the
last row says so: processes wait for a core then, whatever the farm does. CPU seconds of an item say more.
"""

from __future__ import annotations

import asyncio
import math
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Annotated, Any

import ray
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.farm_costs import PARTS, Costs, busy_row, cost_row
from jobs.config import FarmConfig, Pool
from jobs.farm.actor import Birth
from jobs.farm.driver import Driver
from jobs.farm.mailbox import WorkerSide
from jobs.farm.post import Post, Steps, is_last_chance, pace_of
from jobs.farm.ray_cluster import RayCluster
from jobs.farm.session import session
from jobs.host import process_name
from jobs.ledger import Ending, Ledger, Run
from jobs.progress import ProgressDisplay
from jobs.signals import StopRequest
from jobs.status.writer import StatusWriter
from jobs.task import Event, EventKind, MakeWorker, Report, Task


@dataclass(frozen=True, slots=True)
class Stint:
    """One task in the life of a worker. Times are of its process's clock, in seconds."""

    worker: str
    began: float
    ended: float
    asked: float  # what its items were to take
    reporting: float  # how long its reports took


class Sleeper:
    """A worker whose items are sleep."""

    def run(self, task: Task, report: Report) -> Stint:
        """Sleep for each item, and report it."""
        began, reporting = time.monotonic(), 0.0
        for done, seconds in enumerate(task.payload, start=1):
            time.sleep(seconds)
            before = time.monotonic()
            report(Event(kind=EventKind.ITEM, done=done))
            reporting += time.monotonic() - before
        return Stint(process_name(), began, time.monotonic(), sum(task.payload), reporting)

    def close(self) -> None:
        """There is nothing to free."""


class Line:
    """As `jobs.farm.mailbox.WorkerSide`, for one worker of many in a process."""

    def __init__(self, mailbox: WorkerSide, pace_s: float) -> None:
        self._put = mailbox._actor.put.remote
        self._call: asyncio.Future[str] | None = None
        self.post = Post(pace_s)

    async def carry_out(self, steps: Steps) -> None:
        """Send and wait as `steps` say."""
        reply: str | None = None
        with suppress(StopIteration):
            while True:
                wish = steps.send(reply)
                if isinstance(wish, float):
                    reply = await self._wait(wish)
                else:
                    reply, self._call = None, asyncio.ensure_future(self._put(wish))

    async def _wait(self, seconds: float) -> str | None:
        assert self._call is not None
        if not self._call.done() and seconds:
            await asyncio.wait([self._call], timeout=None if seconds == math.inf else seconds)
        return self._call.result() if self._call.done() else None


class Host:
    """A process that holds many workers, as coroutines."""

    def __init__(self, mailbox: WorkerSide, pace_s: float) -> None:
        self._mailbox, self._pace_s = mailbox, pace_s
        self._lines: dict[str, Line] = {}

    async def start(self, name: str) -> Birth:
        """Nothing is to be made but its line."""
        self._lines[name] = Line(self._mailbox, self._pace_s)
        return Birth(worker=name, node="here")

    async def run(self, name: str, run: Run) -> Ending:
        """As `Sleeper`, in the words of `jobs.host`."""
        began, reporting, task, line = time.monotonic(), 0.0, run.task, self._lines[name]
        line.post.begin(vital=is_last_chance(task))
        for done, seconds in enumerate(task.payload, start=1):
            await asyncio.sleep(seconds)
            before = time.monotonic()
            event = Event(kind=EventKind.ITEM, done=done, task_id=task.id, attempt=1, worker=name)
            await line.carry_out(line.post.report(event))
            reporting += time.monotonic() - before
        before = time.monotonic()
        await line.carry_out(line.post.settle())
        told = line.post.rest()
        reporting += time.monotonic() - before
        stint = Stint(name, began, time.monotonic(), sum(task.payload), reporting)
        return Ending(end="done", result=stint, done=task.size, told=told)

    async def close(self, name: str) -> None:
        """Nothing is to be freed."""


class Place:
    """`jobs.farm.cluster.Seat` of one worker in a host."""

    def __init__(self, host: Any, name: str) -> None:
        self._host, self._name = host, name

    def start(self, make_worker: MakeWorker) -> Any:
        """Have the worker named."""
        return self._host.start.remote(self._name)

    def run(self, run: Run) -> Any:
        """Do one run of a task."""
        return self._host.run.remote(self._name, run)

    def close(self) -> Any:
        """End."""
        return self._host.close.remote(self._name)

    def kill(self) -> None:
        """The host ends with its Ray."""


class Crowd(RayCluster):
    """Ray, where many workers share few processes."""

    def __init__(self, hosts: int) -> None:
        super().__init__()
        self._size, self._hosts, self._number = hosts, list[Any](), count()

    def hire(self, mailbox: WorkerSide, config: FarmConfig, pool: Pool, shunned: Iterable[str]) -> Any:
        """A place in the next host."""
        number = next(self._number)
        if number < self._size:
            remote: Any = ray.remote(num_cpus=0)(Host)
            self._hosts.append(remote.options(max_concurrency=10_000).remote(mailbox, pace_of(config)))
        return Place(self._hosts[number % self._size], f"host:{number}")

    def worker_counts(self, pools: Sequence[Pool], *, joined: bool) -> list[int]:
        """As many as are asked for."""
        return [pool.workers or 1 for pool in pools]


def tasks_for(workers: int, shards: int, samples: int, item_s: float) -> list[Task]:
    """Tasks of sleep, whose payload says how long each item takes."""
    draw = random.Random(0)
    return [
        Task(f"shard-{n:05}", [item_s * draw.uniform(0.5, 1.5) for _ in range(samples)], samples, True)
        for n in range(workers * shards)
    ]


def drive(tasks: Sequence[Task], workers: int, hosts: int, folder: Path) -> tuple[list[Stint], Costs]:
    """Do the tasks, with all that listens in a real run."""
    config = FarmConfig(workers=workers, cpus_per_worker=0.01, stall_timeout_s=3600, recycle_after=100_000)
    ledger, costs = Ledger(tasks, config.max_retries), Costs(len(tasks), workers)
    with (
        (folder / "progress").open("w") as lines,
        ProgressDisplay(tasks, console=Console(file=lines)) as show,
        StatusWriter(folder, tasks) as status,
        session(config),
    ):

        def hear(event: Event) -> None:
            for ear in (costs.hear, status, show):
                ear(event)

        cluster = Crowd(hosts) if hosts else RayCluster()
        report = Driver(Sleeper, ledger, config, hear, StopRequest(), cluster).run()
    return list(report.done.values()), costs


def lives(stints: Iterable[Stint]) -> Iterator[list[Stint]]:
    """The tasks of each worker, in their order."""
    by_worker: dict[str, list[Stint]] = {}
    for stint in sorted(stints, key=lambda stint: stint.began):
        by_worker.setdefault(stint.worker, []).append(stint)
    yield from by_worker.values()


def overhead(stints: Sequence[Stint]) -> float:
    """What the workers' lives have beyond their items, as a part of them."""
    asked = sum(stint.asked for stint in stints)
    lived = sum(life[-1].ended - life[0].began for life in lives(stints))
    return lived / asked - 1


def gaps(stints: Sequence[Stint]) -> list[float]:
    """Seconds between the end of a worker's task and the start of its next one."""
    return [after.began - before.ended for life in lives(stints) for before, after in pairwise(life)]


def main(
    workers: Annotated[int, typer.Option(min=1)] = 1000,
    hosts: Annotated[int, typer.Option(min=0, help="Processes that share the workers; 0: one each.")] = 0,
    item: Annotated[float, typer.Option(help="Mean seconds of an item.")] = 1.0,
    samples: Annotated[int, typer.Option(min=1, help="Items of a task.")] = 16,
    shards: Annotated[int, typer.Option(min=2, help="Tasks for each worker.")] = 3,
) -> None:
    """Measure and print."""
    tasks = tasks_for(workers, shards, samples, item)
    with tempfile.TemporaryDirectory() as folder:
        stints, costs = drive(tasks, workers, hosts, Path(folder))
    show(stints, costs, samples * len(tasks), f"{workers} workers, {item:g} s an item, {samples} a task")


def show(stints: Sequence[Stint], costs: Costs, items: int, title: str) -> None:
    """The numbers, in a table."""
    asked, between = sum(stint.asked for stint in stints), sorted(gaps(stints))
    reporting = sum(stint.reporting for stint in stints)
    slept = sum(stint.ended - stint.began - stint.reporting for stint in stints)
    spent = costs.spent()
    rows = {
        "overhead": f"{overhead(stints):.2%}",
        "  of it reporting": f"{reporting / asked:.2%}, {reporting / items * 1e3:.1f} ms an item",
        "  of it between tasks": f"{sum(between) / asked:.2%}",
        "  of it waking late": f"{slept / asked - 1:.2%}",
        "between two tasks, median": f"{statistics.median(between) * 1e3:.1f} ms",
        "between two tasks, 99 of 100": f"{between[int(0.99 * len(between))] * 1e3:.1f} ms",
        "items per second": f"{costs.items / spent['wall']:.0f}",
        **{part: cost_row(spent[part], spent["wall"], costs.items) for part in PARTS},
        "driver, peak MiB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
        "the machine's cores": busy_row(spent),
    }
    table = Table("what", "measured", title=title)
    for row in rows.items():
        table.add_row(*row)
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
