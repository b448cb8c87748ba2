"""The driver's loop beside a mailbox that is never empty, as a thousand workers keep it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from jobs.config import FarmConfig, Pool
from jobs.farm.actor import Birth
from jobs.farm.driver import Driver
from jobs.farm.mailbox import Seen
from jobs.ledger import Ending, Ledger, Run
from jobs.signals import StopRequest
from jobs.task import Event, EventKind, Task


class Answer:
    def __init__(self, value: object) -> None:
        self.value = value


class Noisy:
    """A cluster whose calls are answered at once; `wait` gives the first ones of a list, as Ray's does."""

    def __init__(self) -> None:
        self.looks = 0
        more = Event(kind=EventKind.NOTE, message="and one more")
        self.take = SimpleNamespace(remote=lambda *seen, **orders: Answer((Seen(), [more])))
        self.release = SimpleNamespace(remote=lambda: Answer(None))

    def now(self) -> float:
        return float(self.looks)

    def mailbox(self) -> Any:
        return self

    def hire(self, mailbox: object, config: FarmConfig, pool: Pool, shunned: Iterable[str]) -> Any:
        return self

    def start(self, make_worker: object) -> Answer:
        return Answer(Birth(worker="w", node="n"))

    def run(self, run: Run) -> Answer:
        return Answer(Ending(end="done"))

    def close(self) -> Answer:
        return Answer(None)

    def kill(self, actor: object = None) -> None:
        pass

    def wait(self, calls: Sequence[Answer], *, count: int = 1, timeout_s: float) -> list[Answer]:
        self.looks += 1
        assert self.looks < 100, "the driver sees nothing but events"
        return list(calls)[:count]

    def get(self, call: Answer, timeout_s: float | None = None) -> object:
        return call.value

    def draining(self) -> frozenset[str]:
        return frozenset()

    def worker_counts(self, pools: Sequence[Pool], *, joined: bool) -> list[int]:
        return [4]

    def placed(self, seats: object) -> int:
        return 0

    def said(self) -> list[str]:
        return []

    def room_left(self) -> str:
        return ""

    def check(self) -> None:
        pass


def test_events_without_end_keep_no_worker_waiting_for_its_next_task() -> None:
    tasks = [Task(f"t{number}") for number in range(12)]
    cluster, ledger, config = Noisy(), Ledger(tasks, 0), FarmConfig(workers=4)
    report = Driver(str, ledger, config, lambda event: None, StopRequest(), cluster).run()
    assert set(report.done) == {task.id for task in tasks}
    assert cluster.looks < 30  # whatever has ended is dealt with in one look
