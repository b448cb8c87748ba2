"""Ray as the driver's cluster: the one that this process has initialised."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any

from jobs.config import FarmConfig, Pool
from jobs.extras import extra
from jobs.farm.actor import Seat
from jobs.farm.cluster import Call
from jobs.farm.mailbox import Mailbox, WorkerSide
from jobs.farm.services import Head, OwnServices
from jobs.farm.session import logs_folder, room_left, worker_counts
from jobs.farm.words import fetched, last_lines

with extra("farm"):
    import ray
    from ray._private.state import state  # as Ray's own Train does: there is no public way to ask
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


class RayCluster:
    """`jobs.farm.cluster.Cluster`."""

    def __init__(self) -> None:
        self._services = OwnServices()
        self._head = Head(ray.get_runtime_context().gcs_address, self.now)
        self._draining: frozenset[str] = frozenset()
        self._counts: list[int] | None = None

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def hire(self, mailbox: WorkerSide, config: FarmConfig, pool: Pool, shunned: Iterable[str]) -> Seat:
        """Order an actor."""
        return Seat(mailbox, config, pool, shunned)

    def mailbox(self) -> Any:
        """Start the mailbox's actor."""
        remote: Any = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Mailbox)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        return remote.options(scheduling_strategy=here).remote()

    def wait(self, calls: Sequence[Call], *, count: int = 1, timeout_s: float) -> list[Call]:
        """As `ray.wait`."""
        ready, _ = ray.wait(list(calls), num_returns=count, timeout=timeout_s)
        return ready

    def get(self, call: Call, timeout_s: float | None = None) -> Any:
        """As `ray.get`."""
        return ray.get(call, timeout=timeout_s)

    def kill(self, actor: Any) -> None:
        """As `ray.kill`."""
        ray.kill(actor)

    def draining(self) -> frozenset[str]:
        """The nodes that Ray drains, or did when last asked. Raises FarmError where its head is gone."""
        if self._head.answers():
            self._draining = frozenset(state.get_draining_nodes())
        return self._draining

    def worker_counts(self, pools: Sequence[Pool], *, joined: bool) -> list[int]:
        """By what Ray says of its nodes, or said when it could be asked."""
        if self._counts is None or self._head.answers():
            self._counts = worker_counts(pools, joined=joined)
        return self._counts

    def placed(self, seats: Sequence[Any]) -> int:
        """By what Ray says of its actors; 0 where it cannot be asked."""
        if not self._head.answers():
            return 0
        own = ray.JobID(bytes.fromhex(ray.get_runtime_context().get_job_id()))
        actors = state.actor_table(None, own, None)
        pids = [actors[seat.id]["Pid"] for seat in seats if seat.id in actors]
        return sum(pid > 0 for pid in pids)  # of one that waits Ray knows a node, but no process

    def room_left(self) -> str:
        """By what Ray says is free."""
        return room_left() if self._head.answers() else "Ray's head cannot be asked what is free"

    def last_words(self, worker: str) -> list[str]:
        """Of a worker on this machine, from Ray's log of it."""
        host, _, pid = worker.rpartition(":")
        return last_lines(logs_folder(), int(pid)) if host == socket.gethostname() else []

    def said(self) -> list[str]:
        """Ray's notices to its driver."""
        return fetched()

    def check(self) -> None:
        """Look at Ray's own processes, where they are children of this one."""
        self._services.check()
