"""The way to the mailbox, which may be slow, cut off from the driver, or begin anew."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from types import SimpleNamespace
from typing import Any

from jobs.farm.mailbox import Mailbox, Orders, Seen
from jobs.task import Event
from tests.jobs.simulated.clock import Answer, Clock


class Letters:
    """The handle of the mailbox's actor; the mailbox itself is the real one."""

    def __init__(self, clock: Clock, rng: Random, latency_s: float) -> None:
        self._clock, self._rng, self._latency_s = clock, rng, latency_s
        self._box = Mailbox()
        self._up = 0.0  # when its process is there
        self._open = 0.0  # when the driver can reach it
        self._last = 0.0  # a caller's calls arrive in their order
        self._waiting: list[tuple[Seen, Answer, Orders]] = []
        self.restarts = 0
        self.take = SimpleNamespace(remote=self._take)
        self.release = SimpleNamespace(remote=self._release)

    def put(self, events: tuple[Event, ...], alive: Callable[[], bool], heard: Callable[[str], None]) -> None:
        """Have the events arrive now, if their sender is `alive`; the answer comes a little later."""
        if not alive():
            return
        if self._clock.now < self._up:
            self._clock.at(self._up, lambda: self.put(events, alive, heard))
            return
        box = self._box
        order = _result(box.put(events))
        self._serve()

        def back() -> None:
            if box is self._box:
                heard(order)
            else:  # the answer was lost with its process
                self.put(events, alive, heard)

        self._clock.after(self._latency(), back)

    def restart(self, down_s: float) -> None:
        """The process is killed; calls that wait are made again."""
        self.restarts += 1
        self._box, self._up = Mailbox(), self._clock.now + down_s
        waiting, self._waiting = self._waiting, []
        for seen, answer, orders in waiting:
            self._arrive(seen, answer, orders, wait=True)

    def cut(self, seconds: float) -> None:
        """The driver's calls take so long to arrive."""
        self._open = self._clock.now + seconds

    def _take(self, seen: Seen, *, wait: bool, orders: Orders) -> Answer:
        answer = Answer()
        self._last = max(self._last, self._open, self._clock.now + self._latency())
        self._clock.at(self._last, lambda: self._arrive(seen, answer, orders, wait))
        return answer

    def _arrive(self, seen: Seen, answer: Answer, orders: Orders, wait: bool) -> None:
        if self._clock.now < self._up:
            self._clock.at(self._up, lambda: self._arrive(seen, answer, orders, wait))
            return
        found = _result(self._box.take(seen, wait=False, orders=orders))
        if wait and not found[1]:
            self._waiting.append((seen, answer, orders))
        else:
            self._clock.after(self._latency(), lambda: answer.give(found))

    def _serve(self) -> None:
        """An event is there: answer who waited for one."""
        waiting, self._waiting = self._waiting, []
        for seen, answer, _ in waiting:
            found = _result(self._box.take(seen, wait=False, orders=self._box._orders))
            self._clock.after(self._latency(), lambda answer=answer, found=found: answer.give(found))

    def _release(self) -> Answer:
        answer = Answer()
        self._clock.at(max(self._open, self._up, self._clock.now), lambda: (self._serve(), answer.give()))
        return answer

    def _latency(self) -> float:
        return self._rng.uniform(0, self._latency_s)


def _result(routine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine that never waits returns."""
    try:
        routine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the mailbox waited")
