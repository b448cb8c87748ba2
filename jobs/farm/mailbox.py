"""Events on their way from the workers to the driver.

A worker's `report` returns once the mailbox has the event, so events outlive the worker, and the mailbox
answers whether the farm is stopping. It never waits for the driver: a slow driver does not slow rendering.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from jobs.extras import extra
from jobs.task import Event, FarmError

with extra("farm"):
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


class Mailbox:
    """What the mailbox's process holds: the events that the driver has not seen. Never blocks a worker."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._first = 0  # running number of the leftmost event
        self._arrived = asyncio.Event()
        self._stopping = False

    async def put(self, event: Event) -> bool:
        """Keep `event`; True if the farm is stopping."""
        self._events.append(event)
        self._arrived.set()
        return self._stopping

    async def stop(self) -> None:
        """From now on tell every worker that the farm is stopping."""
        self._stopping = True

    async def take(self, seen: int, wait: bool) -> tuple[int, list[Event]]:
        """Forget the first `seen` events ever put; return the rest with the running number of their first."""
        while self._events and self._first < seen:
            self._events.popleft()
            self._first += 1
        if not self._events and wait:
            self._arrived.clear()
            await self._arrived.wait()
        return self._first, list(self._events)


class WorkerSide:
    """How a worker's process reaches the mailbox; travels there as an argument."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def put(self, event: Event) -> bool:
        """Hand `event` over; True if the farm is stopping."""
        return bool(ray.get(self._actor.put.remote(event)))


class DriverSide:
    """The driver's end of a new mailbox, in a process of its own on this machine."""

    def __init__(self) -> None:
        remote: Any = ray.remote(num_cpus=0)(Mailbox)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._actor = remote.options(scheduling_strategy=here).remote()
        self._seen = 0
        self.arrival: ray.ObjectRef[Any] = self._actor.take.remote(0, True)  # ready once an event is there

    @property
    def worker_side(self) -> WorkerSide:
        return WorkerSide(self._actor)

    def take(self) -> list[Event]:
        """Every event that arrived since the last `take`; FarmError if the mailbox is gone."""
        try:
            first, events = ray.get(self._actor.take.remote(self._seen, False))
            self._seen = first + len(events)
            if ray.wait([self.arrival], timeout=0)[0]:
                self.arrival = self._actor.take.remote(self._seen, True)
        except RayError as error:
            raise FarmError(f"the farm's mailbox died; run again to resume: {error}") from error
        return list(events)

    def stop_workers(self) -> None:
        """Let every worker hear at its next report that the farm is stopping."""
        ray.get(self._actor.stop.remote())

    def close(self) -> None:
        """End the mailbox's process."""
        ray.kill(self._actor)
