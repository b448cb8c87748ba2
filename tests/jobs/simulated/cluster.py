"""Nodes, what happens to them, and the `Cluster` that the driver sees."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable, Sequence
from itertools import count
from random import Random

from ray.exceptions import GetTimeoutError

from jobs.config import FarmConfig, Pool
from jobs.farm.room import Node, fitting
from jobs.signals import StopRequest
from jobs.task import FarmError, Task
from tests.jobs.simulated.clock import Answer, Clock
from tests.jobs.simulated.letters import Letters
from tests.jobs.simulated.plan import Plan
from tests.jobs.simulated.process import Process


class SimulatedNode:
    def __init__(self, name: str, cpus: int) -> None:
        self.name, self.cpus, self.free = name, cpus, cpus
        self.alive, self.draining = True, False
        self.reachable = 0.0  # from when on, where it is cut off


class Store:
    """The items of each task, as files would keep them: (index, kind of the worker)."""

    def __init__(self) -> None:
        self.items: dict[str, list[tuple[int, str]]] = {}
        self._holder: dict[str, tuple[str, str]] = {}

    def open(self, task: Task, kind: str, worker: str) -> int:
        """Begin or continue the task; how many items there are."""
        if not task.resumable:
            self.items[task.id] = []
        self._holder[task.id] = worker, kind
        return len(self.items.setdefault(task.id, []))

    def add(self, task_id: str, index: int, worker: str) -> None:
        holder, kind = self._holder[task_id]
        assert holder == worker, f"{worker} and {holder} both work on {task_id}"
        assert index == len(self.items[task_id]), f"{task_id}: item {index} is double, or one is missing"
        self.items[task_id].append((index, kind))


class SimulatedCluster:
    """`jobs.farm.cluster.Cluster`, and the fate that the plan has for it."""

    def __init__(self, plan: Plan, request: StopRequest) -> None:
        self.plan, self.rng, self.clock = plan, Random(plan.seed + 1), Clock()
        self.letters = Letters(self.clock, self.rng, plan.latency_s)
        self.store = Store()
        self.processes: list[Process] = []
        self.acknowledged: list[object] = []  # events whose sender heard that they arrived
        self.told: dict[str, int] = {}  # worker -> items of its latest run whose report returned
        self.bad_starts = 0
        self.wanted: dict[str, int] = {}  # pool -> most workers that were ever aimed for
        self._request = request
        self._numbers, self._names, self._seats = count(), count(), count()
        self.nodes = [self._new_node(cpus) for cpus in plan.nodes]
        for moment, fault in plan.faults:
            self.clock.at(moment, getattr(self, f"_{fault}"))
        if plan.stop_s is not None:
            self.clock.at(plan.stop_s, self._stop)

    # -- what the driver asks ----------------------------------------------------------------------------

    def now(self) -> float:
        return self.clock.now

    def mailbox(self) -> Letters:
        return self.letters

    def hire(self, mailbox: object, config: FarmConfig, pool: Pool, shunned: Iterable[str]) -> Process:
        there = sum(
            worker.pool == pool.name and worker.alive and not worker.let_go for worker in self.processes
        )
        assert there < self.wanted[pool.name], (
            f"{there} workers of {pool.name!r} are there, and one more hired"
        )
        process = Process(self, next(self._seats), pool.name, pool.kind, frozenset(shunned))
        self.processes.append(process)
        return process

    def wait(self, calls: Sequence[Answer], *, count: int = 1, timeout_s: float) -> list[Answer]:
        return self.clock.wait(list(calls), count, timeout_s)

    def get(self, call: Answer, timeout_s: float | None = None) -> object:
        if not self.clock.wait([call], 1, math.inf if timeout_s is None else timeout_s):
            raise GetTimeoutError("the mailbox does not answer")
        if call.error is not None:
            raise call.error
        return call.value

    def kill(self, actor: object) -> None:
        assert actor is self.letters

    def draining(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes if node.draining)

    def worker_counts(self, pools: Sequence[Pool], *, joined: bool) -> list[int]:
        offers = [Node(resources={"CPU": node.cpus}) for node in self.nodes if node.alive]
        fit = fitting(offers, pools)
        counts = [pool.workers or max(1, n) for pool, n in zip(pools, fit, strict=True)] if joined else fit
        for pool, n in zip(pools, counts, strict=True):
            self.wanted[pool.name] = max(n, self.wanted.get(pool.name, 0))
        return counts

    def placed(self, seats: Sequence[Process]) -> int:
        return sum(seat.node is not None for seat in seats)

    def room_left(self) -> str:
        return f"{sum(node.free for node in self.nodes if node.alive)} CPUs are free"

    def last_words(self, worker: str) -> list[str]:
        return []

    def said(self) -> list[str]:
        return []

    def check(self) -> None:
        if self.plan.broken_s is not None and self.clock.now > self.plan.broken_s:
            raise FarmError("raylet ended")

    # -- what processes ask ------------------------------------------------------------------------------

    def latency(self) -> float:
        return self.rng.uniform(0, self.plan.latency_s)

    def number(self) -> int:
        return next(self._numbers)

    def place(self) -> None:
        """Find room for those who wait for it."""
        for process in list(self.processes):
            if process.node is None and not process.let_go:
                free = [node for node in self.nodes if node.alive and node.free]
                better = [node for node in free if node.name not in process.shunned] or free
                if better:
                    node = self.rng.choice(better)
                    node.free -= 1
                    process.placed(node)

    def gone(self, process: Process) -> None:
        self.processes.remove(process)
        if process.node is not None:
            process.node.free += 1
            self.clock.after(self.latency(), self.place)

    # -- fate --------------------------------------------------------------------------------------------

    def _new_node(self, cpus: int) -> SimulatedNode:
        return SimulatedNode(f"n{next(self._names)}", cpus)

    def _any_node(self) -> SimulatedNode | None:
        there = [node for node in self.nodes if node.alive]
        return self.rng.choice(there) if there else None

    def _on(self, node: SimulatedNode) -> list[Process]:
        return [process for process in self.processes if process.node is node and process.alive]

    def _end(self, node: SimulatedNode, preempted: bool = False) -> None:
        """The node is lost with all that runs there; another comes, some time."""
        if node.alive:
            node.alive = node.draining = False
            for process in self._on(node):
                process.die(preempted)
            self.clock.after(self.rng.uniform(1, 120), self._join)

    def _lose(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            if node := self._any_node():
                self._end(node)

    def _drain(self) -> None:
        if node := self._any_node():
            node.draining = True
            self.clock.after(self.rng.uniform(1, 40), lambda: self._end(node, preempted=True))

    def _sigterm(self) -> None:
        if node := self._any_node():
            for process in self._on(node):
                process.noticed = True
            self.clock.after(self.rng.uniform(1, 40), lambda: self._end(node))

    def _partition(self) -> None:
        if node := self._any_node():
            node.reachable = self.clock.now + self.rng.uniform(1, 60)

    def _restart(self) -> None:
        self.letters.restart(self.rng.uniform(0.2, 6))

    def _cut(self) -> None:
        self.letters.cut(self.rng.uniform(0.2, 20))

    def _freeze(self) -> None:
        there = [process for process in self.processes if process.alive and process.node]
        if there:
            self.rng.choice(there).freeze(self.rng.uniform(1, 100))

    def _join(self) -> None:
        self.nodes.append(self._new_node(self.rng.randint(1, 4)))
        self.place()

    def _stop(self) -> None:
        if self.rng.random() < 0.3:
            self._request.halt = lambda: "the money is spent"
        else:
            self._request.signum = signal.SIGTERM
