"""A worker's process: a generator for each call, which yields seconds to pass, or what its post wishes."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayActorError, RayTaskError

from jobs.farm.actor import TAKEN_AWAY, Birth
from jobs.farm.post import Post, Steps, is_last_chance, pace_of
from jobs.ledger import Ending, Reach, Run
from jobs.task import Event, EventKind, MakeWorker, Task
from tests.jobs.simulated.clock import Answer

if TYPE_CHECKING:
    from tests.jobs.simulated.cluster import SimulatedCluster, SimulatedNode

Routine = Generator[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """Wait so long, at most, for the answer of the call to the mailbox that is under way."""

    seconds: float


class Order:
    """The answer of the mailbox to one letter, and who waits for it."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._readers: list[Callable[[str | None], None]] = []

    def give(self, text: str) -> None:
        self._text = text
        for reader in self._readers:
            reader(text)

    def read(self, reader: Callable[[str | None], None]) -> None:
        self._readers.append(reader)
        if self._text is not None:
            reader(self._text)


class Process:
    """The seat of one worker, and what sits there."""

    def __init__(self, cluster: SimulatedCluster, number: int, pool: str, kind: str, shunned: frozenset[str]):
        self._cluster, self._clock, self._plan = cluster, cluster.clock, cluster.plan
        self.name, self.pool, self.kind, self.shunned = f"w{number}", pool, kind, shunned
        self.node: SimulatedNode | None = None
        self.alive, self.let_go, self.noticed = True, False, False
        self._told_dead = False  # the driver heard of it
        self._preempted = False
        self._thaw = 0.0
        self._call: Answer | None = None
        self._first: Routine | None = None
        self._letter: tuple[Event, ...] = ()  # on its way
        self._order = Order()  # the answer to the latest letter
        self._post = Post(pace_of(self._plan.config), lambda: self._clock.now)
        self._items = 0

    # -- the driver's side -------------------------------------------------------------------------------

    def start(self, make_worker: MakeWorker) -> Answer:
        self._call, self._first = Answer(), self._begin()
        self._cluster.place()
        return self._call

    def run(self, run: Run) -> Answer:
        assert not self._told_dead, f"{self.name} is known to be dead and was given {run.task.id}"
        self._cluster.told[self.name] = 0
        return self._ask(self._work(run))

    def close(self) -> Answer:
        return self._ask(self._close())

    def kill(self) -> None:
        self.let_go = True
        reachable = self.node.reachable if self.node else 0.0
        self._clock.at(reachable, self.die) if reachable > self._clock.now else self.die()

    # -- what befalls it ---------------------------------------------------------------------------------

    def placed(self, node: SimulatedNode) -> None:
        self.node = node
        assert self._first is not None
        self._go(self._first)

    def freeze(self, seconds: float) -> None:
        self._thaw = self._clock.now + seconds

    def die(self, preempted: bool = False) -> None:
        if not self.alive:
            return
        if self._letter and self._cluster.rng.random() < 0.5 and self._reachable():
            self._cluster.letters.put(self._letter, lambda: True, lambda order: None)
        self.alive, self._preempted = False, preempted
        self._cluster.gone(self)
        if self._call:
            self._fail(self._call)

    def _fail(self, call: Answer) -> None:
        def tell() -> None:
            self._told_dead = True
            call.give(error=RayActorError(error_msg=f"pid: {self.name[1:]} died", preempted=self._preempted))

        known = self._clock.now + self._cluster.rng.uniform(2 * self._plan.latency_s, 3.0)
        self._clock.at(max(known, self.node.reachable if self.node else 0.0), tell)

    def _reachable(self) -> bool:
        return self.node is None or self.node.reachable <= self._clock.now

    # -- its life ----------------------------------------------------------------------------------------

    def _ask(self, routine: Routine) -> Answer:
        self._call = Answer()
        if not self.alive:
            self._fail(self._call)
        else:
            self._clock.after(self._cluster.latency(), lambda: self._go(routine))
        return self._call

    def _go(self, routine: Routine, heard: str | None = None) -> None:
        """On to the routine's next wish."""
        if not self.alive:
            return
        if self._thaw > self._clock.now:
            if self._thaw < math.inf:
                self._clock.at(self._thaw, lambda: self._go(routine, heard))
            return
        try:
            wish = routine.send(heard)
        except StopIteration as end:
            self._answer_driver(end.value)
            return
        if isinstance(wish, tuple):
            self._send(wish)
            self._go(routine)
        elif isinstance(wish, Patience):
            self._await(routine, wish.seconds)
        elif self.alive:
            self._risk()
            self._clock.after(wish, lambda: self._go(routine))

    def _send(self, events: tuple[Event, ...]) -> None:
        """Have the events set out; the process goes on."""
        self._letter = events
        self._order = order = Order()

        def heard(text: str) -> None:
            self._cluster.acknowledged.extend(event.data for event in events)
            order.give(text)

        def arrive() -> None:
            if self._letter is events:
                self._letter = ()
            self._cluster.letters.put(events, lambda: self.alive, heard)

        moment = self._clock.now + self._cluster.latency()
        self._clock.at(max(moment, self.node.reachable if self.node else 0.0), arrive)

    def _await(self, routine: Routine, seconds: float) -> None:
        """On once the answer is there, or with None when the time is over."""
        gone_on = [False]

        def on(reply: str | None) -> None:
            if not gone_on[0]:
                gone_on[0] = True
                self._go(routine, reply)

        self._order.read(on)
        if seconds < math.inf:
            self._clock.after(seconds, lambda: on(None))

    def _answer_driver(self, value: Any) -> None:
        call, self._call = self._call, None
        assert call is not None
        error = value if isinstance(value, Exception) else None
        moment = max(self._clock.now + self._cluster.latency(), self.node.reachable if self.node else 0.0)
        self._clock.at(moment, lambda: call.give(value, error))

    def _risk(self) -> None:
        chance = self._cluster.rng.random()
        if chance < self._plan.death:
            self._clock.after(self._cluster.rng.uniform(0, 1), self.die)
        elif chance < self._plan.death + self._plan.freeze:
            stalls = self._plan.config.stall_timeout_s is not None
            self.freeze(math.inf if stalls and self._call_is_run else self._cluster.rng.uniform(1, 60))

    _call_is_run = False

    def _begin(self) -> Routine:
        rng = self._cluster.rng
        yield rng.uniform(0.1, 2)
        if rng.random() < self._plan.slow_start:
            yield rng.uniform(30, 200)
        if rng.random() < self._plan.bad_start:
            self._cluster.bad_starts += 1
            return Birth(worker=self.name, failure="no renderer on this machine")
        assert self.node is not None
        return Birth(worker=self.name, node=self.node.name)

    def _close(self) -> Routine:
        yield self._cluster.rng.choice([0.0, 0.5, 30.0])

    def _work(self, run: Run) -> Routine:
        self._call_is_run = True
        self._post.begin(vital=is_last_chance(run.task))
        ending = yield from self._items_of(run)
        yield from _carried_out(self._post.settle())
        ending = replace(ending, told=self._post.rest())
        self._call_is_run = False
        if run.task.payload.mute and ending.end == "done":
            return RayTaskError("run", "the result cannot travel", TypeError())
        return ending

    def _items_of(self, run: Run) -> Routine:
        task, conduct, reach = run.task, run.task.payload, Reach()
        yield self._cluster.rng.uniform(0, 0.2)
        begun = self._cluster.store.open(task, self.kind, self.name)
        if task.resumable and (order := (yield from self._report(run, EventKind.RESUMED, begun, reach))):
            return _ending("stopped", reach, order)
        for index in range(begun, task.size):
            yield conduct.item_s
            if conduct.poison == index and not 0 < task.tolerates <= task.deaths:
                self.die()
                yield 0.0
            if index == task.size - 1 and run.attempt <= conduct.raises:
                return _ending("failed", reach, "ArithmeticError")
            self._cluster.store.add(task.id, index, self.name)
            self._items += 1
            yield 0.0
            order = yield from self._report(run, EventKind.ITEM, index + 1, reach)
            self._cluster.told[self.name] += 1
            if order:
                return _ending("stopped", reach, order)
            if task.resumable and index + 1 < task.size and (why := self._wear(conduct.tires)):
                return _ending("recycle", reach, why)
        yield 0.0
        return replace(_ending("done", reach, ""), result=task.size, worn_out=self._wear(False))

    def _report(self, run: Run, kind: EventKind, done: int, reach: Reach) -> Routine:
        event = self._event(run, kind, done, reach)
        order = yield from _carried_out(self._post.report(event))
        return order or (TAKEN_AWAY if self.noticed else "")

    def _wear(self, tires: bool) -> str:
        limit = self._plan.config.recycle_after
        return "worn" if tires or (limit is not None and self._items >= limit) else ""

    def _event(self, run: Run, kind: EventKind, done: int, reach: Reach) -> Event:
        task: Task = run.task
        event = Event(kind=kind, done=done, task_id=task.id, attempt=run.attempt, worker=self.name)
        reach.note(event)
        return replace(event, data=self._cluster.number())


def _ending(end: Any, reach: Reach, reason: str) -> Ending:
    return Ending(end=end, reason=reason, done=reach.done, found=reach.found)


def _carried_out(steps: Steps) -> Routine:
    """The post's wishes, as this file has them: its seconds are of waiting for an answer."""
    reply = None
    while True:
        try:
            wish = steps.send(reply)
        except StopIteration as end:
            return end.value
        reply = yield (Patience(wish) if isinstance(wish, float) else wish)
