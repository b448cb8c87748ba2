"""Events on their way from the workers to the driver.

What the mailbox has outlives the worker; its answer says whether the worker is to stop (`jobs.farm.post` says
which answers a worker waits for). It never waits for the driver: a slow driver does not slow rendering.

The mailbox's process may be killed like any other. Ray starts another, and workers and driver try their calls
again there; only what the driver had not yet seen is lost. Finished items are counted by every later event,
so what is lost are notes and warnings of that moment.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from jobs.extras import extra
from jobs.farm.cluster import Call, Cluster
from jobs.farm.post import Steps, Wish
from jobs.task import Event, FarmError

with extra("farm"):
    import ray
    from ray.exceptions import GetTimeoutError, RayError

TAKE_TIMEOUT_S = 2.0  # the longest the driver waits for a mailbox that is being started again


class Seen(NamedTuple):
    """What the driver has seen: the first `events` events that the mailbox of that `life` was given."""

    life: str = ""
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Which workers are to stop at their next report, and why."""

    everybody: str = ""
    each: Mapping[str, str] = field(default_factory=dict)  # worker -> why

    def of(self, worker: str) -> str:
        """Why this worker must stop, "" if it need not."""
        return self.everybody or self.each.get(worker, "")


class Mailbox:
    """What the mailbox's process holds: the events that the driver has not seen. Never blocks a worker."""

    def __init__(self) -> None:
        self._life = secrets.token_hex(8)  # another after each restart
        self._events: deque[Event] = deque()
        self._first = 0  # running number of the leftmost event
        self._arrived = asyncio.Event()
        self._orders = Orders()

    async def put(self, events: tuple[Event, ...]) -> str:
        """Keep events of one worker; why it must stop, "" if it need not."""
        self._events.extend(events)
        self._arrived.set()
        return self._orders.of(events[-1].worker)

    async def take(self, seen: Seen, *, wait: bool, orders: Orders) -> tuple[Seen, list[Event]]:
        """Forget what is `seen`; return the rest, and what will be seen with it.

        Every worker hears the `orders` of the latest call.
        """
        self._orders = orders
        count = seen.events if seen.life == self._life else 0
        while self._events and self._first < count:
            self._events.popleft()
            self._first += 1
        if not self._events and wait:
            self._arrived.clear()
            await self._arrived.wait()
        return Seen(self._life, self._first + len(self._events)), list(self._events)

    async def release(self) -> None:
        """Answer the call that waits."""
        self._arrived.set()


class WorkerSide:
    """How a worker's process reaches the mailbox; travels there as an argument."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._call: Any = None  # the latest one

    def carry_out(self, steps: Steps) -> str:
        """Send and wait as `steps` say; what they return."""
        reply: str | None = None
        while True:
            try:
                wish = steps.send(reply)
            except StopIteration as end:
                return str(end.value)
            reply = self._fulfil(wish)

    def _fulfil(self, wish: Wish) -> str | None:
        """Hand events over, or wait for the answer; which it is, None where there is none yet."""
        if isinstance(wish, tuple):
            self._call = self._actor.put.remote(wish)
            return None
        return self._answer(wish)

    def _answer(self, seconds: float) -> str | None:
        try:
            return str(ray.get(self._call, timeout=None if seconds == math.inf else seconds))
        except GetTimeoutError:
            return None


class DriverSide:
    """The driver's end of a new mailbox, in a process of its own on this machine."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._actor = cluster.mailbox()
        self._seen = Seen()
        self._orders = Orders()
        self.arrival: Call = self._call(wait=True)  # ready once an event is there

    @property
    def worker_side(self) -> WorkerSide:
        return WorkerSide(self._actor)

    def take(self) -> list[Event] | None:
        """Every event that arrived since the last `take`; None while the mailbox is being started again.

        Raises FarmError if the mailbox is gone for good.
        """
        try:
            self._seen, events = self._cluster.get(self._call(wait=False), TAKE_TIMEOUT_S)
            if self._cluster.wait([self.arrival], timeout_s=0):
                self.arrival = self._call(wait=True)
        except GetTimeoutError:
            return None
        except RayError as error:
            raise FarmError(f"the farm's mailbox died; run again to resume: {_gist(error)}") from error
        return list(events)

    def stop_workers(self, why: str) -> None:
        """Let every worker hear at its next report that it must stop."""
        self._order(replace(self._orders, everybody=why))

    def stop(self, workers: Mapping[str, str]) -> None:
        """Let these workers hear at their next report that they must stop, and why; others need not."""
        if workers != self._orders.each:
            self._order(replace(self._orders, each=dict(workers)))

    def close(self) -> None:
        """End the mailbox's process; a call that still waits there would be told as lost."""
        with suppress(RayError):
            self._cluster.wait([self._actor.release.remote()], timeout_s=TAKE_TIMEOUT_S)
            self._cluster.wait([self.arrival], timeout_s=TAKE_TIMEOUT_S)
            self._cluster.kill(self._actor)

    def _order(self, orders: Orders) -> None:
        self._orders = orders
        self._call(wait=False)

    def _call(self, *, wait: bool) -> Call:
        return self._actor.take.remote(self._seen, wait=wait, orders=self._orders)


def _gist(error: RayError) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
